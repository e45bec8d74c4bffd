-- What of a call's cost was for nothing, and what it cost more than where it was first sent.

-- Of cost_pico, what its wasted attempts cost; 0 where the cost is not known.
ALTER TABLE calls ADD COLUMN wasted_pico  INTEGER NOT NULL DEFAULT 0;
-- 1: it was served elsewhere than where it was first sent.
ALTER TABLE calls ADD COLUMN fallback     INTEGER NOT NULL DEFAULT 0;
-- What it cost more there (less: negative); NULL: no fallback, or nobody knows.
ALTER TABLE calls ADD COLUMN premium_pico INTEGER;

-- How often Envoy tried; 0: it did not, or nobody knows.
ALTER TABLE calls ADD COLUMN attempts     INTEGER NOT NULL DEFAULT 0;

-- The same since a re-rating.
ALTER TABLE corrections ADD COLUMN wasted_pico  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE corrections ADD COLUMN premium_pico INTEGER;

DROP VIEW standing;
CREATE VIEW standing AS
    SELECT calls.*, s.id AS rerated,
        iif(s.id IS NULL, calls.cost_pico, s.after_pico) AS standing_pico,
        iif(s.id IS NULL, calls.unpriced, 0)             AS standing_unpriced,
        iif(s.id IS NULL, calls.computed_pico, s.computed_pico) AS standing_computed,
        iif(s.id IS NULL, calls.wasted_pico, s.wasted_pico)     AS standing_wasted,
        iif(s.id IS NULL, calls.premium_pico, s.premium_pico)   AS standing_premium,
        s.lines                                          AS standing_lines
    FROM calls LEFT JOIN corrections s
        ON s.id = (SELECT max(id) FROM corrections WHERE call = calls.id) AND s.cause = 'rerate';

-- Of the sums of cost_pico, by what it went for. What is in none of them was of use.
--   retried_pico     attempts whose answers nobody took
--   failed_pico      calls that ended in an error or a timeout, without such attempts
--   aborted_pico     calls whose client left
--   invalid_pico     calls that were to give JSON and gave none
--   fallbacks        calls that were served elsewhere than where they were first sent,
--   premium_unknown  those of which nobody knows what they would have cost there,
--   premium_pico     and what the others cost more
--   retries          attempts beyond the first
ALTER TABLE by_task ADD COLUMN retried_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN failed_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN aborted_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN invalid_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN fallbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN premium_unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN premium_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN retried_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN failed_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN aborted_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN invalid_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN fallbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN premium_unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN premium_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_hour_workspace ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN retried_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN failed_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN aborted_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN invalid_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN fallbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN premium_unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN premium_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_customer ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN retried_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN failed_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN aborted_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN invalid_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN fallbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN premium_unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN premium_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_feature ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN retried_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN failed_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN aborted_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN invalid_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN fallbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN premium_unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN premium_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_route ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN retried_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN failed_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN aborted_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN invalid_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN fallbacks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN premium_unknown INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN premium_pico INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_day_model ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;

-- Of calls that were booked before, only how they ended is known.
UPDATE by_task SET failed_pico = s.failed, aborted_pico = s.aborted, invalid_pico = s.invalid
FROM (SELECT task,
        sum(iif(outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out')), coalesce(standing_pico, 0), 0)) AS failed,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'client_aborted'), coalesce(standing_pico, 0), 0)) AS aborted,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'invalid_json'), coalesce(standing_pico, 0), 0)) AS invalid
    FROM standing WHERE state IN (1, 2) AND task <> 0 GROUP BY 1) s
WHERE by_task.task = s.task;
UPDATE by_hour_workspace SET failed_pico = s.failed, aborted_pico = s.aborted, invalid_pico = s.invalid
FROM (SELECT started_at / 3600000000000 AS hour, customer, workspace,
        sum(iif(outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out')), coalesce(standing_pico, 0), 0)) AS failed,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'client_aborted'), coalesce(standing_pico, 0), 0)) AS aborted,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'invalid_json'), coalesce(standing_pico, 0), 0)) AS invalid
    FROM standing WHERE state IN (1, 2) GROUP BY 1, 2, 3) s
WHERE by_hour_workspace.hour = s.hour AND by_hour_workspace.customer = s.customer AND by_hour_workspace.workspace = s.workspace;
UPDATE by_day_customer SET failed_pico = s.failed, aborted_pico = s.aborted, invalid_pico = s.invalid
FROM (SELECT day, customer, plan,
        sum(iif(outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out')), coalesce(standing_pico, 0), 0)) AS failed,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'client_aborted'), coalesce(standing_pico, 0), 0)) AS aborted,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'invalid_json'), coalesce(standing_pico, 0), 0)) AS invalid
    FROM standing WHERE state IN (1, 2) GROUP BY 1, 2, 3) s
WHERE by_day_customer.day = s.day AND by_day_customer.customer = s.customer AND by_day_customer.plan = s.plan;
UPDATE by_day_feature SET failed_pico = s.failed, aborted_pico = s.aborted, invalid_pico = s.invalid
FROM (SELECT day, feature,
        sum(iif(outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out')), coalesce(standing_pico, 0), 0)) AS failed,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'client_aborted'), coalesce(standing_pico, 0), 0)) AS aborted,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'invalid_json'), coalesce(standing_pico, 0), 0)) AS invalid
    FROM standing WHERE state IN (1, 2) GROUP BY 1, 2) s
WHERE by_day_feature.day = s.day AND by_day_feature.feature = s.feature;
UPDATE by_day_route SET failed_pico = s.failed, aborted_pico = s.aborted, invalid_pico = s.invalid
FROM (SELECT day, route,
        sum(iif(outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out')), coalesce(standing_pico, 0), 0)) AS failed,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'client_aborted'), coalesce(standing_pico, 0), 0)) AS aborted,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'invalid_json'), coalesce(standing_pico, 0), 0)) AS invalid
    FROM standing WHERE state IN (1, 2) GROUP BY 1, 2) s
WHERE by_day_route.day = s.day AND by_day_route.route = s.route;
UPDATE by_day_model SET failed_pico = s.failed, aborted_pico = s.aborted, invalid_pico = s.invalid
FROM (SELECT day, plan, provider, model,
        sum(iif(outcome IN (SELECT id FROM words WHERE text IN ('error', 'timed_out')), coalesce(standing_pico, 0), 0)) AS failed,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'client_aborted'), coalesce(standing_pico, 0), 0)) AS aborted,
        sum(iif(outcome IN (SELECT id FROM words WHERE text = 'invalid_json'), coalesce(standing_pico, 0), 0)) AS invalid
    FROM standing WHERE state IN (1, 2) GROUP BY 1, 2, 3, 4) s
WHERE by_day_model.day = s.day AND by_day_model.plan = s.plan AND by_day_model.provider = s.provider AND by_day_model.model = s.model;

-- By whom a task's first call was served, what became of its last one, and whether all are of one customer and workspace.
ALTER TABLE by_task ADD COLUMN provider      INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN model         INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN last_call     BLOB    NOT NULL DEFAULT x'';
ALTER TABLE by_task ADD COLUMN last_outcome  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN customer_min  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN customer_max  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN workspace_min INTEGER NOT NULL DEFAULT 0;
ALTER TABLE by_task ADD COLUMN workspace_max INTEGER NOT NULL DEFAULT 0;
UPDATE by_task SET provider = c.provider, model = c.model FROM calls c WHERE c.id = by_task.first_call;
UPDATE by_task SET last_call = (SELECT id FROM calls c WHERE c.task = by_task.task AND c.task <> 0 AND c.state <> 0
    ORDER BY c.started_at DESC, c.id DESC LIMIT 1);
UPDATE by_task SET last_outcome = c.outcome FROM calls c WHERE c.id = by_task.last_call;
-- The open calls of a task, for each that is listed.
CREATE INDEX calls_open_by_task ON calls (task) WHERE state = 0;
UPDATE by_task SET customer_min = c.least, customer_max = c.greatest, workspace_min = c.first, workspace_max = c.last
FROM (SELECT task, min(customer) AS least, max(customer) AS greatest, min(workspace) AS first, max(workspace) AS last
    FROM calls WHERE task <> 0 AND state <> 0 GROUP BY task) c
WHERE c.task = by_task.task;
