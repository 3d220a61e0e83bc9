-- What people look at in the console.

-- Filters of orders that somebody gave a name.
CREATE TABLE saved_filters (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    query TEXT NOT NULL,     -- as it stands in the address
    who TEXT NOT NULL,       -- user:…
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- The orders that changed last. Those that are as they were imported cost nothing here.
CREATE INDEX orders_by_change ON orders (tenant, changed_at, code) WHERE changed_at IS NOT NULL;
