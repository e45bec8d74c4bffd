-- The store of one control plane. Written in one transaction per group of requests by one writer; see store.rs.
--
-- Conventions
--   time     INTEGER, nanoseconds since the Unix epoch, UTC; hour and day are whole hours and days since then.
--   money    INTEGER, pico-dollars. NULL is unknown; it is never 0 instead. Sums over rows are made in Rust (i128).
--   text     that repeats is a row of `words`, named by its id. 0 is no row of `words`: it means absent, so that a
--            key over several dimensions never holds a NULL (two NULLs would be two keys).
--   STRICT   because SQLite would otherwise turn an overflowing sum into a float, silently.

-- Every repeated text once: customers, workspaces, users, features, tasks, plans, providers, models, routes, caps,
-- subjects, nodes, boots, endings, outcomes, reasons. Ids rise in the order of first use, so what is keyed by them
-- grows at its end.
CREATE TABLE words (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- The ledger's calls, one row each. Ids are UUIDv7, so that new ones come at the end of the tree; that is what keeps
-- the claim of an id cheap at ten million calls.
CREATE TABLE calls (
    id             BLOB    NOT NULL PRIMARY KEY,   -- 16 bytes
    state          INTEGER NOT NULL,               -- 0 open, 1 finished, 2 orphaned, 3 refused
    day            INTEGER NOT NULL,               -- of started_at
    started_at     INTEGER NOT NULL,
    first_token_at INTEGER,
    finished_at    INTEGER,
    customer       INTEGER NOT NULL,               -- words; 0: unattributed
    workspace      INTEGER NOT NULL,               -- words
    user           INTEGER NOT NULL,               -- words
    feature        INTEGER NOT NULL,               -- words
    task           INTEGER NOT NULL,               -- words
    plan           INTEGER NOT NULL,               -- words; the customer's plan when the call was booked
    provider       INTEGER NOT NULL,               -- words
    model          INTEGER NOT NULL,               -- words; the model that answered, else the one asked for
    route          INTEGER NOT NULL,               -- words
    node           INTEGER NOT NULL,               -- words; the Envoy that reported it first,
    boot           INTEGER NOT NULL,               -- words; and its process
    request_hash   INTEGER,                        -- of request_id; the text is in details.head
    status         INTEGER,                        -- HTTP; 0: the client saw none
    ending         INTEGER NOT NULL,               -- words; 0 while open
    outcome        INTEGER NOT NULL,               -- words; 0 while open
    refused        INTEGER NOT NULL,               -- words; the reason
    usage_source   INTEGER NOT NULL,               -- words: reported, estimated, mixed, none; 0 while open
    tokens_in      INTEGER NOT NULL,               -- all prompt meters
    tokens_out     INTEGER NOT NULL,               -- all generated meters
    pricing        INTEGER,                        -- 0 priced, 1 unpriced, 2 ceiling; NULL while open
    unpriced       INTEGER NOT NULL,               -- words: no_model, no_rate:output, no_usage, too_large:input
    cost_pico      INTEGER,                        -- NULL: unpriced or open
    hold_pico      INTEGER,                        -- NULL: the filter knew no price
    settled_pico   INTEGER,                        -- what money caps are charged; NULL while open
    head_hash      INTEGER NOT NULL,               -- of the head that stands, to tell a repeat from a conflict
    end_hash       INTEGER                         -- of the end that stands; NULL while open or orphaned
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_by_time     ON calls (started_at);
CREATE INDEX calls_by_customer ON calls (customer, started_at);
CREATE INDEX calls_by_task     ON calls (task, started_at) WHERE task <> 0;
-- The day leads, so that random request ids spread over one day's part of the tree and not over all of it.
CREATE INDEX calls_by_request  ON calls (day, request_hash) WHERE request_hash IS NOT NULL;
CREATE INDEX calls_open        ON calls (started_at) WHERE state = 0;

-- What only the drill-down of one call reads. All MessagePack with field names.
CREATE TABLE details (
    id      BLOB NOT NULL PRIMARY KEY,             -- calls.id
    head    BLOB NOT NULL,                         -- protocol::event::CallHead
    end     BLOB,                                  -- protocol::event::CallEnd
    lines   BLOB,                                  -- [protocol::rating::Line]
    charges BLOB                                   -- [ledger::Charge]: cap, subject, window, held
) STRICT, WITHOUT ROWID;

-- A call that is booked otherwise than it was first. Append-only.
CREATE TABLE corrections (
    id          INTEGER PRIMARY KEY,
    call        BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    cause       TEXT    NOT NULL,                  -- late_end: it ended after it had been closed as orphaned
    before_pico INTEGER,
    after_pico  INTEGER
) STRICT;
CREATE INDEX corrections_by_call ON corrections (call);

-- What applications say their tasks were worth. The highest revision stands.
CREATE TABLE outcomes (
    task     INTEGER NOT NULL,                     -- words
    revision INTEGER NOT NULL,
    outcome  TEXT    NOT NULL,                     -- succeeded, failed, abandoned, voided
    reason   TEXT,
    at       INTEGER NOT NULL,
    PRIMARY KEY (task, revision)
) STRICT, WITHOUT ROWID;

-- What a customer really paid in a period; overrides the plan's price.
CREATE TABLE revenue (
    customer    INTEGER NOT NULL,                  -- words
    period      TEXT    NOT NULL,                  -- 2026-11
    amount_pico INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (customer, period)
) STRICT, WITHOUT ROWID;

-- Aggregates. Written in the transaction that writes the calls they count; `bursar rebuild --check` recomputes them.
-- Each counts calls that ended, by the time they started:
--   calls         admitted and ended (finished or orphaned)
--   refused       refused
--   errors        of calls: outcome error, timed_out or invalid_json
--   unpriced      of calls: cost unknown, so not in cost_pico
--   estimated     of calls: some of their units, or all, are estimates
--   unattributed  of calls and refused: no customer
--   tokens_in, tokens_out, cost_pico   sums over calls

CREATE TABLE by_task (
    task         INTEGER NOT NULL PRIMARY KEY,     -- words
    first_call   BLOB    NOT NULL,                 -- the lowest id,
    customer     INTEGER NOT NULL,                 -- and who that call was for
    workspace    INTEGER NOT NULL,
    feature      INTEGER NOT NULL,
    plan         INTEGER NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    errors       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unattributed INTEGER NOT NULL,
    tokens_in    INTEGER NOT NULL,
    tokens_out   INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL
) STRICT;
CREATE INDEX by_task_last ON by_task (last_at);

CREATE TABLE by_hour_workspace (
    hour         INTEGER NOT NULL,
    customer     INTEGER NOT NULL,
    workspace    INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    errors       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unattributed INTEGER NOT NULL,
    tokens_in    INTEGER NOT NULL,
    tokens_out   INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL,
    PRIMARY KEY (hour, customer, workspace)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_day_customer (
    day          INTEGER NOT NULL,
    customer     INTEGER NOT NULL,                 -- 0: unattributed
    plan         INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    errors       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unattributed INTEGER NOT NULL,
    tokens_in    INTEGER NOT NULL,
    tokens_out   INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL,
    PRIMARY KEY (day, customer, plan)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_day_feature (
    day          INTEGER NOT NULL,
    feature      INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    errors       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unattributed INTEGER NOT NULL,
    tokens_in    INTEGER NOT NULL,
    tokens_out   INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL,
    PRIMARY KEY (day, feature)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_day_route (
    day          INTEGER NOT NULL,
    route        INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    errors       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unattributed INTEGER NOT NULL,
    tokens_in    INTEGER NOT NULL,
    tokens_out   INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL,
    PRIMARY KEY (day, route)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_day_model (
    day          INTEGER NOT NULL,
    plan         INTEGER NOT NULL,
    provider     INTEGER NOT NULL,
    model        INTEGER NOT NULL,
    calls        INTEGER NOT NULL,
    refused      INTEGER NOT NULL,
    errors       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    estimated    INTEGER NOT NULL,
    unattributed INTEGER NOT NULL,
    tokens_in    INTEGER NOT NULL,
    tokens_out   INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL,
    PRIMARY KEY (day, plan, provider, model)
) STRICT, WITHOUT ROWID;

-- What the ledger shows for each cap, subject and window, by the process that reported it, so that a dead Envoy's
-- allowance can collapse to its own part. In the cap's unit: pico-dollars, tokens or calls.
CREATE TABLE cap_usage (
    cap          INTEGER NOT NULL,                 -- words: the id, name/unit
    subject      INTEGER NOT NULL,                 -- words; 0: the whole traffic
    window_start INTEGER NOT NULL,
    boot         INTEGER NOT NULL,                 -- words
    settled      INTEGER NOT NULL,
    held         INTEGER NOT NULL,                 -- by calls that are open
    PRIMARY KEY (cap, subject, window_start, boot)
) STRICT, WITHOUT ROWID;

-- What has been handed out, and what each Envoy last said. Not an aggregate: it cannot be rebuilt from the ledger.
CREATE TABLE shares (
    cap          INTEGER NOT NULL,                 -- words
    subject      INTEGER NOT NULL,                 -- words; 0: the whole traffic
    window_start INTEGER NOT NULL,
    boot         INTEGER NOT NULL,                 -- words
    node         INTEGER NOT NULL,                 -- words
    spent        INTEGER NOT NULL,
    held         INTEGER NOT NULL,
    allowance    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    PRIMARY KEY (cap, subject, window_start, boot)
) STRICT, WITHOUT ROWID;

-- Every price there ever was. A row is never edited but for its end and its status.
CREATE TABLE prices (
    id                INTEGER PRIMARY KEY,         -- protocol::price::PriceId
    provider          TEXT    NOT NULL,
    model             TEXT    NOT NULL,
    prefix            INTEGER NOT NULL,            -- 1: model is the beginning of a name
    meter             TEXT    NOT NULL,
    tier              TEXT,
    threshold         INTEGER,                     -- prompt tokens
    inclusive         INTEGER,                     -- 1: exactly so many are above
    rate_pico         INTEGER NOT NULL,            -- pico-dollars per unit
    inherits          TEXT,                        -- the meter whose rate this is
    output_tokens_max INTEGER,
    effective_from    INTEGER NOT NULL,
    effective_to      INTEGER,
    status            TEXT    NOT NULL,            -- proposed, active, retired
    import            INTEGER,                     -- price_imports; NULL: entered by hand
    source            TEXT    NOT NULL,
    source_at         INTEGER NOT NULL,
    source_key        TEXT    NOT NULL,
    source_text       TEXT    NOT NULL,
    source_rounded    INTEGER NOT NULL,
    reason            TEXT                         -- why it waits
) STRICT;
CREATE INDEX prices_by_model ON prices (provider, model, effective_from);

CREATE TABLE price_imports (
    id      INTEGER PRIMARY KEY,
    source  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    digest  TEXT    NOT NULL,                      -- SHA-256 of the text, so that the same one is taken once
    summary TEXT    NOT NULL                       -- JSON: counts, unmapped keys, unreadable values
) STRICT;
CREATE INDEX price_imports_by_digest ON price_imports (digest);

-- Every policy that was ever in force; the highest version is.
CREATE TABLE policies (
    version INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    digest  TEXT    NOT NULL,                      -- SHA-256 of `policy`
    policy  TEXT    NOT NULL                       -- policy::Policy as JSON
) STRICT;
