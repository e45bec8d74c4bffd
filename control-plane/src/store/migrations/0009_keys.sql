-- Who may ask. Of keys and sessions only digests are kept.
CREATE TABLE keys (
    id      INTEGER PRIMARY KEY,
    name    TEXT    NOT NULL UNIQUE,
    role    TEXT    NOT NULL,                      -- ingest, read, operate, admin
    digest  TEXT    NOT NULL UNIQUE,               -- SHA-256 of the key
    made_at INTEGER NOT NULL
) STRICT;

-- People who signed in with a key, by their browsers' cookies.
CREATE TABLE sessions (
    digest  TEXT    NOT NULL PRIMARY KEY,          -- SHA-256 of the cookie
    key     INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
