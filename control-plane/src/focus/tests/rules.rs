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
    let text = |name: &str| row.get(name).and_then(Option::as_deref);
    let number = |name: &str| text(name).and_then(decimal);
    let all_or_none = |names: &[&str]| {
        names.iter().all(|name| text(name).is_some()) || names.iter().all(|name| text(name).is_none())
    };
    let before = |one: &str, other: &str| text(one) < text(other);
    let corrects = text("ChargeClass").is_some();
    let usage = text("ChargeCategory") == Some("Usage");
    let given = |name: &str| text(name).is_some() || (usage && corrects);
    let product = |price: &str, cost: &str| {
        corrects
            || matches!((text("PricingQuantity"), text(price), text(cost)),
            (Some(quantity), Some(price), Some(cost)) if is_product(quantity, price, cost))
    };
    let month = |name: &str| text(name).is_some_and(|at| at.ends_with("-01T00:00:00Z"));
    let rules = [
        ("the charge period ends after it begins", before("ChargePeriodStart", "ChargePeriodEnd")),
        ("the billing period ends after it begins", before("BillingPeriodStart", "BillingPeriodEnd")),
        ("a billing period is a month", month("BillingPeriodStart") && month("BillingPeriodEnd")),
        (
            "what is no correction is billed in the month it is of",
            corrects
                || (!before("ChargePeriodStart", "BillingPeriodStart")
                    && !before("BillingPeriodEnd", "ChargePeriodEnd")),
        ),
        (
            "a correction is of a billing period that is over",
            !corrects || !before("BillingPeriodStart", "ChargePeriodEnd"),
        ),
        ("list cost is quantity × list unit price", product("ListUnitPrice", "ListCost")),
        (
            "contracted cost is quantity × contracted unit price",
            product("ContractedUnitPrice", "ContractedCost"),
        ),
        (
            "no unit price is negative",
            number("ListUnitPrice") >= Some((0, 0)) && number("ContractedUnitPrice") >= Some((0, 0)),
        ),
        (
            "without commitments what is billed is what is effective",
            text("BilledCost") == text("EffectiveCost"),
        ),
        ("usage has a quantity", given("ConsumedQuantity") && given("PricingQuantity")),
        ("usage has unit prices", given("ListUnitPrice") && given("ContractedUnitPrice")),
        ("usage has a SKU", given("SkuId") && given("SkuPriceId") && given("PricingCategory")),
        (
            "a quantity has a unit, and a unit a quantity",
            all_or_none(&["ConsumedQuantity", "ConsumedUnit"])
                && all_or_none(&["PricingQuantity", "PricingUnit"]),
        ),
        (
            "units are units",
            ["ConsumedUnit", "PricingUnit"].iter().all(|name| text(name).is_none_or(is_unit)),
        ),
        ("a SKU has a meter", all_or_none(&["SkuId", "SkuMeter"])),
        ("price details are of a price", text("SkuPriceDetails").is_none() || text("SkuPriceId").is_some()),
        ("a region has a name", all_or_none(&["RegionId", "RegionName"])),
        ("a sub account has a name", all_or_none(&["SubAccountId", "SubAccountName"])),
        ("an account of a customer has a type", all_or_none(&["SubAccountId", "SubAccountType"])),
        (
            "what is not bought has no terms",
            row.iter().all(|(name, value)| {
                value.is_none()
                    || !(name.starts_with("CommitmentDiscount") || name.starts_with("CapacityReservation"))
            }),
        ),
        (
            "in one currency, prices are the same",
            text("PricingCurrency") == text("BillingCurrency")
                && text("PricingCurrencyListUnitPrice") == text("ListUnitPrice")
                && text("PricingCurrencyContractedUnitPrice") == text("ContractedUnitPrice")
                && text("PricingCurrencyEffectiveCost") == text("EffectiveCost"),
        ),
        (
            "what is no resource has no name or type",
            text("ResourceId").is_some()
                || (text("ResourceName").is_none() && text("ResourceType").is_none()),
        ),
        ("a currency is of ISO 4217", text("BillingCurrency") == Some("USD")),
        ("usage-based is no purchase", text("ChargeFrequency") != Some("Usage-Based") || usage),
        ("keys of price details are x_ or known", keys("SkuPriceDetails", row, "x_")),
        ("a provider's tags have a prefix", keys("Tags", row, "bursar/")),
    ];
    rules.into_iter().filter(|(_, holds)| !holds).map(|(rule, _)| format!("does not hold: {rule}")).collect()
}

fn keys(name: &str, row: &Row, prefix: &str) -> bool {
    let Some(text) = row.get(name).and_then(Option::as_deref) else { return true };
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else { return false };
    object.keys().all(|key| key.starts_with(prefix))
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
