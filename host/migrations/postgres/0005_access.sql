-- Who may use the host: keys of programs, people with their roles and sessions, and who did what.

CREATE TABLE api_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    tenant TEXT COLLATE "C" NOT NULL,  -- empty: every tenant
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,              -- JSON list
    hash BYTEA NOT NULL,               -- SHA-256 of the key; the key itself is kept nowhere
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant, id);

-- Requests that carry an Idempotency-Key, with the answer that a repetition gets.
CREATE TABLE requests (
    owner TEXT COLLATE "C" NOT NULL,        -- whose key it is: no two callers share keys
    request_key TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,             -- SHA-256 of what was asked
    created_at BIGINT NOT NULL,
    held_until BIGINT NOT NULL,
    status BIGINT,                          -- absent while it is being answered
    answer BYTEA,                           -- sealed: it may show a secret that is shown once
    PRIMARY KEY (owner, request_key)
);
CREATE INDEX requests_by_age ON requests (created_at);

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    login TEXT COLLATE "C" NOT NULL UNIQUE,  -- lower case
    name TEXT NOT NULL,
    password TEXT NOT NULL,                  -- argon2id, as a PHC string
    created_at BIGINT NOT NULL,
    password_set_at BIGINT NOT NULL,
    must_change_password BOOLEAN NOT NULL DEFAULT false,
    disabled_at BIGINT
);

CREATE TABLE roles (
    user_id TEXT COLLATE "C" NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL,  -- empty: every tenant
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, tenant)
);
CREATE INDEX roles_by_tenant ON roles (tenant, user_id);

CREATE TABLE sessions (
    hash BYTEA NOT NULL PRIMARY KEY,   -- SHA-256 of the token
    user_id TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE actions (
    tenant TEXT COLLATE "C" NOT NULL,  -- empty: of the host as a whole
    id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,                 -- key:…, user:…
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Callers are known before it is known for which tenant they ask, so all of this is the host's. What belongs to a tenant
-- goes with it, so the tenant's own transactions reach that too.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['api_keys', 'requests', 'users', 'roles', 'sessions', 'actions']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format($policy$CREATE POLICY of_host ON %I
            USING (current_setting('statusync.scope', true) = 'host')$policy$, name);
        EXECUTE format($policy$CREATE POLICY migration ON %I TO CURRENT_USER
            USING (current_setting('statusync.scope', true) = 'migration')$policy$, name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['api_keys', 'roles', 'actions']
    LOOP
        EXECUTE format($policy$CREATE POLICY own_tenant ON %I
            USING (tenant = nullif(current_setting('statusync.tenant', true), ''))$policy$, name);
    END LOOP;
END $$;
