//! Unpriced traffic: calls without a known cost, by provider, model and reason, what they could have cost at most, and
//! what to do about it.

mod read;

pub use read::unpriced_groups;

use super::{
    Behind, Cell, Range, Report, Section,
    breakdown::{all_of_them, calls, column},
};
use crate::policy::{Policy, When};
use protocol::{
    UnixNanos,
    ids::CallId,
    meters::Units,
    money::{PicoUsd, PicoUsdPerUnit},
};
use std::collections::BTreeSet;

/// So many groups are named; the others are one row, so that the rows add up. Whoever calls can make up model names.
const GROUPS_MAX: usize = 200;
/// So many are told apart while sums are read; calls of others are put together.
const READ_MAX: usize = 10_000;
/// What stands for those.
const OTHERS: &str = "(others)";
/// What stands for a model that nobody named.
const UNNAMED: &str = "(none)";

/// Calls of one model that are unpriced for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpricedGroup {
    /// Who served them.
    pub provider: Box<str>,
    /// The model that answered, else the one asked for.
    pub model: Option<Box<str>>,
    /// `no_model`, `no_rate:output`, …
    pub reason: Box<str>,
    /// How many.
    pub calls: u64,
    /// Of the prompts.
    pub tokens_in: u64,
    /// Generated.
    pub tokens_out: u64,
    /// What was counted beside the tokens of prompt and answer.
    pub others: Units,
    /// Whom they were for; those for nobody are not in it.
    pub customers: BTreeSet<Box<str>>,
    /// The first and the last of them; `None` where too many groups are put together to tell.
    pub ends: Option<Ends>,
}

/// The first and the last of some calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// When the first of them began,
    pub first_at: UnixNanos,
    /// and the last,
    pub last_at: UnixNanos,
    /// which is this one.
    pub last_call: CallId,
}

impl Ends {
    fn plus(self, other: Self) -> Self {
        let last = if other.last_at > self.last_at { other } else { self };
        Self { first_at: self.first_at.min(other.first_at), ..last }
    }
}

impl UnpricedGroup {
    /// Every token, of whichever side.
    fn tokens(&self) -> u64 {
        let others = self.others.iter().filter(|(meter, _)| meter.is_tokens());
        let prompt_and_answer = self.tokens_in.saturating_add(self.tokens_out);
        others.fold(prompt_and_answer, |sum, (_, units)| sum.saturating_add(*units))
    }

    /// What the tokens cost at the ceiling; `None`: there is no ceiling, or no token that it is for.
    fn at_stake(&self, ceiling: Option<PicoUsdPerUnit>) -> Option<PicoUsd> {
        ceiling?.cost(self.tokens()).filter(|_| self.tokens() > 0)
    }

    /// Both as one row.
    fn plus(mut self, other: Self) -> Self {
        self.calls = self.calls.saturating_add(other.calls);
        self.tokens_in = self.tokens_in.saturating_add(other.tokens_in);
        self.tokens_out = self.tokens_out.saturating_add(other.tokens_out);
        for (meter, units) in other.others {
            let sum = self.others.entry(meter).or_default();
            *sum = sum.saturating_add(units);
        }
        self.customers.extend(other.customers);
        self.ends = self.ends.zip(other.ends).map(|(one, other)| one.plus(other));
        self
    }
}

/// The report: what is dearest at the ceiling first.
pub fn unpriced(policy: &Policy, mut groups: Vec<UnpricedGroup>, range: Range) -> Report {
    let ceiling = policy.ceiling();
    groups.sort_by(|a, b| {
        let weight = |group: &UnpricedGroup| (group.tokens(), group.calls);
        let names =
            |group: &UnpricedGroup| (group.provider.clone(), group.model.clone(), group.reason.clone());
        weight(b).cmp(&weight(a)).then_with(|| names(a).cmp(&names(b)))
    });
    let notes = notes(policy, &groups, range);
    let rest = groups.split_off(groups.len().min(GROUPS_MAX));
    let mut rows: Vec<Vec<Cell>> = groups.iter().map(|group| row(group, ceiling)).collect();
    let others = rest.len();
    let rest = rest.into_iter().reduce(UnpricedGroup::plus);
    rows.extend(rest.iter().map(|rest| {
        let name = format!("({others} others)");
        named([Cell::text(name), Cell::text(""), Cell::text("")], rest, ceiling)
    }));
    let total = groups.into_iter().chain(rest).reduce(UnpricedGroup::plus);
    let section = Section {
        key: "unpriced",
        title: "Calls without a known cost",
        columns: vec![
            column("provider", "provider").of_parts(&[("provider", "provider_name")]),
            column("model", "model").of_parts(&[("model", "model_name")]),
            column("reason", "reason"),
            column("calls", "calls").of(Behind::UNPRICED),
            column("at_stake_usd", "at stake, USD"),
            column("input_tokens", "input tokens").of(Behind::UNPRICED),
            column("output_tokens", "output tokens").of(Behind::UNPRICED),
            column("other_units", "other units"),
            column("customers", "customers"),
            column("first_at", "first seen, UTC"),
            column("last_at", "last seen, UTC"),
            column("last_call", "last call"),
        ],
        rows,
        total: total.map(|total| {
            let mut cells = named([all_of_them(), Cell::Empty, Cell::Empty], &total, ceiling);
            // A customer may stand in several rows.
            cells.splice(8..9, [Cell::Empty]);
            cells.splice(9.., [Cell::Empty, Cell::Empty, Cell::Empty]);
            cells
        }),
        notes,
        empty: "Every call in this time has a price.",
    };
    Report { title: "Unpriced traffic".to_owned(), range: Some(range), sections: vec![section] }
}

fn row(group: &UnpricedGroup, ceiling: Option<PicoUsdPerUnit>) -> Vec<Cell> {
    // What was put together while it was read is of no one model.
    if &*group.provider == OTHERS {
        return named([Cell::text(OTHERS), Cell::text(UNNAMED), Cell::text("")], group, ceiling);
    }
    let of = |parameter, name: &str| vec![(parameter, name.into())];
    let model = group.model.as_deref();
    let names = [
        Cell::subject(&*group.provider, of("provider", &group.provider)),
        Cell::subject(model.unwrap_or(UNNAMED), of("model", model.unwrap_or_default())),
        Cell::subject(&*group.reason, of("unpriced_reason", &group.reason)),
    ];
    named(names, group, ceiling)
}

fn named(names: [Cell; 3], group: &UnpricedGroup, ceiling: Option<PicoUsdPerUnit>) -> Vec<Cell> {
    let mut cells = Vec::from(names);
    cells.extend([
        Cell::Count(group.calls),
        Cell::Usd(group.at_stake(ceiling)),
        Cell::Count(group.tokens_in),
        Cell::Count(group.tokens_out),
        Cell::text(units(&group.others)),
        Cell::Count(u64::try_from(group.customers.len()).unwrap_or(u64::MAX)),
        group.ends.map_or(Cell::Empty, |ends| Cell::Moment(ends.first_at)),
        group.ends.map_or(Cell::Empty, |ends| Cell::Moment(ends.last_at)),
        group.ends.map_or(Cell::Empty, |ends| Cell::text(ends.last_call.to_string())),
    ]);
    cells
}

fn units(units: &Units) -> String {
    let words = units.iter().map(|(meter, units)| {
        format!("{}: {}", meter.as_str().replace('_', " "), Cell::Count(*units).shown())
    });
    words.collect::<Vec<_>>().join(", ")
}

fn notes(policy: &Policy, groups: &[UnpricedGroup], range: Range) -> Vec<String> {
    let mut notes = Vec::new();
    if groups.is_empty() {
        return notes;
    }
    match policy.unpriced.ceiling_usd_per_mtok {
        Some(ceiling) => notes.push(format!(
            "At stake is every token at the policy's ceiling, {} USD per million: not what the calls cost, which nobody \
             knows.",
            ceiling.amount()
        )),
        None => notes.push(
            "What is at stake is not known: the policy has no ceiling. Write one as `unpriced.ceiling_usd_per_mtok`."
                .to_owned(),
        ),
    }
    if groups.iter().flat_map(|group| group.others.keys()).any(|meter| !meter.is_tokens()) {
        notes.push(
            "Units that are no tokens have no ceiling: they are beside what is at stake, not in it."
                .to_owned(),
        );
    }
    let unknown = groups.iter().filter(|group| group.tokens() == 0);
    let unknown = unknown.fold(0, |sum: u64, group| sum.saturating_add(group.calls));
    if unknown > 0 {
        notes.push(format!(
            "Of {} no token is known: nothing of their cost is in what is at stake.",
            calls(unknown)
        ));
    }
    let customers: BTreeSet<&str> =
        groups.iter().flat_map(|group| &group.customers).map(|name| &**name).collect();
    notes.push(match customers.len() {
        0 => "No customer is named by any of these calls.".to_owned(),
        1 => "One customer is touched.".to_owned(),
        count => format!("{count} customers are touched."),
    });
    let kinds: BTreeSet<&str> = groups.iter().map(|group| kind(&group.reason)).collect();
    notes.extend(kinds.iter().filter_map(|kind| {
        let (why, what) = what_to_do(kind)?;
        Some(format!("`{kind}`: {why} {what}"))
    }));
    if kinds.iter().any(|kind| is_mended_by_a_price(kind)) {
        notes.push(format!(
            "Then `bursar rerate --from {} --to {} --dry-run` says what the calls of this time cost; without the last \
             word it books that.",
            When(range.from),
            When(range.to)
        ));
    }
    notes
}

/// The reason without its meter.
fn kind(reason: &str) -> &str {
    reason.split_once(':').map_or(reason, |(kind, _)| kind)
}

/// Whether its calls have a cost once somebody has priced what they used.
pub fn is_mended_by_a_price(reason: &str) -> bool {
    matches!(kind(reason), "no_model" | "no_rate" | "outside_window")
}

/// What a reason means and what to do about it.
pub fn what_to_do(reason: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind(reason) {
        "no_model" => (
            "nobody has priced the model at that provider.",
            "Write its price into a YAML and `bursar prices import` it, or give it another model's name under `prices.aliases`.",
        ),
        "no_rate" => (
            "the model has prices, but none for a meter that the calls used.",
            "Write the rate into a YAML and `bursar prices import` it.",
        ),
        "outside_window" => (
            "the model has prices, but none at the time of the calls.",
            "Import them with the instant from which they hold.",
        ),
        "no_usage" => (
            "nothing is known of what the calls used.",
            "Look at one of them: its ending, and whether the provider reports usage at all.",
        ),
        "too_large" => (
            "units times rate do not fit.",
            "A count or a rate is absurd: look at one of the calls and at the price.",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
