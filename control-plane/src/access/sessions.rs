//! People in front of a browser: a key is shown once, and a cookie stands for it until it ends.

use super::{AccessError, Role, secret};
use crate::{
    app::App,
    store::{StoreError, digest, instant},
};
use protocol::UnixNanos;
use rusqlite::{Connection, OptionalExtension as _};

/// So long a session holds: a working day.
pub const HOURS: u64 = 12;
const SESSION_NS: u64 = HOURS * 3_600_000_000_000;

/// Somebody has signed in.
#[derive(Debug)]
pub struct Session {
    /// What the browser keeps.
    pub cookie: String,
    /// Which key it was.
    pub name: String,
}

/// Begins a session. `None`: nobody has that key, or it is none to read with.
pub async fn sign_in(app: &App, key: &str) -> Result<Option<Session>, AccessError> {
    let Some(key) = app.access.by_secret(key).filter(|key| key.role != Role::Ingest) else { return Ok(None) };
    let cookie = secret::new("session")?;
    let (now, id, kept) = (app.clock.now(), key.id, digest(cookie.as_bytes()));
    app.store
        .write(move |write| {
            write.execute("DELETE FROM sessions WHERE ends_at <= ?1", [instant(now)])?;
            let ends_at = instant(now.saturating_add(SESSION_NS));
            // A key that was revoked meanwhile begins none.
            write.execute(
                "INSERT INTO sessions (digest, key, ends_at) SELECT ?1, id, ?3 FROM keys WHERE id = ?2",
                (&kept, id, ends_at),
            )?;
            Ok(())
        })
        .await?;
    Ok(Some(Session { cookie, name: key.name.clone() }))
}

/// Ends a session.
pub async fn sign_out(app: &App, cookie: &str) -> Result<(), StoreError> {
    let digest = digest(cookie.as_bytes());
    let deleted =
        app.store.write(move |write| write.execute("DELETE FROM sessions WHERE digest = ?1", [digest]));
    deleted.await.map(|_| ())
}

/// The id of the key that a session is of, while it holds.
pub(super) fn key_of(store: &Connection, cookie: &str, now: UnixNanos) -> Result<Option<i64>, StoreError> {
    let mut find = store.prepare_cached("SELECT key FROM sessions WHERE digest = ?1 AND ends_at > ?2")?;
    Ok(find.query_row((digest(cookie.as_bytes()), instant(now)), |row| row.get(0)).optional()?)
}
