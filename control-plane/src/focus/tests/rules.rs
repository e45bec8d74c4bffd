//! Checks a table against the specification's rules: presence, order and names of columns, types and formats of values,
//! and what holds between the columns of a row and between rows.

use super::{
    Table,
    specification::{Level, RULES, Type},
};
use std::collections::{BTreeMap, BTreeSet};

type Row = BTreeMap<String, Option<String>>;

/// Everything that is wrong with a table.
pub(super) fn faults(table: &Table) -> Vec<String> {
    let mut faults = columns(table);
    for (number, row) in table.rows.iter().enumerate() {
        let found = values(row).into_iter().chain(between_columns(row));
        faults.extend(found.map(|fault| format!("row {number}: {fault}")));
    }
    faults.extend(between_rows(table));
    faults
}

fn columns(table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    let columns: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    let distinct: BTreeSet<&str> = columns.iter().copied().collect();
    if distinct.len() != columns.len() {
        faults.push("a column is there twice".to_owned());
    }
    for rule in &RULES {
        if !distinct.contains(rule.name) {
            // More than the specification asks for where the level is not mandatory; tables of several sources are
            // put together by these names.
            let level = if rule.level == Level::Mandatory { "mandatory" } else { "usual" };
            faults.push(format!("{} is {level} and not there", rule.name));
        }
    }
    let own = |name: &str| name.starts_with("x_");
    let known = |name: &str| RULES.iter().any(|rule| rule.name == name);
    faults.extend(
        columns
            .iter()
            .filter(|name| !own(name) && !known(name))
            .map(|name| format!("{name} is no column of FOCUS")),
    );
    let first_own = columns.iter().position(|name| own(name)).unwrap_or(columns.len());
    if columns[first_own..].iter().any(|name| !own(name)) {
        faults.push("custom columns stand between those of FOCUS".to_owned());
    }
    for name in columns {
        let bare = name.strip_prefix("x_").unwrap_or(name);
        let pascal = bare.starts_with(|first: char| first.is_ascii_uppercase())
            && bare.chars().all(|letter| letter.is_ascii_alphanumeric());
        if !pascal || bare.len() > 50 {
            faults.push(format!("{name} is no name for a column"));
        }
    }
    faults
}

fn values(row: &Row) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, value) in row {
        let rule = RULES.iter().find(|rule| rule.name == name);
        let Some(text) = value.as_deref() else {
            if rule.is_some_and(|rule| !rule.nullable) {
                faults.push(format!("{name} is null"));
            }
            continue;
        };
        if text.trim().is_empty() {
            faults.push(format!("{name} is empty"));
        }
        let Some(rule) = rule else { continue };
        let well_formed = match rule.kind {
            Type::Text => true,
            Type::Decimal => decimal(text).is_some(),
            Type::DateTime => is_instant(text),
            Type::Json => is_object_of_scalars(text),
        };
        if !well_formed {
            faults.push(format!("{name} is `{text}`, which is no {:?}", rule.kind));
        }
        if !rule.allowed.is_empty() && !rule.allowed.contains(&text) {
            faults.push(format!("{name} is `{text}`, which is not allowed"));
        }
    }
    faults
}

/// Digits and decimal places of a number in the specification's format; we write no exponents.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || text == "-0" {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some((if text.starts_with('-') { -number } else { number }, u32::try_from(fraction.len()).unwrap()))
}

/// Whether one decimal times another is a third, to the last digit.
fn is_product(one: &str, other: &str, product: &str) -> bool {
    let (Some((one, places)), Some((other, more)), Some((product, of_product))) =
        (decimal(one), decimal(other), decimal(product))
    else {
        return false;
    };
    // Without zeros at the end, a number has one form.
    let (mut digits, mut places) = (one.checked_mul(other).unwrap(), places + more);
    while places > 0 && digits % 10 == 0 {
        (digits, places) = (digits / 10, places - 1);
    }
    (digits, places) == (product, of_product)
}

/// `2026-11-01T00:00:00Z`.
fn is_instant(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok()
}

fn is_object_of_scalars(text: &str) -> bool {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else { return false };
    object.values().all(|value| !value.is_object() && !value.is_array())
}

/// `Tokens`, `1000000 Tokens`.
fn is_unit(text: &str) -> bool {
    let (quantity, unit) = text.split_once(' ').unwrap_or(("1", text));
    quantity.bytes().all(|byte| byte.is_ascii_digit())
        && unit.starts_with(|first: char| first.is_ascii_uppercase())
        && (unit.ends_with('s') || unit == "USD")
}

fn between_columns(row: &Row) -> Vec<String> {
    let cells = Cells(row);
    let rules = periods(&cells).into_iter().chain(money(&cells)).chain(things(&cells));
    rules.filter(|(_, holds)| !holds).map(|(rule, _)| format!("does not hold: {rule}")).collect()
}

/// The cells of a row by name.
struct Cells<'a>(&'a Row);

/// What has to be, and whether it is.
type Held = (&'static str, bool);

impl<'a> Cells<'a> {
    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Option::as_deref)
    }

    fn corrects(&self) -> bool {
        self.text("ChargeClass").is_some()
    }

    /// All are there, or none is.
    fn go_together(&self, names: &[&str]) -> bool {
        let mut there = names.iter().map(|name| self.text(name).is_some());
        let first = there.next().unwrap();
        there.all(|other| other == first)
    }

    fn are_there(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.text(name).is_some())
    }

    fn are_equal(&self, one: &str, other: &str) -> bool {
        self.text(one) == self.text(other)
    }

    /// Times of one form are in the order of their letters.
    fn is_before(&self, one: &str, other: &str) -> bool {
        self.text(one) < self.text(other)
    }

    /// To the last digit, in corrections too: there we promise more than the specification asks for.
    fn is_cost(&self, price: &str, cost: &str) -> bool {
        let cells = [self.text("PricingQuantity"), self.text(price), self.text(cost)];
        matches!(cells, [Some(quantity), Some(price), Some(cost)] if is_product(quantity, price, cost))
    }

    fn keys_begin_with(&self, name: &str, prefix: &str) -> bool {
        let Some(text) = self.text(name) else { return true };
        let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else { return false };
        object.keys().all(|key| key.starts_with(prefix))
    }
}

fn periods(cells: &Cells<'_>) -> Vec<Held> {
    let month = |name: &str| cells.text(name).is_some_and(|at| at.ends_with("-01T00:00:00Z"));
    let within = !cells.is_before("ChargePeriodStart", "BillingPeriodStart")
        && !cells.is_before("BillingPeriodEnd", "ChargePeriodEnd");
    let over = !cells.is_before("BillingPeriodStart", "ChargePeriodEnd");
    vec![
        ("the charge period ends after it begins", cells.is_before("ChargePeriodStart", "ChargePeriodEnd")),
        (
            "the billing period ends after it begins",
            cells.is_before("BillingPeriodStart", "BillingPeriodEnd"),
        ),
        ("a billing period is a month", month("BillingPeriodStart") && month("BillingPeriodEnd")),
        ("what is no correction is billed in the month it is of", cells.corrects() || within),
        ("a correction is of a billing period that is over", !cells.corrects() || over),
    ]
}

fn money(cells: &Cells<'_>) -> Vec<Held> {
    let positive = |name: &str| cells.text(name).and_then(decimal).is_none_or(|(number, _)| number >= 0);
    let prices = ["ListUnitPrice", "ContractedUnitPrice"];
    let none = |prefix: &str| cells.0.iter().all(|(name, cell)| !name.starts_with(prefix) || cell.is_none());
    vec![
        ("list cost is quantity × list unit price", cells.is_cost("ListUnitPrice", "ListCost")),
        (
            "contracted cost is quantity × contracted unit price",
            cells.is_cost("ContractedUnitPrice", "ContractedCost"),
        ),
        ("no unit price is negative", prices.into_iter().all(positive)),
        ("usage has unit prices", cells.are_there(&prices)),
        ("what is not bought has no terms", none("CommitmentDiscount") && none("CapacityReservation")),
        ("without commitments what is billed is effective", cells.are_equal("BilledCost", "EffectiveCost")),
        ("a currency is of ISO 4217", cells.text("BillingCurrency") == Some("USD")),
        (
            "in one currency, prices are the same",
            cells.are_equal("PricingCurrency", "BillingCurrency")
                && cells.are_equal("PricingCurrencyListUnitPrice", "ListUnitPrice")
                && cells.are_equal("PricingCurrencyContractedUnitPrice", "ContractedUnitPrice")
                && cells.are_equal("PricingCurrencyEffectiveCost", "EffectiveCost"),
        ),
    ]
}

fn things(cells: &Cells<'_>) -> Vec<Held> {
    let usage = cells.text("ChargeCategory") == Some("Usage");
    let units = ["ConsumedUnit", "PricingUnit"];
    let no_resource = ["ResourceName", "ResourceType"].iter().all(|name| cells.text(name).is_none());
    vec![
        ("usage has a quantity", cells.are_there(&["ConsumedQuantity", "PricingQuantity"])),
        ("usage has a SKU", cells.are_there(&["SkuId", "SkuMeter", "SkuPriceId", "PricingCategory"])),
        ("what is consumed has a unit", cells.go_together(&["ConsumedQuantity", "ConsumedUnit"])),
        ("what is priced has a unit", cells.go_together(&["PricingQuantity", "PricingUnit"])),
        ("units are units", units.iter().all(|name| cells.text(name).is_none_or(is_unit))),
        ("price details are of a price", cells.go_together(&["SkuPriceDetails", "SkuPriceId"])),
        ("keys of price details are x_ or known", cells.keys_begin_with("SkuPriceDetails", "x_")),
        ("a provider's tags have a prefix", cells.keys_begin_with("Tags", "bursar/")),
        ("a region has a name", cells.go_together(&["RegionId", "RegionName"])),
        ("a sub account has a name", cells.go_together(&["SubAccountId", "SubAccountName"])),
        ("a sub account has a type", cells.go_together(&["SubAccountId", "SubAccountType"])),
        ("an account has a type", cells.go_together(&["BillingAccountId", "BillingAccountType"])),
        ("what is no resource has no name or type", cells.text("ResourceId").is_some() || no_resource),
        ("usage-based is no purchase", cells.text("ChargeFrequency") != Some("Usage-Based") || usage),
    ]
}

/// What must be the same wherever something else is.
fn between_rows(table: &Table) -> Vec<String> {
    let one_each = [
        ("SkuPriceId", "SkuId"),
        ("SkuId", "SkuMeter"),
        ("SkuPriceId", "SkuPriceDetails"),
        ("ServiceName", "ServiceCategory"),
        ("ServiceName", "ServiceSubcategory"),
        ("ServiceSubcategory", "ServiceCategory"),
        ("SubAccountId", "SubAccountName"),
    ];
    let mut faults = Vec::new();
    for (of, one) in one_each {
        let mut found: BTreeMap<&str, &str> = BTreeMap::new();
        for (of_value, value) in table.column(of).into_iter().zip(table.column(one)) {
            if *found.entry(of_value).or_insert(value) != value {
                faults.push(format!("{of} {of_value} has more than one {one}"));
            }
        }
    }
    faults
}
