//! The control plane without its HTTP face: the store, the clock, and the rules in force. What changes the rules goes
//! through here, so that everybody sees the same ones.

use crate::{
    access::Access,
    alerts::Alerts,
    clock::Clock,
    ledger,
    metrics::Metrics,
    policy::{self, Fault, Policy},
    ratios,
    rules::Rules,
    snapshot,
    store::{self, Store, StoreError, policies::StoredPolicy},
    watch::LastChange,
};
use protocol::{UnixNanos, codec::CodecError, ratio::TextRatios, snapshot::Snapshot};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// A quarter of an hour, unless the configuration says otherwise.
const ORPHAN_AFTER_NS: u64 = 900_000_000_000;

/// A running control plane. Clones share it.
#[derive(Clone, Debug)]
pub struct App {
    /// Where everything is kept.
    pub store: Store,
    /// What time it is.
    pub clock: Clock,
    /// What is counted for Prometheus.
    pub metrics: Metrics,
    /// Who may ask.
    pub access: Access,
    /// What alerts are told.
    pub alerts: Alerts,
    /// What became of the last change of the policy's file.
    pub last_change: LastChange,
    /// The file or directory whose next change replaces the policy in force, where one is watched.
    pub watched: Option<PathBuf>,
    /// Before, nobody could report what it used of its caps.
    pub listening_since: UnixNanos,
    /// After how long a call of which nothing more is heard is closed as orphaned, and what it holds is given back.
    pub orphan_after_ns: u64,
    rules: Arc<RwLock<Arc<Rules>>>,
    /// What filters are told of the models' text.
    ratios: Arc<RwLock<Arc<TextRatios>>>,
    issued: Arc<Mutex<Option<Arc<Issued>>>>,
    /// Held while rules change, so that two changes do not undo each other.
    changing: Arc<tokio::sync::Mutex<()>>,
}

/// A snapshot as it was last compiled.
#[derive(Debug)]
pub struct Issued {
    /// What filters get.
    pub snapshot: Snapshot,
    /// The same as MessagePack: filters ask often, and it is large.
    pub bytes: Vec<u8>,
    rules: Arc<Rules>,
    ratios: Arc<TextRatios>,
    /// Another price is in force from then on.
    until: Option<UnixNanos>,
}

/// Does something to its end although whoever asked for it may leave meanwhile, as clients do: what is written and what
/// is known in memory must not part.
pub async fn to_the_end<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    tokio::spawn(work).await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
}

impl App {
    /// Opens the store in a data directory.
    pub fn open(directory: &Path, clock: Clock) -> Result<Self, StoreError> {
        let store = Store::open(directory)?;
        let reader = store.reader()?;
        let rules = Rules::load(&reader)?;
        let ratios = ratios::learn(&reader, clock.now())?;
        Ok(Self {
            access: Access::load(&reader)?,
            store,
            alerts: Alerts::new(clock.now()),
            listening_since: clock.now(),
            orphan_after_ns: ORPHAN_AFTER_NS,
            clock,
            metrics: Metrics::new(),
            last_change: LastChange::default(),
            watched: None,
            rules: Arc::new(RwLock::new(Arc::new(rules))),
            ratios: Arc::new(RwLock::new(Arc::new(ratios))),
            issued: Arc::default(),
            changing: Arc::default(),
        })
    }

    /// Tasks of which nothing was heard since are taken to be over.
    pub fn quiet_since(&self) -> UnixNanos {
        self.rules().policy().tasks.quiet_since(self.clock.now())
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A policy that somebody wrote, or every fault in it. Addresses may stand in it as they are shown: those of the policy
    /// in force, or of the newest version before it that knows them all, so that an older one can be put back.
    pub async fn read_policy(
        &self,
        text: &str,
        file: &str,
    ) -> Result<Result<Policy, Vec<Fault>>, StoreError> {
        let faults = match policy::parse_over(text, file, self.rules().policy()) {
            Ok(policy) => return Ok(Ok(policy)),
            Err(faults) => faults,
        };
        let Ok(shown) = policy::parse(text, file) else { return Ok(Err(faults)) };
        let known = self.store.read(move |store| store::policies::unmasked(store, &shown)).await?;
        Ok(known.ok_or(faults))
    }

    /// Puts a policy in force.
    pub async fn put_policy(&self, policy: Policy) -> Result<StoredPolicy, StoreError> {
        let now = self.clock.now();
        self.change(move |write| store::policies::put(write, policy, now)).await
    }

    /// Puts a policy in force in the place of that version. `None`: another one is in force by now, and stays.
    pub async fn put_policy_over(
        &self,
        policy: Policy,
        version: i64,
    ) -> Result<Option<StoredPolicy>, StoreError> {
        let now = self.clock.now();
        let put = move |write: &mut store::Write<'_>| {
            if store::policies::version_in_force(write.connection())? != version {
                return Ok(None);
            }
            store::policies::put(write, policy, now).map(Some)
        };
        self.change(put).await
    }

    /// Writes something that the rules depend on, and takes the rules anew.
    pub async fn change<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut store::Write<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let app = self.clone();
        to_the_end(async move {
            let _one_at_a_time = app.changing.lock().await;
            let answer = app.store.write(job).await?;
            let rules = app.store.read_short(Rules::load).await?;
            *app.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
            app.alerts.rules_changed();
            Ok(answer)
        })
        .await
    }

    /// The snapshot in force; compiled when rules, prices or ratios have changed since the last one.
    pub fn snapshot(&self) -> Result<Arc<Issued>, CodecError> {
        let (now, rules, ratios) = (self.clock.now(), self.rules(), self.ratios());
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        let stands = |issued: &&Arc<Issued>| {
            Arc::ptr_eq(&issued.rules, &rules)
                && Arc::ptr_eq(&issued.ratios, &ratios)
                && issued.until.is_none_or(|until| now < until)
        };
        if let Some(issued) = issued.as_ref().filter(stands) {
            return Ok(issued.clone());
        }
        let snapshot = snapshot::build(&rules, &ratios, now)?;
        let bytes = protocol::codec::encode(&snapshot)?;
        let new = Arc::new(Issued { snapshot, bytes, until: rules.next_price_change(now), rules, ratios });
        *issued = Some(new.clone());
        Ok(new)
    }

    /// Learns anew how many bytes of text a token has. Filters are told where it matters, so that not every call makes
    /// a new snapshot; says whether they are.
    pub async fn learn_ratios(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let learned = self.store.read(move |connection| ratios::learn(connection, now)).await?;
        let mut ratios = self.ratios.write().unwrap_or_else(PoisonError::into_inner);
        let settled = ratios::settle(&ratios, learned);
        let changed = **ratios != settled;
        if changed {
            *ratios = Arc::new(settled);
        }
        Ok(changed)
    }

    fn ratios(&self) -> Arc<TextRatios> {
        self.ratios.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes calls that have been open for too long. Says how many.
    pub async fn close_orphans(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let before = now.saturating_sub(self.orphan_after_ns);
        let closed = ledger::orphans::close(&self.store, self.rules(), before, now).await?;
        self.metrics.orphaned(closed);
        Ok(closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, make};
    use std::task::Poll;

    /// Asks for something and leaves before it is done.
    async fn ask_and_leave(asked: impl Future) {
        let mut asked = std::pin::pin!(asked);
        std::future::poll_fn(|context| {
            assert!(asked.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }

    async fn until(is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), wait)
            .await
            .expect("it is done all the same");
    }

    #[tokio::test]
    async fn what_is_written_is_in_force_although_whoever_asked_has_gone() {
        let directory = tempfile::tempdir().unwrap();
        let app = App::open(directory.path(), Clock::from_source(|| 1_795_514_400_000_000_000)).unwrap();
        let policy = policy::parse("version: 1\nplans: {pro: {price_usd: '1'}}\n", "p").unwrap();
        ask_and_leave(app.put_policy(policy)).await;
        until(|| !app.rules().policy().plans.is_empty()).await;
        assert!(app.access.is_open());
        ask_and_leave(make(&app, &"admin".parse().unwrap(), Role::Admin)).await;
        until(|| !app.access.is_open()).await;
    }
}
