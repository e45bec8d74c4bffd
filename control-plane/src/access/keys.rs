//! Making and revoking keys.

use super::{AccessError, Keys, Role, secret};
use crate::{
    app::{App, to_the_end},
    store::{StoreError, digest, instant, unix},
};
use protocol::{UnixNanos, ids::Name};
use rusqlite::Connection;
use std::sync::Arc;

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub(super) id: i64,
    /// Who or what has it.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// Since when.
    pub made_at: UnixNanos,
}

/// What became of a wish for a key.
#[derive(Debug)]
pub enum Making {
    /// There it is. It is not kept, and cannot be shown again.
    Made(String),
    /// Another key has that name.
    NameTaken,
    /// With a first key of another role nobody could make a second one.
    FirstMustBeAdmin,
}

/// What became of a wish to revoke one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoking {
    /// It holds no longer, and neither does any session of it.
    Done,
    /// There is none of that name.
    NoSuchKey,
    /// It is the only one: without it whoever reaches the port could do everything.
    LastKey,
    /// The others could not be changed any more.
    LastAdmin,
}

pub(super) fn read(store: &Connection) -> Result<Keys, StoreError> {
    let mut find = store.prepare_cached("SELECT id, name, role, digest, made_at FROM keys")?;
    let mut rows = find.query([])?;
    let mut keys = Keys::new();
    while let Some(row) = rows.next()? {
        let role: String = row.get(2)?;
        let role = role.parse().map_err(|error| StoreError::corrupt("a key's role", error))?;
        let key = Key { id: row.get(0)?, name: row.get(1)?, role, made_at: unix(row.get(4)?) };
        keys.insert(row.get(3)?, Arc::new(key));
    }
    Ok(keys)
}

/// Makes a key.
pub async fn make(app: &App, name: &Name, role: Role) -> Result<Making, AccessError> {
    let (app, name) = (app.clone(), name.clone());
    to_the_end(async move { make_of(&app, &name, role).await }).await
}

async fn make_of(app: &App, name: &Name, role: Role) -> Result<Making, AccessError> {
    let _one_at_a_time = app.access.changing.lock().await;
    let secret = secret::new("bursar")?;
    let (now, name, digest) = (app.clock.now(), name.to_string(), digest(secret.as_bytes()));
    let (made, keys) = app
        .store
        .write(move |write| {
            let keys = read(write.connection())?;
            let refused = if keys.is_empty() && role != Role::Admin {
                Some(Making::FirstMustBeAdmin)
            } else {
                keys.values().any(|key| key.name == name).then_some(Making::NameTaken)
            };
            if let Some(refused) = refused {
                return Ok((refused, keys));
            }
            write.execute(
                "INSERT INTO keys (name, role, digest, made_at) VALUES (?1, ?2, ?3, ?4)",
                (&name, role.as_str(), &digest, instant(now)),
            )?;
            Ok((Making::Made(secret), read(write.connection())?))
        })
        .await?;
    app.access.replace(keys);
    Ok(made)
}

/// Revokes the key of that name. The only one goes by the hand of whoever has the data directory alone: nobody opens
/// everything to everybody by a click.
pub async fn revoke(app: &App, name: &str) -> Result<Revoking, StoreError> {
    let (app, name) = (app.clone(), name.to_owned());
    to_the_end(async move { revoke_of(&app, name).await }).await
}

async fn revoke_of(app: &App, name: String) -> Result<Revoking, StoreError> {
    let _one_at_a_time = app.access.changing.lock().await;
    let is_owner = app.access.is_owner;
    let (revoked, keys) = app
        .store
        .write(move |write| {
            let keys = read(write.connection())?;
            let Some(key) = keys.values().find(|key| key.name == name) else {
                return Ok((Revoking::NoSuchKey, keys));
            };
            let mut others = keys.values().filter(|other| other.id != key.id).peekable();
            let refused = match others.peek() {
                None => (!is_owner).then_some(Revoking::LastKey),
                Some(_) => (!others.any(|other| other.role == Role::Admin)).then_some(Revoking::LastAdmin),
            };
            if let Some(refused) = refused {
                return Ok((refused, keys));
            }
            write.execute("DELETE FROM keys WHERE id = ?1", [key.id])?; // its sessions go with it
            Ok((Revoking::Done, read(write.connection())?))
        })
        .await?;
    if revoked == Revoking::LastKey {
        tracing::warn!("the last key was to be revoked, and stays: everything would be open to everybody");
    }
    app.access.replace(keys);
    Ok(revoked)
}
