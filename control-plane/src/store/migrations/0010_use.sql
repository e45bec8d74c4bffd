-- What every filter of a report is answered from: the same sums as the other aggregates have, by all that a call is for
-- and was served by. Once by customer, so that one customer's month is one short range of the key; once for all customers
-- together, which has a few hundred rows a day however many there are.
CREATE TABLE by_day_use (
    customer          INTEGER NOT NULL,
    day               INTEGER NOT NULL,
    plan              INTEGER NOT NULL,
    feature           INTEGER NOT NULL,
    route             INTEGER NOT NULL,
    provider          INTEGER NOT NULL,
    model             INTEGER NOT NULL,
    calls             INTEGER NOT NULL,
    refused           INTEGER NOT NULL,
    errors            INTEGER NOT NULL,
    unpriced          INTEGER NOT NULL,
    estimated         INTEGER NOT NULL,
    unattributed      INTEGER NOT NULL,
    tokens_in         INTEGER NOT NULL,
    tokens_out        INTEGER NOT NULL,
    cost_pico         INTEGER NOT NULL,
    original_unpriced INTEGER NOT NULL,
    original_pico     INTEGER NOT NULL,
    retried_pico      INTEGER NOT NULL,
    failed_pico       INTEGER NOT NULL,
    aborted_pico      INTEGER NOT NULL,
    invalid_pico      INTEGER NOT NULL,
    fallbacks         INTEGER NOT NULL,
    premium_unknown   INTEGER NOT NULL,
    premium_pico      INTEGER NOT NULL,
    retries           INTEGER NOT NULL,
    PRIMARY KEY (customer, day, plan, feature, route, provider, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE by_day_traffic (
    day               INTEGER NOT NULL,
    plan              INTEGER NOT NULL,
    feature           INTEGER NOT NULL,
    route             INTEGER NOT NULL,
    provider          INTEGER NOT NULL,
    model             INTEGER NOT NULL,
    calls             INTEGER NOT NULL,
    refused           INTEGER NOT NULL,
    errors            INTEGER NOT NULL,
    unpriced          INTEGER NOT NULL,
    estimated         INTEGER NOT NULL,
    unattributed      INTEGER NOT NULL,
    tokens_in         INTEGER NOT NULL,
    tokens_out        INTEGER NOT NULL,
    cost_pico         INTEGER NOT NULL,
    original_unpriced INTEGER NOT NULL,
    original_pico     INTEGER NOT NULL,
    retried_pico      INTEGER NOT NULL,
    failed_pico       INTEGER NOT NULL,
    aborted_pico      INTEGER NOT NULL,
    invalid_pico      INTEGER NOT NULL,
    fallbacks         INTEGER NOT NULL,
    premium_unknown   INTEGER NOT NULL,
    premium_pico      INTEGER NOT NULL,
    retries           INTEGER NOT NULL,
    PRIMARY KEY (day, plan, feature, route, provider, model)
) STRICT, WITHOUT ROWID;

-- Of the calls that are booked already.
INSERT INTO by_day_use
SELECT customer, day, plan, feature, route, provider, model,
    sum(state <> 3), sum(state = 3),
    sum(state <> 3 AND outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out', 'invalid_json'))),
    sum(state <> 3 AND standing_pico IS NULL),
    sum(state <> 3 AND usage_source IN (SELECT id FROM words WHERE text IN ('estimated', 'mixed'))),
    sum(customer = 0),
    sum(iif(state <> 3, tokens_in, 0)), sum(iif(state <> 3, tokens_out, 0)),
    sum(iif(state <> 3, coalesce(standing_pico, 0), 0)),
    sum(state <> 3 AND cost_pico IS NULL), sum(iif(state <> 3, coalesce(cost_pico, 0), 0)),
    sum(iif(state <> 3, standing_wasted, 0)),
    sum(iif(state <> 3 AND outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out')), coalesce(standing_pico - standing_wasted, 0), 0)),
    sum(iif(state <> 3 AND outcome IN (SELECT id FROM words WHERE text IN ('client_aborted')), coalesce(standing_pico - standing_wasted, 0), 0)),
    sum(iif(state <> 3 AND outcome IN (SELECT id FROM words WHERE text IN ('invalid_json')), coalesce(standing_pico - standing_wasted, 0), 0)),
    sum(state <> 3 AND fallback = 1),
    sum(state <> 3 AND fallback = 1 AND outcome NOT IN (SELECT id FROM words WHERE text IN ('error', 'timed_out', 'client_aborted', 'invalid_json'))
        AND standing_premium IS NULL),
    sum(iif(state <> 3 AND fallback = 1 AND outcome NOT IN (SELECT id FROM words WHERE text IN ('error', 'timed_out', 'client_aborted', 'invalid_json')),
        coalesce(standing_premium, 0), 0)),
    sum(iif(state <> 3, max(attempts - 1, 0), 0))
FROM standing WHERE state <> 0 GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO by_day_traffic
SELECT day, plan, feature, route, provider, model,
    sum(calls), sum(refused), sum(errors), sum(unpriced), sum(estimated), sum(unattributed), sum(tokens_in),
    sum(tokens_out), sum(cost_pico), sum(original_unpriced), sum(original_pico), sum(retried_pico),
    sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(fallbacks), sum(premium_unknown),
    sum(premium_pico), sum(retries)
FROM by_day_use GROUP BY 1, 2, 3, 4, 5, 6;

-- What tasks cost and what they were worth, by the day of their newest call, so that a report on them reads a few rows a
-- day. Kept by ledger/aggregates/worth.rs with every change of a task or of its outcome.
--   plan, feature, provider, model   of the first call, as in by_task
--   said          the outcome that was reported last; '' where none was
--   last_outcome  words: of the newest call, which tells what a task was worth where nobody said it
--   smooth        of tasks: without an error, a refusal, a retry or a fallback
CREATE TABLE by_day_task (
    day          INTEGER NOT NULL,
    plan         INTEGER NOT NULL,
    feature      INTEGER NOT NULL,
    provider     INTEGER NOT NULL,
    model        INTEGER NOT NULL,
    said         TEXT    NOT NULL,
    last_outcome INTEGER NOT NULL,
    tasks        INTEGER NOT NULL,
    smooth       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL,
    retried_pico INTEGER NOT NULL,
    failed_pico  INTEGER NOT NULL,
    aborted_pico INTEGER NOT NULL,
    invalid_pico INTEGER NOT NULL,
    premium_pico INTEGER NOT NULL,
    PRIMARY KEY (day, plan, feature, provider, model, said, last_outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_day_task_customer (
    day          INTEGER NOT NULL,
    customer     INTEGER NOT NULL,
    plan         INTEGER NOT NULL,
    said         TEXT    NOT NULL,
    last_outcome INTEGER NOT NULL,
    tasks        INTEGER NOT NULL,
    smooth       INTEGER NOT NULL,
    unpriced     INTEGER NOT NULL,
    cost_pico    INTEGER NOT NULL,
    retried_pico INTEGER NOT NULL,
    failed_pico  INTEGER NOT NULL,
    aborted_pico INTEGER NOT NULL,
    invalid_pico INTEGER NOT NULL,
    premium_pico INTEGER NOT NULL,
    PRIMARY KEY (day, customer, plan, said, last_outcome)
) STRICT, WITHOUT ROWID;
CREATE VIEW task_worth AS
    SELECT task, last_at / 86400000000000 AS day, customer, workspace, plan, feature, provider, model,
        coalesce((SELECT outcome FROM outcomes o WHERE o.task = by_task.task ORDER BY revision DESC LIMIT 1), '') AS said,
        last_outcome, errors = 0 AND refused = 0 AND retries = 0 AND fallbacks = 0 AS smooth,
        unpriced, cost_pico, retried_pico, failed_pico, aborted_pico, invalid_pico, premium_pico, last_at
    FROM by_task;
INSERT INTO by_day_task
SELECT day, plan, feature, provider, model, said, last_outcome, count(*), sum(smooth), sum(unpriced), sum(cost_pico),
    sum(retried_pico), sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(premium_pico)
FROM task_worth GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO by_day_task_customer
SELECT day, customer, plan, said, last_outcome, count(*), sum(smooth), sum(unpriced), sum(cost_pico),
    sum(retried_pico), sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(premium_pico)
FROM task_worth GROUP BY 1, 2, 3, 4, 5;

-- What lists are asked for without a customer, so that a value which few calls have does not read all of them. Each is in
-- the order of time: new calls come at the ends of a few values' parts.
CREATE INDEX calls_by_feature   ON calls (feature, started_at);
CREATE INDEX calls_by_model     ON calls (model, started_at);
CREATE INDEX calls_by_route     ON calls (route, started_at);
CREATE INDEX calls_by_outcome   ON calls (outcome, started_at)   WHERE outcome <> 0;
CREATE INDEX calls_by_workspace ON calls (workspace, started_at) WHERE workspace <> 0;
CREATE INDEX calls_by_user      ON calls (user, started_at)      WHERE user <> 0;
CREATE INDEX calls_by_state     ON calls (state, started_at)     WHERE state IN (2, 3);
CREATE INDEX by_task_customer   ON by_task (customer, last_at);
CREATE INDEX by_task_feature    ON by_task (feature, last_at);
CREATE INDEX by_task_workspace  ON by_task (workspace, last_at);

-- A call's details are about 1.5 kB. In a table that is its own index, whatever is longer than a quarter of a page goes to a
-- page of its own: 4 kB a call. Here rows share pages.
ALTER TABLE details RENAME TO details_before;
CREATE TABLE details (
    id      BLOB NOT NULL UNIQUE,                  -- calls.id
    head    BLOB NOT NULL,                         -- protocol::event::CallHead
    end     BLOB,                                  -- protocol::event::CallEnd
    lines   BLOB,                                  -- [protocol::rating::Line]
    charges BLOB                                   -- [ledger::Charge]: cap, subject, window, held
) STRICT;
INSERT INTO details (id, head, end, lines, charges) SELECT id, head, end, lines, charges FROM details_before ORDER BY id;
DROP TABLE details_before;
