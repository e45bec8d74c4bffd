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
