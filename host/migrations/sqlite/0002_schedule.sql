-- The schedule at scale: due tasks are looked for connector by connector, and tasks know how far their data is complete.

ALTER TABLE tasks ADD COLUMN connector TEXT NOT NULL DEFAULT '';  -- the channel's
ALTER TABLE tasks ADD COLUMN complete_until INTEGER;              -- everything up to here has been read and applied
UPDATE tasks SET
    connector = coalesce((SELECT c.connector FROM channels c WHERE c.tenant = tasks.tenant AND c.code = tasks.channel), ''),
    complete_until = mark ->> '$.complete_until';
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (connector, next_run_at) WHERE enabled = 1;

-- A person who asks for the same run twice gets the one that was made.
ALTER TABLE runs ADD COLUMN request_key TEXT;
CREATE UNIQUE INDEX runs_by_request ON runs (tenant, request_key) WHERE request_key IS NOT NULL;

-- Accounts and connectors that are not asked for a while, because nobody answered.
CREATE TABLE breakers (
    subject TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The order of each item, by the marketplace's ids: some of its lists name the item only. Of two orders with the same item
-- the first is kept.
CREATE TABLE order_items (
    tenant TEXT NOT NULL,
    channel TEXT NOT NULL,
    channel_item_id TEXT NOT NULL,
    channel_order_id TEXT NOT NULL,
    PRIMARY KEY (tenant, channel, channel_item_id)
) STRICT, WITHOUT ROWID;
INSERT INTO order_items (tenant, channel, channel_item_id, channel_order_id)
SELECT o.tenant, o.channel, i.value ->> 'channel_item_id', o.channel_order_id
FROM orders o, json_each(o.body, '$.items') i WHERE i.value ->> 'channel_item_id' <> ''
ORDER BY o.rowid
ON CONFLICT DO NOTHING;
