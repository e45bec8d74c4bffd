//! The price rows that a call would be rated by.

use super::{Meeting, column};
use crate::{
    prices::{Lookup, PriceTable, Query},
    reports::{Cell, Section},
};
use protocol::{
    meters::Meter,
    price::{MatchedBy, PriceId, Rate, Threshold, Whose},
    rating::Discount,
};
use std::collections::BTreeMap;

impl Meeting<'_> {
    pub(super) fn prices(&self) -> Section {
        let mut notes = Vec::new();
        let (rows, empty) = match (self.known.prices, self.question.model.as_deref()) {
            (None, _) => (Vec::new(), "No price table was asked: name a control plane or a data directory."),
            (_, None) => (Vec::new(), "The call names no model."),
            (Some(table), Some(model)) => self.rows(table, model, &mut notes),
        };
        Section {
            key: "prices",
            title: "Prices",
            columns: vec![
                column("meter", "meter"),
                column("rate_usd_per_mtok", "USD per million"),
                column("price", "price row"),
                column("model", "its model"),
                column("found_by", "found by"),
                column("source", "source"),
                column("contract", "contract"),
                column("tier", "tier"),
                column("region", "region"),
                column("hours", "hours"),
                column("threshold", "prompt tokens"),
                column("discount", "discount"),
                column("inherits", "rate of"),
            ],
            rows,
            total: None,
            notes,
            empty,
        }
    }

    fn rows(
        &self,
        table: &PriceTable,
        model: &str,
        notes: &mut Vec<String>,
    ) -> (Vec<Vec<Cell>>, &'static str) {
        let question = self.question;
        let (provider, account) = (question.provider(), question.account.as_deref());
        let query = Query { provider, account, served: None, requested: Some(model), at: question.at };
        let found = match table.find(&query) {
            Lookup::Found(found) => found,
            Lookup::NoModel => return (Vec::new(), "Nobody priced this model at this provider."),
            Lookup::OutsideWindow => {
                return (Vec::new(), "The model has prices, and none of them at that instant.");
            }
        };
        let by_row: BTreeMap<PriceId, MatchedBy> = table
            .rows_of(provider, account, model, question.at)
            .into_iter()
            .flat_map(|found| found.rows.into_iter().map(move |row| (row.id, found.matched)))
            .collect();
        let terms = question.terms();
        let rates = Meter::ALL.iter().filter_map(|meter| found.prices.rate(*meter, &terms));
        let rows = rates.map(|rate| {
            let covers = |it: &&Discount| it.meters.is_empty() || it.meters.contains(&rate.meter);
            let discount = found.discounts.iter().find(covers).filter(|_| rate.of == Whose::List);
            row(table, rate, by_row.get(&rate.price).copied().unwrap_or(found.matched), discount)
        });
        notes.push(
            "By the instant the call starts and the model it names; the ledger goes by the model, tier and region that \
             answered, where the answer says so. A written rate comes before an inherited one, a contract's before \
             the list's, the region's own before one for elsewhere, an hour's own before one for all hours, then the \
             highest threshold that the prompt crosses."
                .to_owned(),
        );
        (rows.collect(), "The model has no rate for this tier.")
    }
}

fn row(table: &PriceTable, rate: &Rate, found_by: MatchedBy, discount: Option<&Discount>) -> Vec<Cell> {
    let text = |text: Option<String>| text.map_or(Cell::Empty, Cell::Text);
    let row = table.row(rate.price);
    let key = row.map(|row| &row.key);
    let per_million = discount.map_or(rate.rate, |discount| rate.rate.discounted(discount.parts_per_million));
    vec![
        Cell::text(rate.meter.as_str()),
        Cell::text(per_million.usd_per_mtok()),
        Cell::Count(rate.price),
        text(key.map(|key| key.model.to_string())),
        Cell::text(word(found_by)),
        text(row.map(|row| format!("{}, {}", row.source.name, row.source.key))),
        Cell::text(match key.and_then(|key| key.contract.as_deref()) {
            None => "list",
            Some("") => "all accounts",
            Some(account) => account,
        }),
        Cell::text(rate.tier.as_deref().unwrap_or("standard")),
        Cell::text(rate.region.as_deref().unwrap_or("any")),
        Cell::text(key.and_then(|key| key.hours.as_ref()).map_or("all".to_owned(), ToString::to_string)),
        Cell::text(rate.threshold.map_or("all".to_owned(), above)),
        text(discount.map(|it| format!("{}, off {}", it.name, rate.rate.usd_per_mtok()))),
        text(row.and_then(|row| row.inherits).map(|meter| meter.as_str().to_owned())),
    ]
}

fn above(threshold: Threshold) -> String {
    let Threshold { input_tokens, inclusive, marginal } = threshold;
    let from = if inclusive { "from" } else { "above" };
    let part = if marginal { ", for that part alone" } else { "" };
    format!("{from} {input_tokens}{part}")
}

fn word(found_by: MatchedBy) -> &'static str {
    match found_by {
        MatchedBy::ServedModel | MatchedBy::RequestedModel => "exact",
        MatchedBy::ServedAlias | MatchedBy::RequestedAlias => "alias",
        MatchedBy::ServedPrefix | MatchedBy::RequestedPrefix => "prefix",
    }
}
