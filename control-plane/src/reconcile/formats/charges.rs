//! Charges as clouds export them: FOCUS 1.0 to 1.2 (<https://focus.finops.org>), and AWS's Cost and Usage Report in its
//! legacy columns and those of 2.0 (Bedrock's usage types:
//! <https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html>; all read 2026-11-25).
//! What a row counts is in the words that describe it.

use super::{
    Provider, Source,
    decimal::{money, units},
    table::{self, Row},
};
use crate::reconcile::{
    names::words,
    theirs::{Fault, Place, Theirs},
};
use protocol::meters::Meter;

/// Where a format keeps what.
struct Layout {
    start: &'static [&'static str],
    end: &'static [&'static str],
    cost: &'static [&'static str],
    currency: &'static [&'static str],
    kind: &'static [&'static str],
    /// What a kind must be to be a charge for use.
    used: &'static [&'static str],
    described: &'static [&'static str],
    service: &'static [&'static str],
    quantity: &'static [(&'static [&'static str], &'static [&'static str])],
    region: &'static [&'static str],
}

const FOCUS: Layout = Layout {
    start: &["ChargePeriodStart"],
    end: &["ChargePeriodEnd"],
    cost: &["EffectiveCost", "BilledCost"],
    currency: &["BillingCurrency"],
    kind: &["ChargeCategory"],
    used: &["usage"],
    described: &["SkuMeter", "ChargeDescription", "SkuId", "x_SkuDescription", "x_SkuMeterName"],
    service: &["ServiceName", "x_ServiceCode", "ServiceSubcategory"],
    quantity: &[(&["ConsumedQuantity"], &["ConsumedUnit"]), (&["PricingQuantity"], &["PricingUnit"])],
    region: &["RegionId"],
};

const CUR: Layout = Layout {
    start: &["lineItem/UsageStartDate"],
    end: &["lineItem/UsageEndDate"],
    cost: &["lineItem/UnblendedCost"],
    currency: &["lineItem/CurrencyCode"],
    kind: &["lineItem/LineItemType"],
    used: &["usage", "discountedusage", "savingsplancoveredusage"],
    described: &[
        "lineItem/UsageType",
        "product/model",
        "product/ProductName",
        "lineItem/LineItemDescription",
    ],
    service: &["lineItem/ProductCode", "product/ProductName", "product/servicename", "lineItem/UsageType"],
    quantity: &[(&["lineItem/UsageAmount"], &["pricing/unit"])],
    region: &["product/regionCode", "product/region"],
};

/// Reads a table of charges.
pub(super) fn read(
    provider: Provider,
    source: &Source<'_>,
    theirs: &mut Theirs,
    unknown: impl Fn() -> Fault,
) -> Result<(), Fault> {
    let columns = table::columns(source)?;
    let layout = if columns.have(&["ChargePeriodStart", "ChargeCategory", "BillingCurrency", "ServiceName"])
        && (columns.have(&["EffectiveCost"]) || columns.have(&["BilledCost"]))
    {
        FOCUS
    } else if provider == Provider::Bedrock
        && columns.have(&["lineItem/UsageStartDate", "lineItem/UsageType", "lineItem/UsageAmount"])
        && columns.have(&["lineItem/UnblendedCost"])
    {
        CUR
    } else {
        return Err(unknown());
    };
    table::rows(source, &columns, |row| charge(provider, source, &layout, row, theirs))
}

fn charge(
    provider: Provider,
    source: &Source<'_>,
    layout: &Layout,
    row: &Row<'_>,
    theirs: &mut Theirs,
) -> Result<(), Fault> {
    theirs.once(row.whole(), "this row", source.file, row.line)?;
    let kind = row.text(layout.kind).to_ascii_lowercase();
    let services = layout.service.iter().map(|name| row.text(&[name]).to_ascii_lowercase());
    if !layout.used.contains(&&*kind)
        || !services.into_iter().any(|service| serves_models(provider, &service))
    {
        theirs.left_out = theirs.left_out.saturating_add(1);
        return Ok(());
    }
    let currency = row.text(layout.currency);
    if !currency.eq_ignore_ascii_case("usd") {
        return Err(source.fault(row.line, format!("is in `{currency}`, not in USD")));
    }
    let (start, end) = (row.text(layout.start), row.text(layout.end));
    let day = match (start.parse(), end.parse()) {
        (Ok(from), Ok(to)) => source.day_between(from, to, row.line)?,
        _ => source.day_of(start).ok_or_else(|| source.fault(row.line, format!("`{start}` is no day")))?,
    };
    let text = row.text(layout.cost);
    let (cost, rounded) = money(text, 0)
        .ok_or_else(|| source.fault(row.line, format!("the cost `{text}` is no decimal number")))?;
    theirs.is_rounded |= rounded;
    let described: Vec<&str> =
        layout.described.iter().map(|name| row.text(&[name])).filter(|it| !it.is_empty()).collect();
    let description = described.join(" ");
    let meter = meter(&description);
    let (place, region) = (tier(&description), row.text(layout.region));
    let place = Place {
        tier: place.map(Into::into),
        region: Some(region).filter(|it| !it.is_empty()).map(Into::into),
    };
    theirs.has_places = true;
    theirs.money_days.insert(day);
    let units = match meter {
        None => None,
        Some(_) => Some(quantity(source, layout, row)?),
    };
    let cell = theirs.cell(day, &description);
    cell.add_cost(meter, cost).ok_or_else(|| source.too_large(row.line))?;
    if let (Some(meter), Some(units)) = (meter, units) {
        cell.add_units(meter, &place, units).ok_or_else(|| source.too_large(row.line))?;
        theirs.token_days.insert(day);
    }
    Ok(())
}

fn serves_models(provider: Provider, service: &str) -> bool {
    let words: &[&str] = match provider {
        Provider::Bedrock => &["bedrock"],
        Provider::Azure => &["openai", "cognitive", "foundry", "generative ai"],
        Provider::Vertex => &["vertex", "gemini", "generative ai"],
        Provider::OpenAi | Provider::Anthropic | Provider::OpenRouter => &[],
    };
    words.iter().any(|word| service.contains(word))
}

/// What a description says is counted; `None` where it is no tokens of text.
pub(in crate::reconcile) fn meter(description: &str) -> Option<Meter> {
    let words = words(description);
    let has = |starts: &[&str]| words.iter().any(|word| starts.iter().any(|start| word.starts_with(start)));
    if has(&["audio", "aud", "image", "img", "video", "character", "second", "storage", "train", "hosting"]) {
        return None;
    }
    let is_cached = has(&["cach", "cchd", "cacheread", "cachewrite"]);
    if is_cached && has(&["write", "cachewrite", "creation"]) {
        let hour = description.to_ascii_lowercase();
        return Some(if hour.contains("1h") || hour.contains("one-hour") {
            Meter::CacheWrite1h
        } else {
            Meter::CacheWrite5m
        });
    }
    if is_cached {
        return Some(Meter::CacheRead);
    }
    if has(&["output", "outp", "opt", "completion"]) {
        return Some(Meter::Output);
    }
    has(&["input", "inp", "prompt"]).then_some(Meter::Input)
}

fn tier(description: &str) -> Option<&'static str> {
    let words = words(description);
    ["batch", "priority", "flex"].into_iter().find(|tier| words.iter().any(|word| word == tier))
}

/// How many tokens: a quantity in a unit such as `1K tokens` or `1000000 Tokens`.
fn quantity(source: &Source<'_>, layout: &Layout, row: &Row<'_>) -> Result<u64, Fault> {
    let mut tried = Vec::new();
    for (quantity, unit) in layout.quantity {
        let (quantity, unit) = (row.text(quantity), row.text(unit));
        if let Some(read) = unit_shift(unit).and_then(|shift| units(quantity, shift)) {
            return Ok(read);
        }
        tried.push(format!("`{quantity}` in `{unit}`"));
    }
    Err(source.fault(row.line, format!("{} is no number of tokens", tried.join(", or "))))
}

/// The decimal places that a unit stands for.
fn unit_shift(unit: &str) -> Option<i32> {
    let lower = unit.to_ascii_lowercase();
    let number: String = lower.chars().take_while(char::is_ascii_digit).collect();
    let rest = lower.get(number.len()..)?.trim_start();
    let power = match &*number {
        "" | "1" => 0,
        "10" => 1,
        "100" => 2,
        "1000" => 3,
        "1000000" => 6,
        _ => return None,
    };
    let word = rest.split([' ', '-', '/']).next().unwrap_or_default();
    let scale = match word {
        "k" | "thousand" => 3,
        "m" | "million" | "mtok" => 6,
        "" if !number.is_empty() => 0,
        word if word.starts_with("token") || word == "count" => 0,
        _ => return None,
    };
    Some(power + scale)
}
