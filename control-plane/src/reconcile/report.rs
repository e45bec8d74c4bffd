//! A reconciliation as a report: the totals, the parts of the difference, models, days, and the prices that would explain them.

use super::{
    answer::Answer,
    compare::{Cause, Group},
    theirs::date_of,
};
use crate::reports::{Cell, Column, Report, Section, quotient};
use protocol::money::PicoUsd;
use std::collections::BTreeMap;

/// Writes it down. `import` is where its corrections wait, if they were proposed.
pub fn report(answer: &Answer, import: Option<i64>) -> Report {
    Report {
        title: format!("Reconciliation with {}", answer.provider),
        range: Some(answer.range),
        sections: vec![
            totals(answer),
            causes(answer),
            groups(answer, "models", "By model", |group| group.model.to_string()),
            groups(answer, "days", "By day", |group| date_of(group.day).to_string()),
            corrections(answer, import),
        ],
    }
}

fn column(key: &'static str, title: &'static str) -> Column {
    Column::new(key, title)
}

fn share(part: PicoUsd, whole: PicoUsd) -> Cell {
    Cell::Percent(quotient(part.pico(), 1_000, whole.pico()).and_then(|share| i64::try_from(share).ok()))
}

fn difference(theirs: PicoUsd, ours: PicoUsd) -> PicoUsd {
    // Both are sums of amounts whose difference was taken before.
    theirs.checked_sub(ours).unwrap_or_default()
}

fn totals(answer: &Answer) -> Section {
    let off = difference(answer.theirs, answer.ours);
    let tolerance = PicoUsd::new(i128::from(answer.tolerance).saturating_mul(100_000_000));
    let mut notes = vec![format!(
        "{} calls of the ledger were looked at, an hour around the days among them.",
        answer.calls
    )];
    let is_rated = answer.compared.groups.iter().any(|group| group.is_rated);
    if is_rated {
        notes.push(
            "The files tell no money of some days: their tokens are rated at our prices there, so no drift of prices can \
             be seen."
                .to_owned(),
        );
    }
    let between =
        answer.days.last().zip(answer.days.first()).map_or(0, |(last, first)| last.saturating_sub(*first));
    let missing =
        between.saturating_add(1).saturating_sub(i64::try_from(answer.days.len()).unwrap_or(i64::MAX));
    if missing > 0 {
        notes.push(format!("{missing} days in between are not in the files, and not compared."));
    }
    if answer.left_out > 0 {
        notes.push(format!(
            "{} rows are no charge for the use of models (taxes, credits, other services): left out.",
            answer.left_out
        ));
    }
    if answer.is_rounded {
        notes.push(
            "Amounts of theirs that are finer than a pico-dollar were rounded to it, half to even."
                .to_owned(),
        );
    }
    Section {
        key: "totals",
        title: "Theirs and ours",
        columns: vec![
            column("provider", "provider"),
            column("theirs_usd", "theirs, USD"),
            column("ours_usd", "ours, USD"),
            column("difference_usd", "difference, USD"),
            column("difference_percent", "of theirs"),
            column("tolerance_percent", "tolerance, %"),
            column("within_tolerance", "within it"),
        ],
        rows: vec![vec![
            Cell::text(answer.provider.as_str()),
            Cell::usd(answer.theirs),
            Cell::usd(answer.ours),
            Cell::usd(off),
            share(off, answer.theirs),
            Cell::text(tolerance.to_string()),
            Cell::text(if answer.is_within { "yes" } else { "no" }),
        ]],
        total: None,
        notes,
        empty: "",
    }
}

fn explained(cause: Cause) -> &'static str {
    match cause {
        Cause::PriceDrift => "the same tokens at another rate than our prices have",
        Cause::TierOrRegion => "tokens in another tier or region than the ledger has",
        Cause::Unpriced => "calls that our prices do not price",
        Cause::TimeZoneEdge => "calls within an hour of a day's edge, on another day there",
        Cause::EstimatedUsage => "calls whose usage is estimated",
        Cause::AbortedStreams => "streams that were cut and went on at the provider",
        Cause::OutsideMesh => "models, days or tokens that never came by",
        Cause::Unexplained => "none of these",
    }
}

fn causes(answer: &Answer) -> Section {
    let causes = answer.compared.causes().unwrap_or_default();
    let off = difference(answer.theirs, answer.ours);
    let row = |cause: Cause| {
        let amount = causes.get(&cause).copied().unwrap_or_default();
        vec![
            Cell::text(cause.as_str()),
            Cell::text(explained(cause)),
            Cell::usd(amount),
            share(amount, answer.theirs),
        ]
    };
    Section {
        key: "causes",
        title: "From ours to theirs",
        columns: vec![
            column("cause", "cause"),
            column("meaning", "what it is"),
            column("difference_usd", "difference, USD"),
            column("percent", "of theirs"),
        ],
        rows: Cause::ALL.into_iter().map(row).collect(),
        total: Some(vec![Cell::text("total"), Cell::Empty, Cell::usd(off), share(off, answer.theirs)]),
        notes: vec!["The parts add up to theirs less ours exactly.".to_owned()],
        empty: "",
    }
}

#[derive(Default)]
struct Sums {
    tokens: (u64, u64),
    money: (PicoUsd, PicoUsd),
    causes: BTreeMap<Cause, PicoUsd>,
}

fn groups(answer: &Answer, key: &'static str, title: &'static str, name: fn(&Group) -> String) -> Section {
    let plus = |one: PicoUsd, other: PicoUsd| one.checked_add(other).unwrap_or(one);
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for group in &answer.compared.groups {
        let sum = sums.entry(name(group)).or_default();
        sum.tokens.0 = sum.tokens.0.saturating_add(group.theirs_tokens);
        sum.tokens.1 = sum.tokens.1.saturating_add(group.ours_tokens);
        sum.money = (plus(sum.money.0, group.theirs), plus(sum.money.1, group.ours));
        for (cause, amount) in &group.causes {
            let total = sum.causes.entry(*cause).or_default();
            *total = plus(*total, *amount);
        }
    }
    let rows = sums.into_iter().map(|(name, sum)| {
        let Sums { tokens, money: (theirs, ours), causes } = sum;
        let most = causes
            .iter()
            .filter(|(_, amount)| amount.pico() != 0)
            .max_by_key(|(_, amount)| amount.pico().abs());
        vec![
            Cell::text(name),
            Cell::Count(tokens.0),
            Cell::Count(tokens.1),
            Cell::usd(theirs),
            Cell::usd(ours),
            Cell::usd(difference(theirs, ours)),
            most.map_or(Cell::text(""), |(cause, _)| Cell::text(cause.as_str())),
        ]
    });
    Section {
        key,
        title,
        columns: vec![
            column("name", if key == "days" { "day" } else { "model or charge" }),
            column("theirs_tokens", "their tokens"),
            column("ours_tokens", "our tokens"),
            column("theirs_usd", "theirs, USD"),
            column("ours_usd", "ours, USD"),
            column("difference_usd", "difference, USD"),
            column("largest_cause", "mostly"),
        ],
        rows: rows.collect(),
        total: None,
        notes: Vec::new(),
        empty: "Neither side has anything.",
    }
}

fn corrections(answer: &Answer, import: Option<i64>) -> Section {
    let rows = answer.corrections.iter().map(|correction| {
        let place = [&correction.place.tier, &correction.place.region].into_iter().flatten();
        let place = place.map(|part| &**part).collect::<Vec<_>>().join(", ");
        vec![
            Cell::text(&*correction.model),
            Cell::text(correction.meter.as_str()),
            Cell::text(place),
            correction.ours.map_or(Cell::Empty, |rate| Cell::text(rate.usd_per_mtok())),
            Cell::text(correction.theirs.usd_per_mtok()),
            Cell::text(date_of(correction.from).to_string()),
            Cell::Count(u64::try_from(correction.days).unwrap_or(u64::MAX)),
        ]
    });
    let notes = match import {
        Some(import) => vec![format!("They wait for approval: `bursar prices imports {import}`.")],
        None if answer.corrections.is_empty() => Vec::new(),
        None => vec!["With --propose they are put among the prices that wait for approval.".to_owned()],
    };
    Section {
        key: "corrections",
        title: "Prices that would explain it",
        columns: vec![
            column("model", "model"),
            column("meter", "meter"),
            column("place", "tier, region"),
            column("ours_usd_per_mtok", "our rate, USD per million"),
            column("theirs_usd_per_mtok", "theirs, USD per million"),
            column("from", "since"),
            column("days", "days that say so"),
        ],
        rows: rows.collect(),
        total: None,
        notes,
        empty: "No other rate explains three days or more of a model's charges.",
    }
}
