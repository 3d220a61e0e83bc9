-- Times are milliseconds since 1970 UTC. `body` columns hold the JSON of the record that the table is named after;
-- the columns beside it are derived from it, to find rows by. Text is compared by its bytes, as SQLite does.

CREATE TABLE tenants (
    tenant TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    live BOOLEAN NOT NULL,
    putaways BIGINT NOT NULL DEFAULT 0,  -- the last PA number given
    conflicts BIGINT NOT NULL DEFAULT 0  -- the last CF number given
);

CREATE TABLE facilities (
    tenant TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
);

CREATE TABLE sequences (
    tenant TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, owner, kind)
);

CREATE TABLE stock (
    tenant TEXT COLLATE "C" NOT NULL,
    facility TEXT COLLATE "C" NOT NULL,
    sku TEXT COLLATE "C" NOT NULL,
    on_hand BIGINT NOT NULL,
    blocked BIGINT NOT NULL,
    shortfall BIGINT NOT NULL,
    PRIMARY KEY (tenant, facility, sku)
) WITH (fillfactor = 80);

CREATE TABLE channels (
    tenant TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    connector TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    body TEXT NOT NULL,
    lease_epoch BIGINT NOT NULL DEFAULT 0,  -- rises with each claim
    lease_holder TEXT,
    lease_since BIGINT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, code)
) WITH (fillfactor = 50);  -- each lease rewrites its row five times a run

CREATE TABLE orders (
    tenant TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    channel_order_id TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    is_open BOOLEAN NOT NULL,                -- an item has not left and still may
    is_moving BOOLEAN NOT NULL,              -- a package is on its way, or a return is open
    returned_not_received BOOLEAN NOT NULL,
    open_conflicts BIGINT NOT NULL,
    putaways_due BIGINT NOT NULL,
    shortfall BIGINT NOT NULL,               -- units that left although the books had none
    changed_at BIGINT,
    seen BIGINT,                             -- fingerprint of what the channel last said
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX orders_by_channel ON orders (tenant, channel, channel_order_id);
CREATE INDEX orders_open ON orders (tenant, channel, code) WHERE is_open;
CREATE INDEX orders_moving ON orders (tenant, channel, code) WHERE is_moving;
CREATE INDEX orders_by_status ON orders (tenant, status, code);
CREATE INDEX orders_in_conflict ON orders (tenant, code) WHERE open_conflicts > 0;
CREATE INDEX orders_putaway_due ON orders (tenant, code) WHERE putaways_due > 0;
CREATE INDEX orders_shortfall ON orders (tenant, code) WHERE shortfall > 0;
CREATE INDEX orders_not_received ON orders (tenant, code) WHERE returned_not_received;

CREATE TABLE invoices (
    tenant TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    financial_year TEXT COLLATE "C" NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    order_code TEXT COLLATE "C" NOT NULL,  -- empty if no order of the tenant has the package
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, owner, kind, financial_year, number)
);
CREATE INDEX invoices_by_order ON invoices (tenant, order_code);

CREATE TABLE putaways (
    tenant TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    order_code TEXT COLLATE "C" NOT NULL,
    due BOOLEAN NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
);
CREATE INDEX putaways_by_order ON putaways (tenant, order_code);
CREATE INDEX putaways_due ON putaways (tenant, code) WHERE due;

CREATE TABLE conflicts (
    tenant TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    order_code TEXT COLLATE "C" NOT NULL,
    open BOOLEAN NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
);
CREATE INDEX conflicts_by_order ON conflicts (tenant, order_code);
CREATE INDEX conflicts_open ON conflicts (tenant, code) WHERE open;

CREATE TABLE parked (
    tenant TEXT COLLATE "C" NOT NULL,
    id BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    channel_order_id TEXT COLLATE "C" NOT NULL,
    cause TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX parked_by_order ON parked (tenant, channel, channel_order_id);

CREATE TABLE history (
    tenant TEXT COLLATE "C" NOT NULL,
    id BIGINT NOT NULL,
    order_code TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX history_by_order ON history (tenant, order_code, id);

CREATE TABLE tasks (
    tenant TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    task TEXT COLLATE "C" NOT NULL,
    enabled BOOLEAN NOT NULL,
    interval_ms BIGINT NOT NULL,
    window_ms BIGINT,
    next_run_at BIGINT NOT NULL,
    running BIGINT,       -- the run that is on
    last TEXT,            -- the last finished run, JSON
    consecutive_failures BIGINT NOT NULL DEFAULT 0,
    mark TEXT,            -- how far the task has come, JSON
    PRIMARY KEY (tenant, channel, task)
) WITH (fillfactor = 70);
CREATE INDEX tasks_due ON tasks (next_run_at) WHERE enabled;

-- Runs are numbered over all tenants. A number that was drawn and not used is not given again.
CREATE SEQUENCE run_ids;

CREATE TABLE runs (
    tenant TEXT COLLATE "C" NOT NULL,
    id BIGINT NOT NULL DEFAULT nextval('run_ids'),
    channel TEXT COLLATE "C" NOT NULL,
    task TEXT COLLATE "C",
    set_off_by TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    result TEXT,
    message TEXT NOT NULL DEFAULT '',
    counts TEXT NOT NULL DEFAULT '{}',
    calls BIGINT NOT NULL DEFAULT 0,
    retries BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX runs_by_id ON runs (id);
CREATE INDEX runs_by_channel ON runs (tenant, channel, id);

CREATE TABLE run_lines (
    tenant TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    line BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, run, line)
);

CREATE TABLE secrets (
    tenant TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant, channel, name)
);

CREATE TABLE tokens (
    tenant TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, channel)
);

CREATE TABLE buckets (
    account TEXT COLLATE "C" NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    full_at BIGINT NOT NULL,  -- when the bucket is full again if nothing is taken
    PRIMARY KEY (account, operation)
) WITH (fillfactor = 50);

-- The walls between tenants. A transaction says for whom it is: for one tenant, whose rows are then all there is, or for
-- the host. The host sees what the schedule needs of all tenants, and its own tables; nothing of orders. Both settings end
-- with the transaction. FORCE, since otherwise the tables' owner would not be held by them; migrations, which only the owner
-- can make, say that they are one.
DO $$
DECLARE name TEXT;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'facilities', 'sequences', 'stock', 'channels', 'orders', 'invoices', 'putaways',
        'conflicts', 'parked', 'history', 'tasks', 'runs', 'run_lines', 'secrets', 'tokens']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format($policy$CREATE POLICY own_tenant ON %I
            USING (tenant = nullif(current_setting('statusync.tenant', true), ''))$policy$, name);
        EXECUTE format($policy$CREATE POLICY migration ON %I TO CURRENT_USER
            USING (current_setting('statusync.scope', true) = 'migration')$policy$, name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['tenants', 'channels', 'tasks', 'runs']
    LOOP
        EXECUTE format($policy$CREATE POLICY host_reads ON %I FOR SELECT
            USING (current_setting('statusync.scope', true) = 'host')$policy$, name);
    END LOOP;
    EXECUTE 'ALTER TABLE buckets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY';
    EXECUTE $policy$CREATE POLICY of_host ON buckets
        USING (current_setting('statusync.scope', true) = 'host')$policy$;
END $$;
