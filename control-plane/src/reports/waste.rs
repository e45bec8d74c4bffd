//! What of the cost bought nothing, by cause, and where it happened.

use super::{
    Behind, By, Cell, Group, Range, Report, Section, Totals,
    breakdown::{TOTAL, all_of_them, column, unknowns},
    money,
};
use protocol::money::PicoUsd;

/// The causes of all calls, then a table for each of what they are broken down by.
pub fn waste(by: &[(By, Vec<Group>)], range: Range) -> Report {
    let all = by.first().map(|(_, groups)| Totals::of(groups)).unwrap_or_default();
    let tables = by.iter().map(|(by, groups)| table(*by, groups));
    let sections = std::iter::once(causes(&all)).chain(tables).collect();
    Report { title: "Waste".to_owned(), range: Some(range), sections }
}

fn causes(all: &Totals) -> Section {
    let cells = |what: Cell, cost: Option<PicoUsd>| {
        let share = cost.and_then(|cost| money::per_mille(cost.pico(), all.cost.pico()));
        vec![what, Cell::Usd(cost), Cell::Percent(share)]
    };
    let row = |what: &str, cost: PicoUsd, of: Behind| cells(Cell::subject(what, of.filters()), Some(cost));
    // What is a part of the cost of calls is in no list of them.
    let part = |what: &str, cost: PicoUsd| cells(Cell::text(what), Some(cost));
    let wasted = all.waste.total();
    let answered = all.cost.checked_sub(wasted).and_then(|rest| rest.checked_sub(all.waste.premium));
    Section {
        key: "causes",
        title: "Waste by cause",
        columns: vec![
            column("cause", "cause"),
            column("cost_usd", "cost, USD").of(Behind::OF_ROW),
            column("share_percent", "share"),
        ],
        rows: vec![
            cells(Cell::text("calls that answered"), answered),
            part("fallback premium", all.waste.premium),
            part("retries", all.waste.retried),
            row("failed calls", all.waste.failed, Behind::FAILED),
            row("invalid output", all.waste.invalid, Behind::INVALID),
            row("clients that left", all.waste.aborted, Behind::ABORTED),
        ],
        total: Some(row(TOTAL, all.cost, Behind::CALLS)),
        notes: notes(all),
        empty: "",
    }
}

fn notes(all: &Totals) -> Vec<String> {
    let mut notes = vec![
        "Answers of tasks that failed or were abandoned are in the report on tasks, for only tasks have outcomes.".to_owned(),
        "What a lost attempt costs is an estimate, by the policy's bills_on_abort.".to_owned(),
    ];
    if all.waste.premium_unknown > 0 {
        notes.push(format!(
            "{} of {} fallbacks have no known premium: nobody knows what they would have cost where they were first sent.",
            all.waste.premium_unknown, all.waste.fallbacks
        ));
    }
    notes.extend(unknowns(all));
    notes
}

pub(super) fn table(by: By, groups: &[Group]) -> Section {
    let (key, word, title) = match by {
        By::Route => ("routes", "route", "Waste by route"),
        By::Feature => ("features", "feature", "Waste by feature"),
        By::Customer => ("customers", "customer", "Waste by customer"),
        By::Workspace => ("workspaces", "workspace", "Waste by workspace"),
        By::Model => ("models", "model", "Waste by model"),
    };
    let mut groups: Vec<&Group> = groups.iter().collect();
    groups.sort_by(|a, b| {
        b.totals.waste.total().cmp(&a.totals.waste.total()).then_with(|| a.name.cmp(&b.name))
    });
    let total = Totals::of(groups.iter().copied());
    Section {
        key,
        title,
        columns: vec![
            column(word, word).of_parts(by.parts()),
            column("calls", "calls").of(Behind::CALLS),
            column("cost_usd", "cost, USD").of(Behind::CALLS),
            column("wasted_usd", "wasted, USD"),
            column("wasted_percent", "wasted"),
            column("retries_usd", "retries, USD"),
            column("failed_calls_usd", "failed calls, USD").of(Behind::FAILED),
            column("invalid_output_usd", "invalid output, USD").of(Behind::INVALID),
            column("aborted_usd", "clients that left, USD").of(Behind::ABORTED),
            column("retries", "retries"),
            column("fallbacks", "fallbacks").of(Behind::FALLBACK),
            column("fallback_percent", "fallback rate"),
            column("fallback_premium_usd", "fallback premium, USD"),
        ],
        rows: groups.iter().map(|group| row(group.subject(), &group.totals)).collect(),
        total: Some(row(all_of_them(), &total)),
        notes: if total.waste.retried == PicoUsd::ZERO { Vec::new() } else { vec![OWN_COST.to_owned()] },
        empty: "No calls in this time.",
    }
}

/// The calls behind such a number cost more than it where attempts were lost before.
const OWN_COST: &str = "What failed calls, invalid output and clients that left cost is without attempts that were lost before, which \
    stand under retries; the calls that these numbers lead to are whole.";

fn row(subject: Cell, totals: &Totals) -> Vec<Cell> {
    let waste = &totals.waste;
    vec![
        subject,
        Cell::Count(totals.calls),
        Cell::usd(totals.cost),
        Cell::usd(waste.total()),
        Cell::Percent(money::per_mille(waste.total().pico(), totals.cost.pico())),
        Cell::usd(waste.retried),
        Cell::usd(waste.failed),
        Cell::usd(waste.invalid),
        Cell::usd(waste.aborted),
        Cell::Count(waste.retries),
        Cell::Count(waste.fallbacks),
        Cell::Percent(money::share(waste.fallbacks, totals.calls)),
        Cell::usd(waste.premium),
    ]
}
