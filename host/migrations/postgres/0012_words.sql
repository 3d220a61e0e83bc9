-- expand
-- The words that orders are found by: of their codes, marketplace's ids, waybills and products (kind 0), and the facilities that
-- their items go out from (kind 1). It follows from the orders, and the program writes it with them.
CREATE TABLE order_words (
    tenant TEXT COLLATE "C" NOT NULL,
    kind SMALLINT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    code TEXT COLLATE "C" NOT NULL,  -- the order's
    PRIMARY KEY (tenant, kind, word, code)
);
ALTER TABLE order_words ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON order_words USING (tenant = nullif(current_setting('statusync.tenant', true), ''));
CREATE POLICY migration ON order_words TO CURRENT_USER USING (current_setting('statusync.scope', true) = 'migration');

-- The words of an order, as the program makes them: the value, and its rest behind each separator.
CREATE FUNCTION order_words_of(code TEXT, channel_order_id TEXT, body TEXT) RETURNS TABLE (kind SMALLINT, word TEXT)
LANGUAGE sql IMMUTABLE AS $$
    SELECT 0::smallint, left(lower(substr(v.value, s.at) COLLATE "C"), 64)
    FROM (SELECT code UNION SELECT channel_order_id
          UNION SELECT i ->> 'sku' FROM json_array_elements(body::json -> 'items') AS i
          UNION SELECT p ->> 'awb' FROM json_array_elements(body::json -> 'packages') AS p) AS v(value),
        translate(v.value, ' _/.', '----') AS t(shape),
        LATERAL (SELECT at FROM generate_series(1, length(v.value)) AS at
            WHERE at = 1 OR (substr(t.shape, at - 1, 1) = '-' AND substr(t.shape, at, 1) <> '-')
            ORDER BY at LIMIT 12) AS s
    UNION
    SELECT 1::smallint, left(i ->> 'facility', 64) FROM json_array_elements(body::json -> 'items') AS i
    WHERE i ->> 'facility' <> ''
$$;

-- A program of an earlier version, which may still be at work beside its successor, does not know of words: they are written
-- for it. The program that says that it writes them itself is left alone.
CREATE FUNCTION order_words_kept() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM order_words w USING (
            SELECT g.kind, g.word FROM order_words_of(OLD.code, OLD.channel_order_id, OLD.body) AS g
            EXCEPT SELECT n.kind, n.word FROM order_words_of(NEW.code, NEW.channel_order_id, NEW.body) AS n
                WHERE TG_OP = 'UPDATE') AS gone
        WHERE w.tenant = OLD.tenant AND w.kind = gone.kind AND w.word = gone.word AND w.code = OLD.code;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;
    INSERT INTO order_words (tenant, kind, word, code)
    SELECT NEW.tenant, n.kind, n.word, NEW.code FROM order_words_of(NEW.code, NEW.channel_order_id, NEW.body) AS n
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

-- First what is there, while the hosts go on; then the trigger, for which pages wait a moment; then what was written meanwhile.
SELECT set_config('statusync.filled', txid_snapshot_xmin(txid_current_snapshot())::text, true);
INSERT INTO order_words (tenant, kind, word, code)
SELECT o.tenant, w.kind, w.word, o.code FROM orders o, order_words_of(o.code, o.channel_order_id, o.body) AS w ORDER BY 1, 2, 3, 4;
CREATE TRIGGER order_words_kept AFTER INSERT OR UPDATE OF body OR DELETE ON orders FOR EACH ROW
    WHEN (current_setting('statusync.words', true) IS DISTINCT FROM 'program')
    EXECUTE FUNCTION order_words_kept();
INSERT INTO order_words (tenant, kind, word, code)
SELECT o.tenant, w.kind, w.word, o.code FROM orders o, order_words_of(o.code, o.channel_order_id, o.body) AS w
WHERE age(o.xmin) <= age((current_setting('statusync.filled')::bigint & 4294967295)::text::xid)
ON CONFLICT DO NOTHING;
ANALYZE order_words;
