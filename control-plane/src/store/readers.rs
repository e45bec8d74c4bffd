//! Readers: a handful of connections that cannot write, used from blocking threads.

use super::{StoreError, configure};
use rusqlite::{Connection, OpenFlags};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::Semaphore;

/// Reports are short; more readers at once would only push each other out of the cache.
const READERS_MAX: usize = 8;
/// For what others wait for: whether the process is ready, who somebody is, what is in force. Reports cannot take these.
const SHORT_MAX: usize = 2;
/// Steps of SQLite's machine, some milliseconds of them, after which it is asked whether anybody still waits.
const STEPS_BETWEEN_LOOKS: i32 = 100_000;

/// How long a read takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Any,
    Short,
}

#[derive(Clone, Debug)]
pub(super) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    short_permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
            short_permits: Arc::new(Semaphore::new(SHORT_MAX)),
            idle: Arc::default(),
        }
    }

    /// Whether a report would begin at once.
    #[cfg(test)]
    pub(super) fn are_free(&self) -> bool {
        self.permits.available_permits() > 0
    }

    /// Runs a job. Where whoever asked has gone, its queries end.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        length: Length,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permits = if length == Length::Short { &self.short_permits } else { &self.permits };
        let Ok(permit) = permits.clone().acquire_owned().await else { return Err(StoreError::Closed) };
        let (path, idle) = (self.path.clone(), self.idle.clone());
        let asker = Asker::default();
        let has_gone = asker.has_gone.clone();
        let run = move || {
            let connection = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = connection.map_or_else(|| connect(&path), Ok)?;
            let look = move || has_gone.load(Ordering::Relaxed);
            connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(look))?;
            let view = connection.unchecked_transaction()?;
            let answer = job(&view);
            view.finish()?;
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            drop(permit);
            answer
        };
        let answer = tokio::task::spawn_blocking(run).await.unwrap_or(Err(StoreError::Closed));
        drop(asker);
        answer
    }
}

/// Dropped with the future of whoever asked: when a client has left, or an answer has come.
#[derive(Default)]
struct Asker {
    has_gone: Arc<AtomicBool>,
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.has_gone.store(true, Ordering::Relaxed);
    }
}

pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    configure(&connection)?;
    Ok(connection)
}
