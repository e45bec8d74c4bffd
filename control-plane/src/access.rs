//! Who may do what: keys with a role each, and the sessions of people who signed in with one.
//!
//! As long as there is no key, whoever reaches the port may do everything. The first key closes it. Filters are asked
//! for theirs only where `bursar serve --filters-need-key` says so: until every Envoy has one, none may be turned away.

mod keys;
mod secret;
mod sessions;

pub use keys::{Key, Making, Revoking, make, revoke};
pub use sessions::{HOURS, Session, sign_in, sign_out};

use crate::{
    app::App,
    store::{self, StoreError},
};
use rusqlite::Connection;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
};

/// What the holder of a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Says what happened, and nothing else: usage events, allowances, outcomes. For filters and backends.
    Ingest,
    /// Reads everything, and calculates.
    Read,
    /// Also decides in the day's work: prices, alerts, loops, revenue, re-rating; and what ingest may.
    Operate,
    /// Also puts policies in force, and makes and revokes keys.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Read, Self::Operate, Self::Admin];

    /// The word in commands, the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No role of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no role: ingest, read, operate or admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// What a route asks of whoever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Open,
    /// What filters bring; the role ingest, where filters need keys.
    Filter,
    /// A role, or one that may the same.
    Role(Role),
}

impl Need {
    /// Whether a role is enough.
    pub fn is_met_by(self, role: Role) -> bool {
        match self {
            Self::Open => true,
            Self::Filter | Self::Role(Role::Ingest) => role != Role::Read,
            Self::Role(needed) => role >= needed,
        }
    }

    /// The role to ask for.
    pub fn role(self) -> Role {
        match self {
            Self::Role(role) => role,
            Self::Open | Self::Filter => Role::Ingest,
        }
    }
}

/// What somebody shows.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// A key.
    pub key: Option<String>,
    /// A browser's cookie.
    pub session: Option<String>,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// Nobody has that key or session, or none was shown.
    #[error("no key, or one that nobody has")]
    Unknown,
    /// It is known, and may not.
    #[error("the key `{}` has the role {}, and this needs the role {needed}", key.name, key.role)]
    Lacking {
        /// Who.
        key: Arc<Key>,
        /// What.
        needed: Role,
    },
    /// Nobody can tell.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why no key or session was made.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// The keys there are. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Whether filters have to show one.
    pub filters_need_key: bool,
    /// Under which names, beside addresses and localhost, browsers may ask while there is no key. In small letters.
    pub hosts: BTreeSet<String>,
    /// Whoever has the data directory has everything: no key is asked for.
    pub is_owner: bool,
    keys: Arc<RwLock<Arc<Keys>>>,
    /// Held while they change, so that what is in memory is what is on the disk.
    changing: Arc<tokio::sync::Mutex<()>>,
}

/// By digest.
type Keys = BTreeMap<String, Arc<Key>>;

impl Access {
    /// With the keys of a store.
    pub(crate) fn load(store: &Connection) -> Result<Self, StoreError> {
        let access = Self::default();
        access.replace(keys::read(store)?);
        Ok(access)
    }

    fn replace(&self, keys: Keys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    fn keys(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether nobody has a key, so that everybody may do everything.
    pub fn is_open(&self) -> bool {
        self.is_owner || self.keys().is_empty()
    }

    /// All keys, by name.
    pub fn list(&self) -> Vec<Arc<Key>> {
        let mut keys: Vec<Arc<Key>> = self.keys().values().cloned().collect();
        keys.sort_by(|one, other| one.name.cmp(&other.name));
        keys
    }

    fn by_id(&self, id: i64) -> Option<Arc<Key>> {
        self.keys().values().find(|key| key.id == id).cloned()
    }

    /// The key of that text.
    fn by_secret(&self, secret: &str) -> Option<Arc<Key>> {
        self.keys().get(&store::digest(secret.as_bytes())).cloned()
    }
}

/// Lets in who may. `None`: nobody has to say who he is.
pub async fn admit(app: &App, shown: &Shown, need: Need) -> Result<Option<Arc<Key>>, Denied> {
    let access = &app.access;
    let known = if access.is_open() { None } else { who(app, shown).await? };
    let is_free = match need {
        Need::Open => true,
        Need::Filter => !access.filters_need_key,
        Need::Role(_) => false,
    };
    if access.is_open() || is_free {
        return Ok(known);
    }
    match known {
        None => Err(Denied::Unknown),
        Some(key) if need.is_met_by(key.role) => Ok(Some(key)),
        Some(key) => Err(Denied::Lacking { key, needed: need.role() }),
    }
}

/// A key that is shown counts before a session: a program says who it is.
async fn who(app: &App, shown: &Shown) -> Result<Option<Arc<Key>>, StoreError> {
    if let Some(secret) = &shown.key {
        return Ok(app.access.by_secret(secret));
    }
    let Some(cookie) = shown.session.clone() else { return Ok(None) };
    let now = app.clock.now();
    let id = app.store.read_short(move |store| sessions::key_of(store, &cookie, now)).await?;
    Ok(id.and_then(|id| app.access.by_id(id)))
}
