-- The schedule at scale: due tasks are looked for connector by connector, and tasks know how far their data is complete.

ALTER TABLE tasks ADD COLUMN connector TEXT COLLATE "C" NOT NULL DEFAULT '';  -- the channel's
ALTER TABLE tasks ADD COLUMN complete_until BIGINT;                           -- everything up to here has been read and applied
UPDATE tasks SET
    connector = coalesce((SELECT c.connector FROM channels c WHERE c.tenant = tasks.tenant AND c.code = tasks.channel), ''),
    complete_until = (mark::json ->> 'complete_until')::bigint;
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (connector, next_run_at, tenant, channel, task) WHERE enabled;

-- A person who asks for the same run twice gets the one that was made.
ALTER TABLE runs ADD COLUMN request_key TEXT COLLATE "C";
CREATE UNIQUE INDEX runs_by_request ON runs (tenant, request_key) WHERE request_key IS NOT NULL;

-- Accounts and connectors that are not asked for a while, because nobody answered.
CREATE TABLE breakers (
    subject TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);
ALTER TABLE breakers ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY of_host ON breakers USING (current_setting('statusync.scope', true) = 'host');

-- The order of each item, by the marketplace's ids: some of its lists name the item only. Of two orders with the same item
-- the first is kept.
CREATE TABLE order_items (
    tenant TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    channel_item_id TEXT COLLATE "C" NOT NULL,
    channel_order_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, channel, channel_item_id)
);
ALTER TABLE order_items ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY migration ON order_items TO CURRENT_USER USING (current_setting('statusync.scope', true) = 'migration');
CREATE POLICY own_tenant ON order_items USING (tenant = nullif(current_setting('statusync.tenant', true), ''));
