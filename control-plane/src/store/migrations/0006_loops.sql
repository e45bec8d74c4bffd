-- Tasks that the loop guard had stopped and somebody released by hand. The last release of each.
CREATE TABLE loop_releases (
    task TEXT    NOT NULL PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX loop_releases_by_time ON loop_releases (at);
