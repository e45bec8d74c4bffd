-- Alerts: what was raised, the messages that say so, and on their way to whom.

-- One row per kind, subject, threshold and period: what makes an alert fire once.
CREATE TABLE alerts (
    id           INTEGER PRIMARY KEY,
    kind         TEXT    NOT NULL,                 -- margin_reached, margin_projected, cap, abnormal_spend, …
    subject      TEXT    NOT NULL,                 -- lines of word=name; names hold no line breaks
    customer     TEXT,                             -- whose, where it is somebody's
    threshold    INTEGER NOT NULL,                 -- percent, a factor, days or minutes
    period_start INTEGER NOT NULL,
    period_end   INTEGER NOT NULL,
    state        INTEGER NOT NULL,                 -- 0 fired, 1 seeded: it stood when its rule appeared
    at           INTEGER NOT NULL,                 -- when it fired or was seeded
    ended_at     INTEGER,                          -- it stands no longer: it fell, or its period ended
    message      INTEGER,                          -- alert_messages; NULL: seeded
    figures      TEXT    NOT NULL,                 -- JSON: what it was raised on
    text         TEXT    NOT NULL,                 -- the same as a sentence
    UNIQUE (kind, subject, threshold, period_start)
) STRICT;
-- What the next evaluation must know: what stands, and what has fired in a period that goes on.
CREATE INDEX alerts_standing ON alerts (id) WHERE ended_at IS NULL;
CREATE INDEX alerts_by_end   ON alerts (period_end);

-- What is sent: everything of one matter that one evaluation raised.
CREATE TABLE alert_messages (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL,                      -- webhook-id: the same for every try at every destination
    at      INTEGER NOT NULL,
    kind    TEXT    NOT NULL,                      -- of the alert in the headline
    body    TEXT    NOT NULL                       -- JSON, as it is sent
) STRICT;

-- A message on its way to one destination.
CREATE TABLE alert_deliveries (
    message     INTEGER NOT NULL,                  -- alert_messages
    destination TEXT    NOT NULL,                  -- its name in the policy
    state       INTEGER NOT NULL,                  -- 0 queued, 1 delivered, 2 dead
    attempts    INTEGER NOT NULL,                  -- since it was queued
    next_at     INTEGER,                           -- of the next try; NULL: there is none
    last_at     INTEGER,
    last_status INTEGER,                           -- HTTP; NULL: no answer
    last_error  TEXT,                              -- in words; never an address
    PRIMARY KEY (message, destination)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_deliveries_queued ON alert_deliveries (destination, next_at) WHERE state = 0;
CREATE INDEX alert_deliveries_dead   ON alert_deliveries (message) WHERE state = 2;

-- The policy that the last evaluation was made with. No row: none was made yet.
CREATE TABLE alert_evaluations (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    policy   INTEGER NOT NULL,                     -- policies.version
    at       INTEGER NOT NULL
) STRICT;

-- When each Envoy was last heard of.
CREATE TABLE nodes (
    node    TEXT    NOT NULL PRIMARY KEY,
    seen_at INTEGER NOT NULL,
    lost    INTEGER NOT NULL                       -- 1: it fell silent with calls open
) STRICT, WITHOUT ROWID;

-- What one customer spent over many hours is asked for alone.
CREATE INDEX by_hour_workspace_customer ON by_hour_workspace (customer, hour);
-- What every subject of a cap has used in its current window.
CREATE INDEX cap_usage_by_window ON cap_usage (cap, window_start);
