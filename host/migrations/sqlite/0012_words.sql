-- expand
-- The words that orders are found by: of their codes, marketplace's ids, waybills and products (kind 0), and the facilities that
-- their items go out from (kind 1). It follows from the orders, and the program writes it with them; it fills it for those that
-- are there.
CREATE TABLE order_words (
    tenant TEXT NOT NULL,
    kind INTEGER NOT NULL,
    word TEXT NOT NULL,
    code TEXT NOT NULL,  -- the order's
    PRIMARY KEY (tenant, kind, word, code)
) STRICT, WITHOUT ROWID;
