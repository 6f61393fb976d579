PRAGMA foreign_keys = OFF;
PRAGMA application_id = 1919052593;
PRAGMA user_version = 2;
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
INSERT INTO definition (hash, body, created) VALUES ('3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"lock":"the-lock","steps":[{"id":"read","uses":"cloud.read","work":{"call":"query"},"with":{"value":1},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"unless","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[0],"when":"1 == 2","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"each","uses":"cloud.make","work":{"call":"create"},"with":{"value":"{{ item }}"},"section":"main","needs":[1],"for_each":{"over":"[''a'', ''b'', ''c'']","max_parallel":2,"max_failures":{"count":0}},"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"again","uses":"cloud.make","work":{"call":"create"},"with":{"slow":true,"throttle":1},"section":"main","needs":[2],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own","marks":"decision"},{"id":"nap","uses":"wait","work":"timer","with":{"for":"2ms"},"section":"main","needs":[3],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"sub","uses":"runbook","work":"child","with":{"file":"child.yaml"},"section":"main","needs":[4],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"cut","uses":"cloud.make","work":{"call":"create"},"with":{"hang":true,"value":"{{ steps.again.made }}"},"section":"main","needs":[5],"refs":["again"],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[6],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"children":{"child.yaml":{"name":"child","objectives":{},"steps":[{"id":"inner","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]}},"environment":"dev","env":{},"aws":{}}', 1795526674695);
INSERT INTO definition (hash, body, created) VALUES ('6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"before","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"go","uses":"approval","work":{"gate":"approval"},"with":{"message":"really?"},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[1],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795526674813);
INSERT INTO definition (hash, body, created) VALUES ('9d49e5bedf66557a7dd5208162b905251ded1cbb2eca84172944ed3ecff9050c', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"before","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"denied","uses":"cloud.make","work":{"call":"create"},"with":{"deny":true},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795526674952);
INSERT INTO definition (hash, body, created) VALUES ('dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', '{"engine":"test","runbook":{"name":"recorded","objectives":{},"steps":[{"id":"act","uses":"cloud.act","work":{"call":"action"},"with":{"hang":true},"section":"main","timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"},{"id":"after","uses":"cloud.make","work":{"call":"create"},"with":{},"section":"main","needs":[0],"timeout":3000000000000,"retry":{"attempts":4,"delay":1,"max_delay":3,"backoff":2.0,"jitter":false,"on":["throttled","transient","conflict"]},"on_failure":"stop","undo":"own"}]},"environment":"dev","env":{},"aws":{}}', 1795526675019);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('answered', NULL, 'root', 'answered', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 4, 14, 2, X'E488D89B6E73B2126C400092E28E1C04D6FB48CD35D3BB5AD47E90AC36C385A9', 1, 'process 1 on a host', NULL, 1795526674826, 1795526674838, 1795526674935, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('asked', NULL, 'root', 'asked', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 2, 7, 1, X'04DB9676D25B78F07C812CACC84B9E3F02255C76504419F897AA81C034621374', 0, 'process 1 on a host', NULL, 1795526674813, 1795526674815, NULL, NULL, NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('cancelled', NULL, 'root', 'cancelled', 'recorded', 'dev', '6ddcc7522a9a0c1bf788010c094e72299df2bb363a3b44c47321ad9f34b6ccd0', NULL, '{}', '{}', 8, 11, 2, X'5D6EEE4F212B14F57CC77F78A582DDB094A009534D1EE65A8C6AE2D98F762D6B', 2, 'process 1 on a host', NULL, 1795526674870, 1795526674894, 1795526674946, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('doubted', NULL, 'root', 'doubted', 'recorded', 'dev', 'dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', NULL, '{}', '{}', 2, 5, 2, X'8FDA0F417D704B6706FC9C5C455C9C7DC501F0FFDC7278F43F8E17694EAE750E', 0, 'process 1 on a host', NULL, 1795526675019, 1795526675033, NULL, NULL, NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('failed', NULL, 'root', 'failed', 'recorded', 'dev', '9d49e5bedf66557a7dd5208162b905251ded1cbb2eca84172944ed3ecff9050c', NULL, '{}', '{}', 6, 14, 2, X'DB4A74FD5B626E163829EE437416C65888E34BE7A33E390C9057C03D87F824F6', 0, 'process 1 on a host', NULL, 1795526674952, 1795526674962, 1795526675014, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('interrupted', NULL, 'root', 'interrupted', 'recorded', 'dev', '3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', NULL, '{}', '{}', 1, 30, 1, X'0DD68FDA3CA400F56E74F6A389D2196AAB140734E1539A21FEA531411DB81A4F', 0, 'process 1 on a host', NULL, 1795526674695, 1795526674718, NULL, NULL, 'the-lock');
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('interrupted.sub', 'interrupted', 'child', 'interrupted', 'child', 'dev', '3db938c08cbd26b40a876ad2407c915c37de74dd48ffd2503ccece024ed1255e', 'child.yaml', '{}', '{"env":{},"secrets":{}}', 4, 6, 1, X'30865F0C2B9374DF2EF103D5FCBC5404B83B1B957162F501A94007DB7DF7EA32', 0, 'process 1 on a host', NULL, 1795526674797, 1795526674798, 1795526674803, 'null', NULL);
INSERT INTO run (id, parent, role, family, runbook, environment, definition, entry, params, meta, status, seq, epoch, head, signal, owner, idempotency_key, created, started, finished, outputs, lock) VALUES ('resolved', NULL, 'root', 'resolved', 'recorded', 'dev', 'dd8fc93b59b0b70c18eafb29f2d9569d8849d139f670d98196f5af14632ef901', NULL, '{}', '{}', 4, 12, 3, X'8362F7D17B5F503A049A31F62450DF4F4C157E84982173D4F2878209E87DDA83', 3, 'process 1 on a host', NULL, 1795526675060, 1795526675069, 1795526675166, 'null', NULL);
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 0, 0, 'before', 5, 1, 1795526674838, 1795526674857, '{"token":"f2e1c8e0b20bfb7dfa652795161ddeea2d165d52","deadline":4795526674838}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 1, 0, 'go', 5, 1, 1795526674857, 1795526674920, '{"token":"702361b82cf6483ab6c267424c8b649bd9bf7bca","deadline":4795526674857,"note":"really?"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('answered', 2, 0, 'after', 5, 1, 1795526674920, 1795526674935, '{"token":"aea7d65af03f22817f98ed3a5b1e20dae2543851","deadline":4795526674920}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('asked', 0, 0, 'before', 5, 1, 1795526674815, 1795526674822, '{"token":"40663ed4c1b67af1e55ed7ba399480c574ff5cd1","deadline":4795526674815}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('asked', 1, 0, 'go', 2, 1, 1795526674822, NULL, '{"token":"ea52547b3a17dbbde64351fabcad5dee14e32bf2","deadline":4795526674822,"note":"really?"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('cancelled', 0, 0, 'before', 5, 1, 1795526674895, 1795526674902, '{"token":"3fe8f294c7e1c9ef874635d5bb129c40d50e0c42","deadline":4795526674895}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('cancelled', 1, 0, 'go', 8, 1, 1795526674902, NULL, '{"token":"5e5e53b6a177262d56b27538e5bd4c6efb77897a","deadline":4795526674902,"note":"really?"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('doubted', 0, 0, 'act', 4, 1, 1795526675034, NULL, '{"token":"4eda6f067c63bf32977f0010aed729c7d4446e12","deadline":4795526675034}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('failed', 0, 0, 'before', 5, 1, 1795526674962, 1795526674973, '{"token":"129519686c4a95b0fb87acaae00c97d3263bb1b8","deadline":4795526674962}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('failed', 1, 0, 'denied', 6, 2, 1795526675009, 1795526675014, '{"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","deadline":4795526675009}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 0, 0, 'read', 5, 1, 1795526674719, 1795526674725, '{"token":"070b83cb04fe3f028f6368376c802c294a8e9ac3","deadline":4795526674719}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 1, -1, 'unless', 7, 0, NULL, NULL, '{"items":null,"skipped":true}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, -1, 'each', 5, 0, NULL, NULL, '{"items":3,"skipped":false}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 0, 'each', 5, 1, 1795526674741, 1795526674756, '{"token":"8412f27581f0049709bab3f6afe8d5d0e807f022","deadline":4795526674741}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 1, 'each', 5, 1, 1795526674741, 1795526674756, '{"token":"f691fda2ba44bcf2a7f68372b786929aca28095a","deadline":4795526674741}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 2, 2, 'each', 5, 1, 1795526674756, 1795526674763, '{"token":"4493645c27839eb970ae7e2106423941e0fcc858","deadline":4795526674756}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 3, 0, 'again', 5, 2, 1795526674763, 1795526674791, '{"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","deadline":4795526674763,"note":"pending"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 4, 0, 'nap', 5, 1, 1795526674791, 1795526674793, '{"token":"399176a061008ee758f268e1b0c8aa019c4a5f16","deadline":4795526674791,"note":"its time"}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 5, 0, 'sub', 5, 1, 1795526674793, 1795526674805, '{"token":"1292880c2a9e4f48f9ab6ea5faa30977b3c03845","deadline":4795526674793}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted', 6, 0, 'cut', 1, 1, 1795526674806, NULL, '{"token":"9c7f00d6abcc6ca5431dca9427d50be2d623a71f","deadline":4795526674806}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('interrupted.sub', 0, 0, 'inner', 5, 1, 1795526674798, 1795526674803, '{"token":"b19faaf8c14e4dd1d574f835e5a1c845c85c6b99","deadline":4795526674798}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('resolved', 0, 0, 'act', 5, 1, 1795526675070, 1795526675134, '{"token":"c1f98148b5df54812ec8db07b0779cd383bbc1ef","deadline":4795526675070}');
INSERT INTO step (run, step, item, id, status, attempt, started, finished, body) VALUES ('resolved', 1, 0, 'after', 5, 1, 1795526675134, 1795526675166, '{"token":"6f31964bfd15fa6badb23011742edc8ca2202aa7","deadline":4795526675134}');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 1, 1795526674826, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'B56833213ED4D50C61CA0C3456DB579950DA69AA335F39E6A033FF9D019EF000');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 2, 1795526674838, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'DC015FD251C2396E05E39C105F44C4BDF730694966BB0B286B18B776E8C09CD2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 3, 1795526674838, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"f2e1c8e0b20bfb7dfa652795161ddeea2d165d52","inputs":{},"deadline":4795526674838}', X'0D9742564B6C0A98ED41E520C32915ADC454355271E52FA91050D08271EEAD59');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 4, 1795526674847, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'9073F548802B34B2898F9A3EDAFE7A23BE56EC8D05CD838FA291940BD6FC82F2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 5, 1795526674857, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'353ACED5E5B7ABA674F9FB60F1CDDC789DDB064B223BEF707C8DA087B52AA152');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 6, 1795526674857, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"702361b82cf6483ab6c267424c8b649bd9bf7bca","inputs":{"message":"really?"},"deadline":4795526674857}', X'1F6E9DFD8196A9D65C3659BA71BE334A8D22BBFE91DCEF61FFBFAEF2C99092F5');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 7, 1795526674857, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'55CF65151718F52D69A9F9E92E3377826F9B9BFA40E542AFEE81039C4C9D42D2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 8, 1795526674920, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'1E02CFEC8B45C13667347EA5208C01EB66597736DC1D0DCB33777EFF3E91AC4C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 9, 1795526674920, 2, 'answered', 'go', NULL, NULL, '{"kind":"answered","step":"go","actor":"tester","granted":true,"comment":"yes"}', X'B3755DBE3411D2B8D5A4921401825AA455BE6D7EAF1FA79C4622132821CB4410');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 10, 1795526674920, 2, 'succeeded', 'go', NULL, 1, '{"kind":"succeeded","step":"go","attempt":1,"outputs":{"at":"2026-11-24T13:24:34.913Z","by":"tester","comment":"yes"},"effect":"none"}', X'A44500D82368467D1359AA61347DD86B4A49452877E16DEA41DB641D79B039CD');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 11, 1795526674920, 2, 'attempt_started', 'after', NULL, 1, '{"kind":"attempt_started","step":"after","attempt":1,"token":"aea7d65af03f22817f98ed3a5b1e20dae2543851","inputs":{},"deadline":4795526674920}', X'4D5392035A8327C0F3461F14C06C4F2C72D81C0B2AE66CAFB2BF2A8C5149D424');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 12, 1795526674927, 2, 'observed', 'after', NULL, 1, '{"kind":"observed","step":"after","attempt":1,"before":null}', X'E7DBE3931EC9C45DAA22E7835633F64369A9BDB16F67866E77E7BBF3A3D9D559');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 13, 1795526674935, 2, 'succeeded', 'after', NULL, 1, '{"kind":"succeeded","step":"after","attempt":1,"outputs":{"made":"after","value":null},"effect":"changed"}', X'A276114EE3CBE67ACDA9D9BA418756CCC414F192F1905FE9E5DAF2832514CF7D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('answered', 14, 1795526674935, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'E488D89B6E73B2126C400092E28E1C04D6FB48CD35D3BB5AD47E90AC36C385A9');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 1, 1795526674813, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'4C337A8DBC4A2FB06BD0ECA86D1D8C3D65795F8AD64A14CCE60D51039E9DDCD5');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 2, 1795526674815, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'4E13143F5A042CE4BACD10020645B6E004E38BF515FEA165FBD8E84107B228AA');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 3, 1795526674815, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"40663ed4c1b67af1e55ed7ba399480c574ff5cd1","inputs":{},"deadline":4795526674815}', X'279CD5D5A90C69C787668A368BEC833971D9A964163CBEC0FF927CFFD1612DCD');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 4, 1795526674816, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'0F251FBC99998E186408C3770EA06B356CDE3B625F737ED4306E2A0E8AB807BF');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 5, 1795526674822, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'9FE2468983E51351CEAB018CD09459BB9030167C9B0BCF0DA16C9703E72D1794');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 6, 1795526674822, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"ea52547b3a17dbbde64351fabcad5dee14e32bf2","inputs":{"message":"really?"},"deadline":4795526674822}', X'147C45ADCB5B4DAAEBAD4722F319F5EB7DC8348E7011916C970205B4AC4B9289');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('asked', 7, 1795526674822, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'04DB9676D25B78F07C812CACC84B9E3F02255C76504419F897AA81C034621374');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 1, 1795526674870, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'8B5684F70D50626A6C70D76ACE8891C046E2B409AF412B567B6CFDA18329E79B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 2, 1795526674894, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'C46050B2453F36AB86BF0E43A872DB0F8AA5DD129041FC83253D7AED94059635');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 3, 1795526674895, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"3fe8f294c7e1c9ef874635d5bb129c40d50e0c42","inputs":{},"deadline":4795526674895}', X'E823D60600753C86339C50EC41815513D18729E6D87EF3EE99651EFA8F2812DC');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 4, 1795526674898, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'12E70AD498A533767ADF5F5E122BB373AA160877C0CCC3BCCB99B87D04AF8C9D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 5, 1795526674902, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'C51D4DF142050A480A2B297C27014E7772E35A7A5B5C1746F8E66C796000C7CC');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 6, 1795526674902, 1, 'attempt_started', 'go', NULL, 1, '{"kind":"attempt_started","step":"go","attempt":1,"token":"5e5e53b6a177262d56b27538e5bd4c6efb77897a","inputs":{"message":"really?"},"deadline":4795526674902}', X'63F5204F86D2FBFE9C950C882036AE232FB05CB5E0417EDEC1C25312CAD24910');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 7, 1795526674902, 1, 'waiting', 'go', NULL, 1, '{"kind":"waiting","step":"go","attempt":1,"note":"really?"}', X'1B9D1BCABDB2E8D150D71C2950EB416A765F5E66A36FA27B81005235DA12D09B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 8, 1795526674946, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'5D88F7D0A0C30B51B2E77365789AF11324601633E244B0ABB2C4E7DC5FC02682');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 9, 1795526674946, 2, 'cancel_requested', NULL, NULL, NULL, '{"kind":"cancel_requested","actor":"tester"}', X'45A5B48125AB0B731DFA8E26B5DB3EC2ABB61B9CFA9D39393ECA5EB820C35CF2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 10, 1795526674946, 2, 'step_cancelled', 'go', NULL, NULL, '{"kind":"step_cancelled","step":"go"}', X'2D22AF45A7287B7685F8A99282BE55A529878DD948799A155607D8800184A8C0');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('cancelled', 11, 1795526674946, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"cancelled"}', X'5D6EEE4F212B14F57CC77F78A582DDB094A009534D1EE65A8C6AE2D98F762D6B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 1, 1795526675019, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'05DC84ADC6B8A997BDC861F2EC629F9A8D34ABBE984F82AD3B878D100BFF079A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 2, 1795526675033, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'BFCC8D469F2832E267FEFC21052B2D62E05AA0AC420C13DCA33D99A6BC7DE761');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 3, 1795526675034, 1, 'attempt_started', 'act', NULL, 1, '{"kind":"attempt_started","step":"act","attempt":1,"token":"4eda6f067c63bf32977f0010aed729c7d4446e12","inputs":{"hang":true},"deadline":4795526675034}', X'BF8064953B3588B47F07B7F1D252502578511F4E7859BF29FEBA3D707C053821');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 4, 1795526675047, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'E418D5C5ACBE45A8B5BBB3BF5E532BE51640097AA911BF0AF8038A1FE99E818E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('doubted', 5, 1795526675054, 2, 'in_doubt', 'act', NULL, 1, '{"kind":"in_doubt","step":"act","attempt":1,"why":"an earlier call of it may have had its effect"}', X'8FDA0F417D704B6706FC9C5C455C9C7DC501F0FFDC7278F43F8E17694EAE750E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 1, 1795526674952, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'D1AA968CA2918F00BCE218B7AA306356890CCB320942C9C5BB09136F3A086311');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 2, 1795526674962, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'DBA88ACB808F941ECC67A2BBE4D3846661AC93925E235E704DF9702F8D1E7383');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 3, 1795526674962, 1, 'attempt_started', 'before', NULL, 1, '{"kind":"attempt_started","step":"before","attempt":1,"token":"129519686c4a95b0fb87acaae00c97d3263bb1b8","inputs":{},"deadline":4795526674962}', X'9247E429ECFF41890053D56C2986745F25EA438383E48ADFF0654AC2C2CE0815');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 4, 1795526674971, 1, 'observed', 'before', NULL, 1, '{"kind":"observed","step":"before","attempt":1,"before":null}', X'AA0C7911C857DFA976578BC7C06E0B4396111D4CE3C80A8586E445E7D9A4554C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 5, 1795526674973, 1, 'succeeded', 'before', NULL, 1, '{"kind":"succeeded","step":"before","attempt":1,"outputs":{"made":"before","value":null},"effect":"changed"}', X'C55305092595558330274EBF0F5678EF4503157103F33AA557E4944BD8A62128');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 6, 1795526674974, 1, 'attempt_started', 'denied', NULL, 1, '{"kind":"attempt_started","step":"denied","attempt":1,"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","inputs":{"deny":true},"deadline":4795526674974}', X'09D485E4BAD8A8129287AD44CD0FEFA7B5FCF5C70B2654849E848910073288DE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 7, 1795526674985, 1, 'observed', 'denied', NULL, 1, '{"kind":"observed","step":"denied","attempt":1,"before":null}', X'202D3CC0204340BB5C3DC778B3A74DF1BAA0C9639C6646ED2F001F6C5275AD5B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 8, 1795526674994, 1, 'failed', 'denied', NULL, 1, '{"kind":"failed","step":"denied","attempt":1,"fault":{"kind":"denied","message":"not yours","executed":"no"}}', X'6E984AF4E07C9E58D61EEB7150D1CA2AA98E9247650EF21C7E169DDF30D19C2A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 9, 1795526674994, 1, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"failed"}', X'55E37536A5B7A70C28051C6F89C4243C2326CB2473D702B88C3BFEFAC6AE1D0A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 10, 1795526675004, 2, 'reopened', NULL, NULL, NULL, '{"kind":"reopened","actor":"tester"}', X'DD4FA734BA940C669F6C7C2741055C586260E7F82ADE162634F5F4919803B3F7');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 11, 1795526675004, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'C1A78BE241F5D8EA672D6F14426D0BF7D07B77000C8D000218A62BA25EC3C5E6');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 12, 1795526675009, 2, 'attempt_started', 'denied', NULL, 2, '{"kind":"attempt_started","step":"denied","attempt":2,"token":"868eb4bd447ef745b3d01879f77501ab8e71c4c7","deadline":4795526675009}', X'B5ADD68827DD9A43900C2C5E608AD60532D357E087B854AA3C336B5D00EEB90C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 13, 1795526675014, 2, 'failed', 'denied', NULL, 2, '{"kind":"failed","step":"denied","attempt":2,"fault":{"kind":"denied","message":"not yours","executed":"no"}}', X'87BA91F6765986DA2B9290199F03BB3ABBCC3528B7F6D66F2D599BBFE3C1C8C1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('failed', 14, 1795526675014, 2, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"failed"}', X'DB4A74FD5B626E163829EE437416C65888E34BE7A33E390C9057C03D87F824F6');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 1, 1795526674695, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'64AE2BD4D329A926E517CA889A28B979EE70AFE3D811775355BC085A5FE515B1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 2, 1795526674718, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'3C571C31DB2159F426BED1B4DA05D58F42DC62C801A2C9A0C0ED35B72B47E544');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 3, 1795526674719, 1, 'attempt_started', 'read', NULL, 1, '{"kind":"attempt_started","step":"read","attempt":1,"token":"070b83cb04fe3f028f6368376c802c294a8e9ac3","inputs":{"value":1},"deadline":4795526674719}', X'98AA8B2B6DDDFAB8E1C0A3BCCA0E36759A001F8C4708003128DF14058A03635B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 4, 1795526674725, 1, 'succeeded', 'read', NULL, 1, '{"kind":"succeeded","step":"read","attempt":1,"outputs":{"made":"read","value":1},"effect":"none"}', X'3DFEC0DCE582B8186581546C1E824CA01EA7A6F842E05E22C587C5911FB0EC39');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 5, 1795526674738, 1, 'skipped', 'unless', NULL, NULL, '{"kind":"skipped","step":"unless","reason":"condition","saw":{}}', X'1E61A3C9FF49B8A1CAA93FA6908451180E96739B62A9E1938EF352B4B232BE75');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 6, 1795526674740, 1, 'expanded', 'each', NULL, NULL, '{"kind":"expanded","step":"each","items":["a","b","c"]}', X'97FA7460DD7553435E3504D7332FB78487E3432559F4B1D7438D6F5B289F121A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 7, 1795526674741, 1, 'attempt_started', 'each', 0, 1, '{"kind":"attempt_started","step":"each","item":0,"attempt":1,"token":"8412f27581f0049709bab3f6afe8d5d0e807f022","inputs":{"value":"a"},"deadline":4795526674741}', X'9150246BF511CBBE470DB70952184D65FFC1CB61CA96310EB15BA804AB0761C2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 8, 1795526674741, 1, 'attempt_started', 'each', 1, 1, '{"kind":"attempt_started","step":"each","item":1,"attempt":1,"token":"f691fda2ba44bcf2a7f68372b786929aca28095a","inputs":{"value":"b"},"deadline":4795526674741}', X'1BE12F88CFFD0204B3D0C2443E25B64745F449C1F8CF6326BBB2738C46E1F36D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 9, 1795526674753, 1, 'observed', 'each', 0, 1, '{"kind":"observed","step":"each","item":0,"attempt":1,"before":null}', X'1D27166E5439DF92D9EAD4F1E64EB87653C0E3FE154FA59179EF80DB24B2CBD2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 10, 1795526674754, 1, 'observed', 'each', 1, 1, '{"kind":"observed","step":"each","item":1,"attempt":1,"before":null}', X'1A4EE6565F7E490EE016891A24A71E497652EED2B806C6351D557B060B4617F8');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 11, 1795526674756, 1, 'succeeded', 'each', 0, 1, '{"kind":"succeeded","step":"each","item":0,"attempt":1,"outputs":{"made":"each[0]","value":"a"},"effect":"changed"}', X'E22D99EDA526574033DF7D24EB507545C4427A60267591770FBBBC0A00B09D4F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 12, 1795526674756, 1, 'succeeded', 'each', 1, 1, '{"kind":"succeeded","step":"each","item":1,"attempt":1,"outputs":{"made":"each[1]","value":"b"},"effect":"changed"}', X'3512161936FB90511792595A6AA822393DFC8B1602684C16F561F27F4896F2D1');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 13, 1795526674756, 1, 'attempt_started', 'each', 2, 1, '{"kind":"attempt_started","step":"each","item":2,"attempt":1,"token":"4493645c27839eb970ae7e2106423941e0fcc858","inputs":{"value":"c"},"deadline":4795526674756}', X'7A97362E4038D0A4E0C667847F1F6DE017157CE6E016915F1B50C55045079AE7');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 14, 1795526674758, 1, 'observed', 'each', 2, 1, '{"kind":"observed","step":"each","item":2,"attempt":1,"before":null}', X'BE248B3E8518542B5740EE2C51B7CC4DA1BEF8F1CC71D5327B0A7E6631B29840');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 15, 1795526674763, 1, 'succeeded', 'each', 2, 1, '{"kind":"succeeded","step":"each","item":2,"attempt":1,"outputs":{"made":"each[2]","value":"c"},"effect":"changed"}', X'6062BA83ADACD26018C1FFED132990212A5731B8008792F4BE354BEFEEC6E440');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 16, 1795526674763, 1, 'attempt_started', 'again', NULL, 1, '{"kind":"attempt_started","step":"again","attempt":1,"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","inputs":{"slow":true,"throttle":1},"deadline":4795526674763}', X'E6A844277ECA0E02B8BE5B07E5CB4CC291A7CD4FFCEE8DB9AF5D81820958621D');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 17, 1795526674774, 1, 'observed', 'again', NULL, 1, '{"kind":"observed","step":"again","attempt":1,"before":null}', X'B0DF12B4478C088AFADDD1997ADBAC2BFDAFBD7BC93D7F45A368FCDAF76F165C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 18, 1795526674775, 1, 'attempt_failed', 'again', NULL, 1, '{"kind":"attempt_failed","step":"again","attempt":1,"fault":{"kind":"throttled","message":"slow down","executed":"no"},"retry_at":1795526674776}', X'045207EBE0E1BF767440A9FADAD9565E8C08B0CBFD808D7F0F4A546C8F1E1947');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 19, 1795526674777, 1, 'attempt_started', 'again', NULL, 2, '{"kind":"attempt_started","step":"again","attempt":2,"token":"fcd28a86d908f92e97f494575b73deb100ed52cf","deadline":4795526674763}', X'B703C4C0ACE40D6DEE2D0F38DDF7204401C70DD7A68B41240EA0D7B2F3452B42');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 20, 1795526674787, 1, 'waiting', 'again', NULL, 2, '{"kind":"waiting","step":"again","attempt":2,"until":1795526674789,"note":"pending"}', X'B569B31242C0E1810527183D7A897D97E3106735C625831543524EE3F7C9B3E2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 21, 1795526674790, 1, 'woken', 'again', NULL, 2, '{"kind":"woken","step":"again","attempt":2}', X'A38FDE43D5A80790B58B6A9531D06D21B57539D676E121BC317221D8C5A8DA16');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 22, 1795526674791, 1, 'succeeded', 'again', NULL, 2, '{"kind":"succeeded","step":"again","attempt":2,"outputs":{"made":"again","value":null},"effect":"changed"}', X'AA1C12BAD87A0BF4FB8351FE9B1AC89EE03905317116B1E2A64FE9D268690478');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 23, 1795526674791, 1, 'marked', 'again', NULL, NULL, '{"kind":"marked","name":"decision","reached":1795526674791,"step":"again"}', X'C16A9137C6A588FDAE9A7B3064040B39A3BF8A5962DB7BCA9D7643B34254C2D8');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 24, 1795526674791, 1, 'attempt_started', 'nap', NULL, 1, '{"kind":"attempt_started","step":"nap","attempt":1,"token":"399176a061008ee758f268e1b0c8aa019c4a5f16","inputs":{"for":"2ms"},"deadline":4795526674791}', X'CB0CAF679D2927EF94BE46D1DBC9288437AC98414703E669D516E11E76B4757E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 25, 1795526674791, 1, 'waiting', 'nap', NULL, 1, '{"kind":"waiting","step":"nap","attempt":1,"until":1795526674793,"note":"its time"}', X'37BB8AEACE950E4798E7A7C340C5E5A15F2FBA2DE63DEBD6A026917BF0D8A9C2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 26, 1795526674793, 1, 'succeeded', 'nap', NULL, 1, '{"kind":"succeeded","step":"nap","attempt":1,"outputs":{"waited":"2ms"},"effect":"none"}', X'0DE6CAFD981298D9E65E986645C301192A8D955E852EAED51D91C9457B99CC61');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 27, 1795526674793, 1, 'attempt_started', 'sub', NULL, 1, '{"kind":"attempt_started","step":"sub","attempt":1,"token":"1292880c2a9e4f48f9ab6ea5faa30977b3c03845","inputs":{"file":"child.yaml"},"deadline":4795526674793}', X'7C86F32950C4D0ADAC88690B5A9B1EB959CAABDC25AB1B80CBDF87C429AF40CF');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 28, 1795526674805, 1, 'succeeded', 'sub', NULL, 1, '{"kind":"succeeded","step":"sub","attempt":1,"outputs":{"run_id":"interrupted.sub"},"effect":"changed"}', X'C228286DCA3D3233E7FEBCE79DD00F93781F102056EEA81FCB06CE15AD4B050F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 29, 1795526674806, 1, 'attempt_started', 'cut', NULL, 1, '{"kind":"attempt_started","step":"cut","attempt":1,"token":"9c7f00d6abcc6ca5431dca9427d50be2d623a71f","inputs":{"hang":true,"value":"again"},"deadline":4795526674806}', X'0972F6B7E533B0AE95AFE66767D57ED45CE250E33E57209DD2B46F70989EC882');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted', 30, 1795526674806, 1, 'observed', 'cut', NULL, 1, '{"kind":"observed","step":"cut","attempt":1,"before":null}', X'0DD68FDA3CA400F56E74F6A389D2196AAB140734E1539A21FEA531411DB81A4F');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 1, 1795526674797, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"run interrupted","runbook":"child","environment":"dev","params":{}}', X'2F7DA3209799C0FAC64B7F5FEB55273E7D7B2CE51D3B3FF927EE6E9C8B0D1025');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 2, 1795526674798, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"run interrupted","epoch":1}', X'AA2898D5866F099A419E17F3FD17B4122E14137717AA9E242E324C6122221940');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 3, 1795526674798, 1, 'attempt_started', 'inner', NULL, 1, '{"kind":"attempt_started","step":"inner","attempt":1,"token":"b19faaf8c14e4dd1d574f835e5a1c845c85c6b99","inputs":{},"deadline":4795526674798}', X'8D4693DED80C34DC813330F711C9CE98A568B753DE7C135EB8A74DEACE57958B');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 4, 1795526674802, 1, 'observed', 'inner', NULL, 1, '{"kind":"observed","step":"inner","attempt":1,"before":null}', X'C1B0E5218B1CE8A2E78863914613EE56460CD8D6FED79142AB7CFC88432124C2');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 5, 1795526674803, 1, 'succeeded', 'inner', NULL, 1, '{"kind":"succeeded","step":"inner","attempt":1,"outputs":{"made":"inner","value":null},"effect":"changed"}', X'23F075A80E0F1D7C6C1AFE9926D1560D0852CDBFC393F90AD26F085A129A3D22');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('interrupted.sub', 6, 1795526674803, 1, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'30865F0C2B9374DF2EF103D5FCBC5404B83B1B957162F501A94007DB7DF7EA32');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 1, 1795526675060, 0, 'created', NULL, NULL, NULL, '{"kind":"created","actor":"tester","runbook":"recorded","environment":"dev","params":{}}', X'76E943036A849E30CC41C75650BB10B348235803922EDB60DBB99D88C0255C04');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 2, 1795526675069, 1, 'started', NULL, NULL, NULL, '{"kind":"started","actor":"tester","epoch":1}', X'4806F6E36E6185EEF7528B1A5B5FA916E01623DD9F9677020DBA1F97CEB127DB');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 3, 1795526675070, 1, 'attempt_started', 'act', NULL, 1, '{"kind":"attempt_started","step":"act","attempt":1,"token":"c1f98148b5df54812ec8db07b0779cd383bbc1ef","inputs":{"hang":true},"deadline":4795526675070}', X'DD7342C0FEF071871BD98D73718663402F8FD0869EE19449AFD764BBFB41DCFE');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 4, 1795526675101, 2, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":2}', X'2884D9B341B9EF1062DCFF86250527FAE72A342F527B1EDC867FB06DC5E3922A');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 5, 1795526675110, 2, 'in_doubt', 'act', NULL, 1, '{"kind":"in_doubt","step":"act","attempt":1,"why":"an earlier call of it may have had its effect"}', X'B8949E07EA04E98BF9E9117E2F6333D74B4DB5D361F3724853181F292492F01C');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 6, 1795526675134, 3, 'resumed', NULL, NULL, NULL, '{"kind":"resumed","actor":"tester","epoch":3}', X'3451C5E578ADAC47A30F3CA21B6448D38F06778FB4C976654C99F3E5483A68A3');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 7, 1795526675134, 3, 'resolved', 'act', NULL, NULL, '{"kind":"resolved","step":"act","actor":"tester","how":"done","reason":"seen"}', X'C3F1A1489F2EA6373D82F0799D72AAF6C4A588E32C202925806F11871B54882E');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 8, 1795526675134, 3, 'succeeded', 'act', NULL, 1, '{"kind":"succeeded","step":"act","attempt":1,"outputs":{},"effect":"changed"}', X'BC68DF19C07C9FF0110930F667BFFD43813308C20F2A3E39B61805E24BFD0F43');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 9, 1795526675134, 3, 'attempt_started', 'after', NULL, 1, '{"kind":"attempt_started","step":"after","attempt":1,"token":"6f31964bfd15fa6badb23011742edc8ca2202aa7","inputs":{},"deadline":4795526675134}', X'BC6249A2AA60BD55AB3530D5E54DADCD4DCDCE116DDED0DF47E980F60797EA01');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 10, 1795526675159, 3, 'observed', 'after', NULL, 1, '{"kind":"observed","step":"after","attempt":1,"before":null}', X'27BABE9B69C6EF201DD1334B060CA28C816626EBFA70E01E39719469CDA1FFB7');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 11, 1795526675166, 3, 'succeeded', 'after', NULL, 1, '{"kind":"succeeded","step":"after","attempt":1,"outputs":{"made":"after","value":null},"effect":"changed"}', X'A93E61408C4ADD3172DB89E4272011D66913DDC6B0D65E804E59DC67E251FB15');
INSERT INTO event (run, seq, at, epoch, kind, step, item, attempt, body, hash) VALUES ('resolved', 12, 1795526675166, 3, 'finished', NULL, NULL, NULL, '{"kind":"finished","status":"succeeded"}', X'8362F7D17B5F503A049A31F62450DF4F4C157E84982173D4F2878209E87DDA83');
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('answered', 'after', 0, 1, 0, 'aea7d65af03f22817f98ed3a5b1e20dae2543851', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526674920, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('answered', 'before', 0, 1, 0, 'f2e1c8e0b20bfb7dfa652795161ddeea2d165d52', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526674838, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('asked', 'before', 0, 1, 0, '40663ed4c1b67af1e55ed7ba399480c574ff5cd1', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526674815, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('cancelled', 'before', 0, 1, 0, '3fe8f294c7e1c9ef874635d5bb129c40d50e0c42', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526674895, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('doubted', 'act', 0, 1, 0, '4eda6f067c63bf32977f0010aed729c7d4446e12', 'c05bb0b02b269642fe989100fb0fd566b8332c91f7a26a44d24b523acb15056c', 4795526675034, 3, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'before', 0, 1, 0, '129519686c4a95b0fb87acaae00c97d3263bb1b8', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526674962, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'denied', 0, 1, 0, '868eb4bd447ef745b3d01879f77501ab8e71c4c7', '6d36fc4c3573e3f13bee4831983329260d0ce48881b2120cdc469709e7f6630f', 4795526674974, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('failed', 'denied', 0, 2, 0, '868eb4bd447ef745b3d01879f77501ab8e71c4c7', '6d36fc4c3573e3f13bee4831983329260d0ce48881b2120cdc469709e7f6630f', 4795526675009, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'again', 0, 1, 0, 'fcd28a86d908f92e97f494575b73deb100ed52cf', '69ad00574f357f5a38b87038f943a0815a7ba357a2dd14dc57cf88488a51e295', 4795526674763, 2, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'again', 0, 2, 0, 'fcd28a86d908f92e97f494575b73deb100ed52cf', '69ad00574f357f5a38b87038f943a0815a7ba357a2dd14dc57cf88488a51e295', 4795526674763, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'cut', 0, 1, 0, '9c7f00d6abcc6ca5431dca9427d50be2d623a71f', '3b30ac672e2757d458b59f5cceb39b4fbb6e3446f3cb210ade2be8ea828ed539', 4795526674806, 0, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 0, 1, 0, '8412f27581f0049709bab3f6afe8d5d0e807f022', 'd6d61f963ecf125d1b48333b18082156319c1202d1f886057da0ca987c3dff25', 4795526674741, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 1, 1, 0, 'f691fda2ba44bcf2a7f68372b786929aca28095a', 'f0caa459faf743b9d3933c93b2d718db8fb42c1fbbcaa74ab4e4fa7b247d64ca', 4795526674741, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted', 'each', 2, 1, 0, '4493645c27839eb970ae7e2106423941e0fcc858', '0a82199766ffbfe60684902683bd162cacc5e2645ebfdf056df1333861b83f19', 4795526674756, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('interrupted.sub', 'inner', 0, 1, 0, 'b19faaf8c14e4dd1d574f835e5a1c845c85c6b99', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526674798, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('resolved', 'act', 0, 1, 0, 'c1f98148b5df54812ec8db07b0779cd383bbc1ef', 'c05bb0b02b269642fe989100fb0fd566b8332c91f7a26a44d24b523acb15056c', 4795526675070, 1, NULL, NULL);
INSERT INTO effect (run, step, item, attempt, call, token, request, deadline, state, request_id, resource) VALUES ('resolved', 'after', 0, 1, 0, '6f31964bfd15fa6badb23011742edc8ca2202aa7', '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', 4795526675134, 1, NULL, NULL);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('answered', 'go', 0, 'really?', 1795526674857, NULL, 1795526674920);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('asked', 'go', 0, 'really?', 1795526674822, NULL, NULL);
INSERT INTO approval (run, step, item, message, asked, expires, answered) VALUES ('cancelled', 'go', 0, 'really?', 1795526674902, NULL, 1795526674946);
INSERT INTO lock (key, run, acquired) VALUES ('the-lock', 'interrupted', 1795526674695);
INSERT INTO signal (id, run, at, actor, body) VALUES (1, 'answered', 1795526674913, 'tester', '{"kind":"answer","step":"go","item":null,"granted":true,"comment":"yes","form":null}');
INSERT INTO signal (id, run, at, actor, body) VALUES (2, 'cancelled', 1795526674940, 'tester', '{"kind":"cancel","reason":null}');
INSERT INTO signal (id, run, at, actor, body) VALUES (3, 'resolved', 1795526675126, 'tester', '{"kind":"resolve","step":"act","item":null,"how":"done","outputs":{},"reason":"seen"}');
INSERT INTO sqlite_sequence (name, seq) VALUES ('signal', 3);
INSERT INTO lease (run, epoch, renewed) VALUES ('answered', 2, 1795526674918);
INSERT INTO lease (run, epoch, renewed) VALUES ('asked', 1, 1795526674814);
INSERT INTO lease (run, epoch, renewed) VALUES ('cancelled', 2, 1795526674944);
INSERT INTO lease (run, epoch, renewed) VALUES ('doubted', 2, 1795526675044);
INSERT INTO lease (run, epoch, renewed) VALUES ('failed', 2, 1795526674997);
INSERT INTO lease (run, epoch, renewed) VALUES ('interrupted', 1, 1795526674696);
INSERT INTO lease (run, epoch, renewed) VALUES ('interrupted.sub', 1, 1795526674797);
INSERT INTO lease (run, epoch, renewed) VALUES ('resolved', 3, 1795526675132);
COMMIT;
