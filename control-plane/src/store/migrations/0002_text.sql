-- What finished calls tell of their models' text, from which bytes per token are learned (ledger/text.rs). An
-- aggregate: written in the transaction that writes the calls, recomputed by `bursar rebuild --check`. It is filled
-- from the calls that the store has already.
--   model   the one that answered, else the one asked for; a call also counts under the one asked for where that is
--           another, and under 0, which is all models of the provider
CREATE TABLE by_day_text (
    day            INTEGER NOT NULL,
    provider       INTEGER NOT NULL,               -- words
    model          INTEGER NOT NULL,               -- words
    request_calls  INTEGER NOT NULL,               -- calls whose request was nothing but text and was read whole
    request_bytes  INTEGER NOT NULL,
    request_tokens INTEGER NOT NULL,               -- prompt tokens of those calls, cache included
    text_calls     INTEGER NOT NULL,               -- calls that generated nothing but text
    text_bytes     INTEGER NOT NULL,
    text_tokens    INTEGER NOT NULL,               -- generated tokens of those calls, hidden ones included
    PRIMARY KEY (day, provider, model)
) STRICT, WITHOUT ROWID;
