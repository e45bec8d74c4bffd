//! Gross margin by acquisition channel: where customers came from, as their UTM parameters say.

use super::{
    Behind, Cell, Group, Payers, Range, Report, Section, Totals,
    breakdown::{NONE, all_of_them, column, unknowns},
    money,
};
use crate::policy::Utm;
use protocol::{ids::Name, money::PicoUsd};
use std::collections::{BTreeMap, BTreeSet};

/// Source, medium, campaign.
type Channel = [Option<Box<str>>; 3];

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    customers: u64,
    revenue: Option<PicoUsd>,
    totals: Totals,
}

impl Sums {
    fn add(&mut self, customers: u64, revenue: Option<PicoUsd>, totals: Totals) {
        self.customers = self.customers.saturating_add(customers);
        self.revenue = self.revenue.unwrap_or_default().checked_add(revenue.unwrap_or_default());
        self.totals = self.totals.plus(totals);
    }
}

/// One row per channel, the dearest first; what belongs to none is a row of its own.
pub fn channels(payers: Payers<'_>, customers: &[Group], range: Range) -> Report {
    let title = "Gross margin by channel".to_owned();
    Report { title, range: Some(range), sections: vec![section(payers, customers, range)] }
}

/// Its table.
pub(super) fn section(payers: Payers<'_>, customers: &[Group], range: Range) -> Section {
    let costs: BTreeMap<&str, Totals> =
        customers.iter().filter_map(|group| Some((group.name.as_deref()?, group.totals))).collect();
    let mut sums: BTreeMap<Channel, Sums> = BTreeMap::new();
    let mut all = Sums::default();
    for (name, customer) in &payers.policy.customers {
        let name = name.as_str();
        let (revenue, totals) = (payers.revenue(name, range), costs.get(name).copied().unwrap_or_default());
        sums.entry(channel(customer.utm.as_ref())).or_default().add(1, revenue, totals);
        all.add(1, revenue, totals);
    }
    let known: BTreeSet<&str> = payers.policy.customers.keys().map(Name::as_str).collect();
    for group in
        customers.iter().filter(|group| !group.name.as_deref().is_some_and(|name| known.contains(name)))
    {
        let count = u64::from(group.name.is_some());
        sums.entry(Channel::default()).or_default().add(count, None, group.totals);
        all.add(count, None, group.totals);
    }
    let mut rows: Vec<(Channel, Sums)> = sums.into_iter().collect();
    rows.sort_by(|a, b| b.1.totals.cost.cmp(&a.1.totals.cost).then_with(|| a.0.cmp(&b.0)));
    let mut notes = vec!["A customer's channel is what the policy says of it (`utm`).".to_owned()];
    notes.extend(unknowns(&all.totals));
    Section {
        key: "channels",
        title: "Gross margin by acquisition channel",
        columns: vec![
            column("source", "source"),
            column("medium", "medium"),
            column("campaign", "campaign"),
            column("customers", "customers"),
            column("revenue_usd", "revenue, USD"),
            column("cost_usd", "AI cost, USD").of(Behind::CALLS),
            column("margin_usd", "margin, USD"),
            column("margin_percent", "margin"),
            column("cost_per_customer_usd", "AI cost per customer, USD"),
            column("calls_unpriced", "calls unpriced").of(Behind::UNPRICED),
        ],
        rows: rows.iter().map(|(channel, sums)| row(named(channel), sums)).collect(),
        total: Some(row([all_of_them(), Cell::text(""), Cell::text("")], &all)),
        notes,
        empty: "No customers and no calls.",
    }
}

fn channel(utm: Option<&Utm>) -> Channel {
    let Some(Utm { source, medium, campaign }) = utm else { return Channel::default() };
    [source, medium, campaign].map(|part| part.as_deref().map(Into::into))
}

fn named(channel: &Channel) -> [Cell; 3] {
    let parts = ["utm_source", "utm_medium", "utm_campaign"].into_iter().zip(channel);
    let filters = parts.map(|(name, part)| (name, part.clone().unwrap_or_default())).collect();
    let [source, medium, campaign] = channel.each_ref().map(|part| part.as_deref().unwrap_or(NONE));
    [Cell::subject(source, filters), Cell::text(medium), Cell::text(campaign)]
}

fn row(channel: [Cell; 3], sums: &Sums) -> Vec<Cell> {
    let revenue = sums.revenue.unwrap_or_default();
    let margin = revenue.checked_sub(sums.totals.cost);
    let [source, medium, campaign] = channel;
    vec![
        source,
        medium,
        campaign,
        Cell::Count(sums.customers),
        Cell::usd(revenue),
        Cell::usd(sums.totals.cost),
        Cell::Usd(margin),
        Cell::Percent(margin.and_then(|margin| money::per_mille(margin.pico(), revenue.pico()))),
        Cell::Usd(money::each(sums.totals.cost, sums.customers)),
        Cell::Count(sums.totals.unpriced),
    ]
}
