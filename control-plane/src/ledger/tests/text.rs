//! What calls tell of their models' text, and what they do not.

use super::*;
use crate::ledger::text::{Evidence, evidence};
use protocol::event::Refusal;

impl Ledger {
    /// `provider/model` → calls, bytes and tokens of requests, then of answers.
    async fn texts(&self) -> Vec<(String, [u64; 3], [u64; 3])> {
        let sums = self.store.read(|connection| evidence(connection, 0)).await.unwrap();
        let numbers = |Evidence { calls, bytes, tokens }: Evidence| [calls, bytes, tokens];
        let rows = sums.into_iter().map(|((provider, model), (request, text))| {
            (format!("{provider}/{model}"), numbers(request), numbers(text))
        });
        rows.collect()
    }
}

/// A call of 10 prompt tokens in 45 bytes and 5 generated tokens in 20, changed by `change`.
fn told(number: u64, change: impl FnOnce(&mut CallHead, &mut CallEnd)) -> UsageEvent {
    let mut head = CallHead { request_text_bytes: Some(45), ..head(number) };
    let mut end = CallEnd { text_bytes: 20, ..end(10, 5) };
    change(&mut head, &mut end);
    UsageEvent::Finished { head, end: Box::new(end) }
}

const ALL: [u64; 3] = [1, 45, 10];
const TEXT: [u64; 3] = [1, 20, 5];
const NOTHING: [u64; 3] = [0; 3];

#[tokio::test]
async fn a_complete_call_tells_of_both_sides_of_the_model_asked_for_the_one_served_and_the_provider() {
    let ledger = Ledger::new();
    ledger.book(vec![told(1, |_, end| end.response_model = Some("gpt-4o-2024-08-06".into()))]).await;
    let row = |model: &str| (format!("openai/{model}"), ALL, TEXT);
    assert_eq!(ledger.texts().await, [row(""), row("gpt-4o"), row("gpt-4o-2024-08-06")]);
    // One name for both counts once.
    ledger.book(vec![told(2, |_, _| {}), told(3, |_, end| end.response_model = None)]).await;
    let calls: Vec<u64> = ledger.texts().await.iter().map(|(_, [calls, ..], _)| *calls).collect();
    assert_eq!(calls, [3, 3, 1]);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn cached_prompt_tokens_and_hidden_generated_ones_are_part_of_the_text() {
    let ledger = Ledger::new();
    let event = told(1, |head, end| {
        head.request_text_bytes = Some(450);
        end.usage.units = [
            (Meter::Input, 10),
            (Meter::CacheRead, 100),
            (Meter::CacheWrite5m, 20),
            (Meter::CacheWrite1h, 3),
            (Meter::Output, 5),
            (Meter::Reasoning, 40),
            (Meter::WebSearch, 1),
        ]
        .into();
    });
    ledger.book(vec![event]).await;
    assert_eq!(ledger.texts().await[0], ("openai/".to_owned(), [1, 450, 133], [1, 20, 45]));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_request_that_names_what_the_provider_reads_tells_nothing_of_its_own_text() {
    let ledger = Ledger::new();
    for (number, bytes, told_of) in [(1, 14, false), (2, 15, true), (3, 200, true), (4, 202, false)] {
        let before = ledger.texts().await.first().map_or(0, |(_, [calls, ..], _)| *calls);
        ledger.book(vec![told(number, |head, _| head.request_text_bytes = Some(bytes))]).await;
        let after = ledger.texts().await.first().map_or(0, |(_, [calls, ..], _)| *calls);
        assert_eq!(after - before, u64::from(told_of), "{bytes} bytes of 10 tokens");
    }
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn cut_estimated_erroneous_and_refused_calls_tell_nothing() {
    let ledger = Ledger::new();
    let changes: [fn(&mut CallEnd); 10] = [
        |end| end.ending = Ending::ClientAbort,
        |end| end.ending = Ending::UpstreamReset,
        |end| end.ending = Ending::Timeout,
        |end| end.usage.complete = false,
        |end| end.usage.estimated = [Meter::Output].into(),
        |end| end.usage.estimated = [Meter::Input, Meter::Output].into(),
        |end| end.usage.units.clear(),
        |end| end.status = 500,
        |end| end.status = 304,
        |end| end.refused = Some(Refusal::Cap),
    ];
    let event = |(number, change): (u64, fn(&mut CallEnd))| told(number, |_, end| change(end));
    ledger.book((1..).zip(changes).map(event).collect()).await;
    ledger.book(vec![started(90)]).await;
    ledger.close_orphans(NOW + MINUTE).await;
    assert_eq!(ledger.texts().await, []);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn pictures_sound_and_absence_silence_their_own_side_only() {
    type Change = fn(&mut CallHead, &mut CallEnd);
    let cases: [(Change, _, _); 9] = [
        (|_, end| end.usage.units.extend([(Meter::ImageIn, 9)]), NOTHING, TEXT),
        (|_, end| end.usage.units.extend([(Meter::AudioIn, 9)]), NOTHING, TEXT),
        (|_, end| end.usage.units.extend([(Meter::ImageOut, 9)]), ALL, NOTHING),
        (|_, end| end.usage.units.extend([(Meter::AudioOut, 9)]), ALL, NOTHING),
        (|_, end| end.usage.units.extend([(Meter::AudioIn, 0)]), ALL, TEXT),
        (|head, _| head.request_text_bytes = None, NOTHING, TEXT),
        (|_, end| end.text_bytes = 0, ALL, NOTHING),
        (|_, end| end.usage.units.retain(|meter, _| *meter != Meter::Output), ALL, NOTHING),
        (|_, end| end.usage.units.retain(|meter, _| *meter != Meter::Input), NOTHING, TEXT),
    ];
    for (index, (change, request, text)) in cases.into_iter().enumerate() {
        let ledger = Ledger::new();
        ledger.book(vec![told(1, change)]).await;
        let row = |model: &str| (format!("openai/{model}"), request, text);
        assert_eq!(ledger.texts().await, [row(""), row("gpt-4o")], "case {index}");
        ledger.assert_rebuild_equals_running().await;
    }
}

#[tokio::test]
async fn the_same_event_again_tells_nothing_more() {
    let ledger = Ledger::new();
    let event = || told(1, |_, _| {});
    ledger.book(vec![event(), event()]).await;
    ledger.book(vec![event()]).await;
    assert_eq!(ledger.texts().await[0], ("openai/".to_owned(), ALL, TEXT));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn of_two_heads_of_a_call_the_first_is_learned_from() {
    let ledger = Ledger::new();
    let first = CallHead { request_text_bytes: Some(50), request_model: Some("gpt-4".into()), ..head(1) };
    ledger.book(vec![UsageEvent::Started { head: first }]).await;
    ledger.book(vec![told(1, |_, _| {})]).await;
    let row = |model: &str| (format!("openai/{model}"), [1, 50, 10], TEXT);
    assert_eq!(ledger.texts().await, [row(""), row("gpt-4"), row("gpt-4o")]);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn an_end_that_comes_after_its_call_was_closed_as_orphaned_is_learned_from() {
    let ledger = Ledger::new();
    ledger
        .book(vec![UsageEvent::Started { head: CallHead { request_text_bytes: Some(45), ..head(1) } }])
        .await;
    ledger.close_orphans(NOW + MINUTE).await;
    assert_eq!(ledger.texts().await, []);
    ledger.book(vec![told(1, |_, end| end.response_model = Some("served".into()))]).await;
    let row = |model: &str| (format!("openai/{model}"), ALL, TEXT);
    assert_eq!(ledger.texts().await, [row(""), row("gpt-4o"), row("served")]);
    ledger.assert_rebuild_equals_running().await;
}

/// A store of the first version with what another one has.
fn as_of_the_first_version(newest: &std::path::Path, directory: &std::path::Path) {
    let old = rusqlite::Connection::open(directory.join("bursar.sqlite3")).unwrap();
    old.execute_batch(include_str!("../../store/migrations/0001_ledger.sql")).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old.execute("ATTACH ?1 AS newest", [newest.join("bursar.sqlite3").display().to_string()]).unwrap();
    let names = |sql: &str| -> Vec<String> {
        let mut statement = old.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    for table in names("SELECT name FROM main.sqlite_master WHERE type = 'table'") {
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}', 'main')")).join(", ");
        let copy = format!("INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newest.{table}");
        old.execute(&copy, []).unwrap();
    }
    // Nothing of that version used the words for meters.
    old.execute("DELETE FROM words WHERE text IN ('input', 'output')", []).unwrap();
}

#[tokio::test]
async fn a_store_of_the_first_version_opens_and_knows_from_its_calls_what_came_later() {
    let ledger = Ledger::new();
    ledger.book(vec![told(1, |_, _| {}), told(2, |_, end| end.status = 500), started(3)]).await;
    let before = ledger.texts().await;
    let charges = "SELECT sum(units * rate) FROM by_day_charge";
    let charged = ledger.number(charges).await;
    let Ledger { store, rules, directory: newest } = ledger;
    store.close().await;
    let directory = tempfile::tempdir().unwrap();
    as_of_the_first_version(newest.path(), directory.path());
    let store = Store::open(directory.path()).unwrap();
    let after = Ledger { store, rules, directory };
    assert_eq!(after.texts().await, before);
    assert_eq!(after.number(charges).await, charged);
    after.assert_rebuild_equals_running().await;
    after.book(vec![told(3, |_, _| {})]).await;
    assert_eq!(after.texts().await[0].2, [2, 40, 10]);
    after.assert_rebuild_equals_running().await;
}
