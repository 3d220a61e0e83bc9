-- What people look at in the console.

-- Filters of orders that somebody gave a name.
CREATE TABLE saved_filters (
    tenant TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    query TEXT NOT NULL,     -- as it stands in the address
    who TEXT NOT NULL,       -- user:…
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- The orders that changed last. Those that are as they were imported cost nothing here.
CREATE INDEX orders_by_change ON orders (tenant, changed_at, code) WHERE changed_at IS NOT NULL;

ALTER TABLE saved_filters ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON saved_filters
    USING (tenant = nullif(current_setting('statusync.tenant', true), ''));
CREATE POLICY migration ON saved_filters TO CURRENT_USER
    USING (current_setting('statusync.scope', true) = 'migration');
