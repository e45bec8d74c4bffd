//! The prices in the form that filters need for holds and settlements: one rate where the control plane knows a list
//! price, a contract's and a discount.

use super::PriceTable;
use protocol::{
    UnixNanos,
    price::{ModelPrices, PriceBook, Span, Whose},
    rating::Discount,
};
use std::collections::{BTreeMap, BTreeSet};

type Side = BTreeMap<Box<str>, BTreeMap<Box<str>, ModelPrices>>;

const HOUR_NS: u64 = 3_600_000_000_000;
/// Calls that started so long ago may still run.
const PAST_NS: u64 = 6 * HOUR_NS;
/// Filters get a new book long before this one knows no more hours.
const AHEAD_NS: u64 = 30 * HOUR_NS;

/// What is in force at an instant.
pub(super) fn book(table: &PriceTable, at: UnixNanos) -> PriceBook {
    // By the hour, so that two books of one hour are the same.
    let hour = at.saturating_sub(at % HOUR_NS);
    let around = (hour.saturating_sub(PAST_NS), hour.saturating_add(AHEAD_NS));
    let mut book = account_book(table, None, at, around);
    let pricing = table.pricing();
    let contracts = table.contracts().keys().filter(|account| !account.is_empty()).cloned();
    let discounts = pricing.discounts.iter().filter_map(|contract| contract.account.as_ref());
    let accounts: BTreeSet<Box<str>> = contracts.chain(discounts.map(|name| name.as_str().into())).collect();
    for account in accounts {
        let mut own = account_book(table, Some(&account), at, around);
        retain_different(&mut own.exact, &book.exact);
        retain_different(&mut own.prefixes, &book.prefixes);
        book.accounts.insert(account, own);
    }
    book
}

fn account_book(table: &PriceTable, account: Option<&str>, at: UnixNanos, around: Span) -> PriceBook {
    let mut book = PriceBook::default();
    let own = account.and_then(|account| table.contracts().get(account));
    let shelves = [Some(table.list()), table.contracts().get(""), own].into_iter().flatten();
    let models = shelves.flat_map(|shelf| &shelf.providers);
    let mut names: BTreeSet<(&str, &str, bool)> = BTreeSet::new();
    for (provider, models) in models {
        names.extend(models.exact.keys().map(|model| (&**provider, &**model, true)));
        names.extend(models.prefixes.keys().map(|model| (&**provider, &**model, false)));
    }
    let aliases = table.pricing().aliases.iter();
    names.extend(
        aliases.flat_map(|(provider, names)| {
            names.keys().map(|alias| (provider.as_str(), alias.as_str(), true))
        }),
    );
    // A discount may be narrower than the rows that it is taken off.
    names.extend(table.pricing().discounts.iter().flat_map(|contract| {
        contract.models.iter().map(|pattern| match pattern.strip_suffix('*') {
            Some(beginning) => (contract.provider.as_str(), beginning, false),
            None => (contract.provider.as_str(), &**pattern, true),
        })
    }));
    for (provider, model, is_exact) in names {
        let Some(mut prices) = table.around(provider, account, model, (at, around)) else { continue };
        // Batches are files; no call that passes Envoy is one. Which row a rate comes from is the ledger's to know.
        prices.rates.retain(|rate| rate.tier.as_deref() != Some("batch"));
        prices.rates.iter_mut().for_each(|rate| rate.price = 0);
        take_off(&mut prices, &table.discounts(provider, account, model, at));
        let side = if is_exact { &mut book.exact } else { &mut book.prefixes };
        side.entry(provider.into()).or_default().insert(model.into(), prices);
    }
    book
}

fn take_off(prices: &mut ModelPrices, discounts: &[Discount]) {
    for rate in prices.rates.iter_mut().filter(|rate| rate.of == Whose::List) {
        let covers =
            |discount: &&Discount| discount.meters.is_empty() || discount.meters.contains(&rate.meter);
        if let Some(discount) = discounts.iter().find(covers) {
            rate.rate = rate.rate.discounted(discount.parts_per_million);
        }
    }
}

fn retain_different(own: &mut Side, common: &Side) {
    for (provider, models) in own.iter_mut() {
        models.retain(|model, prices| {
            common.get(provider).and_then(|models| models.get(model)) != Some(prices)
        });
    }
    own.retain(|_, models| !models.is_empty());
}

#[cfg(test)]
mod tests;
