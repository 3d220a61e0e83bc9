-- Sync by hand: it goes ahead of the timer, and tells what became of each chosen order.

ALTER TABLE channels ADD COLUMN wanted_until BIGINT NOT NULL DEFAULT 0;  -- a person waits for it; the timer stands back

CREATE TABLE run_orders (
    tenant TEXT COLLATE "C" NOT NULL,
    run BIGINT NOT NULL,
    line BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, run, line)
);
ALTER TABLE run_orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY migration ON run_orders TO CURRENT_USER USING (current_setting('statusync.scope', true) = 'migration');
CREATE POLICY own_tenant ON run_orders USING (tenant = nullif(current_setting('statusync.tenant', true), ''));

-- Orders that were delivered lately: buyers may still send them back.
ALTER TABLE orders ADD COLUMN delivered_at BIGINT;  -- the last package that is with the buyer got there; null if none is
UPDATE orders SET delivered_at = (
    SELECT max(floor(extract(epoch FROM coalesce(p ->> 'last_delivered_at', p ->> 'delivered_at',
                                                 p ->> 'dispatched_at')::timestamptz) * 1000)::bigint)
    FROM json_array_elements(orders.body::json -> 'packages') p WHERE p ->> 'status' = 'DELIVERED');
CREATE INDEX orders_delivered ON orders (tenant, channel, code, delivered_at) WHERE delivered_at IS NOT NULL;
