PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1919052593;
PRAGMA user_version = 1;
BEGIN;

-- definition
CREATE TABLE definition (
  hash TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- run
CREATE TABLE run (
  id TEXT PRIMARY KEY,
  parent TEXT,                        -- the run that waits for it
  role TEXT NOT NULL,                 -- root, child, or prepare
  family TEXT NOT NULL,               -- the root of its tree; locks are shared within one
  runbook TEXT NOT NULL,
  environment TEXT NOT NULL,
  definition TEXT NOT NULL REFERENCES definition(hash),
  entry TEXT,                         -- which child of the definition; null for the root
  params TEXT NOT NULL,
  meta TEXT NOT NULL,
  status INTEGER NOT NULL,
  seq INTEGER NOT NULL,               -- last event
  epoch INTEGER NOT NULL,             -- fencing: a writer with another one is refused
  head BLOB,                          -- hash of the last event
  signal INTEGER NOT NULL DEFAULT 0,  -- last signal that was taken
  owner TEXT,                         -- host, process and start time, for messages only
  idempotency_key TEXT UNIQUE,
  created INTEGER NOT NULL,
  started INTEGER,
  finished INTEGER,
  outputs TEXT
) STRICT, WITHOUT ROWID;

-- run_created
CREATE INDEX run_created ON run(created);

-- run_parent
CREATE INDEX run_parent ON run(parent) WHERE parent IS NOT NULL;

-- step
CREATE TABLE step (
  run TEXT NOT NULL REFERENCES run(id),
  step INTEGER NOT NULL,              -- index in the runbook
  item INTEGER NOT NULL,              -- item of a for_each, 0 for a plain step, -1 for the step itself
  id TEXT NOT NULL,
  status INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  started INTEGER,
  finished INTEGER,
  body TEXT NOT NULL,
  PRIMARY KEY (run, step, item)
) STRICT, WITHOUT ROWID;

-- event
CREATE TABLE event (
  run TEXT NOT NULL REFERENCES run(id),
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  kind TEXT NOT NULL,
  step TEXT,
  item INTEGER,
  attempt INTEGER,
  body TEXT NOT NULL,
  hash BLOB NOT NULL,                 -- of the previous hash and this row
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- effect
CREATE TABLE effect (
  run TEXT NOT NULL REFERENCES run(id),
  step TEXT NOT NULL,
  item INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  call INTEGER NOT NULL,
  token TEXT NOT NULL,
  request TEXT NOT NULL,              -- hash of the request
  deadline INTEGER NOT NULL,
  state INTEGER NOT NULL,             -- 0 intended, 1 confirmed, 2 absent, 3 in doubt
  request_id TEXT,
  resource TEXT,
  PRIMARY KEY (run, step, item, attempt, call)
) STRICT, WITHOUT ROWID;

-- blob
CREATE TABLE blob (
  hash TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- log
CREATE TABLE log (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL REFERENCES run(id),
  step TEXT NOT NULL,
  item INTEGER,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  line TEXT NOT NULL
) STRICT;

-- log_run
CREATE INDEX log_run ON log(run, id);

-- approval
CREATE TABLE approval (
  run TEXT NOT NULL REFERENCES run(id),
  step TEXT NOT NULL,
  item INTEGER NOT NULL,
  message TEXT NOT NULL,
  asked INTEGER NOT NULL,
  expires INTEGER,
  answered INTEGER,
  PRIMARY KEY (run, step, item)
) STRICT, WITHOUT ROWID;

-- lock
CREATE TABLE lock (
  key TEXT PRIMARY KEY,
  run TEXT NOT NULL REFERENCES run(id),
  acquired INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- signal
CREATE TABLE signal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL REFERENCES run(id),
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;

-- signal_run
CREATE INDEX signal_run ON signal(run, id);
INSERT INTO definition (hash, body, created) VALUES ('3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"lock":"the-lock","steps":[{"id":"read","uses":"cloud.read","work":{"call":"query"},"with":{"value":1},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"unless","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[0],"when":"1 == 2","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"each","uses":"cloud.make","work":{"call":"create"},"with":{"value":"{{ item }}"},"section":"main","needs":[1],"for_each":{"over":"[''a'', ''b'', ''c'']","max_parallel":2,"max_failures":{"count":0}},"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"again","uses":"cloud.make","work":{"call":"create"},"with":{"slow":true,"throttle":1},"section":"main","needs":[2],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own","marks":"decision"},{"id":"nap","uses":"wait","work":"timer","with":{"for":"2ms"},"section":"main","needs":[3],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"sub","uses":"runbook","work":"child","with":{"file":"child.yaml"},"section":"main","needs":[4],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"cut","uses":"cloud.make","work":{"call":"create"},"with":{"hang":true,"value":"{{ steps.again.made }}"},"section":"main","needs":[5],"refs":["again"],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[6],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"children":{"child.yaml":{"name":"child","objectives":{},"steps":[{"id":"inner","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]}},"environment":"dev","env":{},"aws":{}}', 1795526644408);
INSERT INTO definition (hash, body, created) VALUES ('6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"before","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"go","uses":"approval","work":{"gate":"approval"},"with":{"message":"really?"},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[1],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795526644486);
INSERT INTO definition (hash, body, created) VALUES ('9d49e5bedf66557a7dd5208162b905251ded1cbb2eca84172944ed3ecff9050c', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"before","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"denied","uses":"cloud.make","work":{"call":"create"},"with":{"deny":true},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795526644560);
INSERT INTO definition (hash, body, created) VALUES ('dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"act","uses":"cloud.act","work":{"call":"action"},"with":{"hang":true},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795526644576);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('answered', NULL, 'root', 'answered', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 4, 14, 2, X'ACEA945DF37543B5226956E475B11274386CC3EA0A21B25B6DD4E4E587B3F71E', 1, 'process 1 on a host', NULL, 1795526644502, 1795526644510, 1795526644554, 'null');
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('asked', NULL, 'root', 'asked', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 2, 7, 1, X'624B873167BE3BF71DB142B8A6627547123DAEC6E9FEFBAA0887A0C3B7B98FD6', 0, 'process 1 on a host', NULL, 1795526644486, 1795526644491, NULL, NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('cancelled', NULL, 'root', 'cancelled', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 8, 11, 2, X'A1A042A885603B3DF9597E1B34B2D9985C5B84AF8DB058C21EB00E69877F9AB6', 2, 'process 1 on a host', NULL, 1795526644522, 1795526644527, 1795526644559, 'null');
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('doubted', NULL, 'root', 'doubted', 'recorded', 'dev', 'dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', NULL, '{}', '{}', 2, 5, 2, X'E4938F362D06420004385548EAAF1CE032E3E0F77741C78D64696F5FA3B20424', 0, 'process 1 on a host', NULL, 1795526644576, 1795526644578, NULL, NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('failed', NULL, 'root', 'failed', 'recorded', 'dev', '9d49e5bedf66557a7dd5208162b905251ded1cbb2eca84172944ed3ecff9050c', NULL, '{}', '{}', 6, 14, 2, X'7403865F06EC4D00A2A16527A4310ADA1B72C6E7CFFE0C9A0B106BF9E6371C93', 0, 'process 1 on a host', NULL, 1795526644560, 1795526644562, 1795526644576, 'null');
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('interrupted', NULL, 'root', 'interrupted', 'recorded', 'dev', '3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', NULL, '{}', '{}', 1, 30, 1, X'AB7511B80D8BE9CFD75415B619C4C36983F0E1DC7E90D91EB3ADA2C672320671', 0, 'process 1 on a host', NULL, 1795526644408, 1795526644428, NULL, NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('interrupted.sub', 'interrupted', 'child', 'interrupted', 'child', 'dev', '3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', 'child.yaml', '{}', '{"env":{},"secrets":{}}', 4, 6, 1, X'975D960D3CF5A57018C6C5CEA6BBA8CC6C90652002A457BFBB72FE7EB4CED4F3', 0, 'process 1 on a host', NULL, 1795526644467, 1795526644472, 1795526644479, 'null');
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs) VALUES ('resolved', NULL, 'root', 'resolved', 'recorded', 'dev', 'dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', NULL, '{}', '{}', 4, 12, 3, X'8AE57DDD6E36EE3712BB8B6590AAA8A57BF7395C42C2947951AAA3AAAE63ABAE', 3, 'process 1 on a host', NULL, 1795526644588, 1795526644589, 1795526644603, 'null');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 0, 0, 'before', 5, 1, 1795526644510, 1795526644518, '{"attempt":1,"deadline":4795526644510,"note":null,"status":"succeeded","token":"f2e1c8e0b20bfb7dfa652795161ddeea2d165d52"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 1, 0, 'go', 5, 1, 1795526644518, 1795526644546, '{"attempt":1,"deadline":4795526644518,"note":"really?","status":"succeeded","token":"702361b82cf6483ab6c267424c8b649bd9bf7bca"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 2, 0, 'after', 5, 1, 1795526644547, 1795526644554, '{"attempt":1,"deadline":4795526644547,"note":null,"status":"succeeded","token":"aea7d65af03f22817f98ed3a5b1e20dae2543851"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('asked', 0, 0, 'before', 5, 1, 1795526644491, 1795526644498, '{"attempt":1,"deadline":4795526644491,"note":null,"status":"succeeded","token":"40663ed4c1b67af1e55ed7ba399480c574ff5cd1"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('asked', 1, 0, 'go', 2, 1, 1795526644498, NULL, '{"attempt":1,"deadline":4795526644498,"note":"really?","status":"waiting","token":"ea52547b3a17dbbde64351fabcad5dee14e32bf2"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('cancelled', 0, 0, 'before', 5, 1, 1795526644527, 1795526644535, '{"attempt":1,"deadline":4795526644527,"note":null,"status":"succeeded","token":"3fe8f294c7e1c9ef874635d5bb129c40d50e0c42"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('cancelled', 1, 0, 'go', 8, 1, 1795526644535, NULL, '{"attempt":1,"deadline":4795526644535,"note":"really?","status":"cancelled","token":"5e5e53b6a177262d56b27538e5bd4c6efb77897a"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('doubted', 0, 0, 'act', 4, 1, 1795526644578, NULL, '{"attempt":1,"deadline":4795526644578,"note":null,"status":"in_doubt","token":"4eda6f067c63bf32977f0010aed729c7d4446e12"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('failed', 0, 0, 'before', 5, 1, 1795526644562, 1795526644566, '{"attempt":1,"deadline":4795526644562,"note":null,"status":"succeeded","token":"129519686c4a95b0fb87acaae00c97d3263bb1b8"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('failed', 1, 0, 'denied', 6, 2, 1795526644575, 1795526644576, '{"attempt":2,"deadline":4795526644575,"note":null,"status":"failed","token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 0, 0, 'read', 5, 1, 1795526644428, 1795526644429, '{"attempt":1,"deadline":4795526644428,"note":null,"status":"succeeded","token":"070b83cb04fe3f028f6368376c802c294a8e9ac3"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 1, -1, 'unless', 7, 0, NULL, NULL, '{"items":null,"skipped":true}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, -1, 'each', 5, 0, NULL, NULL, '{"items":3,"skipped":false}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 0, 'each', 5, 1, 1795526644434, 1795526644443, '{"attempt":1,"deadline":4795526644434,"note":null,"status":"succeeded","token":"8412f27581f0049709bab3f6afe8d5d0e807f022"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 1, 'each', 5, 1, 1795526644434, 1795526644443, '{"attempt":1,"deadline":4795526644434,"note":null,"status":"succeeded","token":"f691fda2ba44bcf2a7f68372b786929aca28095a"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 2, 'each', 5, 1, 1795526644444, 1795526644448, '{"attempt":1,"deadline":4795526644444,"note":null,"status":"succeeded","token":"4493645c27839eb970ae7e2106423941e0fcc858"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 3, 0, 'again', 5, 2, 1795526644448, 1795526644462, '{"attempt":2,"deadline":4795526644448,"note":"pending","status":"succeeded","token":"fcd28a86d908f92e97f494575b73deb100ed52cf"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 4, 0, 'nap', 5, 1, 1795526644462, 1795526644466, '{"attempt":1,"deadline":4795526644462,"note":"its time","status":"succeeded","token":"399176a061008ee758f268e1b0c8aa019c4a5f16"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 5, 0, 'sub', 5, 1, 1795526644466, 1795526644481, '{"attempt":1,"deadline":4795526644466,"note":null,"status":"succeeded","token":"1292880c2a9e4f48f9ab6ea5faa30977b3c03845"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 6, 0, 'cut', 1, 1, 1795526644481, NULL, '{"attempt":1,"deadline":4795526644481,"note":null,"status":"running","token":"9c7f00d6abcc6ca5431dca9427d50be2d623a71f"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted.sub', 0, 0, 'inner', 5, 1, 1795526644472, 1795526644479, '{"attempt":1,"deadline":4795526644472,"note":null,"status":"succeeded","token":"b19faaf8c14e4dd1d574f835e5a1c845c85c6b99"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('resolved', 0, 0, 'act', 5, 1, 1795526644590, 1795526644601, '{"attempt":1,"deadline":4795526644590,"note":null,"status":"succeeded","token":"c1f98148b5df54812ec8db07b0779cd383bbc1ef"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('resolved', 1, 0, 'after', 5, 1, 1795526644601, 1795526644603, '{"attempt":1,"deadline":4795526644601,"note":null,"status":"succeeded","token":"6f31964bfd15fa6badb23011742edc8ca2202aa7"}');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 1, 1795526644502, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'BA05CF751667ECC9522934632045B1F7609673D4B690B08E516810A24AC20F20');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 2, 1795526644510, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'7268B66545EC8888AF18EB9878B8028ACF2F5B6F3147177D310C224D88E55245');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 3, 1795526644510, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"f2e1c8e0b20bfb7dfa652795161ddeea2d165d52","inputs":{},"deadline":4795526644510}', X'CD36993F52FE3554F250DED475649BB645AC1A75C50E2BD8478A0C80DEE4EDD1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 4, 1795526644514, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'3D4089CC64D449B810353D4151EE030163919AE460C2A221BF13952281E1EF11');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 5, 1795526644518, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'2DDF1DD45BB1F72FB0B787A003FD33AD2AF4B4150981E1C12665525D78EF6060');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 6, 1795526644518, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"702361b82cf6483ab6c267424c8b649bd9bf7bca","inputs":{"message":"really?"},"deadline":4795526644518}', X'AA315007739BDF7ACEA438446956CCD636D3392368FCBE4399CCA902ADBB771E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 7, 1795526644518, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'8FEC32A738BC815C085C9FCD62C6976F392E69000B16EB6DFC088DE816EA5C18');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 8, 1795526644546, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'79F38E2E66D40264FD8E415CB283D1B5BE306A3AA87A9BF96CA878418629884E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 9, 1795526644546, 2, 'answered', 'go', NULL, NULL, '{"kind":"answered","step":"go","actor":"tester","granted":true,"comment":"yes"}', X'C55674EC0604AADDF42F6A0B445154E43E6CB4B18808A59F23B98D82CC1E5D4F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 10, 1795526644546, 2, 'succeeded', 'go', NULL, 1, '{"kind":"succeeded","step":"go","attempt":1,"outputs":{"at":"2026-11-24T13:24:04.542Z","by":"tester","comment":"yes"},"effect":"none"}', X'C22A12E4702A80E24F6E361D737EEE667F2F8D125DA29DB724E7A8EDEBC50D37');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 11, 1795526644547, 2, 'attempt_started', 'after', NULL, 1, '{"kind":"attempt_started","step":"after","attempt":1,"token":"aea7d65af03f22817f98ed3a5b1e20dae2543851","inputs":{},"deadline":4795526644547}', X'9AD4B78758461A66EFBCDEEEEBE8A855722B666F831039F2E167CA6E31F1AC95');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 12, 1795526644550, 2, 'observed', 'after', NULL, 1, '{"kind":"observed","step":"after","attempt":1,"before":null}', X'84B4C4FB92613141E29CEB73CB211740A8654C86D27D7CB773987F2266A6EC91');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 13, 1795526644554, 2, 'succeeded', 'after', NULL, 1, '{"kind":"succeeded","step":"after","attempt":1,"outputs":{"made":"after","value":null},"effect":"changed"}', X'0CF36173CACFAF1DBF6C4A70C8E150CFED9022BD72D3A4430ABE034BBD00B032');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 14, 1795526644554, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'ACEA945DF37543B5226956E475B11274386CC3EA0A21B25B6DD4E4E587B3F71E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 1, 1795526644486, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'171E2F4FD1B95B39BEBDAB792B9CF558638DEF994B6A5E5E9F2FFB035A792DAA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 2, 1795526644491, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'67937F12290F5D5526E31A02CB54A89D17ED1935D125990397AFCFECBDA0696B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 3, 1795526644491, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"40663ed4c1b67af1e55ed7ba399480c574ff5cd1","inputs":{},"deadline":4795526644491}', X'8C49639B9AC48765FA05D4D8E257F54EEBE894BD46463A4BB406DFD1E89F0DA1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 4, 1795526644498, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'96DD328744FE129687AB1163ED34E95E7465A43924E1A626512C815BE8619FD6');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 5, 1795526644498, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'ABE48C260AAD0659DF6AA8BACBBD238C44532BED3C855DE5C5344D35473A5B73');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 6, 1795526644498, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"ea52547b3a17dbbde64351fabcad5dee14e32bf2","inputs":{"message":"really?"},"deadline":4795526644498}', X'251EE9FE6E671014C6D298E7E0DB2213BCE17FB29FDBCC6ACEFA27697EAAAFEE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 7, 1795526644498, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'624B873167BE3BF71DB142B8A6627547123DAEC6E9FEFBAA0887A0C3B7B98FD6');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 1, 1795526644522, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'9892BCF3B35737EA98621DE785A58E8BB0E849A6466087DEB309081C30691A94');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 2, 1795526644527, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'E4052575C702EA2B1F5E7A38B45F8C03BC6019B3BFC8D4D535D0AD8D2C2073EA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 3, 1795526644527, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"3fe8f294c7e1c9ef874635d5bb129c40d50e0c42","inputs":{},"deadline":4795526644527}', X'A28EA28A0FB4CA37388E98CE0CC1A9698A300064A6D8AA4538B34F928066F832');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 4, 1795526644534, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'BAD06C6B5F5134555B79D053BC7F0ECFE44811FA766FE23B3E5AF21D052317DC');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 5, 1795526644535, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'A3D49C3CBCCA51D365836AFDA2912EAF3EE1C139BF06BE653286394266A4E1DE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 6, 1795526644535, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"5e5e53b6a177262d56b27538e5bd4c6efb77897a","inputs":{"message":"really?"},"deadline":4795526644535}', X'683A5D4E3163774819117A10A9B7D1C12ED31E829AF4DD516AA77E683EDF3353');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 7, 1795526644535, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'1B8BB9768B442FDA8E782C44D0E0475F9DCDC398B9EF60C545DEF3224DA85B36');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 8, 1795526644559, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'3491598CEF6A2EBB704DD6798918B0EC3AAF5CDE53BE4209613C98F58CF466FD');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 9, 1795526644559, 2, 'cancel_requested', NULL, NULL, NULL, '{"kind":"cancel_requested","actor":"tester"}', X'E58958B74202E4F628123894321A75DF5C03713645AA90A8F4121AB606644827');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 10, 1795526644559, 2, 'step_cancelled', 'go', NULL, NULL, '{"kind":"step_cancelled","step":"go"}', X'869D4D7252E6BC12E77E9EAC0C65BC8C86D85C98B6ACD1E5D63CAE08F3B48073');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 11, 1795526644559, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"cancelled"}', X'A1A042A885603B3DF9597E1B34B2D9985C5B84AF8DB058C21EB00E69877F9AB6');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 1, 1795526644576, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'54586120996A76697156C9FDA984379ABC19D78FF837182F3BAA15341D991CEE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 2, 1795526644578, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'B6B17A88E0620B5B5686079FECA07CDF628742C1148FD96FA24DDA37088C20F4');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 3, 1795526644578, 1, 'attempt_started', 'act', NULL, 1, '{"kind":"attempt_started","step":"act","attempt":1,"token":"4eda6f067c63bf32977f0010aed729c7d4446e12","inputs":{"hang":true},"deadline":4795526644578}', X'6138AC082E9A4B2CCA7E2F90844DAA1B1F967E0FA979FDAC5F4747554930859A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 4, 1795526644586, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'CEB30D24C2A547071B1CEFBCFFEF311A833C5E6879C772C86AE2FD5C7949934F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 5, 1795526644587, 2, 'in_doubt', 'act', NULL, 1, '{"kind":"in_doubt","step":"act","attempt":1,"why":"an earlier call of it may have had its effect"}', X'E4938F362D06420004385548EAAF1CE032E3E0F77741C78D64696F5FA3B20424');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 1, 1795526644560, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'634C9818E7A83FF6BB67C35163FA68511FA963BAA8459356B0F38D845419B9DF');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 2, 1795526644562, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'33B5E8F549980358B1FA5B40125F52149589AB382CDD15B00561F1969C44631C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 3, 1795526644562, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"129519686c4a95b0fb87acaae00c97d3263bb1b8","inputs":{},"deadline":4795526644562}', X'9D10447E482030998DAD68B41A0D3FF3D68507E6FF54AB48536559194010CA16');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 4, 1795526644566, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'0857026B597261978DD7805D951900A02D6920B44C8FFA9B3F1D8610A35230C1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 5, 1795526644566, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'65E9000BBEBD2E4FCB0F806417CE822160E644DBC23030FD06722888D2355407');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 6, 1795526644566, 1, 'attempt_started', 'denied', NULL, 1, '{"kind":"attempt_started","step":"denied","attempt":1,"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","inputs":{"deny":true},"deadline":4795526644566}', X'8339D81E3851331F0A9E0C90B3A3FA2CED9471271525D5FEB73785A99FE422C0');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 7, 1795526644567, 1, 'observed', 'denied', NULL, 1, '{"kind":"observed","step":"denied","attempt":1,"before":null}', X'88FEE23D66CDE6BFE04012943CF05353E7F6E8000D918D32BDB112249BF8CBEA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 8, 1795526644567, 1, 'failed', 'denied', NULL, 1, '{"kind":"failed","step":"denied","attempt":1,"fault":{"kind":"denied","message":"not yours","executed":"no"}}', X'AD3A70BBBBD2D4CF0969C99F8A12E395FEAFE90447A810696503068AE58E16B5');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 9, 1795526644568, 1, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"failed"}', X'0581FCD454508E04FA4CC62E3E3359FB893131D54EB636252697AB96CF048878');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 10, 1795526644569, 2, 'reopened', NULL, NULL, NULL, '{"kind":"reopened","actor":"tester"}', X'4DAFCF92018CA491EDBFDCE5FEF0919FF63DE9309BA542ACDD58C6287BCBDC5D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 11, 1795526644569, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'A1B53B579D03AF27070A75800716C9FE93FFEEB28B74FF1A889860B558742364');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 12, 1795526644575, 2, 'attempt_started', 'denied', NULL, 2, '{"kind":"attempt_started","step":"denied","attempt":2,"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","deadline":4795526644575}', X'70C41A647945795A9943C3237ED5E86C80CDA3DAF13432B2A47C6BDD2F441A0A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 13, 1795526644576, 2, 'failed', 'denied', NULL, 2, '{"kind":"failed","step":"denied","attempt":2,"fault":{"kind":"denied","message":"not yours","executed":"no"}}', X'CBC766823AE8331B87611F7D390B72D8FF0553E035A2A050557B097732C68FE2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 14, 1795526644576, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"failed"}', X'7403865F06EC4D00A2A16527A4310ADA1B72C6E7CFFE0C9A0B106BF9E6371C93');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 1, 1795526644408, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'AE15C4DAB8B5D7D3609570476C1D821F6210C230DCD8679D6C25F031A71C60F2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 2, 1795526644428, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'D9BF6C924F13FB71E11083BC3E52FA87541E70AE3F659E26BA17CA502DD96E40');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 3, 1795526644428, 1, 'attempt_started', 'read', NULL, 1, '{"kind":"attempt_started","step":"read","attempt":1,"token":"070b83cb04fe3f028f6368376c802c294a8e9ac3","inputs":{"value":1},"deadline":4795526644428}', X'11B06A06DB1E73ECB848C2E3248073A2226B3CD706CD8125E7A0F15D8B8D068B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 4, 1795526644429, 1, 'succeeded', 'read', NULL, 1, '{"kind":"succeeded","step":"read","attempt":1,"outputs":{"made":"read","value":1},"effect":"none"}', X'F511212EC1F5C97FFB8BC76863C497DD456876C3C9DD822772798C2BADF0C236');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 5, 1795526644433, 1, 'skipped', 'unless', NULL, NULL, '{"kind":"skipped","step":"unless","reason":"condition","saw":{}}', X'09AC119E0A7C37356EC59C32FE8142F01AFA6409F819BD17C258DD1B3CE5CE1E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 6, 1795526644434, 1, 'expanded', 'each', NULL, NULL, '{"kind":"expanded","step":"each","items":["a","b","c"]}', X'08159919546CD62B8A2042F8B4C52BD7D445B6D68E03D5EFB556AA70AF9C01DC');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 7, 1795526644434, 1, 'attempt_started', 'each', 0, 1, '{"kind":"attempt_started","step":"each","item":0,"attempt":1,"token":"8412f27581f0049709bab3f6afe8d5d0e807f022","inputs":{"value":"a"},"deadline":4795526644434}', X'B783325F558EC6DD051615DF468BD56ACF65B54961C77E168E73C47EB1464D69');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 8, 1795526644434, 1, 'attempt_started', 'each', 1, 1, '{"kind":"attempt_started","step":"each","item":1,"attempt":1,"token":"f691fda2ba44bcf2a7f68372b786929aca28095a","inputs":{"value":"b"},"deadline":4795526644434}', X'A4EF9329F9F5A477A3191BB34C18BF6EF9089FB258B0166B90FDE048FAB85586');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 9, 1795526644442, 1, 'observed', 'each', 0, 1, '{"kind":"observed","step":"each","item":0,"attempt":1,"before":null}', X'D3D513AD5C6B1A4ADE8297015719D28BC2341EA62852427D7783742B45F61ECA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 10, 1795526644442, 1, 'observed', 'each', 1, 1, '{"kind":"observed","step":"each","item":1,"attempt":1,"before":null}', X'C854123EC88642516787AFFD2D03539BFD2F3F36830F7CFFE15AD301ECBABF0D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 11, 1795526644443, 1, 'succeeded', 'each', 0, 1, '{"kind":"succeeded","step":"each","item":0,"attempt":1,"outputs":{"made":"each[0]","value":"a"},"effect":"changed"}', X'AA755FA7C321CE170588CC4111655C5D0F44235259C711F995618CBC5A9838B1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 12, 1795526644443, 1, 'succeeded', 'each', 1, 1, '{"kind":"succeeded","step":"each","item":1,"attempt":1,"outputs":{"made":"each[1]","value":"b"},"effect":"changed"}', X'548BAE3A69ECC6F77AF8334F961955CE7626C140DE533E25586B55812895356A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 13, 1795526644444, 1, 'attempt_started', 'each', 2, 1, '{"kind":"attempt_started","step":"each","item":2,"attempt":1,"token":"4493645c27839eb970ae7e2106423941e0fcc858","inputs":{"value":"c"},"deadline":4795526644444}', X'ABD6F66192EA05CFE99449B1C6599410B55C6CF9F738AABA8E9B995525193445');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 14, 1795526644445, 1, 'observed', 'each', 2, 1, '{"kind":"observed","step":"each","item":2,"attempt":1,"before":null}', X'E5617D2FF91B39E27AB4D532E4FB87796604E8DD0307AADCCDAA04890BE6B0B3');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 15, 1795526644448, 1, 'succeeded', 'each', 2, 1, '{"kind":"succeeded","step":"each","item":2,"attempt":1,"outputs":{"made":"each[2]","value":"c"},"effect":"changed"}', X'6B4144DDB2C6575004A686B4902DAC50FE9BAD9A0C52DF69B2B9C9A917EFB379');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 16, 1795526644448, 1, 'attempt_started', 'again', NULL, 1, '{"kind":"attempt_started","step":"again","attempt":1,"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","inputs":{"slow":true,"throttle":1},"deadline":4795526644448}', X'F93BC1C1B3DE81E433391690802D922AFCBDB1032E0A234A9552B576AC9188DD');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 17, 1795526644449, 1, 'observed', 'again', NULL, 1, '{"kind":"observed","step":"again","attempt":1,"before":null}', X'F2996B40C2C1EBF6A3DEB3B09CF4BB321AEC70F8077FFD20469D362D9EE62A60');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 18, 1795526644450, 1, 'attempt_failed', 'again', NULL, 1, '{"kind":"attempt_failed","step":"again","attempt":1,"fault":{"kind":"throttled","message":"slow down","executed":"no"},"retry_at":1795526644451}', X'316E444CECB3D6100B053DFD96FF59F222701A53D89809F756EA59A38C563768');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 19, 1795526644455, 1, 'attempt_started', 'again', NULL, 2, '{"kind":"attempt_started","step":"again","attempt":2,"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","deadline":4795526644448}', X'0273ED898E67EF1563C98B5E3AAA8BC012443CBA63FE62F0B4E167E46454CD5B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 20, 1795526644456, 1, 'waiting', 'again', NULL, 2, '{"kind":"waiting","step":"again","attempt":2,"until":1795526644458,"note":"pending"}', X'0199CAFE7910883A5A0423ED41CE09B3778A6CBA7A402D93C104C210624CBB40');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 21, 1795526644460, 1, 'woken', 'again', NULL, 2, '{"kind":"woken","step":"again","attempt":2}', X'6D5D872CF9C242A6988BF0CEFDFBBC038182E55B465E90340C9F1329E112DE66');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 22, 1795526644462, 1, 'succeeded', 'again', NULL, 2, '{"kind":"succeeded","step":"again","attempt":2,"outputs":{"made":"again","value":null},"effect":"changed"}', X'2BDFE953137F72D86E4C9107ACC457F3FABCDA6164CC18A85B05B5CE43C23873');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 23, 1795526644462, 1, 'marked', 'again', NULL, NULL, '{"kind":"marked","name":"decision","reached":1795526644462,"step":"again"}', X'E25DF662FFC813039336B7E571476E71937C1F044CB41418A093312F412A2F00');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 24, 1795526644462, 1, 'attempt_started', 'nap', NULL, 1, '{"kind":"attempt_started","step":"nap","attempt":1,"token":"399176a061008ee758f268e1b0c8aa019c4a5f16","inputs":{"for":"2ms"},"deadline":4795526644462}', X'88A0378AA840A09D09492326D1D21F241EB759089A4462829F21BAA7D8000655');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 25, 1795526644462, 1, 'waiting', 'nap', NULL, 1, '{"kind":"waiting","step":"nap","attempt":1,"until":1795526644464,"note":"its time"}', X'C34310BDF8A1CB4277C6D78EDA66F158C6995DFC2BF79629000DD2CCC054D483');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 26, 1795526644466, 1, 'succeeded', 'nap', NULL, 1, '{"kind":"succeeded","step":"nap","attempt":1,"outputs":{"waited":"4ms"},"effect":"none"}', X'39C825AF61884A03135C8CD8B2A8014181798A717CA812E7D8CABAC965D89115');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 27, 1795526644466, 1, 'attempt_started', 'sub', NULL, 1, '{"kind":"attempt_started","step":"sub","attempt":1,"token":"1292880c2a9e4f48f9ab6ea5faa30977b3c03845","inputs":{"file":"child.yaml"},"deadline":4795526644466}', X'4311C36C3436AECD8670DA415747FA6A8B7196102E2D7C028A913010950ED982');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 28, 1795526644481, 1, 'succeeded', 'sub', NULL, 1, '{"kind":"succeeded","step":"sub","attempt":1,"outputs":{"run_id":"interrupted.sub"},"effect":"changed"}', X'2C9B2B2517F74CA70D8D1132F2EE2E1E404BEDDC909121D28BAA0862A6B3A73D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 29, 1795526644481, 1, 'attempt_started', 'cut', NULL, 1, '{"kind":"attempt_started","step":"cut","attempt":1,"token":"9c7f00d6abcc6ca5431dca9427d50be2d623a71f","inputs":{"hang":true,"value":"again"},"deadline":4795526644481}', X'D8324FFDBDB8608B551B30E2C06DD383F4ED2229E6053F91CC9FC86DBA1E7939');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 30, 1795526644482, 1, 'observed', 'cut', NULL, 1, '{"kind":"observed","step":"cut","attempt":1,"before":null}', X'AB7511B80D8BE9CFD75415B619C4C36983F0E1DC7E90D91EB3ADA2C672320671');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 1, 1795526644467, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"run interrupted","runbook":"child","environment":"dev","params":{}}', X'0153E1F39C331BCAFCF0B22A66AF854E84D851CD83EE570DD40E847AD39C0D27');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 2, 1795526644472, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"run interrupted","epoch":1}', X'9A8FD3A6F4068937098F487354F38F7917D7FA743DF5DD2612BEB2FFA288BFED');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 3, 1795526644472, 1, 'attempt_started', 'inner', NULL, 1, '{"kind":"attempt_started","step":"inner","attempt":1,"token":"b19faaf8c14e4dd1d574f835e5a1c845c85c6b99","inputs":{},"deadline":4795526644472}', X'839C2FB4FD9710EFA1874776DD7F717A76B0EECFFF9E2F23A909DAF3DE65BEC5');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 4, 1795526644476, 1, 'observed', 'inner', NULL, 1, '{"kind":"observed","step":"inner","attempt":1,"before":null}', X'A987271A0D13141793BCECA7B284E65EFFE138DAA4536B6D690D06E18680D9C9');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 5, 1795526644479, 1, 'succeeded', 'inner', NULL, 1, '{"kind":"succeeded","step":"inner","attempt":1,"outputs":{"made":"inner","value":null},"effect":"changed"}', X'5BAFD509327261440B3FF6B40FD687AD0AA1A2DE57EE295CDC5C9DD68F190337');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 6, 1795526644479, 1, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'975D960D3CF5A57018C6C5CEA6BBA8CC6C90652002A457BFBB72FE7EB4CED4F3');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 1, 1795526644588, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'02EB7462CE4DB1458BE6473FF240EFD548835B6B3CC6C94BCF4563CD56487245');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 2, 1795526644589, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'2EDB9ED8E617BE774A75CABFACBD8ED15F0DCEC8DE70408E8EE14E9F539E14B1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 3, 1795526644590, 1, 'attempt_started', 'act', NULL, 1, '{"kind":"attempt_started","step":"act","attempt":1,"token":"c1f98148b5df54812ec8db07b0779cd383bbc1ef","inputs":{"hang":true},"deadline":4795526644590}', X'EBF05DAE07AC43CB8D4C47C60FCD9BF3DDDF565136F6AFCCFC5D219691A0E601');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 4, 1795526644598, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'B51A62ECB95461EBB8606976DDC780E250310B818631BBA0795C0101DD1C2463');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 5, 1795526644599, 2, 'in_doubt', 'act', NULL, 1, '{"kind":"in_doubt","step":"act","attempt":1,"why":"an earlier call of it may have had its effect"}', X'A6EB9C51E47574BE58D04913D49D0AE558C8E10D4839D271561EFAD080596C95');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 6, 1795526644601, 3, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":3}', X'711399B087FDCDCB20877211AF81FF0C7DEFFF7D68F60D0457346E168D86FE0A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 7, 1795526644601, 3, 'resolved', 'act', NULL, NULL, '{"kind":"resolved","step":"act","actor":"tester","how":"done","reason":"seen"}', X'488119AF14AAA90AF3F5D7058ED49209B98C2AF0644AECE5100B6DBA6DCFF501');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 8, 1795526644601, 3, 'succeeded', 'act', NULL, 1, '{"kind":"succeeded","step":"act","attempt":1,"outputs":{},"effect":"changed"}', X'CFBB126B9E845DBB1D9562FB4AC6C4A743B788C6A763BDC2B2ADAD8BF6686A80');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 9, 1795526644601, 3, 'attempt_started', 'after', NULL, 1, '{"kind":"attempt_started","step":"after","attempt":1,"token":"6f31964bfd15fa6badb23011742edc8ca2202aa7","inputs":{},"deadline":4795526644601}', X'74F18DB113EB3646342C70897901C1FC47FA45A4730C7446501EF97DB465859D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 10, 1795526644602, 3, 'observed', 'after', NULL, 1, '{"kind":"observed","step":"after","attempt":1,"before":null}', X'45007ADC0CB2C66473D1B700AB1A2E7675250679E21C958EC247DA8D7D03F54E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 11, 1795526644603, 3, 'succeeded', 'after', NULL, 1, '{"kind":"succeeded","step":"after","attempt":1,"outputs":{"made":"after","value":null},"effect":"changed"}', X'459E751F2721C2050B4DA9662A778AE83029E89276CE28E75F9213E9E06B66AF');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 12, 1795526644603, 3, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'8AE57DDD6E36EE3712BB8B6590AAA8A57BF7395C42C2947951AAA3AAAE63ABAE');
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('answered', 'after', 0, 1, 0, 'aea7d65af03f22817f98ed3a5b1e20dae2543851', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526644547, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('answered', 'before', 0, 1, 0, 'f2e1c8e0b20bfb7dfa652795161ddeea2d165d52', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526644510, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('asked', 'before', 0, 1, 0, '40663ed4c1b67af1e55ed7ba399480c574ff5cd1', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526644491, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('cancelled', 'before', 0, 1, 0, '3fe8f294c7e1c9ef874635d5bb129c40d50e0c42', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526644527, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('doubted', 'act', 0, 1, 0, '4eda6f067c63bf32977f0010aed729c7d4446e12', 'c05bb0b02b269642fe989100fb0fd566b8332c91f7a26a44d24b523acb15056c', 4795526644578, 3, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'before', 0, 1, 0, '129519686c4a95b0fb87acaae00c97d3263bb1b8', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526644562, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'denied', 0, 1, 0, '868eb4bd447ef745b3d01879f77501ab8e71c4c7', '6d36fc4c3573e3f13bee4831983329260d0ce48881b2120cdc469709e7f6630f', 4795526644566, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'denied', 0, 2, 0, '868eb4bd447ef745b3d01879f77501ab8e71c4c7', '6d36fc4c3573e3f13bee4831983329260d0ce48881b2120cdc469709e7f6630f', 4795526644575, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'again', 0, 1, 0, 'fcd28a86d908f92e97f494575b73deb100ed52cf', '69ad00574f357f5a38b87038f943a0815a7ba357a2dd14dc57cf88488a51e295', 4795526644448, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'again', 0, 2, 0, 'fcd28a86d908f92e97f494575b73deb100ed52cf', '69ad00574f357f5a38b87038f943a0815a7ba357a2dd14dc57cf88488a51e295', 4795526644448, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'cut', 0, 1, 0, '9c7f00d6abcc6ca5431dca9427d50be2d623a71f', '3b30ac672e2757d458b59f5cceb39b4fbb6e3446f3cb210ade2be8ea828ed539', 4795526644481, 0, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 0, 1, 0, '8412f27581f0049709bab3f6afe8d5d0e807f022', 'd6d61f963ecf125d1b48333b18082156319c1202d1f886057da0ca987c3dff25', 4795526644434, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 1, 1, 0, 'f691fda2ba44bcf2a7f68372b786929aca28095a', 'f0caa459faf743b9d3933c93b2d718db8fb42c1fbbcaa74ab4e4fa7b247d64ca', 4795526644434, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 2, 1, 0, '4493645c27839eb970ae7e2106423941e0fcc858', '0a82199766ffbfe60684902683bd162cacc5e2645ebfdf056df1333861b83f19', 4795526644444, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted.sub', 'inner', 0, 1, 0, 'b19faaf8c14e4dd1d574f835e5a1c845c85c6b99', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526644472, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('resolved', 'act', 0, 1, 0, 'c1f98148b5df54812ec8db07b0779cd383bbc1ef', 'c05bb0b02b269642fe989100fb0fd566b8332c91f7a26a44d24b523acb15056c', 4795526644590, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('resolved', 'after', 0, 1, 0, '6f31964bfd15fa6badb23011742edc8ca2202aa7', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526644601, 1, NULL, NULL);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('answered', 'go', 0, 'really?', 1795526644518, NULL, 1795526644546);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('asked', 'go', 0, 'really?', 1795526644498, NULL, NULL);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('cancelled', 'go', 0, 'really?', 1795526644535, NULL, 1795526644559);
INSERT INTO lock (key, run, acquired) VALUES ('the-lock', 'interrupted', 1795526644408);
INSERT INTO signal (id, run, at, actor, body) VALUES (1, 'answered', 1795526644542, 'tester', '{"kind":"answer","step":"go","item":null,"granted":true,"comment":"yes","form":null}');
INSERT INTO signal (id, run, at, actor, body) VALUES (2, 'cancelled', 1795526644558, 'tester', '{"kind":"cancel","reason":null}');
INSERT INTO signal (id, run, at, actor, body) VALUES (3, 'resolved', 1795526644600, 'tester', '{"kind":"resolve","step":"act","item":null,"how":"done","outputs":{},"reason":"seen"}');
INSERT INTO sqlite_sequence (name, seq) VALUES ('signal', 3);
COMMIT;
