-- Reports that go out by themselves: how far each has been sent, so that none goes out twice. The messages are among
-- those of alerts.
CREATE TABLE report_schedules (
    report   TEXT    NOT NULL PRIMARY KEY,         -- weekly
    schedule TEXT    NOT NULL,                     -- as the policy has it; another one begins anew
    sent_to  INTEGER NOT NULL                      -- where the last days end that were reported, or over when it began
) STRICT, WITHOUT ROWID;
