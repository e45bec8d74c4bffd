-- What a customer really paid in a period; overrides the plan's price. Nothing could write the table of 0001. The period
-- has its instants with it, so that it means the same whatever the policy says of periods later.
DROP TABLE revenue;
CREATE TABLE revenue (
    customer    INTEGER NOT NULL,                  -- words
    period      TEXT    NOT NULL,                  -- the day on which it begins
    start_at    INTEGER NOT NULL,
    end_at      INTEGER NOT NULL,
    amount_pico INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (customer, period)
) STRICT, WITHOUT ROWID;
