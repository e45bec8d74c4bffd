//! What reports say that tasks and calls were worth.

use super::*;
use crate::{
    ledger::tasks::{self, OutcomeReport, TaskOutcome},
    reports::{self, Cell, Filter, Kind, Question, Range, Report, TasksBy},
};

const WHOLE_DAY: Range = Range { from: NOW - 10 * 60 * MINUTE, to: NOW + 14 * 60 * MINUTE };

impl Ledger {
    async fn report_on(&self, kind: Kind) -> Report {
        let rules = self.rules.clone();
        let read = move |store: &rusqlite::Connection| {
            let question = Question::new(kind, WHOLE_DAY, Filter::default());
            reports::answer(store, rules.policy(), &[], &question, NOW + 60 * MINUTE)
        };
        self.store.read(read).await.unwrap()
    }

    async fn worth(&self, task: &'static str, outcome: TaskOutcome) {
        let report = OutcomeReport { outcome, reason: None, revision: None };
        self.store.write(move |write| tasks::report(write, task, &report, NOW)).await.unwrap();
    }
}

fn of_task(number: u64, task: &str, end: CallEnd) -> UsageEvent {
    let mut head = head(number);
    let task = Attributed { value: task.parse().unwrap(), from: Source::Header };
    head.attribution.set(Dimension::Task, task);
    UsageEvent::Finished { head, end: Box::new(end) }
}

fn with(outcome: Outcome) -> CallEnd {
    CallEnd { outcome, ..end(10, 5) }
}

/// The rows of a section, as programs get them.
fn rows(report: &Report, key: &str) -> Vec<Vec<String>> {
    let section = report.sections.iter().find(|section| section.key == key).unwrap();
    let shown = |row: &Vec<Cell>| row.iter().map(|cell| cell.exact().unwrap_or_default()).collect();
    section.rows.iter().chain(&section.total).map(shown).collect()
}

#[tokio::test]
async fn cost_per_successful_task_counts_what_the_others_cost() {
    let ledger = Ledger::new();
    let calls = [
        // Succeeds at once; after invalid JSON; fails, as the application says; is abandoned, as its last call shows.
        ("smooth", Outcome::Ok),
        ("bumpy", Outcome::InvalidJson),
        ("bumpy", Outcome::Ok),
        ("failed", Outcome::Ok),
        ("left", Outcome::ClientAborted),
    ];
    let events = (1..).zip(calls).map(|(number, (task, outcome))| of_task(number, task, with(outcome)));
    ledger.book(events.collect()).await;
    ledger.worth("failed", TaskOutcome::Failed).await;
    let report = ledger.report_on(Kind::Tasks).await;
    let expected = |name: &str| {
        let row = [
            name,
            "4",
            "2",
            "1",
            "1",
            "25.0",
            "0.000375",
            "0.0001875",
            "0.00015",
            "0",
            "0",
            "0",
            "0.000075",
            "0.000075",
            "0.000075",
            "0",
        ];
        row.map(str::to_owned).to_vec()
    };
    for (key, name) in
        [("features", "summaries"), ("customers", "acme"), ("plans", "pro"), ("models", "openai/gpt-4o")]
    {
        assert_eq!(rows(&report, key), [expected(name), expected("total")], "{key}");
    }
    // While a task may go on, its last call tells nothing.
    let read = |store: &rusqlite::Connection| {
        reports::task_groups(store, TasksBy::Feature, WHOLE_DAY, NOW - 1, &Filter::default())
    };
    let groups = ledger.store.read(read).await.unwrap();
    let totals = groups[0].totals;
    assert_eq!((totals.tasks, totals.succeeded, totals.failed, totals.inferred), (4, 0, 1, 0));
}

#[tokio::test]
async fn waste_is_told_by_cause_and_adds_up_to_the_cost() {
    let ledger = Ledger::new();
    let outcomes = [Outcome::Ok, Outcome::InvalidJson, Outcome::TimedOut, Outcome::ClientAborted];
    ledger.book((1..).zip(outcomes).map(|(number, outcome)| ended(number, with(outcome))).collect()).await;
    let report = ledger.report_on(Kind::Waste).await;
    let one = |cause: &str| vec![cause.to_owned(), "0.000075".to_owned(), "25.0".to_owned()];
    let none = |cause: &str| vec![cause.to_owned(), "0".to_owned(), "0.0".to_owned()];
    let all = vec!["total".to_owned(), "0.0003".to_owned(), "100.0".to_owned()];
    assert_eq!(
        rows(&report, "causes"),
        [
            one("calls that answered"),
            none("fallback premium"),
            none("retries"),
            one("failed calls"),
            one("invalid output"),
            one("clients that left"),
            all,
        ]
    );
    for key in ["routes", "features", "customers", "models"] {
        let total = rows(&report, key).pop().unwrap();
        assert_eq!(total[..5], ["total", "4", "0.0003", "0.000225", "75.0"], "{key}");
    }
}

#[tokio::test]
async fn the_week_tells_what_changed_and_who_runs_away() {
    let ledger = Ledger::new();
    let week_before = NOW - 8 * 24 * 60 * MINUTE;
    let at = |number, started_at, workspace: &str, model: &str, tokens| {
        let mut head = CallHead { started_at, request_model: Some(model.into()), ..head(number) };
        let name = Attributed { value: workspace.parse().unwrap(), from: Source::Header };
        head.attribution.set(Dimension::Workspace, name);
        let end = CallEnd { response_model: Some(model.into()), ..end(tokens, 0) };
        UsageEvent::Finished { head, end: Box::new(end) }
    };
    ledger
        .book(vec![
            // A million tokens are 2.50 USD.
            at(1, week_before, "steady", "gpt-4o", 1_000_000),
            at(2, NOW, "steady", "gpt-4o", 900_000),
            at(3, NOW, "wild", "gpt-4o", 500_000),
            at(4, NOW, "small", "gpt-4o", 10),
            at(5, NOW, "small", "gpt-5", 10),
        ])
        .await;
    let price = |rate: i64, from: UnixNanos, to: Option<UnixNanos>| {
        price_sql("gpt-4o", "catalogue", rate, (from, to))
    };
    let rows = [price(2_500_000, 1, Some(NOW)), price(5_000_000, NOW, None)];
    ledger.write_prices(rows.into()).await;
    let rules = ledger.rules.clone();
    let week = Range { from: NOW - 6 * 24 * 60 * MINUTE, to: NOW + MINUTE };
    let read = move |store: &rusqlite::Connection| {
        let question = Question::new(Kind::Weekly, week, Filter::default());
        reports::answer(store, rules.policy(), &[], &question, NOW + MINUTE)
    };
    let report = ledger.store.read(read).await.unwrap();
    assert_eq!(
        rows_of(&report, "changes"),
        [
            "price openai/gpt-4o input 2.5 USD/M 5 USD/M 2026-11-24T10:00:00.000000000Z",
            "new model openai/gpt-5   "
        ]
    );
    // 2.25 USD against a mean of 0.625 in four weeks is less than four times as much.
    assert_eq!(rows_of(&report, "runaway_workspaces"), ["acme/wild 1 1.25 0 new"]);
}

fn rows_of(report: &Report, key: &str) -> Vec<String> {
    rows(report, key).iter().map(|row| row.join(" ")).collect()
}

fn price_sql(model: &str, source: &str, rate: i64, (from, to): (UnixNanos, Option<UnixNanos>)) -> String {
    let to = to.map_or("NULL".to_owned(), |to| to.to_string());
    format!(
        "INSERT INTO prices (provider, model, prefix, meter, rate_pico, effective_from, effective_to, status,
             source, source_at, source_key, source_text, source_rounded)
         VALUES ('openai', '{model}', 0, 'input', {rate}, {from}, {to}, 'active', '{source}', 1, 'k', '', 0)"
    )
}

impl Ledger {
    async fn write_prices(&self, rows: Vec<String>) {
        let all = move |write: &mut crate::store::Write<'_>| {
            rows.iter().try_for_each(|sql| write.execute(sql, []).map(drop))
        };
        self.store.write(all).await.unwrap();
    }
}

#[tokio::test]
async fn the_week_compares_the_rates_that_hold_before_and_since_and_not_rows() {
    let ledger = Ledger::new();
    let day = 24 * 60 * MINUTE;
    let (before, on) = (NOW - 30 * day, NOW - day);
    ledger
        .write_prices(vec![
            // An own row over a catalogue's, which does not end.
            price_sql("over", "catalogue", 2_000_000, (before, None)),
            price_sql("over", "own", 1_000_000, (on, None)),
            // It lies over what the catalogue changes below it.
            price_sql("hidden", "own", 1_000_000, (before, None)),
            price_sql("hidden", "catalogue", 2_000_000, (before, Some(on))),
            price_sql("hidden", "catalogue", 3_000_000, (on, None)),
            // And ends, so that the catalogue's holds again.
            price_sql("back", "own", 1_000_000, (before, Some(on))),
            price_sql("back", "catalogue", 2_000_000, (before, None)),
            price_sql("gone", "catalogue", 4_000_000, (before, Some(on))),
            price_sql("same", "catalogue", 4_000_000, (before, Some(on))),
            price_sql("same", "catalogue", 4_000_000, (on, None)),
            price_sql("fresh", "catalogue", 4_000_000, (on, None)),
            price_sql("later", "catalogue", 4_000_000, (before, Some(NOW + 3 * day))),
        ])
        .await;
    let week = Range { from: NOW - 6 * day, to: NOW + MINUTE };
    let rules = ledger.rules.clone();
    let read = move |store: &rusqlite::Connection| {
        let question = Question::new(Kind::Weekly, week, Filter::default());
        reports::answer(store, rules.policy(), &[], &question, NOW + MINUTE)
    };
    let report = ledger.store.read(read).await.unwrap();
    let at = "2026-11-23T10:00:00.000000000Z";
    assert_eq!(
        rows_of(&report, "changes"),
        [
            format!("price openai/back input 1 USD/M 2 USD/M {at}"),
            format!("price openai/gone input 4 USD/M no rate {at}"),
            format!("price openai/over input 2 USD/M 1 USD/M {at}"),
        ]
    );
}
