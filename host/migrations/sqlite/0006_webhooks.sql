-- Webhooks: what there is to tell, whom, and how telling it went.

ALTER TABLE tenants ADD COLUMN webhooks INTEGER NOT NULL DEFAULT 0;  -- how many it has; without any nothing is written down

CREATE TABLE webhooks (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,              -- JSON list of kinds; empty: all
    sealed BLOB NOT NULL,              -- its secrets
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,               -- absent: it is told
    disabled_because TEXT,
    failing_since INTEGER,             -- since then nothing got through
    due_at INTEGER,                    -- when there is something to send to it
    lease_holder TEXT,                 -- the host that sends to it
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX webhooks_due ON webhooks (due_at) WHERE disabled_at IS NULL AND due_at IS NOT NULL;

CREATE TABLE outbox (
    tenant TEXT NOT NULL,
    id INTEGER NOT NULL,
    event TEXT NOT NULL,               -- what receivers know it by
    kind TEXT NOT NULL,
    order_code TEXT NOT NULL,          -- empty if it is about no order
    lane INTEGER NOT NULL,             -- of one lane one after another; 0: in any order
    at INTEGER NOT NULL,
    body TEXT NOT NULL,                -- as it is sent
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_by_age ON outbox (tenant, at);

-- What each webhook is told. Nothing of an order stands here, so that a host may see whose turn it is.
CREATE TABLE deliveries (
    tenant TEXT NOT NULL,
    webhook TEXT NOT NULL,
    event INTEGER NOT NULL,            -- its id in the outbox
    lane INTEGER NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    begun_at INTEGER,                  -- the first attempt
    attempts INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER,                    -- the next attempt; absent while an earlier one of its lane waits, and once it is done
    ended_at INTEGER,
    log TEXT NOT NULL DEFAULT '[]',    -- the attempts, JSON
    PRIMARY KEY (tenant, webhook, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (tenant, webhook, due_at, event) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_waiting ON deliveries (tenant, webhook, lane, event, created_at) WHERE state = 'WAITING';
CREATE INDEX deliveries_failed ON deliveries (tenant, webhook, event) WHERE state = 'FAILED';
CREATE INDEX deliveries_by_event ON deliveries (tenant, event);
