//! Every price that a model ever had, by what it depends on, and what the policy says of it.

use super::{address, meter_words, rate_words, terms, waiting_count};
use crate::{
    console::page::{Page, count, moment, written},
    policy::Contract,
    prices::{Lookup, Matching, PriceKey, PriceRow, PriceTable, Query, Status},
};
use askama::Template;
use axum::http::StatusCode;
use protocol::{UnixNanos, price::MatchedBy};
use std::collections::BTreeMap;

/// More rows than these are a list for the API.
const ROWS_MAX: usize = 1_000;

/// Everything the page shows.
#[derive(Clone, Debug)]
pub(in crate::console) struct PriceHistory<'a> {
    pub(in crate::console) table: &'a PriceTable,
    pub(in crate::console) now: UnixNanos,
    pub(in crate::console) provider: &'a str,
    pub(in crate::console) model: &'a str,
}

#[derive(Template)]
#[template(path = "price_history.html")]
struct HistoryTemplate<'a> {
    section: &'static str,
    waiting: usize,
    provider: &'a str,
    model: &'a str,
    provider_address: String,
    api_address: String,
    verdict: Verdict,
    policy: Vec<(&'static str, String, String)>,
    groups: Vec<Group>,
    rows_left: usize,
}

/// By which prices a call that begins now is rated.
struct Verdict {
    text: &'static str,
    /// Another model's, with its page.
    other: Option<(String, String)>,
}

/// The rows of one key.
struct Group {
    meter: String,
    terms: Vec<String>,
    rows: Vec<Row>,
}

struct Row {
    id: u64,
    rate: String,
    per: &'static str,
    note: String,
    from: String,
    until: String,
    badge: &'static str,
    word: &'static str,
    is_in_force: bool,
    source: String,
    written: String,
    imported: String,
}

impl PriceHistory<'_> {
    /// Renders it.
    pub(in crate::console) fn page(&self) -> Page {
        let mut keys: BTreeMap<&PriceKey, Vec<&PriceRow>> = BTreeMap::new();
        let own = |row: &&PriceRow| *row.key.provider == *self.provider && *row.key.model == *self.model;
        let rows = self.table.rows().filter(own);
        let mut left: usize = 0;
        for (number, row) in rows.enumerate() {
            if number < ROWS_MAX {
                keys.entry(&row.key).or_default().push(row);
            } else {
                left = left.saturating_add(1);
            }
        }
        let is_known = !keys.is_empty();
        let verdict = self.verdict();
        let status = if is_known || verdict.other.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
        let encoded = |text: &str| crate::console::page::encoded(text);
        let template = HistoryTemplate {
            section: "prices",
            waiting: waiting_count(self.table),
            provider: self.provider,
            model: self.model,
            provider_address: format!("/console/prices?provider={}", encoded(self.provider)),
            api_address: format!(
                "/v1/prices?provider={}&model={}&status=all&limit=1000",
                encoded(self.provider),
                encoded(self.model)
            ),
            verdict,
            policy: self.policy(),
            groups: keys.into_iter().map(|(key, rows)| self.group(key, rows)).collect(),
            rows_left: left,
        };
        Page::of(status, &template)
    }

    fn verdict(&self) -> Verdict {
        let query =
            Query { provider: self.provider, served: Some(self.model), at: self.now, ..Query::default() };
        let nothing = |text| Verdict { text, other: None };
        let found = match self.table.find(&query) {
            Lookup::Found(found) => found,
            Lookup::NoModel => {
                return nothing(
                    "Nobody has priced this model: its calls are unpriced, with the reason no_model.",
                );
            }
            Lookup::OutsideWindow => {
                return nothing(
                    "No price is in force now: calls that begin now are unpriced, with the reason outside_window.",
                );
            }
        };
        let text = match found.matched {
            MatchedBy::ServedModel | MatchedBy::RequestedModel => {
                return nothing("Calls that begin now are rated by the rows that are marked as in force.");
            }
            MatchedBy::ServedAlias | MatchedBy::RequestedAlias => {
                "The policy says that this is another name of a model. Calls that begin now are rated as"
            }
            MatchedBy::ServedPrefix | MatchedBy::RequestedPrefix => {
                "Calls that begin now are rated by the rows for every name that begins with"
            }
        };
        let row = found.prices.rates.iter().filter_map(|rate| self.table.row(rate.price)).next();
        let name = row.map(|row| row.key.model.to_string()).filter(|name| name != self.model);
        Verdict { text, other: name.map(|name| (address(self.provider, &name), name)) }
    }

    /// Other names and discounts: what, which, and what is said of it.
    fn policy(&self) -> Vec<(&'static str, String, String)> {
        let pricing = self.table.pricing();
        let aliases = pricing.aliases.iter().filter(|(provider, _)| provider.as_str() == self.provider);
        let aliases: Vec<_> = aliases.flat_map(|(_, names)| names).collect();
        let mut said = Vec::new();
        for (name, model) in &aliases {
            if ***model == *self.model {
                let detail = "has its price, where it has none of its own".to_owned();
                said.push(("alias", name.to_string(), detail));
            }
        }
        let own = aliases.iter().find(|(name, _)| name.as_str() == self.model).map(|(_, model)| &***model);
        said.extend(own.map(|model| ("alias of", model.to_owned(), String::new())));
        let is_about = |contract: &&Contract| contract.is_about(self.provider, own.unwrap_or(self.model));
        for contract in pricing.discounts.iter().filter(is_about) {
            let title = format!("{}, {} %", contract.name, contract.discount_percent);
            said.push(("discount", title, discount_words(contract, self.now)));
        }
        if pricing.provider_cost_bills.iter().any(|name| name.as_str() == self.provider) {
            let detail = "is what is booked, where it says one".to_owned();
            said.push(("cost that the provider says", self.provider.to_owned(), detail));
        }
        said
    }

    fn group(&self, key: &PriceKey, mut rows: Vec<&PriceRow>) -> Group {
        rows.sort_by_key(|row| std::cmp::Reverse((row.effective_from, row.id)));
        // Where two overlap, the one that began later wins.
        let in_force = rows.iter().find(|row| row.is_in_force(self.now)).map(|row| row.id);
        let mut terms = terms(key);
        if key.matching == Matching::Prefix {
            terms.push("every model whose name begins like that".to_owned());
        }
        Group {
            meter: meter_words(key.meter),
            terms,
            rows: rows.iter().map(|row| self.row(row, in_force)).collect(),
        }
    }

    fn row(&self, row: &PriceRow, in_force: Option<u64>) -> Row {
        let (rate, per) = rate_words(row.key.meter, row.rate);
        let is_in_force = in_force == Some(row.id);
        let (badge, word) = match row.status {
            Status::Proposed => ("warn", "waits for approval"),
            Status::Retired => ("plain", "never in force"),
            Status::Active if is_in_force => ("good", "in force"),
            Status::Active if self.now < row.effective_from => ("open", "to come"),
            Status::Active if row.is_in_force(self.now) => ("plain", "overridden"),
            Status::Active => ("plain", "ended"),
        };
        let mut note = Vec::new();
        if let Some(meter) = row.inherits {
            note.push(format!("has no rate of its own and takes that of {}", meter_words(meter)));
        }
        if let Some(most) = row.output_tokens_max {
            note.push(format!("generates {} tokens at most", count(most)));
        }
        if row.source.rounded {
            note.push("finer than a pico-dollar, rounded half to even".to_owned());
        }
        let day = |at: UnixNanos| written(at, "%Y-%m-%d %H:%M");
        Row {
            id: row.id,
            rate,
            per,
            note: note.join("; "),
            from: match (row.status, row.effective_from) {
                (Status::Proposed, _) => "its approval".to_owned(),
                (_, 0) => "ever".to_owned(),
                (_, from) => day(from),
            },
            until: row.effective_to.map(day).unwrap_or_default(),
            badge,
            word,
            is_in_force,
            source: row.source.name.to_string(),
            written: format!("{} = {}", row.source.key, row.source.text),
            imported: moment(row.source.imported_at),
        }
    }
}

fn discount_words(contract: &Contract, now: UnixNanos) -> String {
    let mut words = Vec::new();
    if let Some(account) = &contract.account {
        words.push(format!("for the account {account}"));
    }
    if !contract.meters.is_empty() {
        let meters: Vec<String> = contract.meters.iter().map(|meter| meter_words(*meter)).collect();
        words.push(format!("on {}", meters.join(", ")));
    }
    if let Some(from) = contract.from {
        let begins = if now < from.0 { "begins" } else { "since" };
        words.push(format!("{begins} {from}"));
    }
    if let Some(to) = contract.to {
        let ends = if now < to.0 { "until" } else { "ended" };
        words.push(format!("{ends} {to}"));
    }
    words.join(", ")
}
