-- Times are milliseconds since 1970 UTC. `body` columns hold the JSON of the record that the table is named after;
-- the columns beside it are derived from it, to find rows by.

CREATE TABLE tenants (
    tenant TEXT NOT NULL PRIMARY KEY,
    live INTEGER NOT NULL,
    putaways INTEGER NOT NULL DEFAULT 0,  -- the last PA number given
    conflicts INTEGER NOT NULL DEFAULT 0  -- the last CF number given
) STRICT, WITHOUT ROWID;

CREATE TABLE facilities (
    tenant TEXT NOT NULL,
    code TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE sequences (
    tenant TEXT NOT NULL,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, owner, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE stock (
    tenant TEXT NOT NULL,
    facility TEXT NOT NULL,
    sku TEXT NOT NULL,
    on_hand INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    shortfall INTEGER NOT NULL,
    PRIMARY KEY (tenant, facility, sku)
) STRICT, WITHOUT ROWID;

CREATE TABLE channels (
    tenant TEXT NOT NULL,
    code TEXT NOT NULL,
    connector TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    body TEXT NOT NULL,
    lease_epoch INTEGER NOT NULL DEFAULT 0,  -- rises with each claim
    lease_holder TEXT,
    lease_since INTEGER,
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    tenant TEXT NOT NULL,
    code TEXT NOT NULL,
    channel TEXT NOT NULL,
    channel_order_id TEXT NOT NULL,
    status TEXT NOT NULL,
    is_open INTEGER NOT NULL,                -- an item has not left and still may
    is_moving INTEGER NOT NULL,              -- a package is on its way, or a return is open
    returned_not_received INTEGER NOT NULL,
    open_conflicts INTEGER NOT NULL,
    putaways_due INTEGER NOT NULL,
    shortfall INTEGER NOT NULL,              -- units that left although the books had none
    changed_at INTEGER,
    seen INTEGER,                            -- fingerprint of what the channel last said
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
) STRICT;
CREATE UNIQUE INDEX orders_by_channel ON orders (tenant, channel, channel_order_id);
CREATE INDEX orders_open ON orders (tenant, channel, code) WHERE is_open = 1;
CREATE INDEX orders_moving ON orders (tenant, channel, code) WHERE is_moving = 1;
CREATE INDEX orders_by_status ON orders (tenant, status, code);
CREATE INDEX orders_in_conflict ON orders (tenant, code) WHERE open_conflicts > 0;
CREATE INDEX orders_putaway_due ON orders (tenant, code) WHERE putaways_due > 0;
CREATE INDEX orders_shortfall ON orders (tenant, code) WHERE shortfall > 0;
CREATE INDEX orders_not_received ON orders (tenant, code) WHERE returned_not_received = 1;

CREATE TABLE invoices (
    tenant TEXT NOT NULL,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    financial_year TEXT NOT NULL,
    number TEXT NOT NULL,
    order_code TEXT NOT NULL,  -- empty if no order of the tenant has the package
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, owner, kind, financial_year, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX invoices_by_order ON invoices (tenant, order_code);

CREATE TABLE putaways (
    tenant TEXT NOT NULL,
    code TEXT NOT NULL,
    order_code TEXT NOT NULL,
    due INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX putaways_by_order ON putaways (tenant, order_code);
CREATE INDEX putaways_due ON putaways (tenant, code) WHERE due = 1;

CREATE TABLE conflicts (
    tenant TEXT NOT NULL,
    code TEXT NOT NULL,
    order_code TEXT NOT NULL,
    open INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, code)
) STRICT, WITHOUT ROWID;
CREATE INDEX conflicts_by_order ON conflicts (tenant, order_code);
CREATE INDEX conflicts_open ON conflicts (tenant, code) WHERE open = 1;

CREATE TABLE parked (
    tenant TEXT NOT NULL,
    id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    channel_order_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX parked_by_order ON parked (tenant, channel, channel_order_id);

CREATE TABLE history (
    tenant TEXT NOT NULL,
    id INTEGER NOT NULL,
    order_code TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX history_by_order ON history (tenant, order_code);

CREATE TABLE tasks (
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL,
    task TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    interval_ms INTEGER NOT NULL,
    window_ms INTEGER,
    next_run_at INTEGER NOT NULL,
    running INTEGER,      -- the run that is on
    last TEXT,            -- the last finished run, JSON
    consecutive_failures INTEGER NOT NULL DEFAULT 0,
    mark TEXT,            -- how far the task has come, JSON
    PRIMARY KEY (tenant, channel, task)
) STRICT, WITHOUT ROWID;
CREATE INDEX tasks_due ON tasks (next_run_at) WHERE enabled = 1;

CREATE TABLE runs (
    tenant TEXT NOT NULL,
    id INTEGER NOT NULL,
    channel TEXT NOT NULL,
    task TEXT,
    set_off_by TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    result TEXT,
    message TEXT NOT NULL DEFAULT '',
    counts TEXT NOT NULL DEFAULT '{}',
    calls INTEGER NOT NULL DEFAULT 0,
    retries INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX runs_by_id ON runs (id);
CREATE INDEX runs_by_channel ON runs (tenant, channel, id);

CREATE TABLE run_lines (
    tenant TEXT NOT NULL,
    run INTEGER NOT NULL,
    line INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, run, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, channel, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL,
    sealed BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE buckets (
    account TEXT NOT NULL,
    operation TEXT NOT NULL,
    full_at INTEGER NOT NULL,  -- when the bucket is full again if nothing is taken
    PRIMARY KEY (account, operation)
) STRICT, WITHOUT ROWID;
