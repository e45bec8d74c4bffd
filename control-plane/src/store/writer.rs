//! The writer: one thread, one connection. What waits while a transaction is on its way to the disk goes into the
//! next one together, so that a hundred small batches cost one synchronisation and not a hundred.

use super::{StoreError, words::Words};
use rusqlite::{CachedStatement, Connection, Params, Transaction, TransactionBehavior};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};
use tokio::sync::{mpsc, oneshot};

/// Requests that may wait. More would only make their senders time out; fewer would leave the disk idle.
const WAITING_MAX: usize = 1_024;
/// Requests in one transaction: a bound on how long the first of them waits for the last.
const JOBS_MAX: usize = 256;

/// A job does its work in the transaction and leaves an answer to be sent once that is committed.
type Job = Box<dyn FnOnce(&mut Write<'_>) -> (bool, Acknowledge) + Send>;
type Acknowledge = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What a job writes with: the transaction and the dictionary.
pub struct Write<'a> {
    transaction: &'a Transaction<'a>,
    words: &'a mut Words,
}

impl std::fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Write")
    }
}

impl<'a> Write<'a> {
    /// The transaction's connection, for reading inside of it.
    pub fn connection(&self) -> &'a Connection {
        self.transaction
    }

    /// A statement that is prepared once.
    pub fn statement(&self, sql: &str) -> Result<CachedStatement<'a>, StoreError> {
        Ok(self.transaction.prepare_cached(sql)?)
    }

    /// Executes a statement that is prepared once; says how many rows it touched.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.statement(sql)?.execute(params)?)
    }

    /// The id of a text, entering it where it is new. Absent is [`super::NO_WORD`].
    pub fn word(&mut self, text: Option<&str>) -> Result<i64, StoreError> {
        match text {
            None | Some("") => Ok(super::NO_WORD),
            Some(text) => self.words.id(self.transaction, text),
        }
    }
}

#[derive(Clone)]
pub(super) struct Writer {
    /// Emptied by `close`; the thread ends when the last clone of the sender is gone.
    jobs: Arc<Mutex<Option<mpsc::Sender<Job>>>>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self, io::Error> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(|| run(connection, waiting))?;
        Ok(Self { jobs: Arc::new(Mutex::new(Some(jobs))), thread: Arc::new(Mutex::new(Some(thread))) })
    }

    pub(super) async fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Write<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |write| {
            let done = job(write);
            let kept = done.is_ok();
            let acknowledge: Acknowledge = Box::new(move |committed: Result<(), StoreError>| {
                let gone = reply.send(committed.and(done)).is_err();
                if gone {
                    tracing::debug!("a writer's answer came after its asker had left");
                }
            });
            (kept, acknowledge)
        });
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let jobs = jobs.ok_or(StoreError::Closed)?;
        jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        drop(jobs);
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(super) fn is_open(&self) -> bool {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().is_some_and(|jobs| !jobs.is_closed())
    }

    pub(super) async fn close(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let joined = tokio::task::spawn_blocking(move || thread.join().is_ok()).await;
            if !joined.unwrap_or(false) {
                tracing::error!("the store's writer ended with a fault");
            }
        }
    }
}

fn run(mut connection: Connection, mut waiting: mpsc::Receiver<Job>) {
    let mut words = Words::default();
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < JOBS_MAX
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        let mut acknowledges = Vec::with_capacity(group.len());
        let committed = write_group(&mut connection, &mut words, group, &mut acknowledges);
        if let Err(error) = &committed {
            // Nothing of the group is on the disk; ids that the dictionary learned in it are not either.
            words = Words::default();
            tracing::error!(%error, jobs = acknowledges.len(), "a transaction was not committed");
        }
        let committed = committed.map_err(|error| error.to_string());
        for acknowledge in acknowledges {
            acknowledge(
                committed.clone().map_err(|detail| StoreError::Corrupt { what: "the transaction", detail }),
            );
        }
    }
}

fn write_group(
    connection: &mut Connection,
    words: &mut Words,
    group: Vec<Job>,
    acknowledges: &mut Vec<Acknowledge>,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in group {
        transaction.prepare_cached("SAVEPOINT job")?.execute([])?;
        let (kept, acknowledge) = job(&mut Write { transaction: &transaction, words });
        acknowledges.push(acknowledge);
        if !kept {
            transaction.prepare_cached("ROLLBACK TO job")?.execute([])?;
            *words = Words::default();
        }
        transaction.prepare_cached("RELEASE job")?.execute([])?;
    }
    Ok(transaction.commit()?)
}
