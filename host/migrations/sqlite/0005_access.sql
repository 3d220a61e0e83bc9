-- Who may use the host: keys of programs, people with their roles and sessions, and who did what.

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,      -- empty: every tenant
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,      -- JSON list
    hash BLOB NOT NULL,        -- SHA-256 of the key; the key itself is kept nowhere
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant, id);

-- Requests that carry an Idempotency-Key, with the answer that a repetition gets.
CREATE TABLE requests (
    owner TEXT NOT NULL,       -- whose key it is: no two callers share keys
    request_key TEXT NOT NULL,
    fingerprint BLOB NOT NULL, -- SHA-256 of what was asked
    created_at INTEGER NOT NULL,
    held_until INTEGER NOT NULL,
    status INTEGER,            -- absent while it is being answered
    answer BLOB,               -- sealed: it may show a secret that is shown once
    PRIMARY KEY (owner, request_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_age ON requests (created_at);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,       -- lower case
    name TEXT NOT NULL,
    password TEXT NOT NULL,           -- argon2id, as a PHC string
    created_at INTEGER NOT NULL,
    password_set_at INTEGER NOT NULL,
    must_change_password INTEGER NOT NULL DEFAULT 0,
    disabled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE roles (
    user_id TEXT NOT NULL,
    tenant TEXT NOT NULL,             -- empty: every tenant
    role TEXT NOT NULL,
    PRIMARY KEY (user_id, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX roles_by_tenant ON roles (tenant, user_id);

CREATE TABLE sessions (
    hash BLOB NOT NULL PRIMARY KEY,   -- SHA-256 of the token
    user_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE actions (
    tenant TEXT NOT NULL,             -- empty: of the host as a whole
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,                -- key:…, user:…
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
