use super::*;
use crate::{app::App, clock::Clock, ledger};
use protocol::event::UsageEvent;
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;

struct Plane {
    app: App,
    now: Arc<AtomicU64>,
    calls: AtomicU64,
    _directory: tempfile::TempDir,
}

impl Plane {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicU64::new(NOW));
        let source = now.clone();
        let clock = Clock::from_source(move || source.load(Ordering::Relaxed));
        let app = App::open(directory.path(), clock).unwrap();
        Self { app, now, calls: AtomicU64::new(0), _directory: directory }
    }

    /// Ends so many calls of a model, each with these bytes and tokens of answer, and learns.
    async fn calls(&self, model: &str, calls: u64, bytes: u64, tokens: u64) -> bool {
        let now = self.now.load(Ordering::Relaxed);
        let event = |_| {
            let number = self.calls.fetch_add(1, Ordering::Relaxed);
            let event = json!({
                "kind": "finished",
                "head": {
                    "id": format!("019cc3d3-8b00-7000-8000-{number:012x}"), "provider": "openai",
                    "dialect": "openai-chat", "operation": "chat", "request_model": model, "started_at": now,
                    "request_text_bytes": 5 * tokens,
                },
                "end": {
                    "finished_at": now, "status": 200, "ending": "complete", "outcome": "ok", "text_bytes": bytes,
                    "usage": {"units": {"input": tokens, "output": tokens}, "complete": true},
                },
            });
            serde_json::from_value::<UsageEvent>(event).unwrap()
        };
        let rules = self.app.rules();
        let bookings: Vec<_> =
            (0..calls).map(event).map(|event| ledger::prepare(event, &rules, now).unwrap()).collect();
        self.app.store.write(move |write| ledger::book(write, "n", "b", &bookings, 0)).await.unwrap();
        self.app.learn_ratios().await.unwrap()
    }

    fn version(&self) -> String {
        self.app.snapshot().unwrap().snapshot.version.to_string()
    }

    /// Bytes of request and of answer per 1,000 tokens.
    fn told(&self, model: &str) -> Option<(u32, u32)> {
        let issued = self.app.snapshot().unwrap();
        let ratio = *issued.snapshot.ratios.models.get("openai")?.get(model)?;
        Some((ratio.request_bytes_per_kilotoken, ratio.text_bytes_per_kilotoken))
    }
}

#[tokio::test]
async fn filters_are_told_of_a_model_once_enough_is_known_of_it() {
    let plane = Plane::new();
    plane.calls("chatty", 9, 400, 100).await;
    assert_eq!(plane.told("chatty"), None);
    plane.calls("chatty", 1, 400, 100).await;
    assert_eq!(plane.told("chatty"), Some((5_000, 4_000)));
    // One long text is as good.
    plane.calls("wordy", 1, 6_000, 2_000).await;
    assert_eq!(plane.told("wordy"), Some((5_000, 3_000)));
    // All that the provider served: 10 × 400 and 6,000 bytes in 10 × 100 and 2,000 tokens.
    assert_eq!(plane.told(""), Some((5_000, 3_333)));
}

#[tokio::test]
async fn more_calls_of_the_same_kind_make_no_new_snapshot() {
    let plane = Plane::new();
    let before = plane.version();
    assert!(plane.calls("gpt", 10, 400, 100).await);
    let version = plane.version();
    assert_ne!(before, version);
    assert!(!plane.calls("gpt", 25, 400, 100).await);
    assert_eq!(plane.version(), version);
    // 35 calls of 400 bytes and 35 of 415: 1.9 % more than what was told.
    assert!(!plane.calls("gpt", 35, 415, 100).await);
    assert_eq!((plane.version(), plane.told("gpt")), (version.clone(), Some((5_000, 4_000))));
    // Another 70 of 425: 2 % is passed, measured from what was told and not from what was learned last.
    assert!(plane.calls("gpt", 70, 425, 100).await);
    assert_ne!(plane.version(), version);
    assert_eq!(plane.told("gpt"), Some((5_000, 4_162)));
}

#[tokio::test]
async fn one_model_that_moves_leaves_the_others_as_they_were_told() {
    let plane = Plane::new();
    plane.calls("steady", 100, 4_000, 1_000).await;
    plane.calls("moves", 10, 400, 100).await;
    plane.calls("steady", 10, 4_100, 1_000).await;
    plane.calls("moves", 10, 800, 100).await;
    assert_eq!(plane.told("steady"), Some((5_000, 4_000)));
    assert_eq!(plane.told("moves"), Some((5_000, 6_000)));
}

#[tokio::test]
async fn what_no_text_can_be_is_told_as_the_nearest_that_can() {
    let plane = Plane::new();
    plane.calls("hides", 10, 1, 1_000).await;
    plane.calls("miscounts", 10, 1_000_000, 10).await;
    assert_eq!(plane.told("hides"), Some((5_000, 500)));
    assert_eq!(plane.told("miscounts"), Some((5_000, 20_000)));
}

#[tokio::test]
async fn after_thirty_days_a_call_is_forgotten() {
    let plane = Plane::new();
    plane.calls("old", 10, 400, 100).await;
    plane.now.fetch_add(DAYS * DAY_NS, Ordering::Relaxed);
    assert!(!plane.app.learn_ratios().await.unwrap());
    plane.now.fetch_add(DAY_NS, Ordering::Relaxed);
    assert!(plane.app.learn_ratios().await.unwrap());
    assert_eq!(plane.told("old"), None);
}

#[tokio::test]
async fn a_control_plane_that_starts_again_knows_what_it_learned() {
    let plane = Plane::new();
    plane.calls("gpt", 10, 400, 100).await;
    let version = plane.version();
    let Plane { app, _directory: directory, .. } = plane;
    app.store.clone().close().await;
    drop(app);
    let again = App::open(directory.path(), Clock::from_source(|| NOW)).unwrap();
    assert_eq!(*again.snapshot().unwrap().snapshot.version, *version);
}

#[test]
fn no_sum_is_too_large_to_divide() {
    let all = Evidence { calls: u64::MAX, bytes: u64::MAX, tokens: 1 };
    assert_eq!(rate(all), 20_000);
    assert_eq!(rate(Evidence { bytes: 1, tokens: u64::MAX, ..all }), 500);
    assert_eq!(rate(Evidence { tokens: 0, ..all }), 0);
}
