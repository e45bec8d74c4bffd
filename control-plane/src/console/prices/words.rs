//! How a price row is said: its rate with its unit, on what terms it holds, where it is shown.

use crate::{
    console::page::{count, encoded},
    prices::{HoldReason, PriceKey},
};
use protocol::{meters::Meter, money::PicoUsdPerUnit};

/// A rate in USD, and what it is for: a million tokens, a second, an image, …
pub(in crate::console) fn rate_words(meter: Meter, rate: PicoUsdPerUnit) -> (String, &'static str) {
    match meter {
        meter if meter.is_tokens() => (cents(rate.usd_per_mtok()), "million tokens"),
        // One pico-dollar each: what the provider says is the cost.
        Meter::ReportedCost => (String::new(), ""),
        meter => (cents(rate.usd_per_unit()), meter.unit()),
    }
}

/// Exact, with two decimal places at least and digits in groups, so that rates stand under each other and a size is seen.
fn cents(usd: String) -> String {
    let (whole, fraction) = usd.split_once('.').unwrap_or((&usd, ""));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    format!("{whole}.{fraction:0<2}")
}

/// How long ago something was, as people say it.
pub(in crate::console) fn ago(nanos: u64) -> String {
    let minutes = nanos / 60_000_000_000;
    match minutes {
        0 => "a moment ago".to_owned(),
        1..120 => format!("{minutes} min ago"),
        120..2_880 => format!("{} h ago", minutes / 60),
        minutes => format!("{} days ago", count(minutes / 1_440)),
    }
}

/// The meter's name for people.
pub(in crate::console) fn meter_words(meter: Meter) -> String {
    meter.as_str().replace('_', " ")
}

/// On what terms a row holds; none: in the standard tier, everywhere and always.
pub(in crate::console) fn terms(key: &PriceKey) -> Vec<String> {
    let mut terms = Vec::new();
    terms.extend(key.contract.as_deref().map(|account| match account {
        "" => "contract".to_owned(),
        account => format!("contract of {account}"),
    }));
    terms.extend(key.tier.as_deref().map(|tier| format!("{tier} tier")));
    terms.extend(key.region.as_deref().map(|region| match region.strip_prefix('!') {
        Some(elsewhere) => format!("outside {elsewhere}"),
        None => format!("in {region}"),
    }));
    terms.extend(key.threshold.map(|threshold| {
        let from = if threshold.inclusive { "from" } else { "above" };
        let part = if threshold.marginal { "the part " } else { "" };
        format!("{part}{from} {} prompt tokens", count(threshold.input_tokens))
    }));
    terms.extend(key.hours.as_ref().map(ToString::to_string));
    terms
}

/// Why a row waits, from the word in the store.
pub(in crate::console) fn reason_words(reason: &str) -> String {
    let known = [
        HoldReason::Magnitude,
        HoldReason::Moves,
        HoldReason::Apart,
        HoldReason::Contradicted,
        HoldReason::OtherSource,
        HoldReason::Approval,
    ];
    match known.iter().find(|known| known.as_str() == reason) {
        Some(known) => known.to_string(),
        None if reason == "removed" => "the catalogue no longer has it".to_owned(),
        None if reason.is_empty() => "nobody said why".to_owned(),
        None => reason.replace('_', " "),
    }
}

/// The page of a model's prices.
pub(in crate::console) fn address(provider: &str, model: &str) -> String {
    format!("/console/prices/{}/{}", encoded(provider), encoded(model))
}
