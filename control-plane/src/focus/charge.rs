//! One charge: a row of the ledger's charges, and the numbers that the specification wants of it. Products of integers,
//! so that quantity × unit price is the cost to the last digit.

use super::days::{self, Days};
use crate::store::StoreError;
use protocol::meters::Meter;
use std::sync::Arc;

/// Decimal places of all quantities, prices and costs: a pico-dollar has as many.
pub(super) const PLACES: u8 = 12;
/// One, in units of the last of those places.
const ONE: i128 = 1_000_000_000_000;

/// What somebody used in one day of one meter of one model at one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// On which it was used, in days since 1970-01-01.
    pub day: i64,
    /// On which it was corrected; `None`: it was booked so.
    pub corrected: Option<i64>,
    /// For whom; `None`: nobody was named.
    pub customer: Option<Arc<str>>,
    /// Who provided it.
    pub provider: Arc<str>,
    /// Which model; only a provider's own word can be without.
    pub model: Option<Arc<str>>,
    /// What was counted.
    pub meter: Meter,
    /// In which service tier it was served; `None`: the standard one.
    pub tier: Option<Arc<str>>,
    /// The region that served, where it is known.
    pub region: Option<Arc<str>>,
    /// The price row that was paid; `None`: the provider said what it costs.
    pub price: Option<i64>,
    /// The list price's row.
    pub list_price: Option<i64>,
    /// On which terms that row is in force.
    pub terms: Arc<Terms>,
    /// How many lines of calls are in it.
    pub lines: i64,
    /// What `BillingAccountId` says instead of the provider's name.
    pub billing_account: Option<Arc<str>>,
    /// Its numbers.
    pub amounts: Amounts,
}

/// What a list price depends on beside provider, model and meter.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Terms {
    /// In that service tier; `None`: the standard one, also where a call of another tier pays its price.
    pub tier: Option<Box<str>>,
    /// In prompts of more tokens than that.
    pub threshold: Option<i64>,
    /// Exactly so many are above it.
    pub inclusive: bool,
    /// Only what is above it pays it.
    pub marginal: bool,
    /// In that region, or, after a `!`, in all but that one.
    pub region: Option<Box<str>>,
    /// In those hours.
    pub hours: Option<Box<str>>,
}

/// Numbers in units of the twelfth decimal place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// In the unit that is counted.
    pub consumed: i128,
    /// In the unit that is priced.
    pub quantity: i128,
    /// USD for one of those, as paid.
    pub unit_price: i128,
    /// USD for one of those, by the list.
    pub list_unit_price: i128,
    /// USD, as paid.
    pub cost: i128,
    /// USD, by the list.
    pub list_cost: i128,
}

impl Amounts {
    /// Of so many units at so many pico-dollars each.
    pub(super) fn new(meter: Meter, units: i64, rate: i64, list_rate: i64) -> Result<Self, StoreError> {
        let wrong = |detail: &str| StoreError::corrupt("a charge", detail);
        if rate < 0 || list_rate < 0 {
            return Err(wrong("has a negative rate"));
        }
        let (units, rate, list_rate) = (i128::from(units), i128::from(rate), i128::from(list_rate));
        let (counted, priced) = (counted_as_one(meter), priced_as_one(meter));
        // Products of two 64-bit numbers, or of one and 10^12: they fit.
        let times = |one: i128, other: i128| one.checked_mul(other).ok_or_else(|| wrong("is too large"));
        let per = |many: i128, one: i128| many.checked_div(one).ok_or_else(|| wrong("is too large"));
        Ok(Self {
            consumed: times(units, per(ONE, counted)?)?,
            quantity: times(units, per(ONE, priced)?)?,
            unit_price: times(rate, priced)?,
            list_unit_price: times(list_rate, priced)?,
            cost: times(units, rate)?,
            list_cost: times(units, list_rate)?,
        })
    }
}

/// How many units of the ledger are one of what is said to be consumed. Divides 10^12, so nothing is rounded.
fn counted_as_one(meter: Meter) -> i128 {
    if meter == Meter::ReportedCost { ONE } else { 1 }
}

/// How many units of the ledger are one of what has a price.
fn priced_as_one(meter: Meter) -> i128 {
    if meter.is_tokens() { 1_000_000 } else { counted_as_one(meter) }
}

impl Charge {
    /// The calendar month that it is accounted in: that of its day, or that of the day of its correction.
    pub fn billing_period(&self) -> Days {
        days::month(self.corrected.unwrap_or(self.day))
    }

    /// Whether it corrects a month that is over. A correction within a month is a charge like any other, says the
    /// specification: no invoice has been written yet.
    pub fn is_correction(&self) -> bool {
        self.billing_period() != days::month(self.day)
    }

    /// In what it is counted: the plural, with a capital.
    pub fn consumed_unit(&self) -> String {
        match self.meter.unit() {
            // Dollars are counted, and a dollar costs a dollar.
            "pico-dollar" => "USD".to_owned(),
            unit => {
                let end = if unit.ends_with("ch") { "es" } else { "s" };
                let mut letters = unit.chars();
                let first = letters.next().map(|first| first.to_ascii_uppercase());
                first.into_iter().chain(letters).chain(end.chars()).collect()
            }
        }
    }

    /// In what it is priced.
    pub fn pricing_unit(&self) -> String {
        let unit = self.consumed_unit();
        if self.meter.is_tokens() { format!("1000000 {unit}") } else { unit }
    }

    /// Provider, model and meter: what is sold, whatever it costs.
    pub fn sku(&self) -> String {
        let model = self.model.as_deref().map(|model| format!("{model}/")).unwrap_or_default();
        format!("{}/{model}{}", self.provider, self.meter)
    }

    /// What is sold, with the terms that its list price depends on; not the price row, which is another one as soon as
    /// the amount changes.
    pub fn sku_price(&self) -> String {
        let terms = self.terms.named();
        let terms = terms.iter().map(|(key, value)| format!(";{key}={value}"));
        format!("{}{}", self.sku(), terms.collect::<String>())
    }
}

impl Terms {
    /// Those that are not what everybody pays always, by name.
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let Self { tier, threshold, inclusive, marginal, region, hours } = self;
        let least = |tokens: i64| if *inclusive { tokens } else { tokens.saturating_add(1) };
        let above = threshold.map(|tokens| {
            (if *marginal { "FromToken" } else { "PromptTokensFrom" }, least(tokens).to_string())
        });
        let texts = [("Tier", tier), ("Region", region), ("Hours", hours)];
        let texts = texts.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?.to_owned())));
        texts.chain(above).collect()
    }
}
