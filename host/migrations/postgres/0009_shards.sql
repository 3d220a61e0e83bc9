-- A tenant may be on its way into this database or out of it.
ALTER TABLE tenants ADD COLUMN moving TEXT;  -- LEAVING, LEFT, ARRIVING; null: it is here

-- Which other database a tenant is in. Those without a row are in this one.
CREATE TABLE placements (
    code TEXT COLLATE "C" NOT NULL PRIMARY KEY,  -- the tenant's
    place TEXT NOT NULL,                         -- the URL; empty: this database
    other TEXT,                                  -- while it moves: where to, and once it has got there, where from
    phase TEXT                                   -- while it moves: COPYING, then CLEARING
);
ALTER TABLE placements ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY of_host ON placements USING (current_setting('statusync.scope', true) = 'host');
CREATE POLICY migration ON placements TO CURRENT_USER USING (current_setting('statusync.scope', true) = 'migration');
-- Of no tenant: who moves one holds this row.
INSERT INTO placements (code, place) VALUES ('', '');
