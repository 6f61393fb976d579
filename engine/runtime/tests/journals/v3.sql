PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1919052593;
PRAGMA user_version = 3;
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
, lock TEXT) STRICT, WITHOUT ROWID;

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

-- lease
CREATE TABLE lease (
  run TEXT PRIMARY KEY REFERENCES run(id),
  epoch INTEGER NOT NULL,
  renewed INTEGER NOT NULL            -- a new owner may come when this is too long ago
) STRICT, WITHOUT ROWID;

-- lock_queue
CREATE TABLE lock_queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL,
  waiter TEXT NOT NULL UNIQUE,
  seen INTEGER NOT NULL               -- a waiter that is not heard of loses its place
) STRICT;

-- plugin_kv
CREATE TABLE plugin_kv (
  environment TEXT NOT NULL,
  plugin TEXT NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (environment, plugin, key)
) STRICT, WITHOUT ROWID;
INSERT INTO definition (hash, body, created) VALUES ('3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"lock":"the-lock","steps":[{"id":"read","uses":"cloud.read","work":{"call":"query"},"with":{"value":1},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"unless","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[0],"when":"1 == 2","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"each","uses":"cloud.make","work":{"call":"create"},"with":{"value":"{{ item }}"},"section":"main","needs":[1],"for_each":{"over":"[''a'', ''b'', ''c'']","max_parallel":2,"max_failures":{"count":0}},"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"again","uses":"cloud.make","work":{"call":"create"},"with":{"slow":true,"throttle":1},"section":"main","needs":[2],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own","marks":"decision"},{"id":"nap","uses":"wait","work":"timer","with":{"for":"2ms"},"section":"main","needs":[3],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"sub","uses":"runbook","work":"child","with":{"file":"child.yaml"},"section":"main","needs":[4],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"cut","uses":"cloud.make","work":{"call":"create"},"with":{"hang":true,"value":"{{ steps.again.made }}"},"section":"main","needs":[5],"refs":["again"],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[6],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"children":{"child.yaml":{"name":"child","objectives":{},"steps":[{"id":"inner","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]}},"environment":"dev","env":{},"aws":{}}', 1795533572406);
INSERT INTO definition (hash, body, created) VALUES ('6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"before","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"go","uses":"approval","work":{"gate":"approval"},"with":{"message":"really?"},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[1],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795533572508);
INSERT INTO definition (hash, body, created) VALUES ('9d49e5bedf66557a7dd5208162b905251ded1cbb2eca84172944ed3ecff9050c', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"before","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"denied","uses":"cloud.make","work":{"call":"create"},"with":{"deny":true},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795533572588);
INSERT INTO definition (hash, body, created) VALUES ('dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"act","uses":"cloud.act","work":{"call":"action"},"with":{"hang":true},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795533572637);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('answered', NULL, 'root', 'answered', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 4, 14, 2, X'5DC17EE59A434E49619E1AC0EDE2A1FDE2097B41719B97A89FA1D12A479E0530', 1, 'process 1 on a host', NULL, 1795533572518, 1795533572521, 1795533572571, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('asked', NULL, 'root', 'asked', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 2, 7, 1, X'6E6778F70FB9376E1F39A37D6797BB6A6A834736BB3936DE62272825F3BAA87A', 0, 'process 1 on a host', NULL, 1795533572508, 1795533572512, NULL, NULL, NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('cancelled', NULL, 'root', 'cancelled', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 8, 11, 2, X'CB27948071D5998E2D69040142BFB707F05C894B38654E29E5A801A74937A3AE', 2, 'process 1 on a host', NULL, 1795533572534, 1795533572537, 1795533572586, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('doubted', NULL, 'root', 'doubted', 'recorded', 'dev', 'dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', NULL, '{}', '{}', 2, 5, 2, X'D42ADCFE1AA6BA8527A8BB4DD674CF206EE2E4CEB0B16F095FF6903C03CB8F85', 0, 'process 1 on a host', NULL, 1795533572637, 1795533572643, NULL, NULL, NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('failed', NULL, 'root', 'failed', 'recorded', 'dev', '9d49e5bedf66557a7dd5208162b905251ded1cbb2eca84172944ed3ecff9050c', NULL, '{}', '{}', 6, 14, 2, X'5E6A1DF35280743635930B68155BA5BE7B2B864151779197A297F6FA8A51568B', 0, 'process 1 on a host', NULL, 1795533572588, 1795533572591, 1795533572633, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('interrupted', NULL, 'root', 'interrupted', 'recorded', 'dev', '3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', NULL, '{}', '{}', 1, 30, 1, X'EB7E2AA68AE8BFC7F07C8F131C2CBD8E59221651C84BD6D56864453A11F477A1', 0, 'process 1 on a host', NULL, 1795533572406, 1795533572418, NULL, NULL, 'the-lock');
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('interrupted.sub', 'interrupted', 'child', 'interrupted', 'child', 'dev', '3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', 'child.yaml', '{}', '{"env":{},"secrets":{}}', 4, 6, 1, X'7560501ED0559E8F089F6CEF14A3C18EC204C7C1E8DB1C133FA5345C81104E59', 0, 'process 1 on a host', NULL, 1795533572486, 1795533572494, 1795533572502, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('resolved', NULL, 'root', 'resolved', 'recorded', 'dev', 'dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', NULL, '{}', '{}', 4, 12, 3, X'EB3267E46622A0EA78AD5BB3CC9F43129E08BCFCFF37181D41BD54873B8E0BB0', 3, 'process 1 on a host', NULL, 1795533572674, 1795533572694, 1795533572744, 'null', NULL);
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 0, 0, 'before', 5, 1, 1795533572521, 1795533572528, '{"token":"f2e1c8e0b20bfb7dfa652795161ddeea2d165d52","deadline":4795533572521}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 1, 0, 'go', 5, 1, 1795533572528, 1795533572562, '{"token":"702361b82cf6483ab6c267424c8b649bd9bf7bca","deadline":4795533572528,"note":"really?"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 2, 0, 'after', 5, 1, 1795533572562, 1795533572571, '{"token":"aea7d65af03f22817f98ed3a5b1e20dae2543851","deadline":4795533572562}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('asked', 0, 0, 'before', 5, 1, 1795533572512, 1795533572514, '{"token":"40663ed4c1b67af1e55ed7ba399480c574ff5cd1","deadline":4795533572512}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('asked', 1, 0, 'go', 2, 1, 1795533572514, NULL, '{"token":"ea52547b3a17dbbde64351fabcad5dee14e32bf2","deadline":4795533572514,"note":"really?"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('cancelled', 0, 0, 'before', 5, 1, 1795533572538, 1795533572545, '{"token":"3fe8f294c7e1c9ef874635d5bb129c40d50e0c42","deadline":4795533572538}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('cancelled', 1, 0, 'go', 8, 1, 1795533572546, NULL, '{"token":"5e5e53b6a177262d56b27538e5bd4c6efb77897a","deadline":4795533572546,"note":"really?"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('doubted', 0, 0, 'act', 4, 1, 1795533572644, NULL, '{"token":"4eda6f067c63bf32977f0010aed729c7d4446e12","deadline":4795533572644}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('failed', 0, 0, 'before', 5, 1, 1795533572591, 1795533572600, '{"token":"129519686c4a95b0fb87acaae00c97d3263bb1b8","deadline":4795533572591}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('failed', 1, 0, 'denied', 6, 2, 1795533572631, 1795533572633, '{"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","deadline":4795533572631}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 0, 0, 'read', 5, 1, 1795533572418, 1795533572420, '{"token":"070b83cb04fe3f028f6368376c802c294a8e9ac3","deadline":4795533572418}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 1, -1, 'unless', 7, 0, NULL, NULL, '{"items":null,"skipped":true}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, -1, 'each', 5, 0, NULL, NULL, '{"items":3,"skipped":false}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 0, 'each', 5, 1, 1795533572435, 1795533572442, '{"token":"8412f27581f0049709bab3f6afe8d5d0e807f022","deadline":4795533572435}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 1, 'each', 5, 1, 1795533572436, 1795533572442, '{"token":"f691fda2ba44bcf2a7f68372b786929aca28095a","deadline":4795533572436}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 2, 'each', 5, 1, 1795533572442, 1795533572453, '{"token":"4493645c27839eb970ae7e2106423941e0fcc858","deadline":4795533572442}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 3, 0, 'again', 5, 2, 1795533572454, 1795533572476, '{"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","deadline":4795533572454,"note":"pending"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 4, 0, 'nap', 5, 1, 1795533572477, 1795533572483, '{"token":"399176a061008ee758f268e1b0c8aa019c4a5f16","deadline":4795533572477,"note":"its time"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 5, 0, 'sub', 5, 1, 1795533572483, 1795533572505, '{"token":"1292880c2a9e4f48f9ab6ea5faa30977b3c03845","deadline":4795533572483}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 6, 0, 'cut', 1, 1, 1795533572505, NULL, '{"token":"9c7f00d6abcc6ca5431dca9427d50be2d623a71f","deadline":4795533572505}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted.sub', 0, 0, 'inner', 5, 1, 1795533572494, 1795533572502, '{"token":"b19faaf8c14e4dd1d574f835e5a1c845c85c6b99","deadline":4795533572494}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('resolved', 0, 0, 'act', 5, 1, 1795533572694, 1795533572730, '{"token":"c1f98148b5df54812ec8db07b0779cd383bbc1ef","deadline":4795533572694}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('resolved', 1, 0, 'after', 5, 1, 1795533572730, 1795533572744, '{"token":"6f31964bfd15fa6badb23011742edc8ca2202aa7","deadline":4795533572730}');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 1, 1795533572518, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'6E940C99EE9F733E01A98AA6842534AA9E592F4CCEE91B6FF466701B9BBE40DA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 2, 1795533572521, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'C9F2C9BFA57E710D7796D91EF98317D699753D27C759C3042F8055318E3594AA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 3, 1795533572521, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"f2e1c8e0b20bfb7dfa652795161ddeea2d165d52","inputs":{},"deadline":4795533572521}', X'077A90DA1F7495E3EAB9A8EEDA293ADDDA8AA9FE4EF60F0CED5AB6FF426AF2EE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 4, 1795533572522, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'CB756FF437B2E92CBF6FD4A00141617BE68B12B24F45D8B5823C51D74C17DD0F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 5, 1795533572528, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'5AC0D63C16CD798A430BD0089D38A5F825DF21A1AE98D98E3852EC29E3C66B01');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 6, 1795533572528, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"702361b82cf6483ab6c267424c8b649bd9bf7bca","inputs":{"message":"really?"},"deadline":4795533572528}', X'2FE378824674078E510A0C81250593A40D01C54DF7FC3C5A0CD5727ECAB3A933');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 7, 1795533572528, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'569A22EA171CC6966317D056495A4656EBE53051014CCEFE9FE2DB757DFF4262');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 8, 1795533572562, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'B371F984257FF05D057A2B436B822A5071B0EAF5370FFEDEF0230F4195D6EC99');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 9, 1795533572562, 2, 'answered', 'go', NULL, NULL, '{"kind":"answered","step":"go","actor":"tester","granted":true,"comment":"yes"}', X'B38F8BD21A3CF658430E2E00A489EB0025530E2EEBFEDA8DF4BEF6CF1F661A79');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 10, 1795533572562, 2, 'succeeded', 'go', NULL, 1, '{"kind":"succeeded","step":"go","attempt":1,"outputs":{"at":"2026-11-24T15:19:32.554Z","by":"tester","comment":"yes"},"effect":"none"}', X'AD399B497D16A4C8D670758D2436B3C29AB7723B466C9B203EC7B2DB7EF27C58');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 11, 1795533572562, 2, 'attempt_started', 'after', NULL, 1, '{"kind":"attempt_started","step":"after","attempt":1,"token":"aea7d65af03f22817f98ed3a5b1e20dae2543851","inputs":{},"deadline":4795533572562}', X'470C321AD38A081CFB9FA603505196E711F015DF711E03E61AF7C38E6CFEDC54');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 12, 1795533572567, 2, 'observed', 'after', NULL, 1, '{"kind":"observed","step":"after","attempt":1,"before":null}', X'683AAB7E936F2CCD8327EA8B4E7A8C02F3C22B0ECC9D7F0C33D6FB902F69825F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 13, 1795533572571, 2, 'succeeded', 'after', NULL, 1, '{"kind":"succeeded","step":"after","attempt":1,"outputs":{"made":"after","value":null},"effect":"changed"}', X'2744CBC208B13E6F2A9304438E99D8FD1F48D986CF174426B4032890C1B8D785');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 14, 1795533572571, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'5DC17EE59A434E49619E1AC0EDE2A1FDE2097B41719B97A89FA1D12A479E0530');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 1, 1795533572508, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'415A189A1B081ED632E1340DD4D6B5852670B76550260A20EB1A3EF397AF68BB');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 2, 1795533572512, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'B2AFBBF693026AE7561FB1B27F7F4D975B354C215BCA7FB1DFEE7FDA3823A84B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 3, 1795533572512, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"40663ed4c1b67af1e55ed7ba399480c574ff5cd1","inputs":{},"deadline":4795533572512}', X'3EF1E278D718E096F036AFE702941FD3B5B34AE86E26FFEE3CE52FC9DFEE21E4');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 4, 1795533572513, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'B8C6457DCAEED937D54092C6CAC325319A5E79AB7920D1371D0AA048F530B11E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 5, 1795533572514, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'65592F2FB095ED0A80E6598B9BDEA81DBE2BD78A4475B54D5DEAFA266D2026F3');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 6, 1795533572514, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"ea52547b3a17dbbde64351fabcad5dee14e32bf2","inputs":{"message":"really?"},"deadline":4795533572514}', X'3E14BE7DD0B64031BDD7DB83697A0720C3339971337B4A8F8A9EBEC57005A4F9');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 7, 1795533572514, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'6E6778F70FB9376E1F39A37D6797BB6A6A834736BB3936DE62272825F3BAA87A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 1, 1795533572534, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'1E44A7F530E3778BC6A7A23AEB78C8511D770940A5DD745ED2273D5B961FEC46');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 2, 1795533572537, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'DC3721EE27C897EEACFE56D1655BFAD9AA08D3D6A760A275F7E727F034099AA6');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 3, 1795533572538, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"3fe8f294c7e1c9ef874635d5bb129c40d50e0c42","inputs":{},"deadline":4795533572538}', X'7306FF4F3E8A09732B40EB6AEE136FA95AAF7FF83D9E6BAA45186949EBAA7F30');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 4, 1795533572544, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'6C6916D097D92C31EB72F3209B4AE3CF493569FA7F4AA7AC454BB3C5982FA4F2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 5, 1795533572545, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'A2FEA8F75D1EE6E8C2F4FB90664E335440646D3FBFF9B2FB397AF5D74E02693A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 6, 1795533572546, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"5e5e53b6a177262d56b27538e5bd4c6efb77897a","inputs":{"message":"really?"},"deadline":4795533572546}', X'22FC5C4D322F89471FB30D33CD847BFB91145C3ACBEE614F0D7246630B930E08');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 7, 1795533572546, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'5A48DAF3399BE2550EE99AB8E03312A3929C45493D0FDE0A6D5A59A8A3CBA622');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 8, 1795533572586, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'86781D6BFA77DCAFBB2BE7508E4D0BBDD2AA7BBAC55D0667A0F46DEAFA7CDC2C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 9, 1795533572586, 2, 'cancel_requested', NULL, NULL, NULL, '{"kind":"cancel_requested","actor":"tester"}', X'DA1500FD96B75C183427237ADAECED3E058FEB19B89EB465C66EDBC4601292A5');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 10, 1795533572586, 2, 'step_cancelled', 'go', NULL, NULL, '{"kind":"step_cancelled","step":"go"}', X'81E34B9871BD4E73E39F2A9C656C937A89B5875920D20D6B203DED9D0ABFB38A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 11, 1795533572586, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"cancelled"}', X'CB27948071D5998E2D69040142BFB707F05C894B38654E29E5A801A74937A3AE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 1, 1795533572637, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'C766D57BCAB97AE8A651910E8CFE1777CF8AB032AD9CD29F72F4ACAC5574A957');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 2, 1795533572643, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'CA2E306612ACD5BC86FAF79B384A5A0AA662CEA939988419449643D4EC7F080E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 3, 1795533572644, 1, 'attempt_started', 'act', NULL, 1, '{"kind":"attempt_started","step":"act","attempt":1,"token":"4eda6f067c63bf32977f0010aed729c7d4446e12","inputs":{"hang":true},"deadline":4795533572644}', X'382C872FF5685C8C4E04B8D3974511961B98C51EF59764FF63DEBA836F548CD0');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 4, 1795533572658, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'1734892F070632B0822F717C28A2512B024F28A5934F538E3145BD7FAC1D87E0');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 5, 1795533572668, 2, 'in_doubt', 'act', NULL, 1, '{"kind":"in_doubt","step":"act","attempt":1,"why":"an earlier call of it may have had its effect"}', X'D42ADCFE1AA6BA8527A8BB4DD674CF206EE2E4CEB0B16F095FF6903C03CB8F85');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 1, 1795533572588, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'88C102B9A933DCECA9C95D3260E82D91443251D43A3D5BF6C089210725261CB1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 2, 1795533572591, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'804DE23B99CFD7CF91DB94A837A856FA1B9A182E8E878D20EA523C2AFC19747B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 3, 1795533572591, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"129519686c4a95b0fb87acaae00c97d3263bb1b8","inputs":{},"deadline":4795533572591}', X'8B640C7EC7295B11486AD8CEF1A41999F61C36ED47A613550DFEDEAFC4FAEC8F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 4, 1795533572595, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'98137344F9C3729A767F498D29C3276CFE5112FD7815D4B85608F44C0A5D6090');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 5, 1795533572600, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'3282230A27F0DCE22DC1BF1893DA24A8A41FE792E6AC16BD6BFA0C45EE67E97E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 6, 1795533572600, 1, 'attempt_started', 'denied', NULL, 1, '{"kind":"attempt_started","step":"denied","attempt":1,"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","inputs":{"deny":true},"deadline":4795533572600}', X'F817E208C409646A067607FC807C9F5927FC2C4B125278461E63AABDC5AE3A83');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 7, 1795533572607, 1, 'observed', 'denied', NULL, 1, '{"kind":"observed","step":"denied","attempt":1,"before":null}', X'D15A3611F2A20E6924704CD2459B6486F6BD0659E012907A6AFA2A00188C879E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 8, 1795533572618, 1, 'failed', 'denied', NULL, 1, '{"kind":"failed","step":"denied","attempt":1,"fault":{"kind":"denied","message":"not yours","executed":"no"}}', X'D84D295FE6820655F11C33BBE29BDBD8777FBB71276B17488DE61B08F5A5447A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 9, 1795533572619, 1, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"failed"}', X'AF86A841066F9C65A90D6BAA177BEC65FEF69A793F085E3B442E5962FC97388A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 10, 1795533572627, 2, 'reopened', NULL, NULL, NULL, '{"kind":"reopened","actor":"tester"}', X'0165B22C7E326986710F7CC7FC7EEF0B7A9AC21BE02BC7D466B05F0C6FE0BB08');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 11, 1795533572627, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'76BD9E5EBF445B5CAD99043B9932E7361BC6B48F685954A5FD7557BE53F33DEB');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 12, 1795533572631, 2, 'attempt_started', 'denied', NULL, 2, '{"kind":"attempt_started","step":"denied","attempt":2,"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","deadline":4795533572631}', X'908D816C4C4A8845CD46338E80B9806FA2E85325F45A837984ECD15ECD67EFEA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 13, 1795533572633, 2, 'failed', 'denied', NULL, 2, '{"kind":"failed","step":"denied","attempt":2,"fault":{"kind":"denied","message":"not yours","executed":"no"}}', X'765CA80C76528C30D2B681C1F48AED8FCC82327D5945C77D1C3D9501DAB9EC7D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 14, 1795533572633, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"failed"}', X'5E6A1DF35280743635930B68155BA5BE7B2B864151779197A297F6FA8A51568B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 1, 1795533572406, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'81A3C6C627BE1B9EB919562016BF406B6560BF5617FA8C5DDD2598801234C747');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 2, 1795533572418, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'525903769C120C43A022864BC5343F5B2668771FF675DC3729C0ECBFB37BC533');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 3, 1795533572418, 1, 'attempt_started', 'read', NULL, 1, '{"kind":"attempt_started","step":"read","attempt":1,"token":"070b83cb04fe3f028f6368376c802c294a8e9ac3","inputs":{"value":1},"deadline":4795533572418}', X'73356D77EE6BBE40985B1D021D880E14092FBEC2B0A3AE93EDD9688A86E58CFB');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 4, 1795533572420, 1, 'succeeded', 'read', NULL, 1, '{"kind":"succeeded","step":"read","attempt":1,"outputs":{"made":"read","value":1},"effect":"none"}', X'F1CF6D14FA161FA1B438892EE0F8C5A28E071860D0F154B8D08A3386159C3A23');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 5, 1795533572430, 1, 'skipped', 'unless', NULL, NULL, '{"kind":"skipped","step":"unless","reason":"condition","saw":{}}', X'AC8D54BB476DDAEDFC1C1B3724F460CF242C1A0A88AB0F970E756DFEDD819244');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 6, 1795533572435, 1, 'expanded', 'each', NULL, NULL, '{"kind":"expanded","step":"each","items":["a","b","c"]}', X'92088E68763DF377F20F385FA59F5441AD48DAD2C67361A84F3068E3125F29AC');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 7, 1795533572435, 1, 'attempt_started', 'each', 0, 1, '{"kind":"attempt_started","step":"each","item":0,"attempt":1,"token":"8412f27581f0049709bab3f6afe8d5d0e807f022","inputs":{"value":"a"},"deadline":4795533572435}', X'10B07A84C1F173790A1D1BF960C6810EEEA224AC37F90918654CAFF1394372AD');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 8, 1795533572436, 1, 'attempt_started', 'each', 1, 1, '{"kind":"attempt_started","step":"each","item":1,"attempt":1,"token":"f691fda2ba44bcf2a7f68372b786929aca28095a","inputs":{"value":"b"},"deadline":4795533572436}', X'A9EF7B23B89FC94949A5638EBE76A76257EC6F5C08F3F58C4AF29656A945D45A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 9, 1795533572438, 1, 'observed', 'each', 0, 1, '{"kind":"observed","step":"each","item":0,"attempt":1,"before":null}', X'63958E8E248E67375E17C9834B9A91CF31E70F6D84114C54AD5C5E2396F9F99C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 10, 1795533572438, 1, 'observed', 'each', 1, 1, '{"kind":"observed","step":"each","item":1,"attempt":1,"before":null}', X'14F529BAB1E6657F95AEAF24C2FEED52D6E285B7864034378D3BC43DFE8A267C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 11, 1795533572442, 1, 'succeeded', 'each', 0, 1, '{"kind":"succeeded","step":"each","item":0,"attempt":1,"outputs":{"made":"each[0]","value":"a"},"effect":"changed"}', X'45B6C75472F32D47E6741595744521B1397A9E8984EA4AE2DFA4E0FDD9E84440');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 12, 1795533572442, 1, 'succeeded', 'each', 1, 1, '{"kind":"succeeded","step":"each","item":1,"attempt":1,"outputs":{"made":"each[1]","value":"b"},"effect":"changed"}', X'A41B6C3E72069385421D729B023FDBA29C6706F841872083D83C697B3518A7EA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 13, 1795533572442, 1, 'attempt_started', 'each', 2, 1, '{"kind":"attempt_started","step":"each","item":2,"attempt":1,"token":"4493645c27839eb970ae7e2106423941e0fcc858","inputs":{"value":"c"},"deadline":4795533572442}', X'2C05778D7B7ECD1E51B529ECB889FC5E60BE3D6202111E20FE570C1F2975D89E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 14, 1795533572450, 1, 'observed', 'each', 2, 1, '{"kind":"observed","step":"each","item":2,"attempt":1,"before":null}', X'6C1EF78C0A55B4A71182E6B3BB430A69D521E6438C153248746437E6C6367909');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 15, 1795533572453, 1, 'succeeded', 'each', 2, 1, '{"kind":"succeeded","step":"each","item":2,"attempt":1,"outputs":{"made":"each[2]","value":"c"},"effect":"changed"}', X'3B06BEE00710E0E553A26BC99EC98857A025CA01A598EBEB8BBAB6B7D2F48D48');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 16, 1795533572454, 1, 'attempt_started', 'again', NULL, 1, '{"kind":"attempt_started","step":"again","attempt":1,"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","inputs":{"slow":true,"throttle":1},"deadline":4795533572454}', X'9D4B88F105A12ED52DC26C8B8806F1E199A9D81FBB925468DA2D41A3FC0B5AFA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 17, 1795533572456, 1, 'observed', 'again', NULL, 1, '{"kind":"observed","step":"again","attempt":1,"before":null}', X'26E83E7A93780DC79139408862F740290F533CA58A6A90AD30F74F9F9851A345');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 18, 1795533572462, 1, 'attempt_failed', 'again', NULL, 1, '{"kind":"attempt_failed","step":"again","attempt":1,"fault":{"kind":"throttled","message":"slow down","executed":"no"},"retry_at":1795533572463}', X'4E381EFEF183186EE6A56C5C3ECE57D283EDE0480D9CEFA2A18C8519CF21C79C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 19, 1795533572467, 1, 'attempt_started', 'again', NULL, 2, '{"kind":"attempt_started","step":"again","attempt":2,"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","deadline":4795533572454}', X'C42DF8BD925F087056A175670AC6274B97982DEDC0F14D03433BB2DA2CCC4749');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 20, 1795533572470, 1, 'waiting', 'again', NULL, 2, '{"kind":"waiting","step":"again","attempt":2,"until":1795533572472,"note":"pending"}', X'8CFB354C2D0AC7099FDD165EB16F94FAE00BF5765ABF937CF6DAA3D395063409');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 21, 1795533572475, 1, 'woken', 'again', NULL, 2, '{"kind":"woken","step":"again","attempt":2}', X'09B6AA05CF20A82232E727D9C079FC6DD7FD30ECC0FEE243B6FDA54D6D0F6A3C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 22, 1795533572476, 1, 'succeeded', 'again', NULL, 2, '{"kind":"succeeded","step":"again","attempt":2,"outputs":{"made":"again","value":null},"effect":"changed"}', X'0A0E2F639B46F3862D7E6D70085DFE5AFF53C5146CFF3157481911F4870A713F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 23, 1795533572476, 1, 'marked', 'again', NULL, NULL, '{"kind":"marked","name":"decision","reached":1795533572476,"step":"again"}', X'A5D84BB9D7E2A5AA2B56D28EB358DF2B0B7E8F9485C7A0D8BF41F2E4AC91D52F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 24, 1795533572477, 1, 'attempt_started', 'nap', NULL, 1, '{"kind":"attempt_started","step":"nap","attempt":1,"token":"399176a061008ee758f268e1b0c8aa019c4a5f16","inputs":{"for":"2ms"},"deadline":4795533572477}', X'CE52AFC3054E5BA85BD91BA3E7CDBD4F2F502865F2B9A773A9672651F9AD6D04');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 25, 1795533572477, 1, 'waiting', 'nap', NULL, 1, '{"kind":"waiting","step":"nap","attempt":1,"until":1795533572479,"note":"its time"}', X'1605AB755D79B8929A8ED0E9BA080AED6962A9CDA85418D61DADA026BA080F58');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 26, 1795533572483, 1, 'succeeded', 'nap', NULL, 1, '{"kind":"succeeded","step":"nap","attempt":1,"outputs":{"waited":"6ms"},"effect":"none"}', X'A27DBBA2BB2F0F5DEF8AA952E05CFD04DC1B111FD0E2681D030CAF1F46DD6662');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 27, 1795533572483, 1, 'attempt_started', 'sub', NULL, 1, '{"kind":"attempt_started","step":"sub","attempt":1,"token":"1292880c2a9e4f48f9ab6ea5faa30977b3c03845","inputs":{"file":"child.yaml"},"deadline":4795533572483}', X'6CEA4F24A671ED6DE07106E0659E57AFD0048501596E9A6FF21328CB662A7F6D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 28, 1795533572505, 1, 'succeeded', 'sub', NULL, 1, '{"kind":"succeeded","step":"sub","attempt":1,"outputs":{"run_id":"interrupted.sub"},"effect":"changed"}', X'0F514E61B59B565F6C16279279317F7AE9F7DA8B93612DEBCA243F45AD0CE8BF');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 29, 1795533572505, 1, 'attempt_started', 'cut', NULL, 1, '{"kind":"attempt_started","step":"cut","attempt":1,"token":"9c7f00d6abcc6ca5431dca9427d50be2d623a71f","inputs":{"hang":true,"value":"again"},"deadline":4795533572505}', X'4B27F7EC7BB1B1B00FE3CB2BD90917E799AE0DE9DA78F5BF6793C54E38B7C1F7');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 30, 1795533572507, 1, 'observed', 'cut', NULL, 1, '{"kind":"observed","step":"cut","attempt":1,"before":null}', X'EB7E2AA68AE8BFC7F07C8F131C2CBD8E59221651C84BD6D56864453A11F477A1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 1, 1795533572486, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"run interrupted","runbook":"child","environment":"dev","params":{}}', X'391C1A2CB6C97721FE86A325028082BC43898E4F0C616837DF70107252746BD4');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 2, 1795533572494, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"run interrupted","epoch":1}', X'63A67622F5194898456AD7CC521CC927D69A8D99B8B63182A37F6F70FA21817A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 3, 1795533572494, 1, 'attempt_started', 'inner', NULL, 1, '{"kind":"attempt_started","step":"inner","attempt":1,"token":"b19faaf8c14e4dd1d574f835e5a1c845c85c6b99","inputs":{},"deadline":4795533572494}', X'0374C3915C41B69D776C5F2C6E21D3E6D47B14FB77689E0EC38914948446E848');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 4, 1795533572498, 1, 'observed', 'inner', NULL, 1, '{"kind":"observed","step":"inner","attempt":1,"before":null}', X'2292FB3C37B9634009BE7A38747BB361F935FADA13EB39CD7E8C3DF97AFB9281');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 5, 1795533572502, 1, 'succeeded', 'inner', NULL, 1, '{"kind":"succeeded","step":"inner","attempt":1,"outputs":{"made":"inner","value":null},"effect":"changed"}', X'7EF9BF599D668DFCC43942966FEBE76EC915AFFF94C8BACA56D91893B270BF65');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 6, 1795533572502, 1, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'7560501ED0559E8F089F6CEF14A3C18EC204C7C1E8DB1C133FA5345C81104E59');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 1, 1795533572674, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'E72DCEB031E0BAC17AADD43C00BCB625C8892305351EA1D5DA53D5735A0A818C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 2, 1795533572694, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'28373DEEF8AE0C6442CC6D421873F95F8C71E5563D6A0A6A99E57F9FC71521A4');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 3, 1795533572694, 1, 'attempt_started', 'act', NULL, 1, '{"kind":"attempt_started","step":"act","attempt":1,"token":"c1f98148b5df54812ec8db07b0779cd383bbc1ef","inputs":{"hang":true},"deadline":4795533572694}', X'744374FEE0F98529DBFC8E5A1F76616DFDE7B98C5BF6CB773C664373FA1B12A6');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 4, 1795533572712, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'DF6E3FDD3AF7019CE0D4ACDE90C15C4FC1081229C5A17BE54E600FE20D756866');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 5, 1795533572713, 2, 'in_doubt', 'act', NULL, 1, '{"kind":"in_doubt","step":"act","attempt":1,"why":"an earlier call of it may have had its effect"}', X'973D814E77B54781487405DB47B57DFD1194910777D0577A1F5FC0F2BDD4D3AE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 6, 1795533572730, 3, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":3}', X'11AE7C5803415C63AEFA88D6561E725A3619B3CD269260C8674B772AF9C58194');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 7, 1795533572730, 3, 'resolved', 'act', NULL, NULL, '{"kind":"resolved","step":"act","actor":"tester","how":"done","reason":"seen"}', X'C2196D554475C6788E3533C4D0B43B3EAD826593DF69E0172597033A5BFF2D40');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 8, 1795533572730, 3, 'succeeded', 'act', NULL, 1, '{"kind":"succeeded","step":"act","attempt":1,"outputs":{},"effect":"changed"}', X'A7C60B9C96C2BEB9E4714430C98903B0664543B3B4A76604DF55CABDE129DCBC');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 9, 1795533572730, 3, 'attempt_started', 'after', NULL, 1, '{"kind":"attempt_started","step":"after","attempt":1,"token":"6f31964bfd15fa6badb23011742edc8ca2202aa7","inputs":{},"deadline":4795533572730}', X'C1DA5E0EE67C2B944B6BF06ED45231BED58CFB78D704BF789CF570ECC32700A3');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 10, 1795533572733, 3, 'observed', 'after', NULL, 1, '{"kind":"observed","step":"after","attempt":1,"before":null}', X'48FF57BBEF82BD0A74395B8821915D94A0EBB4F518D2A05B9E29FC6DAC71FCEC');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 11, 1795533572744, 3, 'succeeded', 'after', NULL, 1, '{"kind":"succeeded","step":"after","attempt":1,"outputs":{"made":"after","value":null},"effect":"changed"}', X'14894CB5083767BABF4D7BFE727157ECDCEB9D6533D6BE995B7075C69C2F43D5');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 12, 1795533572744, 3, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'EB3267E46622A0EA78AD5BB3CC9F43129E08BCFCFF37181D41BD54873B8E0BB0');
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('answered', 'after', 0, 1, 0, 'aea7d65af03f22817f98ed3a5b1e20dae2543851', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795533572562, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('answered', 'before', 0, 1, 0, 'f2e1c8e0b20bfb7dfa652795161ddeea2d165d52', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795533572521, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('asked', 'before', 0, 1, 0, '40663ed4c1b67af1e55ed7ba399480c574ff5cd1', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795533572512, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('cancelled', 'before', 0, 1, 0, '3fe8f294c7e1c9ef874635d5bb129c40d50e0c42', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795533572538, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('doubted', 'act', 0, 1, 0, '4eda6f067c63bf32977f0010aed729c7d4446e12', 'c05bb0b02b269642fe989100fb0fd566b8332c91f7a26a44d24b523acb15056c', 4795533572644, 3, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'before', 0, 1, 0, '129519686c4a95b0fb87acaae00c97d3263bb1b8', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795533572591, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'denied', 0, 1, 0, '868eb4bd447ef745b3d01879f77501ab8e71c4c7', '6d36fc4c3573e3f13bee4831983329260d0ce48881b2120cdc469709e7f6630f', 4795533572600, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'denied', 0, 2, 0, '868eb4bd447ef745b3d01879f77501ab8e71c4c7', '6d36fc4c3573e3f13bee4831983329260d0ce48881b2120cdc469709e7f6630f', 4795533572631, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'again', 0, 1, 0, 'fcd28a86d908f92e97f494575b73deb100ed52cf', '69ad00574f357f5a38b87038f943a0815a7ba357a2dd14dc57cf88488a51e295', 4795533572454, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'again', 0, 2, 0, 'fcd28a86d908f92e97f494575b73deb100ed52cf', '69ad00574f357f5a38b87038f943a0815a7ba357a2dd14dc57cf88488a51e295', 4795533572454, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'cut', 0, 1, 0, '9c7f00d6abcc6ca5431dca9427d50be2d623a71f', '3b30ac672e2757d458b59f5cceb39b4fbb6e3446f3cb210ade2be8ea828ed539', 4795533572505, 0, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 0, 1, 0, '8412f27581f0049709bab3f6afe8d5d0e807f022', 'd6d61f963ecf125d1b48333b18082156319c1202d1f886057da0ca987c3dff25', 4795533572435, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 1, 1, 0, 'f691fda2ba44bcf2a7f68372b786929aca28095a', 'f0caa459faf743b9d3933c93b2d718db8fb42c1fbbcaa74ab4e4fa7b247d64ca', 4795533572436, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 2, 1, 0, '4493645c27839eb970ae7e2106423941e0fcc858', '0a82199766ffbfe60684902683bd162cacc5e2645ebfdf056df1333861b83f19', 4795533572442, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted.sub', 'inner', 0, 1, 0, 'b19faaf8c14e4dd1d574f835e5a1c845c85c6b99', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795533572494, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('resolved', 'act', 0, 1, 0, 'c1f98148b5df54812ec8db07b0779cd383bbc1ef', 'c05bb0b02b269642fe989100fb0fd566b8332c91f7a26a44d24b523acb15056c', 4795533572694, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('resolved', 'after', 0, 1, 0, '6f31964bfd15fa6badb23011742edc8ca2202aa7', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795533572730, 1, NULL, NULL);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('answered', 'go', 0, 'really?', 1795533572528, NULL, 1795533572562);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('asked', 'go', 0, 'really?', 1795533572514, NULL, NULL);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('cancelled', 'go', 0, 'really?', 1795533572546, NULL, 1795533572586);
INSERT INTO lock (key, run, acquired) VALUES ('the-lock', 'interrupted', 1795533572406);
INSERT INTO signal (id, run, at, actor, body) VALUES (1, 'answered', 1795533572554, 'tester', '{"kind":"answer","step":"go","item":null,"granted":true,"comment":"yes","form":null}');
INSERT INTO signal (id, run, at, actor, body) VALUES (2, 'cancelled', 1795533572573, 'tester', '{"kind":"cancel","reason":null}');
INSERT INTO signal (id, run, at, actor, body) VALUES (3, 'resolved', 1795533572719, 'tester', '{"kind":"resolve","step":"act","item":null,"how":"done","outputs":{},"reason":"seen"}');
INSERT INTO sqlite_sequence (name, seq) VALUES ('signal', 3);
INSERT INTO lease (run, epoch, renewed) VALUES ('answered', 2, 1795533572560);
INSERT INTO lease (run, epoch, renewed) VALUES ('asked', 1, 1795533572510);
INSERT INTO lease (run, epoch, renewed) VALUES ('cancelled', 2, 1795533572580);
INSERT INTO lease (run, epoch, renewed) VALUES ('doubted', 2, 1795533572647);
INSERT INTO lease (run, epoch, renewed) VALUES ('failed', 2, 1795533572625);
INSERT INTO lease (run, epoch, renewed) VALUES ('interrupted', 1, 1795533572410);
INSERT INTO lease (run, epoch, renewed) VALUES ('interrupted.sub', 1, 1795533572490);
INSERT INTO lease (run, epoch, renewed) VALUES ('resolved', 3, 1795533572726);
COMMIT;
