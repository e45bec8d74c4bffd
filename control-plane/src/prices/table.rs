//! Finding the prices in force at an instant. The rule which row matches a model is `protocol::price`'s alone.

use super::{Matching, PriceKey, PriceRow};
use protocol::{
    UnixNanos,
    price::{MatchedBy, ModelPrices, PriceBook, PriceId, Rate},
};
use std::collections::BTreeMap;

type Models = BTreeMap<Box<str>, Vec<PriceRow>>;

/// All rows, of all times.
#[derive(Clone, Debug, Default)]
pub struct PriceTable {
    exact: BTreeMap<Box<str>, Models>,
    prefixes: BTreeMap<Box<str>, Models>,
}

impl PriceTable {
    /// From the store's rows, in any order.
    pub fn new(rows: impl IntoIterator<Item = PriceRow>) -> Self {
        let mut table = Self::default();
        for row in rows {
            let PriceKey { provider, model, matching, .. } = &row.key;
            let side = match matching {
                Matching::Exact => &mut table.exact,
                Matching::Prefix => &mut table.prefixes,
            };
            side.entry(provider.clone()).or_default().entry(model.clone()).or_default().push(row);
        }
        for models in table.exact.values_mut().chain(table.prefixes.values_mut()) {
            for rows in models.values_mut() {
                // Where two rows of a key overlap, the one that began later wins: it comes last.
                rows.sort_by(|a, b| (&a.key, a.effective_from, a.id).cmp(&(&b.key, b.effective_from, b.id)));
            }
        }
        table
    }

    /// The prices of a model at an instant, and how they were found.
    pub fn find(
        &self,
        provider: &str,
        served: Option<&str>,
        requested: Option<&str>,
        at: UnixNanos,
    ) -> Option<(ModelPrices, MatchedBy)> {
        let mut book = PriceBook::default();
        for model in [served, requested].into_iter().flatten() {
            if let Some(prices) = self.exact.get(provider).and_then(|models| in_force(models.get(model)?, at))
            {
                book.exact.entry(provider.into()).or_default().insert(model.into(), prices);
            }
            for (prefix, rows) in self.prefixes.get(provider).into_iter().flatten() {
                if let Some(prices) = in_force(rows, at).filter(|_| model.starts_with(&**prefix)) {
                    book.prefixes.entry(provider.into()).or_default().insert(prefix.clone(), prices);
                }
            }
        }
        book.find(provider, served, requested).map(|(prices, matched)| (prices.clone(), matched))
    }

    /// Everything in force at an instant, for filters.
    pub fn book(&self, at: UnixNanos) -> PriceBook {
        let side = |side: &BTreeMap<Box<str>, Models>| {
            let providers = side.iter().map(|(provider, models)| {
                let models =
                    models.iter().filter_map(|(model, rows)| Some((model.clone(), in_force(rows, at)?)));
                (provider.clone(), models.collect::<BTreeMap<_, _>>())
            });
            providers.filter(|(_, models)| !models.is_empty()).collect()
        };
        PriceBook { exact: side(&self.exact), prefixes: side(&self.prefixes) }
    }

    /// Every row, by provider and model.
    pub fn rows(&self) -> impl Iterator<Item = &PriceRow> {
        let models = self.exact.values().chain(self.prefixes.values()).flat_map(BTreeMap::values);
        models.flatten()
    }

    /// A row by its id.
    pub fn row(&self, id: PriceId) -> Option<&PriceRow> {
        self.rows().find(|row| row.id == id)
    }
}

fn in_force(rows: &[PriceRow], at: UnixNanos) -> Option<ModelPrices> {
    let mut prices = ModelPrices::default();
    let mut last: Option<&PriceKey> = None;
    for row in rows.iter().filter(|row| row.is_in_force(at)) {
        if last == Some(&row.key) {
            prices.rates.pop();
        }
        last = Some(&row.key);
        let PriceKey { meter, tier, threshold, .. } = &row.key;
        prices.rates.push(Rate {
            price: row.id,
            meter: *meter,
            rate: row.rate,
            tier: tier.clone(),
            threshold: *threshold,
        });
        prices.output_tokens_max = row.output_tokens_max.or(prices.output_tokens_max);
    }
    (!prices.rates.is_empty()).then_some(prices)
}
