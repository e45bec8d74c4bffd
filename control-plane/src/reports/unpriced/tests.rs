use super::*;
use crate::{app::App, catalogue, clock::Clock, policy, reports::Format};
use protocol::{
    attribution::{Attributed, Attribution, Dimension, Source},
    event::{CallEnd, CallHead, UsageEvent},
};
use rusqlite::params;
use serde_json::{Value, json};

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;
const MINUTE: UnixNanos = 60_000_000_000;

const CATALOGUE: &str = r#"{"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05}}"#;

/// A ledger with calls in it, and what the report says of them.
struct Desk {
    runtime: tokio::runtime::Runtime,
    app: App,
    policy: &'static str,
    _directory: tempfile::TempDir,
}

impl Desk {
    fn new(policy: &'static str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let app = App::open(directory.path(), Clock::from_source(|| NOW)).unwrap();
        let request = catalogue::Request { text: CATALOGUE.to_owned(), effective_from: None, dry_run: false };
        runtime.block_on(catalogue::import(&app, request)).unwrap();
        runtime.block_on(app.put_policy(policy::parse(policy, "p").unwrap())).unwrap();
        Self { runtime, app, policy, _directory: directory }
    }

    /// Books a call that began so many minutes ago. Its id ends with that number.
    fn book(&self, minutes_ago: u8, customer: &str, model: &str, used: Value) {
        use crate::ledger;
        let at = NOW - u64::from(minutes_ago) * MINUTE;
        let mut attribution = Attribution::default();
        if !customer.is_empty() {
            let value = customer.parse().unwrap();
            attribution.set(Dimension::Customer, Attributed { value, from: Source::Header });
        }
        let head = json!({
            "id": CallId::new(at / 1_000_000, [minutes_ago; 10]), "attribution": attribution, "provider": "openai",
            "dialect": "openai-chat", "operation": "chat", "request_model": model, "started_at": at,
        });
        let end = json!({
            "finished_at": at + 1, "response_model": model, "usage": used, "status": 200, "response_flags": "",
            "ending": "complete", "outcome": "ok", "finish_reasons": [], "attempts": 1,
        });
        let head: CallHead = serde_json::from_value(head).unwrap();
        let end: CallEnd = serde_json::from_value(end).unwrap();
        let event = UsageEvent::Finished { head, end: Box::new(end) };
        let booking = ledger::prepare(event, &self.app.rules(), NOW).unwrap();
        let job = move |write: &mut crate::store::Write<'_>| ledger::book(write, "n", "b", &[booking], NOW);
        self.runtime.block_on(self.app.store.write(job)).unwrap();
    }

    /// Books the call of that number otherwise.
    fn correct(&self, number: u8, cause: &'static str, after: Option<i64>) {
        let id = CallId::new((NOW - u64::from(number) * MINUTE) / 1_000_000, [number; 10]);
        let job = move |write: &mut crate::store::Write<'_>| {
            let sql = "INSERT INTO corrections (call, at, cause, after_pico) VALUES (?1, ?2, ?3, ?4)";
            write.execute(sql, params![id.as_bytes(), instant(NOW), cause, after])
        };
        self.runtime.block_on(self.app.store.write(job)).unwrap();
    }

    fn report(&self) -> Report {
        self.report_of(Costs::Corrected)
    }

    fn report_of(&self, costs: Costs) -> Report {
        let range = Range { from: NOW - 60 * MINUTE, to: NOW };
        let policy = policy::parse(self.policy, "p").unwrap();
        let read = move |store: &Connection| unpriced_groups(store, range, costs, &Filter::default());
        unpriced(&policy, self.runtime.block_on(self.app.store.read(read)).unwrap(), range)
    }
}

fn tokens(input: u64, output: u64) -> Value {
    json!({"units": {"input": input, "output": output}, "complete": true})
}

const CEILING: &str = "version: 1\nunpriced: {rule: allow, ceiling_usd_per_mtok: '20.00'}\n";

#[test]
fn unpriced_calls_are_put_together_by_provider_model_and_reason() {
    let desk = Desk::new(CEILING);
    desk.book(1, "acme", "gpt-4o", tokens(10, 5));
    desk.book(2, "acme", "gpt-9", tokens(1_000, 100));
    desk.book(3, "globex", "gpt-9", tokens(100, 7));
    desk.book(4, "", "gpt-9", tokens(1, 1));
    desk.book(
        5,
        "acme",
        "gpt-4o",
        json!({"units": {"input": 8, "web_search": 3, "citation": 40}, "complete": true}),
    );
    desk.book(6, "acme", "gpt-4o", json!({"complete": false}));
    desk.book(61, "acme", "gpt-9", tokens(5_000, 5_000));
    let json = desk.report().to_json();
    let rows: Vec<Value> = json["items"].as_array().unwrap().clone();
    let row = |index: usize, keys: &[&str]| -> Vec<Value> {
        keys.iter().map(|key| rows[index][*key].clone()).collect()
    };
    let keys = ["model", "reason", "calls", "input_tokens", "output_tokens", "customers", "at_stake_usd"];
    // 1,209 tokens at 20 USD per million.
    assert_eq!(
        row(0, &keys),
        [json!("gpt-9"), json!("no_model"), json!(3), json!(1_101), json!(108), json!(2), json!("0.02418")]
    );
    assert_eq!(
        row(0, &["first_at", "last_at"]),
        [json!("2026-11-24T09:56:00.000000000Z"), json!("2026-11-24T09:58:00.000000000Z")]
    );
    assert!(rows[0]["last_call"].as_str().unwrap().ends_with("020202020202"), "{}", rows[0]);
    // Tokens of sources are tokens; searches have no ceiling.
    assert_eq!(
        row(1, &["reason", "at_stake_usd", "other_units"]),
        [json!("no_rate:web_search"), json!("0.00096"), json!("web search: 3, citation: 40")]
    );
    // Of what nobody knows, the cost is not nothing.
    assert_eq!(row(2, &["reason", "at_stake_usd"]), [json!("no_usage"), Value::Null]);
    assert_eq!(rows.len(), 3);
    assert_eq!((&json["total"]["calls"], &json["total"]["at_stake_usd"]), (&json!(5), &json!("0.02514")));
    let notes = json["notes"].to_string();
    for note in [
        "ceiling, 20 USD per million",
        "no tokens have no ceiling",
        "Of 1 call no token",
        "2 customers",
        "`no_rate`: the model has",
        "bursar rerate --from 2026-11-24T09:00:00Z --to 2026-11-24T10:00:00Z --dry-run",
    ] {
        assert!(notes.contains(note), "{note} in {notes}");
    }
}

#[test]
fn a_call_that_was_priced_since_is_not_listed_unless_its_first_cost_is_asked_for() {
    let desk = Desk::new(CEILING);
    for number in 1..=3 {
        desk.book(number, "acme", "gpt-9", tokens(100, 0));
    }
    desk.correct(1, "rerate", Some(0));
    // An end that came late took back what had been said before.
    desk.correct(2, "rerate", Some(1_000));
    desk.correct(2, "late_end", None);
    let json = desk.report().to_json();
    assert_eq!((&json["items"][0]["reason"], &json["items"][0]["calls"]), (&json!("no_model"), &json!(2)));
    let first = desk.report_of(Costs::Original).to_json();
    assert_eq!(first["items"][0]["calls"], 3);
}

#[test]
fn without_a_ceiling_what_is_at_stake_is_unknown_and_not_nothing() {
    let desk = Desk::new("version: 1\n");
    desk.book(1, "acme", "gpt-9", tokens(100, 0));
    let report = desk.report();
    let json = report.to_json();
    assert_eq!(json["items"][0]["at_stake_usd"], Value::Null);
    assert_eq!(json["total"]["at_stake_usd"], Value::Null);
    assert!(json["notes"][0].as_str().unwrap().contains("the policy has no ceiling"), "{json}");
    let markdown = report.render(Format::Markdown);
    assert!(markdown.contains("| openai | gpt-9 | no_model | 1 | – | 100 | 0 |"), "{markdown}");
    assert!(markdown.contains("| 2026-11-24 09:59 |"), "{markdown}");
}

#[test]
fn where_everything_is_priced_the_report_says_so() {
    let report = Desk::new(CEILING).report();
    assert!(report.render(Format::Table).contains("Every call in this time has a price."));
}

#[test]
fn many_made_up_names_are_one_row_and_still_add_up() {
    let group = |number: u64| UnpricedGroup {
        provider: "openai".into(),
        model: Some(format!("made-up-{number}").into()),
        reason: "no_model".into(),
        calls: 2,
        tokens_in: number,
        tokens_out: 1,
        others: Units::new(),
        customers: BTreeSet::new(),
        first_at: NOW,
        last_at: NOW + number,
        last_call: CallId::new(number, [0; 10]),
    };
    let policy = policy::parse(CEILING, "p").unwrap();
    let report = unpriced(&policy, (1..=300).map(group).collect(), Range { from: NOW, to: NOW + 1_000 });
    let section = &report.sections[0];
    assert_eq!(section.rows.len(), GROUPS_MAX + 1);
    assert_eq!(section.rows[GROUPS_MAX][0], Cell::text("(100 others)"));
    let total = section.total.as_ref().unwrap();
    for index in [3, 5, 6] {
        let sum: u64 =
            section.rows.iter().map(|row| if let Cell::Count(count) = row[index] { count } else { 0 }).sum();
        assert_eq!(total[index], Cell::Count(sum), "{}", section.columns[index].key);
    }
    assert!(section.rows.iter().chain([total]).all(|row| row.len() == section.columns.len()));
}

#[test]
fn calls_are_found_by_the_index_of_unpriced_ones() {
    let desk = Desk::new(CEILING);
    desk.book(1, "acme", "gpt-9", tokens(100, 0));
    let plan = desk.runtime.block_on(desk.app.store.read(|store| {
        let sql = format!("EXPLAIN QUERY PLAN {QUERY}");
        let mut statement = store.prepare(&sql)?;
        let rows = statement.query_map(params![0, i64::MAX, false], |row| row.get::<_, String>(3))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.join("\n"))
    }));
    let plan = plan.unwrap();
    assert!(plan.contains("USING INDEX calls_unpriced (started_at>? AND started_at<?)"), "{plan}");
    assert!(!plan.contains("SCAN"), "{plan}");
}
