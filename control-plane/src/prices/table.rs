//! Finding the prices of a call: which model's, and which of its rows are in force when it started.

use super::{Matching, PriceKey, PriceRow, Status, model::Model};
use crate::policy::Pricing;
use protocol::{
    UnixNanos,
    ids::Name,
    meters::Meter,
    price::{MatchedBy, ModelPrices, PriceBook, PriceId, Span, longest_prefix, tier_of},
    rating::{Discount, Offer},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// All rows of all times, and what the policy says of them.
#[derive(Clone, Debug, Default)]
pub struct PriceTable {
    list: Shelf,
    /// By account; under the empty name what holds for all of them.
    contracts: BTreeMap<Box<str>, Shelf>,
    rows: BTreeMap<PriceId, PriceRow>,
    pricing: Pricing,
    /// By provider: the aliases of the policy, which has them in lists.
    aliases: Aliases,
}

type Aliases = HashMap<Box<str>, HashMap<Box<str>, Box<str>>>;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Who serves.
    pub provider: &'a str,
    /// Our account there.
    pub account: Option<&'a str>,
    /// The model that answered.
    pub served: Option<&'a str>,
    /// The model that was asked for.
    pub requested: Option<&'a str>,
    /// When the call started.
    pub at: UnixNanos,
}

/// What a look-up gives.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// The model has prices.
    Found(Found),
    /// Nobody priced it.
    NoModel,
    /// Somebody did, for other instants.
    OutsideWindow,
}

impl Lookup {
    /// The prices, where there are any.
    pub fn found(self) -> Option<Found> {
        match self {
            Self::Found(found) => Some(found),
            Self::NoModel | Self::OutsideWindow => None,
        }
    }
}

/// The prices of a call.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which rule found them.
    pub matched: MatchedBy,
    /// What the provider lists, and what contracts say instead.
    pub prices: Arc<ModelPrices>,
    /// What contracts take off.
    pub discounts: Vec<Discount>,
}

impl Found {
    /// In the form that rating takes.
    pub fn offer(&self) -> Offer<'_> {
        Offer { prices: Some(&self.prices), discounts: &self.discounts }
    }
}

impl PriceTable {
    /// From the store's rows, in any order.
    pub fn new(rows: impl IntoIterator<Item = PriceRow>, pricing: Pricing) -> Self {
        let names = |names: &BTreeMap<Name, Box<str>>| {
            names.iter().map(|(name, model)| (name.as_str().into(), model.clone())).collect()
        };
        let aliases = &pricing.aliases;
        let aliases = aliases.iter().map(|(provider, of)| (provider.as_str().into(), names(of))).collect();
        let mut table = Self { pricing, aliases, ..Self::default() };
        for row in rows {
            let shelf = match &row.key.contract {
                None => &mut table.list,
                Some(account) => table.contracts.entry(account.clone()).or_default(),
            };
            if row.status == Status::Active {
                shelf.put(&row);
            }
            table.rows.insert(row.id, row);
        }
        table.list.settle();
        table.contracts.values_mut().for_each(Shelf::settle);
        table
    }

    /// The prices of a call. The served model before the requested one; of each, the name to the letter, then the name
    /// that the policy says is the same, then the longest beginning.
    pub fn find(&self, query: &Query<'_>) -> Lookup {
        use MatchedBy::{
            RequestedAlias, RequestedModel, RequestedPrefix, ServedAlias, ServedModel, ServedPrefix,
        };
        let Query { provider, account, served, requested, at } = *query;
        let mut is_known = false;
        let names = [
            (served, [ServedModel, ServedAlias, ServedPrefix]),
            (requested, [RequestedModel, RequestedAlias, RequestedPrefix]),
        ];
        for (model, words) in names {
            let Some(model) = model else { continue };
            let alias = self.alias(provider, model);
            let found = self.shelves(account).filter_map(|shelf| {
                shelf.locate(provider, model, alias, |found| {
                    is_known = true;
                    found.at(at)
                })
            });
            let mut found = found.collect::<Vec<_>>().into_iter();
            let Some((rule, mut prices)) = found.next() else { continue };
            for (_, contract) in found {
                merge(Arc::make_mut(&mut prices), &contract);
            }
            return Lookup::Found(Found {
                matched: rule.among(words),
                prices,
                discounts: self.discounts(provider, account, model, at),
            });
        }
        if is_known { Lookup::OutsideWindow } else { Lookup::NoModel }
    }

    /// What the policy takes off the list prices of a model, by its name or by the one that it is another name of.
    pub(super) fn discounts(
        &self,
        provider: &str,
        account: Option<&str>,
        model: &str,
        at: UnixNanos,
    ) -> Vec<Discount> {
        let names: Vec<&str> = self.alias(provider, model).into_iter().chain([model]).collect();
        self.pricing.discounts(provider, account, &names, at)
    }

    /// The rates of a model that may be in force in a span around an instant, of the list and of contracts.
    pub(super) fn around(
        &self,
        provider: &str,
        account: Option<&str>,
        model: &str,
        (at, (from, until)): (UnixNanos, Span),
    ) -> Option<ModelPrices> {
        let alias = self.alias(provider, model);
        let found = self
            .shelves(account)
            .filter_map(|shelf| shelf.locate(provider, model, alias, |found| found.compile(at, from, until)));
        found.map(|(_, prices)| prices).reduce(|mut prices, contract| {
            merge(&mut prices, &contract);
            prices
        })
    }

    /// The list, then the contracts of an account and of all.
    fn shelves<'a>(&'a self, account: Option<&str>) -> impl Iterator<Item = &'a Shelf> + use<'a> {
        let own =
            account.filter(|account| !account.is_empty()).and_then(|account| self.contracts.get(account));
        [Some(&self.list), own, self.contracts.get("")].into_iter().flatten()
    }

    /// The rows of a model by the rules that rate a call of it: those of the list, and those of a contract. An hour's own
    /// rows are among them at every hour.
    pub fn rows_of(
        &self,
        provider: &str,
        account: Option<&str>,
        model: &str,
        at: UnixNanos,
    ) -> Vec<FoundRows<'_>> {
        let alias = self.alias(provider, model);
        self.shelves(account).filter_map(|shelf| shelf.rows_of(provider, model, alias, at)).collect()
    }

    /// The row of a key that is in force at an instant, at whatever hours: of several, the one that calls are rated by.
    pub fn row_of(&self, key: &PriceKey, at: UnixNanos) -> Option<&PriceRow> {
        let shelf = match &key.contract {
            None => &self.list,
            Some(account) => self.contracts.get(account)?,
        };
        let models = shelf.providers.get(&key.provider)?;
        let model = match key.matching {
            Matching::Exact => models.exact.get(&key.model),
            Matching::Prefix => models.prefixes.get(&key.model),
        };
        model?.in_force(at).into_iter().find(|row| row.key == *key)
    }

    /// Whether a meter that has no rate in force has one at other instants.
    pub fn has_rate_at_other_times(&self, query: &Query<'_>, meter: Meter, tier: Option<&str>) -> bool {
        let of_meter = |row: &&PriceRow| row.key.meter == meter && row.key.tier.as_deref() == tier_of(tier);
        let names = [query.served, query.requested].into_iter().flatten();
        names.into_iter().any(|model| {
            let alias = self.alias(query.provider, model);
            let shelves = self.contracts.values().chain([&self.list]);
            let models = shelves.filter_map(|shelf| shelf.models(query.provider, model, alias));
            let mut rows = models.flatten().flat_map(Model::rows).filter(of_meter).peekable();
            rows.peek().is_some() && rows.all(|row| !row.holds_at(query.at))
        })
    }

    pub(super) fn alias(&self, provider: &str, model: &str) -> Option<&str> {
        self.aliases.get(provider)?.get(model).map(|model| &**model)
    }

    /// Every row, by id.
    pub fn rows(&self) -> impl Iterator<Item = &PriceRow> {
        self.rows.values()
    }

    /// A row by its id.
    pub fn row(&self, id: PriceId) -> Option<&PriceRow> {
        self.rows.get(&id)
    }

    /// What the policy says of prices.
    pub fn pricing(&self) -> &Pricing {
        &self.pricing
    }

    /// Everything in force at an instant, for filters: contracts taken in, hours as instants.
    pub fn book(&self, at: UnixNanos) -> PriceBook {
        super::compact::book(self, at)
    }

    pub(super) fn list(&self) -> &Shelf {
        &self.list
    }

    pub(super) fn contracts(&self) -> &BTreeMap<Box<str>, Shelf> {
        &self.contracts
    }
}

/// The rows that price a model, and how they were found.
#[derive(Clone, Debug)]
pub struct FoundRows<'a> {
    /// Which rule found them.
    pub matched: MatchedBy,
    /// In force, those of certain hours at any hour of the day.
    pub rows: Vec<&'a PriceRow>,
}

/// Which rule found a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Exact,
    Alias,
    Prefix,
}

impl Rule {
    /// Its word among those for exact, alias and prefix.
    fn among(self, [exact, alias, prefix]: [MatchedBy; 3]) -> MatchedBy {
        match self {
            Self::Exact => exact,
            Self::Alias => alias,
            Self::Prefix => prefix,
        }
    }
}

/// Models by provider.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) providers: HashMap<Box<str>, Models>,
}

/// The models of one provider.
#[derive(Clone, Debug, Default)]
pub(super) struct Models {
    pub(super) exact: HashMap<Box<str>, Model>,
    pub(super) prefixes: BTreeMap<Box<str>, Model>,
}

impl Shelf {
    fn put(&mut self, row: &PriceRow) {
        let PriceKey { provider, model, matching, .. } = &row.key;
        let models = self.providers.entry(provider.clone()).or_default();
        let model = match matching {
            Matching::Exact => models.exact.entry(model.clone()).or_default(),
            Matching::Prefix => models.prefixes.entry(model.clone()).or_default(),
        };
        model.put(row.clone());
    }

    /// The models that a name may mean.
    fn models<'a>(
        &'a self,
        provider: &str,
        model: &str,
        alias: Option<&str>,
    ) -> Option<impl Iterator<Item = &'a Model> + use<'a>> {
        let models = self.providers.get(provider)?;
        let prefix = longest_prefix(&models.prefixes, model).map(|(_, found)| found);
        let named = [models.exact.get(model), alias.and_then(|alias| models.exact.get(alias)), prefix];
        Some(named.into_iter().flatten())
    }

    fn settle(&mut self) {
        for models in self.providers.values_mut() {
            models.exact.values_mut().chain(models.prefixes.values_mut()).for_each(Model::settle);
        }
    }

    fn rows_of(
        &self,
        provider: &str,
        model: &str,
        alias: Option<&str>,
        at: UnixNanos,
    ) -> Option<FoundRows<'_>> {
        let (rule, found) =
            self.locate(provider, model, alias, |found| found.at(at).is_some().then_some(found))?;
        let words = [MatchedBy::ServedModel, MatchedBy::ServedAlias, MatchedBy::ServedPrefix];
        Some(FoundRows { matched: rule.among(words), rows: found.in_force(at) })
    }

    /// What is taken of the first model that a name may mean and anything can be taken of.
    fn locate<'a, T>(
        &'a self,
        provider: &str,
        model: &str,
        alias: Option<&str>,
        mut take: impl FnMut(&'a Model) -> Option<T>,
    ) -> Option<(Rule, T)> {
        let models = self.providers.get(provider)?;
        if let Some(taken) = models.exact.get(model).and_then(&mut take) {
            return Some((Rule::Exact, taken));
        }
        if let Some(alias) = alias {
            let exact = models.exact.get(alias).and_then(&mut take);
            if let Some(taken) = exact.or_else(|| models.by_beginning(alias, &mut take)) {
                return Some((Rule::Alias, taken));
            }
        }
        models.by_beginning(model, &mut take).map(|taken| (Rule::Prefix, taken))
    }
}

impl Models {
    fn by_beginning<'a, T>(&'a self, model: &str, mut take: impl FnMut(&'a Model) -> Option<T>) -> Option<T> {
        let mut rest = model;
        loop {
            let (prefix, found) = longest_prefix(&self.prefixes, rest)?;
            if let Some(taken) = take(found) {
                return Some(taken);
            }
            // A shorter one may be in force where the longest is not.
            let shorter = prefix.char_indices().next_back()?.0;
            rest = prefix.get(..shorter)?;
        }
    }
}

/// Adds a contract's rates; which of all holds for a call is decided when it is rated.
fn merge(prices: &mut ModelPrices, contract: &ModelPrices) {
    prices.rates.extend(contract.rates.iter().cloned());
    prices.output_tokens_max = prices.output_tokens_max.or(contract.output_tokens_max);
}
