//! The price arithmetic of a call, line by line: units, the rate of one, what that makes, and which price it is.

use crate::{
    console::{
        page::{count, written},
        prices::{address, meter_words, rate_words, terms},
    },
    prices::{PriceRow, PriceTable},
};
use protocol::{
    meters::{Meter, Usage},
    rating::Line,
};

/// One line of the price arithmetic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRow {
    /// What was counted.
    pub meter: String,
    /// How many.
    pub units: String,
    /// USD
    pub rate: String,
    /// for so much of the meter: `million tokens`, `second`, …
    pub per: &'static str,
    /// The rate that the provider lists, where another one was paid.
    pub list_rate: String,
    /// units × rate.
    pub cost: String,
    /// What that would be at the list rate, where it is something else.
    pub list_cost: String,
    /// The price row: `row 12: gpt-4o, batch tier`
    pub price: String,
    /// The page of that price; empty where there is none.
    pub address: String,
    /// The discount that was taken off.
    pub discount: String,
    /// What else there is to know of the row.
    pub note: String,
    /// The attempt that nobody took the answer of; empty: the call itself.
    pub attempt: String,
    /// The units are an estimate.
    pub estimated: bool,
}

impl LineRow {
    pub(super) fn new(line: &Line, prices: &PriceTable, usage: Option<&Usage>) -> Self {
        let row = prices.row(line.price);
        let (rate, per) = rate_words(line.meter, line.rate);
        let other = line.list.filter(|list| list.rate != line.rate);
        let is_word = line.meter == Meter::ReportedCost;
        Self {
            meter: if is_word { "reported cost".to_owned() } else { meter_words(line.meter) },
            // Pico-dollars, which are the cost.
            units: if is_word { String::new() } else { count(line.units) },
            rate,
            per,
            list_rate: other.map(|list| rate_words(line.meter, list.rate).0).unwrap_or_default(),
            cost: line.cost.to_string(),
            list_cost: other.and_then(|_| line.list_cost()).map(|cost| cost.to_string()).unwrap_or_default(),
            price: match (is_word || line.price == 0, row) {
                (true, _) => "the provider's own word".to_owned(),
                (false, Some(row)) => name(row),
                (false, None) => format!("row {}", line.price),
            },
            address: row.map(|row| address(&row.key.provider, &row.key.model)).unwrap_or_default(),
            discount: line.discount.as_deref().unwrap_or_default().to_owned(),
            note: row.map(note).unwrap_or_default(),
            attempt: line.attempt.map(|number| format!("attempt {number}")).unwrap_or_default(),
            estimated: usage.is_some_and(|usage| usage.estimated.contains(&line.meter)),
        }
    }
}

fn name(row: &PriceRow) -> String {
    let mut parts = vec![row.key.model.to_string()];
    parts.extend(terms(&row.key));
    format!("row {}: {}", row.id, parts.join(", "))
}

fn note(row: &PriceRow) -> String {
    let source = &row.source;
    let mut note = format!("{}, {} = {}", source.name, source.key, source.text);
    note.push_str(&match row.effective_from {
        0 => ", in force since ever".to_owned(),
        from => format!(", in force from {} UTC", written(from, "%Y-%m-%d %H:%M")),
    });
    if let Some(meter) = row.inherits {
        note.push_str(&format!("; has no rate of its own and takes that of {}", meter_words(meter)));
    }
    if source.rounded {
        note.push_str("; finer than a pico-dollar, rounded");
    }
    note
}
