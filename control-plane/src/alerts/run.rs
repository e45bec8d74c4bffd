//! An evaluation from beginning to end: read, judge, compare with what is on record, write and queue.

use super::{
    evaluate::{NODE_FORGOTTEN_NS, evaluate},
    machine::{Before, Changes, step},
    message::Message,
    nodes,
    read::{Heard, Memory, observe},
    standing::{Key, Kind, Standing},
    tables, weekly,
};
use crate::{
    app::App,
    clock::Stopwatch,
    prices::PriceTable,
    rules::Rules,
    store::{StoreError, Write, policies},
};
use protocol::UnixNanos;
use rusqlite::Connection;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::MissedTickBehavior;

/// So many alerts are written in one transaction, for which ingest waits; the others fire with the next evaluation.
const FIRED_MAX: usize = 2_000;

/// What one evaluation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// Alerts that fired,
    pub fired: usize,
    /// that were only noted,
    pub seeded: usize,
    /// and that stand no longer.
    pub ended: usize,
}

/// Evaluates the alerts of one control plane.
#[derive(Debug)]
pub struct Evaluator {
    app: App,
    memory: Arc<Mutex<Memory>>,
}

/// What one look at the store found.
struct Seen {
    standing: Vec<Standing>,
    before: Before,
    /// The evaluation before was made with this policy.
    evaluated: Option<i64>,
    changes: bool,
}

impl Evaluator {
    /// Of that control plane.
    pub fn new(app: App) -> Self {
        Self { app, memory: Arc::default() }
    }

    /// Evaluates once. What it raises is on the disk, and queued, when it answers.
    pub async fn evaluate(&self) -> Result<Evaluated, StoreError> {
        let (now, rules, alerts) = (self.app.clock.now(), self.app.rules(), &self.app.alerts);
        let version = rules.stored.version;
        let heard = Heard { seen: alerts.sightings.take(), listening_since: alerts.listening_since };
        let done = self.evaluate_at(now, rules, &heard).await;
        if done.is_err() {
            alerts.sightings.give_back(&heard.seen);
        }
        let (changes, messages) = done?;
        for (_, one) in &changes.fire {
            self.app.metrics.alert(one.key.kind.as_str(), "fired");
            let (kind, subject) =
                (one.key.kind.as_str(), crate::store::digest(one.key.subject.key().as_bytes()));
            let subject = subject.get(..12).unwrap_or_default();
            tracing::info!(kind, subject, threshold = one.key.threshold, policy = version, "alert fired");
        }
        for (_, one) in &changes.seed {
            self.app.metrics.alert(one.key.kind.as_str(), "seeded");
        }
        if !messages.is_empty() {
            alerts.queued();
        }
        Ok(Evaluated { fired: changes.fire.len(), seeded: changes.seed.len(), ended: changes.end.len() })
    }

    async fn evaluate_at(
        &self,
        now: UnixNanos,
        rules: Arc<Rules>,
        heard: &Heard,
    ) -> Result<(Changes, Vec<Message>), StoreError> {
        let (memory, in_force, known) = (self.memory.clone(), rules.clone(), heard.clone());
        let look = move |store: &Connection| {
            let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
            look(store, &in_force, &known, &mut memory, now)
        };
        let Seen { standing, before, evaluated, changes } = self.app.store.read(look).await?;
        let version = rules.stored.version;
        if !changes && heard.seen.is_empty() && evaluated == Some(version) {
            return Ok((Changes::default(), Vec::new()));
        }
        let to: Vec<String> = rules.policy().alerts.to.iter().map(|name| name.as_str().to_owned()).collect();
        let seen = heard.seen.clone();
        let keep = move |write: &mut Write<'_>| {
            let lost = standing.iter().filter(|one| one.key.kind == Kind::UnreachableNode);
            let lost: Vec<Box<str>> =
                lost.filter_map(|one| one.key.subject.name("node").map(Into::into)).collect();
            nodes::keep(write, &seen, &lost, now.saturating_sub(NODE_FORGOTTEN_NS))?;
            // Compared anew, inside of the transaction that writes what comes of it.
            let mut changes = step(&tables::recorded(write.connection(), now)?, standing, &before);
            changes.put_off(FIRED_MAX);
            let messages = tables::apply(write, changes.clone(), &to, now)?;
            if evaluated != Some(version) {
                tables::set_evaluated(write, version, now)?;
            }
            if !changes.is_empty() {
                tables::forget(write, now)?;
            }
            Ok((changes, messages))
        };
        self.app.store.write(keep).await
    }
}

fn look(
    store: &Connection,
    rules: &Rules,
    heard: &Heard,
    memory: &mut Memory,
    now: UnixNanos,
) -> Result<Seen, StoreError> {
    let observed = observe(store, rules, heard, memory, now)?;
    let standing = evaluate(&rules.policy().alerts, &observed, now);
    let evaluated = tables::evaluated(store)?;
    let before = match evaluated {
        None => Before::Nothing,
        Some(version) if version == rules.stored.version => Before::SameRules,
        // What the same figures pass under the policy before has been passed by spending; the rest by a change of
        // the policy, of which nobody needs to be told.
        Some(version) => {
            let stood = match policies::of_version(store, version)? {
                None => Vec::new(),
                Some(stored) => {
                    let former = Rules::new(stored, PriceTable::default());
                    let mut seen = observe(store, &former, heard, &mut Memory::default(), now)?;
                    // The price table is the same; what there was of it before is not known any more.
                    (seen.prices, seen.unpriced) = (observed.prices, observed.unpriced);
                    evaluate(&former.policy().alerts, &seen, now)
                }
            };
            Before::OtherRules(
                stood.into_iter().map(|one| one.key).collect::<std::collections::BTreeSet<Key>>(),
            )
        }
    };
    let changes = !step(&tables::recorded(store, now)?, standing.clone(), &before).is_empty();
    Ok(Seen { standing, before, evaluated, changes })
}

/// Evaluates now, then every so often and whenever the policy changes, until the task is aborted.
pub async fn evaluate_every(app: App, every: Duration) {
    let evaluator = Evaluator::new(app.clone());
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.alerts.rules_changed.notified() => {}
        }
        let watch = Stopwatch::start();
        match evaluator.evaluate().await {
            Ok(Evaluated { fired: 0, seeded: 0, .. }) => {}
            Ok(Evaluated { fired, seeded, ended }) => {
                let took_ms = watch.elapsed().as_millis();
                tracing::info!(fired, seeded, ended, took_ms, "alerts evaluated");
            }
            Err(error) => tracing::error!(%error, "alerts were not evaluated; the next look finds the same"),
        }
        if let Err(error) = weekly::send_due(&app).await {
            tracing::error!(%error, "the weekly report was not sent; the next look tries again");
        }
    }
}

#[cfg(test)]
mod scale;
#[cfg(test)]
mod tests;
