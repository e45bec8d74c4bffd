-- A reader that takes more from the same text reads it again.
ALTER TABLE price_imports ADD COLUMN reader INTEGER;      -- prices::READER; NULL: before there was one
ALTER TABLE price_imports ADD COLUMN format TEXT;         -- litellm, openrouter, ...

-- Rows that an import would end, where nothing of its source changes without approval. They hold until then.
CREATE TABLE price_removals (
    price  INTEGER PRIMARY KEY,                            -- prices
    import INTEGER NOT NULL                                -- price_imports: the newest that does without it
) STRICT, WITHOUT ROWID;
CREATE INDEX price_removals_by_import ON price_removals (import);

-- When a source was last read and found to say what is known of it. A text that did not change makes no import.
CREATE TABLE price_checks (
    source     TEXT    NOT NULL,
    location   TEXT    NOT NULL,                           -- the address or file of the policy; empty: by hand
    digest     TEXT    NOT NULL,                           -- SHA-256 of the text
    reader     INTEGER NOT NULL,
    checked_at INTEGER NOT NULL,
    PRIMARY KEY (source, location)
) STRICT, WITHOUT ROWID;

CREATE INDEX prices_waiting ON prices (import) WHERE status = 'proposed';
