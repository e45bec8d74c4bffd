//! Gross margin by acquisition channel: where customers came from, as their UTM parameters say.

use super::{
    Behind, Cell, CustomerMargin, Section, Totals,
    breakdown::{NONE, Parts, REVENUE, all_of_them, column, unknowns},
    money,
};
use crate::policy::{Policy, Utm};
use protocol::money::PicoUsd;
use std::collections::BTreeMap;

/// What a channel is made of, by key.
const PARTS: Parts =
    &[("utm_source", "utm_source"), ("utm_medium", "utm_medium"), ("utm_campaign", "utm_campaign")];

/// Source, medium, campaign.
type Channel = [Option<Box<str>>; 3];

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    customers: u64,
    revenue: PicoUsd,
    totals: Totals,
}

impl Sums {
    fn add(&mut self, margin: &CustomerMargin<'_>) {
        self.customers = self.customers.saturating_add(u64::from(margin.customer.is_some()));
        self.revenue = self.revenue.checked_add(margin.revenue).unwrap_or(self.revenue);
        self.totals = self.totals.plus(margin.totals);
    }
}

/// One row per channel, the dearest first; what belongs to none is a row of its own.
pub(super) fn section(policy: &Policy, margins: &[CustomerMargin<'_>]) -> Section {
    let mut sums: BTreeMap<Channel, Sums> = BTreeMap::new();
    let mut all = Sums::default();
    for margin in margins {
        let customer = margin.customer.and_then(|name| policy.customer(name));
        let utm = customer.and_then(|customer| customer.utm.as_ref());
        sums.entry(channel(utm)).or_default().add(margin);
        all.add(margin);
    }
    let mut rows: Vec<(Channel, Sums)> = sums.into_iter().collect();
    rows.sort_by(|a, b| b.1.totals.cost.cmp(&a.1.totals.cost).then_with(|| a.0.cmp(&b.0)));
    let mut notes = vec![
        "A customer's channel is what the policy says of it today (`utm`).".to_owned(),
        REVENUE.to_owned(),
    ];
    notes.extend(unknowns(&all.totals));
    Section {
        key: "channels",
        title: "Gross margin by acquisition channel",
        columns: vec![
            column("source", "source").of_parts(PARTS),
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
        total: (!rows.is_empty()).then(|| row([all_of_them(), Cell::text(""), Cell::text("")], &all)),
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
    let revenue = sums.revenue;
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
