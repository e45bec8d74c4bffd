-- Sums that have thousands of rows a day, kept by spans of one day, of four and of sixteen (ledger/spans.rs), so that a
-- report over a quarter reads a few spans.
--   span  its length in days
--   day   its first, a multiple of the length
CREATE TABLE by_span_workspace (
    span              INTEGER NOT NULL,
    day               INTEGER NOT NULL,
    customer          INTEGER NOT NULL,
    workspace         INTEGER NOT NULL,
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
    PRIMARY KEY (span, day, customer, workspace)
) STRICT, WITHOUT ROWID;
INSERT INTO by_span_workspace
SELECT span, hour / 24 - hour / 24 % span AS first, customer, workspace,
    sum(calls), sum(refused), sum(errors), sum(unpriced), sum(estimated), sum(unattributed), sum(tokens_in),
    sum(tokens_out), sum(cost_pico), sum(original_unpriced), sum(original_pico), sum(retried_pico),
    sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(fallbacks), sum(premium_unknown),
    sum(premium_pico), sum(retries)
FROM by_hour_workspace, (SELECT 1 AS span UNION ALL SELECT 4 UNION ALL SELECT 16)
GROUP BY span, first, customer, workspace;

-- What tasks cost and were worth, by the span of their newest call: instead of by_day_task and by_day_task_customer, and
-- by customer and use together, for reports on some tasks.
DROP TABLE by_day_task;
DROP TABLE by_day_task_customer;
CREATE TABLE by_span_task (
    span         INTEGER NOT NULL,
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
    PRIMARY KEY (span, day, plan, feature, provider, model, said, last_outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_span_task_customer (
    span         INTEGER NOT NULL,
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
    PRIMARY KEY (span, day, customer, plan, said, last_outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE by_span_task_use (
    span         INTEGER NOT NULL,
    day          INTEGER NOT NULL,
    customer     INTEGER NOT NULL,
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
    PRIMARY KEY (span, day, customer, plan, feature, provider, model, said, last_outcome)
) STRICT, WITHOUT ROWID;
INSERT INTO by_span_task
SELECT span, day - day % span AS first, plan, feature, provider, model, said, last_outcome, count(*), sum(smooth), sum(unpriced),
    sum(cost_pico), sum(retried_pico), sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(premium_pico)
FROM task_worth, (SELECT 1 AS span UNION ALL SELECT 4 UNION ALL SELECT 16)
GROUP BY span, first, plan, feature, provider, model, said, last_outcome;
INSERT INTO by_span_task_customer
SELECT span, day - day % span AS first, customer, plan, said, last_outcome, count(*), sum(smooth), sum(unpriced),
    sum(cost_pico), sum(retried_pico), sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(premium_pico)
FROM task_worth, (SELECT 1 AS span UNION ALL SELECT 4 UNION ALL SELECT 16)
GROUP BY span, first, customer, plan, said, last_outcome;
INSERT INTO by_span_task_use
SELECT span, day - day % span AS first, customer, plan, feature, provider, model, said, last_outcome, count(*), sum(smooth), sum(unpriced),
    sum(cost_pico), sum(retried_pico), sum(failed_pico), sum(aborted_pico), sum(invalid_pico), sum(premium_pico)
FROM task_worth, (SELECT 1 AS span UNION ALL SELECT 4 UNION ALL SELECT 16)
GROUP BY span, first, customer, plan, feature, provider, model, said, last_outcome;

-- Calls without a known cost, by all that a report on them tells apart. Filled from the calls (ledger/rebuild/used.rs).
--   reason  words: why
--   mended  1: a re-rating has priced them since
--   meter   words: what `units` are of, beside tokens of prompt and answer; 0 in the row that has the other sums
CREATE TABLE by_span_unpriced (
    span       INTEGER NOT NULL,
    day        INTEGER NOT NULL,
    customer   INTEGER NOT NULL,
    workspace  INTEGER NOT NULL,
    plan       INTEGER NOT NULL,
    feature    INTEGER NOT NULL,
    route      INTEGER NOT NULL,
    provider   INTEGER NOT NULL,
    model      INTEGER NOT NULL,
    reason     INTEGER NOT NULL,
    mended     INTEGER NOT NULL,
    meter      INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    tokens_in  INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL,
    units      INTEGER NOT NULL,
    PRIMARY KEY (span, day, customer, workspace, plan, feature, route, provider, model, reason, mended, meter)
) STRICT, WITHOUT ROWID;
-- For the first and the last of such a group.
CREATE INDEX calls_unpriced_of ON calls (provider, model, unpriced, started_at) WHERE pricing <> 0;

-- What requests used, wasted attempts among them, by customer and class of the prompt's size (ledger/requests.rs).
--   class  -1: calls of which nobody knows what they used
--   meter  words: what `units` are of; 0: how many requests
CREATE TABLE by_span_requests (
    plan     INTEGER NOT NULL,
    span     INTEGER NOT NULL,
    day      INTEGER NOT NULL,
    customer INTEGER NOT NULL,
    class    INTEGER NOT NULL,
    meter    INTEGER NOT NULL,
    units    INTEGER NOT NULL,
    PRIMARY KEY (plan, span, day, customer, class, meter)
) STRICT, WITHOUT ROWID;
