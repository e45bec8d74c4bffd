//! Fills a ledger: every call by the real preparation and the real booking, in batches as large as a busy Envoy's.

use crate::traffic::{self, Traffic};
use control_plane::{
    app::App,
    catalogue,
    clock::{Clock, Stopwatch},
    ledger::{self, Entry},
    policy,
    rules::Rules,
};
use std::{path::Path, sync::Arc};
use tokio::sync::mpsc;

/// Events of a transaction.
const BATCH: usize = 1_000;
const BATCHES_WAITING: usize = 4;
const PROGRESS: u64 = 500_000;

/// Fills it, unless there is one. Says how it went.
pub(crate) async fn fill(directory: &Path, calls: u64) -> String {
    let clock = Clock::system();
    let app = App::open(directory, clock.clone()).expect("a store");
    let count = |store: &rusqlite::Connection| {
        Ok(store.query_row("SELECT count(*) FROM calls", [], |row| row.get(0))?)
    };
    let found: i64 = app.store.read(count).await.expect("a count");
    if found > 0 {
        app.store.close().await;
        return format!("the {found} calls in {}", directory.display());
    }
    let policy = policy::parse(&traffic::policy(), "policy").expect("a policy");
    app.put_policy(policy).await.expect("a policy in force");
    let prices = catalogue::Request { text: traffic::prices(), effective_from: Some(1), dry_run: false };
    catalogue::import(&app, prices).await.expect("prices");
    let watch = Stopwatch::start();
    let (batches, mut waiting) = mpsc::channel(BATCHES_WAITING);
    let (rules, now) = (app.rules(), clock.now());
    tokio::task::spawn_blocking(move || draw(calls, now, &rules, &batches));
    let (mut booked, mut said) = (0_u64, 0_u64);
    while let Some(entries) = waiting.recv().await {
        let entries: Vec<Entry> = entries;
        let of_calls = entries.iter().filter(|entry| matches!(entry, Entry::Call(_))).count() as u64;
        let book = move |write: &mut control_plane::store::Write<'_>| {
            ledger::book(write, "envoy-1", "boot-1", &entries, now)
        };
        let done = app.store.write(book).await.expect("a batch that is booked");
        assert!(done.results.iter().all(|(_, fault)| fault.is_none()), "every event is taken");
        booked += of_calls;
        if booked / PROGRESS > said {
            said = booked / PROGRESS;
            eprintln!("{booked} calls, {:.0} calls/s", booked as f64 / watch.elapsed().as_secs_f64());
        }
    }
    let took = watch.elapsed();
    app.store.close().await;
    let bytes = std::fs::metadata(directory.join("bursar.sqlite3")).map_or(0, |file| file.len());
    format!(
        "{booked} calls booked in {:.0} s: {:.0} calls/s; {} bytes a call",
        took.as_secs_f64(),
        booked as f64 / took.as_secs_f64(),
        bytes / booked.max(1)
    )
}

fn draw(calls: u64, now: u64, rules: &Arc<Rules>, batches: &mpsc::Sender<Vec<Entry>>) {
    let (mut traffic, mut events) = (Traffic::new(calls, now), Vec::new());
    loop {
        let goes_on = traffic.next(&mut events);
        if events.len() >= BATCH || (!goes_on && !events.is_empty()) {
            let prepare = |event| ledger::prepare(event, rules, now).expect("an event that makes sense");
            let entries = events.drain(..).map(prepare).collect();
            if batches.blocking_send(entries).is_err() {
                return;
            }
        }
        if !goes_on {
            return;
        }
    }
}
