//! Workspaces that cost many times what they usually do.

use crate::{
    policy::Policy,
    reports::{
        Behind, Cell, Group, ListFilters, Section,
        breakdown::{WORKSPACE, column},
        money,
    },
};
use protocol::money::PicoUsd;
use std::collections::BTreeMap;

/// Against the mean of so many spans before.
pub const SPANS: u64 = 4;

/// The section: workspaces now, and in the spans before, each summed.
pub(super) fn section(policy: &Policy, now: &[Group], before: &[Group]) -> Section {
    let abnormal = &policy.alerts.abnormal;
    // By customer and workspace: as one name, `a/b` and `c` would be `a` and `b/c`.
    let usual: BTreeMap<&ListFilters, PicoUsd> =
        before.iter().map(|group| (&group.filters, group.totals.cost)).collect();
    let factor = i128::from(abnormal.factor);
    let mut runaway: Vec<(&Group, Option<PicoUsd>)> = now
        .iter()
        .filter_map(|group| {
            let before = usual.get(&group.filters).copied().unwrap_or_default();
            // cost ≥ factor × before ÷ spans, without a division.
            let cost = group.totals.cost.pico().checked_mul(i128::from(SPANS))?;
            let is_many_times = factor > 0 && cost >= before.pico().checked_mul(factor)?;
            let is_much = group.totals.cost >= abnormal.min_usd.amount();
            (is_many_times && is_much).then(|| (group, money::each(before, SPANS)))
        })
        .collect();
    runaway.sort_by(|a, b| b.0.totals.cost.cmp(&a.0.totals.cost).then_with(|| a.0.name.cmp(&b.0.name)));
    let row = |(group, usual): &(&Group, Option<PicoUsd>)| {
        let times = usual.and_then(|usual| money::quotient(group.totals.cost.pico(), 10, usual.pico()));
        vec![
            group.subject(),
            Cell::Count(group.totals.calls),
            Cell::usd(group.totals.cost),
            Cell::Usd(*usual),
            Cell::text(
                times.map_or_else(|| "new".to_owned(), |tenths| format!("{}.{}", tenths / 10, tenths % 10)),
            ),
        ]
    };
    Section {
        key: "runaway_workspaces",
        title: "Runaway workspaces",
        columns: vec![
            column("workspace", "workspace").of_parts(WORKSPACE),
            column("calls", "calls").of(Behind::CALLS),
            column("cost_usd", "cost, USD").of(Behind::CALLS),
            column("usual_usd", "usual, USD"),
            column("times", "times the usual"),
        ],
        rows: runaway.iter().map(row).collect(),
        total: None,
        notes: vec![format!(
            "At least {} times the mean of the {SPANS} spans before, and {} USD (alerts.abnormal).",
            abnormal.factor,
            abnormal.min_usd.amount()
        )],
        empty: "None.",
    }
}
