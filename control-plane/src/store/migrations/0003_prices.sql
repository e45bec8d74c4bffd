-- Every rule of a price is data.
ALTER TABLE prices ADD COLUMN region   TEXT;     -- or, after a !, the one it is not for
ALTER TABLE prices ADD COLUMN marginal INTEGER;  -- 1: what is above the threshold pays the rate, not the whole request
ALTER TABLE prices ADD COLUMN hours    TEXT;     -- Asia/Shanghai mon-fri 16:30-00:30
ALTER TABLE prices ADD COLUMN contract TEXT;     -- a contract's rate, for that account or, where empty, for all

-- Why a call has the price it has, and what the provider says beside us.
ALTER TABLE calls ADD COLUMN matched       INTEGER;  -- protocol::price::MatchedBy; NULL: no price was looked for or found
ALTER TABLE calls ADD COLUMN reported_pico INTEGER;  -- what the provider says
ALTER TABLE calls ADD COLUMN computed_pico INTEGER;  -- what the price table says, where the provider said something too

-- A job that rated calls anew. What it changed is in `corrections`.
CREATE TABLE rerates (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    from_at  INTEGER NOT NULL,                     -- calls that started from here
    to_at    INTEGER NOT NULL,                     -- until before here
    selected TEXT    NOT NULL,                     -- JSON: which calls
    calls    INTEGER NOT NULL,                     -- looked at
    changed  INTEGER NOT NULL                      -- corrected
) STRICT;

ALTER TABLE corrections ADD COLUMN rerate   INTEGER;              -- rerates; NULL: another cause
ALTER TABLE corrections ADD COLUMN lines    BLOB;                 -- [protocol::rating::Line] since
ALTER TABLE corrections ADD COLUMN computed_pico INTEGER;         -- what the price table says since, beside the provider

-- A call as it stands since its last correction. The row itself, and its lines, are as they were booked. An end that
-- came late is booked in the row, so that only a re-rating stands beside it.
CREATE VIEW standing AS
    SELECT calls.*, s.id AS rerated,
        iif(s.id IS NULL, calls.cost_pico, s.after_pico) AS standing_pico,
        iif(s.id IS NULL, calls.unpriced, 0)             AS standing_unpriced,
        iif(s.id IS NULL, calls.computed_pico, s.computed_pico) AS standing_computed,
        s.lines                                          AS standing_lines
    FROM calls LEFT JOIN corrections s
        ON s.id = (SELECT max(id) FROM corrections WHERE call = calls.id) AND s.cause = 'rerate';

-- What a call was booked at first, beside what it costs since its last correction (`cost_pico`, `unpriced`).
ALTER TABLE by_task           ADD COLUMN original_unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task           ADD COLUMN original_pico     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN original_unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN original_pico     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer   ADD COLUMN original_unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer   ADD COLUMN original_pico     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature    ADD COLUMN original_unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature    ADD COLUMN original_pico     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route      ADD COLUMN original_unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route      ADD COLUMN original_pico     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model      ADD COLUMN original_unpriced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model      ADD COLUMN original_pico     INTEGER NOT NULL DEFAULT 0;
UPDATE by_task           SET original_unpriced = unpriced, original_pico = cost_pico;
UPDATE by_hour_workspace SET original_unpriced = unpriced, original_pico = cost_pico;
UPDATE by_day_customer   SET original_unpriced = unpriced, original_pico = cost_pico;
UPDATE by_day_feature    SET original_unpriced = unpriced, original_pico = cost_pico;
UPDATE by_day_route      SET original_unpriced = unpriced, original_pico = cost_pico;
UPDATE by_day_model      SET original_unpriced = unpriced, original_pico = cost_pico;

-- Every line of every call, by what makes its price: what the FOCUS export reads. units × rate is its cost. A line that
-- a re-rating took back counts negative, in the month of the re-rating.
CREATE TABLE by_day_charge (
    day        INTEGER NOT NULL,                   -- on which the call started
    corrected  INTEGER NOT NULL,                   -- 0: booked with the call; else the day of the re-rating
    customer   INTEGER NOT NULL,                   -- words
    provider   INTEGER NOT NULL,                   -- words
    model      INTEGER NOT NULL,                   -- words
    meter      INTEGER NOT NULL,                   -- words
    tier       INTEGER NOT NULL,                   -- words; 0: standard
    region     INTEGER NOT NULL,                   -- words; 0: not known
    price      INTEGER NOT NULL,                   -- prices; 0: none, the provider's word
    rate       INTEGER NOT NULL,                   -- pico-dollars per unit, as paid
    list_price INTEGER NOT NULL,                   -- prices; the same as `price` where there is no contract
    list_rate  INTEGER NOT NULL,
    lines      INTEGER NOT NULL,
    units      INTEGER NOT NULL,
    PRIMARY KEY (day, corrected, customer, provider, model, meter, tier, region, price, rate, list_price, list_rate)
) STRICT, WITHOUT ROWID;

-- Where the provider says what a call costs: its word beside ours.
CREATE TABLE by_day_reported (
    day           INTEGER NOT NULL,
    provider      INTEGER NOT NULL,                -- words
    model         INTEGER NOT NULL,                -- words
    calls         INTEGER NOT NULL,                -- that the provider priced
    uncomputed    INTEGER NOT NULL,                -- of them: that the price table does not price; in neither sum
    reported_pico INTEGER NOT NULL,                -- sums over those that both price
    computed_pico INTEGER NOT NULL,
    PRIMARY KEY (day, provider, model)
) STRICT, WITHOUT ROWID;

-- Unpriced traffic is looked for by time.
CREATE INDEX calls_unpriced ON calls (started_at) WHERE pricing <> 0;
