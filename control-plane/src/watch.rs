//! The policy on the disk, watched: what changes there is taken in whole or refused whole. Says what was wrong with the
//! last change; what a policy means is not known here.

mod events;

use crate::{
    app::App,
    instant::Instant,
    policy::{Fault, LoadError, Policy, Texts},
    store::policies,
};
use protocol::UnixNanos;
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use utoipa::ToSchema;

/// How often the watched files are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Whoever writes a file may not be done with it: two readings so far apart must say the same.
    pub settle: Duration,
    /// Without any word from the system: there are file systems that give none.
    pub poll: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settle: Duration::from_millis(200), poll: Duration::from_secs(10) }
    }
}

/// A change of the file that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refused {
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// Everything wrong with it, each with `file`, `line`, `column`, `path` and `message`, some with a `hint`.
    #[schema(value_type = Vec<Object>)]
    pub faults: Vec<Fault>,
}

/// What became of the last change. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct LastChange(Arc<RwLock<Option<Arc<Refused>>>>);

impl LastChange {
    /// Why it was refused; nothing where it was not.
    pub fn refused(&self) -> Option<Arc<Refused>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, refused: Option<Refused>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = refused.map(Arc::new);
    }
}

/// What the disk said: the digest of its texts, or why it has none.
type Seen = Result<[u8; 32], String>;

/// A policy's path, and what was there when it was looked at last.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    seen: Seen,
}

impl Watch {
    /// Reads a policy, and remembers what its files were.
    pub fn open(path: &Path) -> Result<(Self, Policy), LoadError> {
        let texts = Texts::read(path)?;
        let policy = texts.policy()?;
        Ok((Self { path: path.to_owned(), seen: Ok(texts.digest()) }, policy))
    }

    /// With addresses in place of what stands for them, as far as the policy in force or one before it knows them.
    pub async fn unmasked(&self, policy: Policy, app: &App) -> Result<Policy, LoadError> {
        let file = self.path.display().to_string();
        let faults = match policy.clone().unmasked(app.rules().policy(), &file) {
            Ok(policy) => return Ok(policy),
            Err(faults) => faults,
        };
        match app.store.read(move |store| policies::unmasked(store, &policy)).await {
            Ok(known) => known.ok_or(LoadError::Faulty(faults)),
            Err(error) => {
                tracing::error!(%error, "older policies were not asked for addresses");
                Err(LoadError::Faulty(faults))
            }
        }
    }

    /// Takes in what changes, as long as it is polled.
    pub async fn keep(mut self, app: App, pace: Pace) {
        let mut events = events::Events::of(&self.path);
        loop {
            self.look(&app, pace.settle).await;
            // A link may lead elsewhere since.
            events.follow(&self.path);
            drop(tokio::time::timeout(pace.poll, events.next()).await);
        }
    }

    /// Looks once.
    async fn look(&mut self, app: &App, settle: Duration) {
        let (mut seen, mut texts) = self.read().await;
        while seen != self.seen {
            tokio::time::sleep(settle).await;
            let (again, texts_again) = self.read().await;
            let is_settled = again == seen;
            (seen, texts) = (again, texts_again);
            if is_settled {
                break;
            }
        }
        if seen != self.seen && self.take(app, texts).await {
            self.seen = seen;
        }
    }

    async fn read(&self) -> (Seen, Result<Texts, LoadError>) {
        let path = self.path.clone();
        let read = move || {
            let texts = Texts::read(&path);
            let seen = texts.as_ref().map(Texts::digest).map_err(ToString::to_string);
            (seen, texts)
        };
        // A reading that panics is none; the next look reads again.
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| {
            let path = self.path.clone();
            let error = LoadError::Unreadable { path, error: std::io::Error::other(error) };
            (Err(error.to_string()), Err(error))
        })
    }

    /// Puts it in force or says why not. False where that could not even be tried, and must be tried again.
    async fn take(&self, app: &App, texts: Result<Texts, LoadError>) -> bool {
        let checked = match tokio::task::spawn_blocking(move || texts?.policy()).await {
            Ok(Ok(policy)) => self.unmasked(policy, app).await,
            Ok(Err(error)) => Err(error),
            Err(error) => {
                tracing::error!(%error, "the policy was not checked; it is tried again");
                return false;
            }
        };
        match checked {
            Ok(policy) => self.put(app, policy).await,
            Err(error) => {
                self.refuse(app, error.faults(), app.clock.now());
                true
            }
        }
    }

    async fn put(&self, app: &App, policy: Policy) -> bool {
        let before = app.rules().stored.version;
        match app.put_policy(policy).await {
            Ok(stored) => {
                let result = if stored.version == before { "unchanged" } else { "applied" };
                tracing::info!(path = %self.path.display(), version = stored.version, result, "policy read again");
                app.metrics.policy_reload(result);
                app.last_change.set(None);
                true
            }
            Err(error) => {
                tracing::error!(%error, "the policy was not stored; it is tried again");
                false
            }
        }
    }

    fn refuse(&self, app: &App, faults: Vec<Fault>, at: UnixNanos) {
        for fault in &faults {
            let Fault { file, line, column, path, message, hint } = fault;
            let hint = hint.as_deref().unwrap_or_default();
            tracing::error!(file, line, column, path, hint, "the policy is not taken: {message}");
        }
        tracing::error!(path = %self.path.display(), faults = faults.len(), "the old policy stays in force");
        app.metrics.policy_reload("refused");
        app.last_change.set(Some(Refused { at: Instant(at), faults }));
    }
}

#[cfg(test)]
mod tests;
