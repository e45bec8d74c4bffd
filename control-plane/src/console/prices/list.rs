//! What is in force at an instant: one line per model, by provider.

use super::{address, ago, rate_words, waiting_count};
use crate::{
    console::page::{Page, count, encoded, moment, written},
    instant::Instant,
    policy::Contract,
    prices::{Matching, PriceRow, PriceTable},
};
use askama::Template;
use axum::http::StatusCode;
use protocol::{UnixNanos, meters::Meter};
use std::collections::{BTreeMap, BTreeSet};

/// So many models stand on a page.
const MODELS: usize = 100;
/// So many other meters are named in a line.
const OTHERS: usize = 2;
/// The meters that have a column of their own.
const COLUMNS: [Meter; 4] = [Meter::Input, Meter::Output, Meter::CacheRead, Meter::CacheWrite5m];

/// Which models.
#[derive(Clone, Debug, Default)]
pub(in crate::console) struct PriceFilter {
    /// Of this provider; empty: of all.
    pub(in crate::console) provider: String,
    /// With this in their names.
    pub(in crate::console) model: String,
    /// In force then; by default now.
    pub(in crate::console) at: Option<UnixNanos>,
    /// From 0.
    pub(in crate::console) page: usize,
}

/// Everything the page shows.
#[derive(Clone, Debug)]
pub(in crate::console) struct PriceList<'a> {
    pub(in crate::console) table: &'a PriceTable,
    pub(in crate::console) now: UnixNanos,
    pub(in crate::console) filter: &'a PriceFilter,
}

#[derive(Template)]
#[template(path = "prices.html")]
struct ListTemplate<'a> {
    section: &'static str,
    waiting: usize,
    providers: Vec<(&'a str, bool)>,
    model: &'a str,
    at: String,
    when: String,
    is_filtered: bool,
    is_empty: bool,
    csv: String,
    groups: Vec<Provider<'a>>,
    summary: String,
    previous: Option<String>,
    next: Option<String>,
}

/// The models of one provider that stand on the page.
struct Provider<'a> {
    name: &'a str,
    age: String,
    imported: String,
    sources: String,
    models: Vec<Model<'a>>,
}

struct Model<'a> {
    name: &'a str,
    is_prefix: bool,
    address: String,
    rates: Vec<RateCell>,
    others: Vec<String>,
    terms: Vec<String>,
}

#[derive(Default)]
struct RateCell {
    text: String,
    /// The meter whose rate it is, where that is another one.
    inherits: String,
}

/// When prices of a provider were last taken in, and from where those in force are.
#[derive(Default)]
struct Facts<'a> {
    imported_at: UnixNanos,
    sources: BTreeSet<&'a str>,
}

type Models<'a> = BTreeMap<(&'a str, &'a str, Matching), Vec<&'a PriceRow>>;

impl PriceList<'_> {
    /// Renders it.
    pub(in crate::console) fn page(&self) -> Page {
        let at = self.filter.at.unwrap_or(self.now);
        let mut facts: BTreeMap<&str, Facts<'_>> = BTreeMap::new();
        let mut models: Models<'_> = BTreeMap::new();
        let wanted = self.filter.model.to_lowercase();
        for row in self.table.rows() {
            let key = &row.key;
            let known = facts.entry(&key.provider).or_default();
            known.imported_at = known.imported_at.max(row.source.imported_at);
            if !row.is_in_force(at) {
                continue;
            }
            known.sources.insert(&row.source.name);
            let of_provider = self.filter.provider.is_empty() || *key.provider == *self.filter.provider;
            if of_provider && (wanted.is_empty() || key.model.to_lowercase().contains(&wanted)) {
                models.entry((&key.provider, &key.model, key.matching)).or_default().push(row);
            }
        }
        let (total, skipped) = (models.len(), self.filter.page.saturating_mul(MODELS));
        let shown = models.into_iter().skip(skipped).take(MODELS);
        let mut groups: Vec<Provider<'_>> = Vec::new();
        for ((provider, name, matching), rows) in shown {
            if groups.last().is_none_or(|group| group.name != provider) {
                groups.push(self.provider(provider, facts.get(provider)));
            }
            let model = self.model(provider, name, matching, &rows, at);
            if let Some(group) = groups.last_mut() {
                group.models.push(model);
            }
        }
        let on_page: usize = groups.iter().map(|group| group.models.len()).sum();
        let last = skipped.saturating_add(on_page);
        let other = |page: usize| self.address(page);
        let template = ListTemplate {
            section: "prices",
            waiting: waiting_count(self.table),
            providers: facts.keys().map(|name| (*name, *name == self.filter.provider)).collect(),
            model: &self.filter.model,
            at: self.filter.at.map(|at| written(at, "%Y-%m-%dT%H:%M")).unwrap_or_default(),
            when: moment(at),
            is_filtered: !self.filter.provider.is_empty() || !wanted.is_empty() || self.filter.at.is_some(),
            is_empty: facts.is_empty(),
            csv: self.csv(),
            groups,
            summary: summary(total, skipped, last),
            previous: (self.filter.page > 0).then(|| other(self.filter.page.saturating_sub(1))),
            next: (last < total && on_page > 0).then(|| other(self.filter.page.saturating_add(1))),
        };
        Page::of(StatusCode::OK, &template)
    }

    fn address(&self, page: usize) -> String {
        let model = ("model", self.filter.model.clone());
        format!("/console/prices?{}page={}", self.query(Some(model)), page.saturating_add(1))
    }

    /// The same rows as a file, of which a part of a model's name is no filter.
    fn csv(&self) -> String {
        format!("/v1/prices?{}limit=1000&format=csv", self.query(None))
    }

    fn query(&self, model: Option<(&'static str, String)>) -> String {
        let at = self.filter.at.map(|at| Instant(at).to_string()).unwrap_or_default();
        let parts = [("provider", self.filter.provider.clone()), ("at", at)].into_iter().chain(model);
        let parts = parts.filter(|(_, value)| !value.is_empty());
        parts.map(|(name, value)| format!("{name}={}&", encoded(&value))).collect()
    }

    fn provider<'a>(&self, name: &'a str, facts: Option<&Facts<'_>>) -> Provider<'a> {
        let imported_at = facts.map_or(0, |facts| facts.imported_at);
        let sources = facts.into_iter().flat_map(|facts| facts.sources.iter().copied());
        Provider {
            name,
            age: ago(self.now.saturating_sub(imported_at)),
            imported: moment(imported_at),
            sources: sources.collect::<Vec<_>>().join(", "),
            models: Vec::new(),
        }
    }

    fn model<'a>(
        &self,
        provider: &str,
        name: &'a str,
        matching: Matching,
        rows: &[&PriceRow],
        at: UnixNanos,
    ) -> Model<'a> {
        let plain = |meter: Meter| {
            rows.iter().rev().find(|row| row.key.meter == meter && super::terms(&row.key).is_empty())
        };
        let rate = |meter: Meter| {
            plain(meter).map_or_else(RateCell::default, |row| RateCell {
                text: rate_words(meter, row.rate).0,
                inherits: row.inherits.map(super::meter_words).unwrap_or_default(),
            })
        };
        let is_other = |meter: &Meter| {
            !COLUMNS.contains(meter) && plain(*meter).is_some_and(|row| row.inherits.is_none())
        };
        let others: Vec<Meter> = Meter::ALL.into_iter().filter(is_other).collect();
        let mut words: Vec<String> = others
            .iter()
            .take(OTHERS)
            .filter_map(|meter| {
                let (text, per) = rate_words(*meter, plain(*meter)?.rate);
                let unit = if meter.is_tokens() { String::new() } else { format!(" per {per}") };
                let name = if meter.is_tokens() { super::meter_words(*meter) + " " } else { String::new() };
                Some(format!("{name}{text}{unit}"))
            })
            .collect();
        if others.len() > OTHERS {
            words.push(format!("{} more", others.len().saturating_sub(OTHERS)));
        }
        Model {
            name,
            is_prefix: matching == Matching::Prefix,
            address: address(provider, name),
            rates: COLUMNS.map(rate).into(),
            others: words,
            terms: self.terms(provider, name, rows, at),
        }
    }

    /// What else decides what a call of the model costs, in short words.
    fn terms(&self, provider: &str, model: &str, rows: &[&PriceRow], at: UnixNanos) -> Vec<String> {
        let mut words = Vec::new();
        let keys = || rows.iter().map(|row| &row.key);
        let named = |names: BTreeSet<&str>, what: &str| match names.len() {
            0 => None,
            1 | 2 => {
                let many = if names.len() == 1 { "" } else { "s" };
                Some(format!("{} {what}{many}", names.into_iter().collect::<Vec<_>>().join(", ")))
            }
            count => Some(format!("{count} {what}s")),
        };
        words.extend(named(keys().filter_map(|key| key.tier.as_deref()).collect(), "tier"));
        let regions: BTreeSet<&str> = keys().filter_map(|key| key.region.as_deref()).collect();
        words.extend(named(regions.iter().map(|region| region.trim_start_matches('!')).collect(), "region"));
        let sizes: BTreeSet<u64> =
            keys().filter_map(|key| key.threshold).map(|threshold| threshold.input_tokens).collect();
        match sizes.first() {
            Some(size) if sizes.len() == 1 => words.push(format!("above {}", count(*size))),
            Some(_) => words.push(format!("{} prompt sizes", sizes.len())),
            None => {}
        }
        if keys().any(|key| key.hours.is_some()) {
            words.push("by the hour".to_owned());
        }
        // The contract of all accounts has no name.
        let contracts = keys().filter_map(|key| key.contract.as_deref());
        words.extend(named(
            contracts.map(|name| if name.is_empty() { "our" } else { name }).collect(),
            "contract",
        ));
        let is_now = |contract: &&Contract| {
            contract.from.is_none_or(|from| from.0 <= at) && contract.to.is_none_or(|to| at < to.0)
        };
        let discounts = self.table.pricing().discounts.iter().filter(is_now);
        match discounts.filter(|contract| contract.is_about(provider, model)).count() {
            0 => {}
            1 => words.push("discount".to_owned()),
            count => words.push(format!("{count} discounts")),
        }
        words
    }
}

fn summary(total: usize, skipped: usize, last: usize) -> String {
    let number = |number: usize| count(u64::try_from(number).unwrap_or(u64::MAX));
    match total {
        1 => "1 model".to_owned(),
        total if last > skipped && (skipped > 0 || last < total) => {
            format!("{} to {} of {} models", number(skipped.saturating_add(1)), number(last), number(total))
        }
        total => format!("{} models", number(total)),
    }
}
