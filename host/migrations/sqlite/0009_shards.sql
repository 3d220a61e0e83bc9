-- A tenant may be on its way into this database or out of it.
ALTER TABLE tenants ADD COLUMN moving TEXT;  -- LEAVING, LEFT, ARRIVING; null: it is here

-- Which other database a tenant is in. Only PostgreSQL has others beside it; here it stays empty.
CREATE TABLE placements (
    code TEXT NOT NULL PRIMARY KEY,  -- the tenant's
    place TEXT NOT NULL,             -- the URL; empty: this database
    other TEXT,                      -- while it moves: where to, and once it has got there, where from
    phase TEXT                       -- while it moves: COPYING, then CLEARING
) STRICT, WITHOUT ROWID;
