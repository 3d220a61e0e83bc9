-- Sync by hand: it goes ahead of the timer, and tells what became of each chosen order.

ALTER TABLE channels ADD COLUMN wanted_until INTEGER NOT NULL DEFAULT 0;  -- a person waits for it; the timer stands back

CREATE TABLE run_orders (
    tenant TEXT NOT NULL,
    run INTEGER NOT NULL,
    line INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, run, line)
) STRICT, WITHOUT ROWID;

-- Orders that were delivered lately: buyers may still send them back.
ALTER TABLE orders ADD COLUMN delivered_at INTEGER;  -- the last package that is with the buyer got there; null if none is
UPDATE orders SET delivered_at = (
    SELECT max(CAST(unixepoch(coalesce(p.value ->> 'last_delivered_at', p.value ->> 'delivered_at',
                                       p.value ->> 'dispatched_at'), 'subsec') * 1000 AS INTEGER))
    FROM json_each(orders.body, '$.packages') p WHERE p.value ->> 'status' = 'DELIVERED');
CREATE INDEX orders_delivered ON orders (tenant, channel, code, delivered_at) WHERE delivered_at IS NOT NULL;
