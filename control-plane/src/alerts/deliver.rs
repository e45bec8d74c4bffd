//! Takes what is due to where it belongs: one message at a time for each destination, all destinations at once.

use super::{
    queue::{self, Became, Due, Tried},
    send::Sender,
    weekly,
};
use crate::app::App;
use std::{collections::BTreeSet, time::Duration};
use tokio::task::JoinSet;

/// Nothing sleeps longer: the system's clock may be set meanwhile.
const LOOK_MAX: Duration = Duration::from_secs(30);
/// After the store did not answer.
const STORE_WAIT: Duration = Duration::from_secs(5);

/// Delivers until the task is aborted.
pub async fn deliver(app: App) {
    deliver_by(app, Sender::new()).await;
}

pub(super) async fn deliver_by(app: App, sender: Sender) {
    let mut busy: BTreeSet<String> = BTreeSet::new();
    let mut flying: JoinSet<String> = JoinSet::new();
    loop {
        let (now, taken) = (app.clock.now(), busy.clone());
        let wait = match app.store.read(move |store| queue::due(store, &taken, now)).await {
            Ok((ready, next)) => {
                for due in ready {
                    busy.insert(due.destination.clone());
                    flying.spawn(carry(app.clone(), sender.clone(), due));
                }
                let until = next.map(|next| Duration::from_nanos(next.saturating_sub(now)));
                until.unwrap_or(LOOK_MAX).min(LOOK_MAX)
            }
            Err(error) => {
                tracing::error!(%error, "the queue of alerts cannot be read");
                STORE_WAIT
            }
        };
        tokio::select! {
            () = app.alerts.queued.notified() => {}
            Some(done) = flying.join_next(), if !flying.is_empty() => match done {
                Ok(destination) => { busy.remove(&destination); }
                // Which one it was is not known any more: all that are still busy are tried again, at worst twice.
                Err(error) => {
                    tracing::error!(%error, "a delivery did not end well");
                    busy.clear();
                }
            },
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One try, from the queue to what became of it. Says whose turn it was.
async fn carry(app: App, sender: Sender, due: Due) -> String {
    let rules = app.rules();
    let found =
        rules.policy().destinations.iter().find(|(name, _)| name.as_str() == due.destination.as_str());
    let tried = match found {
        Some((_, to)) => sender.send(to.clone(), due.name.clone(), due.body.clone(), app.clock.now()).await,
        None => {
            let error = "the policy has no such destination any more".to_owned();
            Tried::Refused { status: None, error }
        }
    };
    let (destination, message, now) = (due.destination.clone(), due.name.clone(), app.clock.now());
    let (kind, outcome) = (due.kind.clone(), tried.clone());
    match app.store.write(move |write| queue::tried(write, &due, &outcome, now)).await {
        Ok(became) => {
            let result = match became {
                Became::Delivered => "delivered",
                Became::Waits => "failed",
                Became::Dead => "dead",
            };
            let of_report = if kind == weekly::KIND { weekly::KIND } else { "" };
            app.metrics.alert(super::Kind::parse(&kind).map_or(of_report, super::Kind::as_str), result);
            match &tried {
                Tried::Done { status } => tracing::info!(destination, message, status, "alert delivered"),
                Tried::Failed { error, .. } | Tried::Refused { error, .. } => {
                    tracing::warn!(destination, message, result, error, "alert not delivered");
                }
            }
        }
        // It was sent and nobody knows: it is sent again, under the same id.
        Err(error) => tracing::error!(%error, destination, message, "what became of an alert was not kept"),
    }
    destination
}

#[cfg(test)]
mod tests;
