-- Webhooks: what there is to tell, whom, and how telling it went.

ALTER TABLE tenants ADD COLUMN webhooks BIGINT NOT NULL DEFAULT 0;  -- how many it has; without any nothing is written down

CREATE TABLE webhooks (
    tenant TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    label TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,              -- JSON list of kinds; empty: all
    sealed BYTEA NOT NULL,             -- its secrets
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,                -- absent: it is told
    disabled_because TEXT,
    failing_since BIGINT,              -- since then nothing got through
    due_at BIGINT,                     -- when there is something to send to it
    lease_holder TEXT,                 -- the host that sends to it
    lease_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 50);
CREATE INDEX webhooks_due ON webhooks (due_at) WHERE disabled_at IS NULL AND due_at IS NOT NULL;

-- Entries are numbered over all tenants. Those of one tenant are numbered while its webhooks' rows are held, so that they
-- are committed in the order of their numbers.
CREATE SEQUENCE outbox_ids;

CREATE TABLE outbox (
    tenant TEXT COLLATE "C" NOT NULL,
    id BIGINT NOT NULL DEFAULT nextval('outbox_ids'),
    event TEXT COLLATE "C" NOT NULL,   -- what receivers know it by
    kind TEXT COLLATE "C" NOT NULL,
    order_code TEXT COLLATE "C" NOT NULL,  -- empty if it is about no order
    lane BIGINT NOT NULL,              -- of one lane one after another; 0: in any order
    at BIGINT NOT NULL,
    body TEXT NOT NULL,                -- as it is sent
    PRIMARY KEY (tenant, id)
);
CREATE INDEX outbox_by_age ON outbox (tenant, at);

-- What each webhook is told. Nothing of an order stands here, so that a host may see whose turn it is.
CREATE TABLE deliveries (
    tenant TEXT COLLATE "C" NOT NULL,
    webhook TEXT COLLATE "C" NOT NULL,
    event BIGINT NOT NULL,             -- its id in the outbox
    lane BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    begun_at BIGINT,                   -- the first attempt
    attempts BIGINT NOT NULL DEFAULT 0,
    due_at BIGINT,                     -- the next attempt; absent while an earlier one of its lane waits, and once it is done
    ended_at BIGINT,
    log TEXT NOT NULL DEFAULT '[]',    -- the attempts, JSON
    PRIMARY KEY (tenant, webhook, event)
) WITH (fillfactor = 80);
CREATE INDEX deliveries_due ON deliveries (tenant, webhook, due_at, event) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_waiting ON deliveries (tenant, webhook, lane, event, created_at) WHERE state = 'WAITING';
CREATE INDEX deliveries_failed ON deliveries (tenant, webhook, event) WHERE state = 'FAILED';
CREATE INDEX deliveries_by_event ON deliveries (tenant, event);

-- The host sees which webhooks and deliveries are due, of all tenants; what is told it sees as the tenant only.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['webhooks', 'outbox', 'deliveries']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format($policy$CREATE POLICY own_tenant ON %I
            USING (tenant = nullif(current_setting('statusync.tenant', true), ''))$policy$, name);
        EXECUTE format($policy$CREATE POLICY migration ON %I TO CURRENT_USER
            USING (current_setting('statusync.scope', true) = 'migration')$policy$, name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['webhooks', 'deliveries']
    LOOP
        EXECUTE format($policy$CREATE POLICY host_reads ON %I FOR SELECT
            USING (current_setting('statusync.scope', true) = 'host')$policy$, name);
    END LOOP;
END $$;
