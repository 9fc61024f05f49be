-- The durable memory, first version.
--
-- `address` and `scope` columns hold the JSON of an address, which is the same text for the same place. The scope of
-- a conversation and of a generation may name a person as well.
-- Other JSON: inbox.inbound, runs.{reply_to,thread,outcome,progress,usage,actions},
-- outbox.reply_to, outbox_part.{body,state}, question.{question,answer}.
-- Directories are BLOBs, because a path need not be UTF-8. Times are milliseconds since 1970-01-01 UTC.
-- `place` is the inbound after which something stands in its chat's history; 0 is before the first.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: a number is never given twice, not even after its row was swept.
CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    instance    TEXT NOT NULL,
    upstream    TEXT NOT NULL,
    address     TEXT NOT NULL,
    chat        TEXT NOT NULL,
    message     TEXT NOT NULL,
    type        TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending', -- or run, done, ignored, cancelled
    said        INTEGER NOT NULL,                -- whether the chat's history shows it
    accepted_at INTEGER NOT NULL,
    inbound     TEXT NOT NULL,
    UNIQUE (instance, upstream)
) STRICT;
CREATE INDEX inbox_pending ON inbox (id) WHERE state = 'pending';
CREATE INDEX inbox_pending_message ON inbox (instance, chat, message) WHERE state = 'pending';
CREATE INDEX inbox_said ON inbox (address, id) WHERE said = 1;
CREATE INDEX inbox_settled ON inbox (accepted_at) WHERE state IN ('done', 'ignored', 'cancelled');

CREATE TABLE runs (
    seq       INTEGER PRIMARY KEY, -- the order of opening
    id        TEXT NOT NULL UNIQUE,
    state     TEXT NOT NULL DEFAULT 'open', -- or answered, ended
    address   TEXT NOT NULL,
    place     INTEGER NOT NULL,
    reply_to  TEXT,
    engine    TEXT NOT NULL,
    thread    TEXT NOT NULL,
    project   TEXT,
    branch    TEXT,
    dir       BLOB,
    session   TEXT,
    prompt    TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    outcome   TEXT,
    answer    TEXT,
    progress  TEXT,
    handle    TEXT,
    usage     TEXT,
    steps     INTEGER NOT NULL DEFAULT 0,
    actions   TEXT NOT NULL DEFAULT '[]',
    ended_at  INTEGER
) STRICT;
CREATE INDEX runs_unfinished ON runs (seq) WHERE state <> 'ended';
CREATE INDEX runs_said ON runs (address, place, seq);
CREATE INDEX runs_ended ON runs (ended_at) WHERE state = 'ended';
CREATE INDEX runs_session ON runs (engine, session) WHERE session IS NOT NULL;

CREATE TABLE run_inbox (
    run      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    inbox    INTEGER NOT NULL UNIQUE REFERENCES inbox (id) ON DELETE CASCADE,
    PRIMARY KEY (run, position)
) STRICT, WITHOUT ROWID;

-- The messages of a run: what it answers, its progress, its posts. The thread is no part of their identity.
CREATE TABLE message_ref (
    instance TEXT NOT NULL,
    chat     TEXT NOT NULL,
    message  TEXT NOT NULL,
    run      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (instance, chat, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_ref_run ON message_ref (run);

CREATE TABLE question (
    seq      INTEGER PRIMARY KEY, -- the order of asking
    run      TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    question TEXT NOT NULL,
    answer   TEXT,
    UNIQUE (run, key)
) STRICT;

-- `run` is no foreign key: a post may outlive its run in the memory.
CREATE TABLE outbox (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    address   TEXT NOT NULL,
    place     INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    run       TEXT,
    said      INTEGER NOT NULL, -- whether history shows it beside the runs
    reply_to  TEXT,
    notify    INTEGER NOT NULL,
    progress  TEXT NOT NULL,
    revises   INTEGER,
    posted_at INTEGER NOT NULL,
    closed    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_unfinished ON outbox (id) WHERE closed = 0;
CREATE INDEX outbox_owed ON outbox (run) WHERE closed = 0;
CREATE INDEX outbox_closed ON outbox (posted_at) WHERE closed = 1;
CREATE INDEX outbox_said ON outbox (address, place, id) WHERE said = 1;

CREATE TABLE outbox_part (
    outbox INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    part   INTEGER NOT NULL,
    body   TEXT NOT NULL,
    state  TEXT NOT NULL,
    PRIMARY KEY (outbox, part)
) STRICT;

-- Which spooled files a post needs; the path is below the spool folder.
CREATE TABLE spooled (
    outbox INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    path   BLOB NOT NULL,
    PRIMARY KEY (outbox, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX spooled_path ON spooled (path);

CREATE TABLE session (
    engine  TEXT NOT NULL,
    token   TEXT NOT NULL,
    project TEXT,
    branch  TEXT,
    cwd     BLOB,
    mode    TEXT,
    host    TEXT,
    PRIMARY KEY (engine, token)
) STRICT, WITHOUT ROWID;

-- The running conversation of a scope, per engine.
CREATE TABLE conversation (
    scope  TEXT NOT NULL,
    engine TEXT NOT NULL,
    token  TEXT NOT NULL,
    PRIMARY KEY (scope, engine),
    FOREIGN KEY (engine, token) REFERENCES session (engine, token)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversation_session ON conversation (engine, token);

CREATE TABLE generation (
    scope      TEXT PRIMARY KEY,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `engine` is empty where the preference is not per engine.
CREATE TABLE preference (
    scope  TEXT NOT NULL,
    key    TEXT NOT NULL,
    engine TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (scope, key, engine)
) STRICT, WITHOUT ROWID;

CREATE TABLE cursor (
    instance TEXT PRIMARY KEY,
    cursor   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE kv (
    namespace TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;

-- The chats people wrote in, for lists.
CREATE TABLE chat (
    address  TEXT PRIMARY KEY,
    instance TEXT NOT NULL,
    title    TEXT NOT NULL,
    last_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_latest ON chat (instance, last_at DESC, address);
