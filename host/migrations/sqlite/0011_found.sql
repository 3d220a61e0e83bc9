-- expand
-- The few orders that wait for the seller's word are found without reading all.
CREATE INDEX orders_on_hold ON orders (tenant, code) WHERE body ->> 'on_hold' = 1;
