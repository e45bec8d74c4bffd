//! Imports against a real store: what is written, decided on and read again.

use super::*;
use crate::{
    catalogue::refresh::{Outcome, RefreshError, Schedule, refresh},
    clock::Clock,
    metrics::Gauges,
    policy,
    prices::{Query, Status},
};
use protocol::{meters::Meter, price::Terms};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

const NOW: UnixNanos = 1_795_514_400_000_000_000;
const HOUR: u64 = 3_600_000_000_000;
const CATALOGUE: &str = r#"{"gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05}}"#;

struct Desk {
    app: App,
    time: Arc<AtomicU64>,
    directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let time = Arc::new(AtomicU64::new(NOW));
        let source = time.clone();
        let clock = Clock::from_source(move || source.load(Ordering::Relaxed));
        Self { app: App::open(&directory.path().join("data"), clock).unwrap(), time, directory }
    }

    fn wait(&self, hours: u64) {
        self.time.fetch_add(hours * HOUR, Ordering::Relaxed);
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    async fn take(&self, text: &str, apply: Apply) -> Done {
        let request = Request { text: text.to_owned(), ..Request::default() };
        import_as(&self.app, request, Manner { apply, ..Manner::default() }).await.unwrap()
    }

    /// What input costs now, per million.
    fn input(&self) -> Option<String> {
        let (rules, at) = (self.app.rules(), self.app.clock.now());
        let query = Query { provider: "openai", served: Some("gpt-x"), at, ..Query::default() };
        let list = rules.prices.find(&query).found()?.prices;
        Some(list.rate(Meter::Input, &Terms::default())?.rate.usd_per_mtok())
    }

    fn waiting(&self) -> Vec<u64> {
        let rules = self.app.rules();
        rules.prices.rows().filter(|row| row.status == Status::Proposed).map(|row| row.id).collect()
    }

    async fn age_hours(&self, provider: &str) -> u64 {
        let confirmed = {
            let now = self.app.clock.now();
            self.app.store.read(move |connection| imports::confirmed(connection, now)).await.unwrap()
        };
        (self.app.clock.now() - confirmed[provider]) / HOUR
    }

    async fn policy(&self, refresh: &str) {
        let policy =
            policy::parse(&format!("version: 1\nprices:\n  refresh:\n    - {refresh}\n"), "p").unwrap();
        self.app.put_policy(policy).await.unwrap();
    }

    /// How often reading again was counted so.
    fn counted(&self, result: &str) -> u64 {
        let text = self.app.metrics.text(&Gauges::default()).unwrap();
        let name = format!("bursar_price_refresh_total{{result=\"{result}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn rows_are_approved_and_rejected_one_by_one_or_all_together() {
    let desk = Desk::new();
    let first = desk.take(CATALOGUE, Apply::Nothing).await;
    assert_eq!(desk.input(), None);
    // Input and output, and what cached and hidden tokens and images inherit.
    let waiting = desk.waiting();
    assert_eq!((waiting.len(), &first.summary["held"]), (5, &json!(5)));
    let import = first.id.unwrap();
    let one = approve(&desk.app, import, Some([waiting[0]].into())).await.unwrap().unwrap();
    assert_eq!(one, Reviewed { rows: 1, waiting: 4 });
    assert_eq!(desk.input().as_deref(), Some("2.5"));
    let other = reject(&desk.app, import, Some([waiting[1], 999].into())).await.unwrap().unwrap();
    assert_eq!(other, Reviewed { rows: 1, waiting: 3 });
    let rest = approve(&desk.app, import, None).await.unwrap().unwrap();
    assert_eq!((rest, desk.waiting()), (Reviewed { rows: 3, waiting: 0 }, vec![]));
    assert!(approve(&desk.app, 77, None).await.unwrap().is_none());
    // What was rejected is proposed again, since the catalogue still says it.
    let again = desk.take(CATALOGUE, Apply::Nothing).await;
    assert_eq!((&again.summary["held"], &again.summary["unchanged"]), (&json!(1), &json!(4)));
}

#[tokio::test]
async fn a_row_that_a_catalogue_does_without_ends_when_somebody_approves_it() {
    let desk = Desk::new();
    desk.take(CATALOGUE, Apply::Guarded).await;
    desk.wait(1);
    let other = CATALOGUE.replace("gpt-x", "gpt-y");
    let done = desk.take(&other, Apply::Nothing).await;
    assert_eq!((&done.summary["leaving"], &done.summary["held"]), (&json!(5), &json!(5)));
    assert!(desk.input().is_some());
    let waiting = desk.app.store.read(|connection| imports::imports(connection, i64::MAX, 10)).await.unwrap();
    assert_eq!(waiting.iter().map(|import| import.waiting).collect::<Vec<_>>(), [10, 0]);
    // Rejected, they hold on, and are found missing again next time.
    assert_eq!(reject(&desk.app, done.id.unwrap(), None).await.unwrap().unwrap().rows, 10);
    let done = desk.take(&other, Apply::Nothing).await;
    assert_eq!(approve(&desk.app, done.id.unwrap(), None).await.unwrap().unwrap().rows, 10);
    assert_eq!(desk.input(), None);
    desk.wait(1);
    assert_eq!(desk.take(&other, Apply::Nothing).await.summary["leaving"], 0);
}

#[tokio::test]
async fn a_catalogue_is_taken_once_at_the_start_and_again_by_a_reader_that_takes_more() {
    let desk = Desk::new();
    let once =
        async || import_once(&desk.app, CATALOGUE.to_owned(), Manner::default()).await.unwrap().is_some();
    assert!(once().await && !once().await);
    desk.app.change(|write| write.execute("UPDATE price_imports SET reader = 1", [])).await.unwrap();
    assert!(once().await && !once().await);
    assert!(import_once(&desk.app, "nothing".to_owned(), Manner::default()).await.is_err());
}

#[tokio::test]
async fn a_file_is_read_again_when_its_time_has_come_and_an_unchanged_text_renews_the_age() {
    let desk = Desk::new();
    let file = desk.write("catalogue.json", CATALOGUE);
    desk.policy(&format!("{{file: {}, every_hours: 24, apply: guarded}}", file.display())).await;
    let mut schedule = Schedule::default();
    schedule.run(&desk.app).await;
    assert_eq!((desk.counted("imported"), desk.input().as_deref()), (1, Some("2.5")));
    desk.wait(23);
    schedule.run(&desk.app).await;
    assert_eq!((desk.counted("unchanged"), desk.age_hours("openai").await), (0, 23));
    desk.wait(1);
    schedule.run(&desk.app).await;
    assert_eq!((desk.counted("unchanged"), desk.age_hours("openai").await), (1, 0));
    // A new process knows when it was read last.
    desk.wait(1);
    Schedule::default().run(&desk.app).await;
    assert_eq!((desk.counted("imported"), desk.counted("unchanged")), (1, 1));
    desk.write("catalogue.json", &CATALOGUE.replace("2.5e-06", "2e-06"));
    desk.wait(24);
    schedule.run(&desk.app).await;
    assert_eq!((desk.counted("imported"), desk.input().as_deref()), (2, Some("2")));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_leaves_the_last_good_prices_and_is_counted_and_not_tried_all_the_time() {
    let desk = Desk::new();
    let file = desk.write("catalogue.json", CATALOGUE);
    desk.policy(&format!("{{file: {}, every_hours: 2, apply: guarded}}", file.display())).await;
    let mut schedule = Schedule::default();
    schedule.run(&desk.app).await;
    desk.write("catalogue.json", "{\"gpt-x\": ");
    desk.wait(2);
    for _ in 0..3 {
        schedule.run(&desk.app).await;
    }
    assert_eq!((desk.counted("failed"), desk.input().as_deref()), (1, Some("2.5")));
    assert_eq!(desk.age_hours("openai").await, 2);
    fs::remove_file(&file).unwrap();
    desk.wait(2);
    schedule.run(&desk.app).await;
    assert_eq!((desk.counted("failed"), desk.input().as_deref()), (2, Some("2.5")));
}

#[tokio::test]
async fn what_is_refreshed_waits_unless_the_policy_lets_it_through() {
    let desk = Desk::new();
    let file = desk.write(
        "prices.yaml",
        "prices:\n  - {provider: openai, model: gpt-x, rates: {input: {usd_per_mtok: 1}}}\n",
    );
    desk.policy(&format!("{{file: {}}}", file.display())).await;
    Schedule::default().run(&desk.app).await;
    assert_eq!((desk.input(), desk.waiting().len()), (None, 2));
    let rules = desk.app.rules();
    assert!(rules.prices.rows().all(|row| &*row.source.name == "file:prices.yaml"));
}

#[tokio::test]
async fn a_catalogue_is_fetched_from_its_address_and_a_refusal_is_told() {
    let desk = Desk::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        for (status, body) in [("200 OK", CATALOGUE), ("503 Service Unavailable", "later")] {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 2_048];
            assert!(stream.read(&mut request).unwrap() > 0);
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .unwrap();
        }
    });
    desk.policy(&format!("{{url: \"http://{address}/prices.json\", apply: guarded}}")).await;
    let entry = desk.app.rules().policy().prices.refresh[0].clone();
    assert_eq!(refresh(&desk.app, &entry).await.unwrap(), Outcome::Imported);
    assert_eq!(desk.input().as_deref(), Some("2.5"));
    let refused = refresh(&desk.app, &entry).await.unwrap_err();
    assert!(matches!(refused, RefreshError::Unreachable(_)), "{refused}");
    served.join().unwrap();
}

#[tokio::test]
async fn a_catalogue_without_any_price_is_a_failure_and_changes_nothing() {
    let desk = Desk::new();
    desk.take(CATALOGUE, Apply::Guarded).await;
    for empty in ["{}", r#"{"error": "rate limited, try later"}"#] {
        let manner =
            Manner { format: Some(CatalogueFormat::Litellm), apply: Apply::Guarded, ..Manner::default() };
        let request = Request { text: empty.to_owned(), effective_from: None, dry_run: false };
        let failed = import_as(&desk.app, request, manner).await;
        assert!(matches!(failed, Err(ImportError::Unreadable(ReadError::NoPrice))), "{failed:?}");
    }
    let now = desk.app.clock.now();
    assert!(desk.app.rules().prices.rows().all(|row| row.status != Status::Active || row.is_in_force(now)));
}
