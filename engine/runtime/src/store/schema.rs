//! The tables. STRICT, with integers for status and time.

/// Marks a file as ours: "rbk1".
pub(super) const APPLICATION_ID: i64 = 0x7262_6b31;

/// Version of the tables below. Migrations are added, never changed.
pub(super) const VERSION: i64 = 3;

/// From the empty file on: one script for each version.
pub(super) const MIGRATIONS: [&str; 3] = [V1, V2, V3];

const V1: &str = "
CREATE TABLE definition (
  hash TEXT PRIMARY KEY,
  body TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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
CREATE INDEX run_created ON run(created);
CREATE INDEX run_parent ON run(parent) WHERE parent IS NOT NULL;

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

CREATE TABLE blob (
  hash TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
  id INTEGER PRIMARY KEY,
  run TEXT NOT NULL REFERENCES run(id),
  step TEXT NOT NULL,
  item INTEGER,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  line TEXT NOT NULL
) STRICT;
CREATE INDEX log_run ON log(run, id);

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

CREATE TABLE lock (
  key TEXT PRIMARY KEY,
  run TEXT NOT NULL REFERENCES run(id),
  acquired INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE signal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run TEXT NOT NULL REFERENCES run(id),
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
CREATE INDEX signal_run ON signal(run, id);
";

/// Leases, the lock that a run wants, and the queue for locks.
const V2: &str = "
ALTER TABLE run ADD COLUMN lock TEXT; -- key of the lock that it holds while it is live

CREATE TABLE lease (
  run TEXT PRIMARY KEY REFERENCES run(id),
  epoch INTEGER NOT NULL,
  renewed INTEGER NOT NULL            -- a new owner may come when this is too long ago
) STRICT, WITHOUT ROWID;

CREATE TABLE lock_queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL,
  waiter TEXT NOT NULL UNIQUE,
  seen INTEGER NOT NULL               -- a waiter that is not heard of loses its place
) STRICT;

UPDATE run SET lock = (SELECT key FROM lock WHERE lock.run = run.id);

-- A step's body no longer repeats what its columns say, nor names what is not there.
UPDATE step SET body = json_remove(json_patch('{}', body), '$.attempt', '$.status') WHERE item >= 0;
";

/// What plugins keep between runs. Journals of this version may hold notes of attempts in flight.
const V3: &str = "
CREATE TABLE plugin_kv (
  environment TEXT NOT NULL,
  plugin TEXT NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (environment, plugin, key)
) STRICT, WITHOUT ROWID;
";
