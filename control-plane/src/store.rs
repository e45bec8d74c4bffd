//! The store: SQLite in WAL mode with full synchronisation. One thread writes and groups what waits into one
//! transaction; readers have connections of their own and never wait for it.
//!
//! What is written is decided by the rooms that own it (ledger, allowances, …): they hand a closure over. What lives
//! here is how a closure gets to the disk, the dictionary of repeated text, and the tables of prices and policies.

pub mod imports;
pub mod loops;
mod migrations;
pub mod policies;
pub mod prices;
mod readers;
mod words;
mod writer;

pub use migrations::is_current;
pub use words::{NO_WORD, word_id, word_text};
pub use writer::Write;

use readers::{Length, Readers};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use writer::Writer;

/// The file in the data directory.
const FILE: &str = "bursar.sqlite3";
/// Held while a process uses the data directory: two writers would hand out the same allowance twice.
const LOCK: &str = "bursar.lock";

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite says no.
    #[error("store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The data directory cannot be used.
    #[error("{path}: {error}", path = path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process uses the data directory.
    #[error("{path}: in use by another process", path = path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// The store was written by a newer Bursar.
    #[error("the store has schema version {found}, and this binary knows up to {known}")]
    Newer {
        /// The store's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The store was written by an older Bursar, and is only read.
    #[error(
        "the store has schema version {found}, and this binary reads {known}: `bursar serve` brings it up to date"
    )]
    Older {
        /// The store's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A row that no version of Bursar has written.
    #[error("store: {what} cannot be read: {detail}")]
    Corrupt {
        /// Which.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// A value in the store that cannot be read.
    pub fn corrupt(what: &'static str, detail: impl ToString) -> Self {
        Self::Corrupt { what, detail: detail.to_string() }
    }
}

/// An open store. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
    _lock: Arc<File>,
}

impl Store {
    /// Opens the store in a data directory, makes it where there is none, and brings its schema up to date.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let failed = |error| StoreError::Directory { path: directory.to_owned(), error };
        fs::create_dir_all(directory).map_err(failed)?;
        let lock = File::create(directory.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: directory.to_owned() });
            }
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        let path = directory.join(FILE);
        let mut connection = connect(&path)?;
        migrations::run(&mut connection)?;
        let writer = Writer::start(connection).map_err(failed)?;
        Ok(Self { readers: Readers::new(&path), path, writer, _lock: Arc::new(lock) })
    }

    /// Runs a closure in the writer's next transaction. Answers when it is on the disk. A closure that fails takes
    /// back all it did and nothing else.
    pub async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Write<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.submit(job).await
    }

    /// Runs a closure on a reader's connection, in one read transaction: all it sees is of one instant.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(Length::Any, job).await
    }

    /// The same for what takes a moment and others wait for: it never stands behind reports.
    pub async fn read_short<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.run(Length::Short, job).await
    }

    /// A connection that can only read, for work outside a runtime.
    pub fn reader(&self) -> Result<Connection, StoreError> {
        readers::connect(&self.path)
    }

    /// Whether the writer still takes work.
    pub fn is_open(&self) -> bool {
        self.writer.is_open()
    }

    /// Finishes what waits and stops the writer.
    pub async fn close(self) {
        self.writer.close().await;
    }
}

/// An instant or count as the store keeps it: the year 2262 is as far as it goes.
pub fn instant(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// An instant or count as the store keeps it, read back.
pub fn unix(at: i64) -> u64 {
    u64::try_from(at).unwrap_or(0)
}

/// SHA-256 in hexadecimal digits.
pub fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

/// A connection that can only read, to a data directory that another process may be using.
pub fn open_reader(directory: &Path) -> Result<Connection, StoreError> {
    let path = directory.join(FILE);
    if !path.is_file() {
        let error = io::Error::new(io::ErrorKind::NotFound, "holds no store");
        return Err(StoreError::Directory { path: directory.to_owned(), error });
    }
    readers::connect(&path)
}

/// A connection that may write.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is acknowledged survives a power cut, not only a kill.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    Ok(connection)
}

/// What readers and the writer have in common.
fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

#[cfg(test)]
mod tests;
