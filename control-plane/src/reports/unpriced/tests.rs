use super::*;
use crate::{
    app::App,
    catalogue,
    clock::Clock,
    ledger::rerate::{self, Selection},
    policy,
    reports::{Costs, Filter, Format, filter::Conditions, whole_days},
};
use protocol::{
    attribution::{Attributed, Attribution, Dimension, Source},
    event::{CallEnd, CallHead, UsageEvent},
};
use rusqlite::Connection;
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
    fn book(&self, minutes_ago: u64, customer: &str, model: &str, used: Value) {
        use crate::ledger;
        let (at, number) = (NOW - minutes_ago * MINUTE, u8::try_from(minutes_ago % 256).unwrap());
        let mut attribution = Attribution::default();
        if !customer.is_empty() {
            let value = customer.parse().unwrap();
            attribution.set(Dimension::Customer, Attributed { value, from: Source::Header });
        }
        let head = json!({
            "id": CallId::new(at / 1_000_000, [number; 10]), "attribution": attribution, "provider": "openai",
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

    /// Prices a model after all, and rates the calls anew that began so many minutes ago or later.
    fn reprice(&self, model: &str, minutes_ago: u64) {
        let text = CATALOGUE.replace("gpt-4o", model);
        let request = catalogue::Request { text, effective_from: None, dry_run: false };
        self.runtime.block_on(catalogue::import(&self.app, request)).unwrap();
        let selection = Selection { from: NOW - minutes_ago * MINUTE, to: NOW, words: Vec::new() };
        let job = rerate::rerate(&self.app.store, self.app.rules(), selection, false, NOW);
        self.runtime.block_on(job).unwrap();
    }

    fn report(&self) -> Report {
        self.report_of(Costs::Corrected)
    }

    fn report_of(&self, costs: Costs) -> Report {
        let range = whole_days(Range { from: NOW - 60 * MINUTE, to: NOW });
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
    // The day before.
    desk.book(601, "acme", "gpt-9", tokens(5_000, 5_000));
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
        "bursar rerate --from 2026-11-24 --to 2026-11-25 --dry-run",
    ] {
        assert!(notes.contains(note), "{note} in {notes}");
    }
}

#[test]
fn a_call_that_was_priced_since_is_not_listed_unless_its_first_cost_is_asked_for() {
    let desk = Desk::new(CEILING);
    for minutes_ago in 1..=3 {
        desk.book(minutes_ago, "acme", "gpt-9", tokens(100, 0));
    }
    desk.reprice("gpt-9", 1);
    let of = |costs: Costs| {
        let json = desk.report_of(costs).to_json();
        ["reason", "calls", "input_tokens", "last_at"].map(|key| json["items"][0][key].clone())
    };
    let row =
        |calls: u64, last_at: &str| [json!("no_model"), json!(calls), json!(calls * 100), json!(last_at)];
    assert_eq!(of(Costs::Corrected), row(2, "2026-11-24T09:58:00.000000000Z"));
    assert_eq!(of(Costs::Original), row(3, "2026-11-24T09:59:00.000000000Z"));
    desk.reprice("gpt-9", 3);
    assert_eq!(desk.report().to_json()["items"], json!([]));
    assert_eq!(of(Costs::Original), row(3, "2026-11-24T09:59:00.000000000Z"));
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
        ends: Some(Ends { first_at: NOW, last_at: NOW + number, last_call: CallId::new(number, [0; 10]) }),
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
fn the_ends_of_a_group_are_looked_up_and_not_looked_for() {
    let desk = Desk::new(CEILING);
    for order in ["", "DESC"] {
        let plan = desk.runtime.block_on(desk.app.store.read(move |store| {
            let sql = format!("EXPLAIN QUERY PLAN {}", read::end_query(&Conditions::default(), order));
            let mut statement = store.prepare(&sql)?;
            let rows = statement.query_map([0; 6], |row| row.get::<_, String>(3))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?.join("\n"))
        }));
        let plan = plan.unwrap();
        let search = "USING INDEX calls_unpriced_of (provider=? AND model=? AND unpriced=? AND started_at>? AND started_at<?)";
        assert!(plan.contains(search), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
