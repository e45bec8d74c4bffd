//! The prices in the form that filters need for holds and settlements: one rate where the control plane knows a list
//! price, a contract's and a discount.

use super::{PriceTable, table::Shelf};
use protocol::{
    UnixNanos,
    price::{ModelPrices, PriceBook, Span},
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
    // The list first, then what wins over it.
    let own = account.and_then(|account| table.contracts().get(account));
    let shelves = [(Some(table.list()), true), (table.contracts().get(""), false), (own, false)];
    for (shelf, is_list) in shelves {
        let Some(shelf) = shelf else { continue };
        lay(shelf, &mut book, (at, around), &|provider, model| match is_list {
            true => table.pricing().discounts(provider, account, model, at),
            false => Vec::new(),
        });
    }
    for (provider, aliases) in &table.pricing().aliases {
        let Some(models) = book.exact.get_mut(provider.as_str()) else { continue };
        for (alias, model) in aliases {
            if let Some(prices) = models.get(model).cloned() {
                models.entry(alias.as_str().into()).or_insert(prices);
            }
        }
    }
    book
}

fn lay(
    shelf: &Shelf,
    book: &mut PriceBook,
    (at, (from, until)): (UnixNanos, Span),
    discounts: &dyn Fn(&str, &str) -> Vec<Discount>,
) {
    for (provider, models) in &shelf.providers {
        let exact = models.exact.iter().map(|(model, rows)| (model, rows, true));
        let prefixes = models.prefixes.iter().map(|(model, rows)| (model, rows, false));
        for (model, rows, is_exact) in exact.chain(prefixes) {
            let Some(mut prices) = rows.compile(at, from, until) else { continue };
            // Batches are files; no call that passes Envoy is one. Which row a rate comes from is the ledger's to know.
            prices.rates.retain(|rate| rate.tier.as_deref() != Some("batch"));
            prices.rates.iter_mut().for_each(|rate| rate.price = 0);
            take_off(&mut prices, &discounts(provider, model));
            let side = if is_exact { &mut book.exact } else { &mut book.prefixes };
            let slot = side.entry(provider.clone()).or_default().entry(model.clone()).or_default();
            // A contract's rates of a meter are all that there is of it.
            let named: BTreeSet<_> = prices.rates.iter().map(|rate| rate.meter).collect();
            slot.rates.retain(|rate| !named.contains(&rate.meter));
            slot.rates.append(&mut prices.rates);
            slot.output_tokens_max = prices.output_tokens_max.or(slot.output_tokens_max);
        }
    }
}

fn take_off(prices: &mut ModelPrices, discounts: &[Discount]) {
    for rate in &mut prices.rates {
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
