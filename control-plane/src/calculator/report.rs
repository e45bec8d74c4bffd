//! A calculation as a report: what went into it, what is left, and what that is worth knowing of.

use super::{
    Calculation, Demand, Input, Measured, ModelOutcome, Percentile, Pick, Ratio, Usage, calculate::rank,
};
use crate::{
    instant::Instant,
    ledger::unpriced_word,
    policy::Period,
    reports::{Cell, Column, Range, Report, Section},
};
use protocol::{meters::Meter, money::PicoUsd};
use std::collections::BTreeMap;

/// Writes it down.
pub fn report(input: &Input, demand: Demand<'_>, done: &Calculation) -> Report {
    let range = match demand {
        Demand::Measured(measured) => Some(measured.range),
        Demand::Typed(..) => None,
    };
    let sections = vec![inputs(input, done.cap), usage(demand), margins(done), limits(input, demand, done)];
    Report { title: "Margin calculation".to_owned(), range, sections }
}

fn column(key: &'static str, title: &'static str) -> Column {
    Column::new(key, title)
}

fn period(period: Period) -> &'static str {
    match period {
        Period::Week => "week",
        Period::Month => "month",
        Period::Year => "year",
    }
}

fn inputs(input: &Input, cap: Option<PicoUsd>) -> Section {
    let mut rows = Vec::new();
    let mut row = |key: &str, value: String| rows.push(vec![Cell::text(key), Cell::text(value)]);
    if let Some(plan) = &input.plan {
        row("plan", plan.as_str().to_owned());
    }
    row("price", format!("{} USD per {}", input.price, period(input.period)));
    match input.expected_percent {
        Some(percent) => row("expected margin", format!("{percent} %")),
        None => row("expected margin", "none".to_owned()),
    }
    if let Some(cap) = cap {
        row("cap that keeps it", format!("{cap} USD per {} and customer", period(input.period)));
    }
    row("prices of", Instant(input.at).to_string());
    let terms = [("tier", &input.tier), ("region", &input.region), ("account", &input.account)];
    for (key, value) in terms.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
        row(key, value.clone());
    }
    if input.assumptions.retries > 0 {
        row("retries per call", millionths(input.assumptions.retries));
    }
    if let Some((share, model)) = &input.assumptions.fallback {
        row("fallback", format!("{} of the calls to {model}", millionths(*share)));
    }
    if let Usage::Measured { plan, range: Range { from, to } } = &input.usage {
        row("measured", format!("plan {plan} from {} to {}", Instant(*from), Instant(*to)));
    }
    Section {
        key: "inputs",
        title: "What is calculated",
        columns: vec![column("input", "input"), column("value", "value")],
        rows,
        total: None,
        notes: Vec::new(),
        empty: "",
    }
}

/// A number of millionths, exact.
fn millionths(value: u64) -> String {
    PicoUsd::new(i128::from(value).saturating_mul(1_000_000)).to_string()
}

fn usage(demand: Demand<'_>) -> Section {
    match demand {
        Demand::Typed(_, units) => Section {
            key: "usage",
            title: "What a call uses",
            columns: vec![column("meter", "meter"), column("units_per_call", "per call")],
            rows: units
                .iter()
                .map(|(meter, units)| vec![Cell::text(meter.as_str()), Cell::Count(*units)])
                .collect(),
            total: None,
            notes: vec!["Shares of the prompt are taken in whole tokens, rounded down.".to_owned()],
            empty: "Nothing.",
        },
        Demand::Measured(measured) => measured_usage(measured),
    }
}

fn measured_usage(measured: &Measured) -> Section {
    let customers = &measured.customers;
    let mut meters: BTreeMap<Meter, Vec<u64>> = BTreeMap::new();
    for (meter, place) in customers.iter().enumerate().flat_map(|(place, customer)| {
        customer.shapes.iter().flat_map(move |(units, count)| {
            units.iter().map(move |(meter, units)| ((*meter, units.saturating_mul(*count)), place))
        })
    }) {
        let of_customers = meters.entry(meter.0).or_insert_with(|| vec![0; customers.len()]);
        if let Some(sum) = of_customers.get_mut(place) {
            *sum = sum.saturating_add(meter.1);
        }
    }
    let counts = |name: &str, mut values: Vec<u64>| {
        values.sort_unstable();
        let at = |tenths| rank(&values, Percentile(tenths)).map_or(Cell::Empty, |value| Cell::Count(*value));
        let total = values.iter().fold(0, |total: u64, value| total.saturating_add(*value));
        vec![Cell::text(name), at(500), at(900), at(990), Cell::Count(total)]
    };
    let mut rows = vec![counts("calls", customers.iter().map(|customer| customer.calls).collect())];
    rows.extend(meters.into_iter().map(|(meter, values)| counts(meter.as_str(), values)));
    let mut costs: Vec<PicoUsd> = customers.iter().map(|customer| customer.booked).collect();
    costs.sort_unstable();
    let at = |tenths| rank(&costs, Percentile(tenths)).map_or(Cell::Empty, |cost| Cell::usd(*cost));
    rows.push(vec![
        Cell::text("cost, USD"),
        at(500),
        at(900),
        at(990),
        Cell::Usd(PicoUsd::total(costs.iter().copied())),
    ]);
    let mut notes = vec![format!(
        "Of {} on the plan, those without a call among them, each percentile by itself; in the time that was measured, \
         not per period.",
        plural(u64::try_from(customers.len()).unwrap_or(u64::MAX), "customer")
    )];
    if measured.is_cut {
        notes.push("The ledger does not go back further: the time begins with its first call.".to_owned());
    }
    let left_out = [
        (measured.unpriced, "unpriced: not in what was booked"),
        (measured.unknown, "of unknown usage: not in what other models would cost"),
        (measured.estimated, "with estimated usage"),
    ];
    for (count, what) in left_out.into_iter().filter(|(count, _)| *count > 0) {
        notes.push(format!("{} {what}.", plural(count, "call")));
    }
    Section {
        key: "usage",
        title: "What a customer used",
        columns: vec![
            column("what", "per customer"),
            column("p50", "p50"),
            column("p90", "p90"),
            column("p99", "p99"),
            column("total", "all together"),
        ],
        rows: if customers.is_empty() { Vec::new() } else { rows },
        total: None,
        notes,
        empty: "Nobody is on the plan, or was.",
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

fn name(pick: Option<&Pick>) -> Cell {
    Cell::text(pick.map_or_else(|| "as booked".to_owned(), Pick::to_string))
}

fn usd(amount: Option<Ratio>) -> Cell {
    Cell::Usd(amount.and_then(Ratio::rounded))
}

fn margins(done: &Calculation) -> Section {
    let price = |outcome: &super::PercentileOutcome| outcome.cost?.plus(outcome.margin?)?.rounded();
    let rows = done.models.iter().flat_map(|model| {
        model.percentiles.iter().map(move |row| {
            let percent = row.margin.zip(price(row)).and_then(|(margin, price)| margin.per_mille_of(price));
            let expected = match row.is_expected {
                Some(true) => "yes",
                Some(false) => "no",
                None => "–",
            };
            vec![
                name(model.pick.as_ref()),
                Cell::text(row.percentile.to_string()),
                Cell::Count(row.calls),
                usd(row.cost),
                usd(row.margin),
                Cell::Percent(percent),
                Cell::text(expected),
            ]
        })
    });
    let is_exact = |amount: &Option<Ratio>| amount.is_none_or(Ratio::is_whole);
    let all = done.models.iter().flat_map(|model| &model.percentiles);
    let mut notes = Vec::new();
    if !all.into_iter().all(|row| is_exact(&row.cost)) {
        notes.push(
            "Amounts that are no whole pico-dollars are rounded to them, half to even, in this table alone."
                .to_owned(),
        );
    }
    Section {
        key: "margins",
        title: "Margin per customer and period",
        columns: vec![
            column("model", "model"),
            column("percentile", "customer"),
            column("calls", "calls"),
            column("cost_usd", "cost, USD"),
            column("margin_usd", "margin, USD"),
            column("margin_percent", "margin"),
            column("keeps_expected_margin", "as expected"),
        ],
        rows: rows.collect(),
        total: None,
        notes,
        empty: "There is nobody to calculate for.",
    }
}

fn limits(input: &Input, demand: Demand<'_>, done: &Calculation) -> Section {
    let count = |calls: Option<u64>| calls.map_or(Cell::Empty, Cell::Count);
    let rows = done.models.iter().map(|model| {
        let ModelOutcome { pick, matched, unpriced, per_call, break_even_calls, expected_calls, .. } = model;
        vec![
            name(pick.as_ref()),
            matched.map_or(Cell::Empty, |matched| Cell::text(matched.as_str())),
            usd(*per_call),
            count(*break_even_calls),
            count(*expected_calls),
            Cell::Usd(done.cap),
            unpriced.as_ref().map_or(Cell::Empty, |(reason, _)| Cell::text(unpriced_word(reason))),
        ]
    });
    let mut notes: Vec<String> = done
        .models
        .iter()
        .filter_map(|model| model.unpriced.as_ref())
        .map(|(reason, pick)| {
            format!(
                "{pick} is not priced for this usage ({}): nothing is said of its cost.",
                unpriced_word(reason)
            )
        })
        .collect();
    notes.dedup();
    notes.extend(done.models.iter().filter_map(|model| {
        let (pick, size) = (model.pick.as_ref()?, model.between?);
        Some(format!(
            "{pick}, or what serves in its place, costs otherwise from {size} prompt tokens on. Requests are not told apart by that size: each is taken \
             for the mean of those of about its size."
        ))
    }));
    if let Demand::Measured(measured) = demand
        && measured.unpriced > 0
        && input.model.is_none()
    {
        let calls = plural(measured.unpriced, "call");
        notes.push(format!("As booked, {calls} unpriced: the cost is more than that, and the margin less."));
    }
    notes.push(
        "Calls are whole ones per customer and period, rounded down. The cap is what a customer may cost in a period if the \
         expected margin is to be left, rounded down to a pico-dollar."
            .to_owned(),
    );
    Section {
        key: "limits",
        title: "How much the plan bears",
        columns: vec![
            column("model", "model"),
            column("matched_by", "price found by"),
            column("cost_per_call_usd", "per call, USD"),
            column("break_even_calls", "calls at margin 0"),
            column("expected_margin_calls", "calls at the expected margin"),
            column("cap_usd", "cap, USD"),
            column("unpriced", "unpriced"),
        ],
        rows: rows.collect(),
        total: None,
        notes,
        empty: "",
    }
}
