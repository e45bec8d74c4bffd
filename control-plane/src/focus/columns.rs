//! The columns, in the order in which they are written: all of the specification's by name, so that rows can be put
//! under those of a cloud's bill, then our own. Each says
//! what it holds of a charge. The specification's rules about them are a table in tests/rules.rs.

use super::{Charge, days};
use protocol::money::PicoUsd;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its id.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether there may be none.
    pub nullable: bool,
    value: for<'a> fn(&'a Charge) -> Value<'a>,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A JSON object, as text.
    Json,
    /// Exact decimals.
    Decimal,
    /// The first instant of a day.
    Midnight,
    /// Whole numbers.
    Integer,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// There is none.
    Null,
    /// Text, never empty.
    Text(Cow<'a, str>),
    /// A number in units of its twelfth decimal place.
    Decimal(i128),
    /// The first instant of a day, in days since 1970-01-01.
    Midnight(i64),
    /// A whole number.
    Integer(i64),
}

impl Column {
    /// What it holds of a charge.
    pub fn value<'a>(&self, charge: &'a Charge) -> Value<'a> {
        (self.value)(charge)
    }

    const fn new(name: &'static str, kind: Kind, value: for<'a> fn(&'a Charge) -> Value<'a>) -> Self {
        Self { name, kind, nullable: false, value }
    }

    const fn text(name: &'static str, value: for<'a> fn(&'a Charge) -> Value<'a>) -> Self {
        Self::new(name, Kind::Text, value)
    }

    const fn decimal(name: &'static str, value: for<'a> fn(&'a Charge) -> Value<'a>) -> Self {
        Self::new(name, Kind::Decimal, value)
    }

    const fn midnight(name: &'static str, value: for<'a> fn(&'a Charge) -> Value<'a>) -> Self {
        Self::new(name, Kind::Midnight, value)
    }

    /// Of something that there is not here.
    const fn absent(name: &'static str, kind: Kind) -> Self {
        Self::new(name, kind, |_| Value::Null).or_null()
    }

    const fn or_null(self) -> Self {
        Self { nullable: true, ..self }
    }
}

/// All of them.
pub static COLUMNS: &[Column] = &[
    Column::absent("AvailabilityZone", Kind::Text),
    Column::decimal("BilledCost", |charge| Value::Decimal(charge.amounts.cost)),
    Column::text("BillingAccountId", |charge| {
        known(charge.billing_account.as_deref().unwrap_or(&charge.provider))
    }),
    Column::absent("BillingAccountName", Kind::Text),
    Column::text("BillingAccountType", |_| known("Provider Account")),
    Column::text("BillingCurrency", |_| known("USD")),
    Column::midnight("BillingPeriodEnd", |charge| Value::Midnight(charge.billing_period().to)),
    Column::midnight("BillingPeriodStart", |charge| Value::Midnight(charge.billing_period().from)),
    Column::absent("CapacityReservationId", Kind::Text),
    Column::absent("CapacityReservationStatus", Kind::Text),
    Column::text("ChargeCategory", |_| known("Usage")),
    Column::text(
        "ChargeClass",
        |charge| {
            if charge.is_correction() { known("Correction") } else { Value::Null }
        },
    )
    .or_null(),
    Column::text("ChargeDescription", |charge| made(description(charge))),
    Column::text("ChargeFrequency", |_| known("Usage-Based")),
    Column::midnight("ChargePeriodEnd", |charge| Value::Midnight(charge.day.saturating_add(1))),
    Column::midnight("ChargePeriodStart", |charge| Value::Midnight(charge.day)),
    Column::absent("CommitmentDiscountCategory", Kind::Text),
    Column::absent("CommitmentDiscountId", Kind::Text),
    Column::absent("CommitmentDiscountName", Kind::Text),
    Column::absent("CommitmentDiscountQuantity", Kind::Decimal),
    Column::absent("CommitmentDiscountStatus", Kind::Text),
    Column::absent("CommitmentDiscountType", Kind::Text),
    Column::absent("CommitmentDiscountUnit", Kind::Text),
    Column::decimal("ConsumedQuantity", |charge| Value::Decimal(charge.amounts.consumed)),
    Column::text("ConsumedUnit", |charge| made(charge.consumed_unit())),
    Column::decimal("ContractedCost", |charge| Value::Decimal(charge.amounts.cost)),
    Column::decimal("ContractedUnitPrice", |charge| Value::Decimal(charge.amounts.unit_price)),
    Column::decimal("EffectiveCost", |charge| Value::Decimal(charge.amounts.cost)),
    Column::absent("InvoiceId", Kind::Text),
    Column::text("InvoiceIssuerName", |charge| known(&charge.provider)),
    Column::decimal("ListCost", |charge| Value::Decimal(charge.amounts.list_cost)),
    Column::decimal("ListUnitPrice", |charge| Value::Decimal(charge.amounts.list_unit_price)),
    Column::text("PricingCategory", |charge| {
        // What a provider says case by case is no rate that was agreed on.
        known(if charge.price.is_some() { "Standard" } else { "Dynamic" })
    }),
    Column::text("PricingCurrency", |_| known("USD")),
    Column::decimal("PricingCurrencyContractedUnitPrice", |charge| Value::Decimal(charge.amounts.unit_price)),
    Column::decimal("PricingCurrencyEffectiveCost", |charge| Value::Decimal(charge.amounts.cost)),
    Column::decimal("PricingCurrencyListUnitPrice", |charge| Value::Decimal(charge.amounts.list_unit_price)),
    Column::decimal("PricingQuantity", |charge| Value::Decimal(charge.amounts.quantity)),
    Column::text("PricingUnit", |charge| made(charge.pricing_unit())),
    Column::text("ProviderName", |charge| known(&charge.provider)),
    Column::text("PublisherName", |charge| known(&charge.provider)),
    Column::text("RegionId", |charge| maybe(charge.region.as_deref())).or_null(),
    Column::text("RegionName", |charge| maybe(charge.region.as_deref())).or_null(),
    Column::absent("ResourceId", Kind::Text),
    Column::absent("ResourceName", Kind::Text),
    Column::absent("ResourceType", Kind::Text),
    Column::text("ServiceCategory", |_| known("AI and Machine Learning")),
    Column::text("ServiceName", |charge| made(format!("{} API", charge.provider))),
    Column::text("ServiceSubcategory", |_| known("Generative AI")),
    Column::text("SkuId", |charge| made(charge.sku())),
    Column::text("SkuMeter", |charge| known(charge.meter.as_str())),
    Column::new("SkuPriceDetails", Kind::Json, |charge| made(price_details(charge))),
    Column::text("SkuPriceId", |charge| made(charge.sku_price())),
    Column::text("SubAccountId", |charge| maybe(charge.customer.as_deref())).or_null(),
    Column::text("SubAccountName", |charge| maybe(charge.customer.as_deref())).or_null(),
    Column::text("SubAccountType", |charge| {
        charge.customer.as_deref().map_or(Value::Null, |_| known("Customer"))
    })
    .or_null(),
    Column::new("Tags", Kind::Json, |charge| made(tags(charge))),
    Column::new("x_BursarListPriceId", Kind::Integer, |charge| integer(charge.list_price)).or_null(),
    Column::new("x_BursarPriceId", Kind::Integer, |charge| integer(charge.price)).or_null(),
    Column::midnight("x_CorrectedOn", |charge| charge.corrected.map_or(Value::Null, Value::Midnight))
        .or_null(),
    Column::new("x_LineCount", Kind::Integer, |charge| Value::Integer(charge.lines)),
    Column::text("x_Model", |charge| maybe(charge.model.as_deref())).or_null(),
    Column::text("x_ServiceTier", |charge| known(tier(charge))),
    Column::text("x_TokenType", |charge| maybe(charge.meter.is_tokens().then(|| charge.meter.as_str())))
        .or_null(),
];

fn known(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn made(text: String) -> Value<'static> {
    Value::Text(Cow::Owned(text))
}

/// An empty text is none: the specification has no use for it.
fn maybe(text: Option<&str>) -> Value<'_> {
    text.filter(|text| !text.trim().is_empty()).map_or(Value::Null, known)
}

fn integer(number: Option<i64>) -> Value<'static> {
    number.map_or(Value::Null, Value::Integer)
}

fn tier(charge: &Charge) -> &str {
    charge.tier.as_deref().unwrap_or("standard")
}

/// What was used and what it costs, for a person: `openai gpt-4o: input at 2.5 USD per 1000000 Tokens`.
fn description(charge: &Charge) -> String {
    let model = charge.model.as_deref().map(|model| format!(" {model}")).unwrap_or_default();
    let (provider, meter, unit) = (&charge.provider, charge.meter, charge.pricing_unit());
    let price = match charge.price {
        Some(_) => {
            let (paid, list) = (charge.amounts.unit_price, charge.amounts.list_unit_price);
            let list = if paid == list { String::new() } else { format!(" (list {})", PicoUsd::new(list)) };
            format!("{meter} at {} USD per {unit}{list}", PicoUsd::new(paid))
        }
        None => "cost as the provider reports it".to_owned(),
    };
    let terms = charge.terms.named().into_iter().map(|(key, value)| format!(", {key} {value}"));
    let corrected = charge.corrected.map(|day| format!(", corrected on {}", days::date(day)));
    format!("{provider}{model}: {price}{}{}", terms.collect::<String>(), corrected.unwrap_or_default())
}

/// What the price depends on. All values are texts: a number would have to be one of a single pricing unit.
fn price_details(charge: &Charge) -> String {
    let own = [("Model", charge.model.as_deref()), ("Meter", Some(charge.meter.as_str()))];
    let own = own.into_iter().filter_map(|(key, value)| Some((key, value?.to_owned())));
    let all = own.chain(charge.terms.named());
    object(all.map(|(key, value)| (format!("x_{key}"), value)))
}

/// Tags that Bursar gives, under a prefix of its own as the specification wants it of a provider's.
fn tags(charge: &Charge) -> String {
    let all = [("model", charge.model.as_deref()), ("tier", Some(tier(charge)))];
    object(all.into_iter().filter_map(|(key, value)| Some((format!("bursar/{key}"), value?.to_owned()))))
}

fn object(pairs: impl Iterator<Item = (String, String)>) -> String {
    Json::Object(pairs.map(|(key, value)| (key, Json::String(value))).collect::<Map<_, _>>()).to_string()
}
