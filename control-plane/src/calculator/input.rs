//! What is calculated: a plan, a usage, models and assumptions, read from the fields that somebody filled.

use super::{
    fields::{Fault, Fields, WHOLE},
    percentile::{Percentile, calls},
};
use crate::{
    instant::Instant,
    policy::{Period, Plan, Policy, Usd},
    reports::Range,
};
use protocol::{
    UnixNanos,
    ids::Name,
    meters::{Meter, Units},
    money::PicoUsd,
};
use serde_json::{Map, Value};
use std::fmt;

/// More of a kind than anybody has; the arithmetic is bounded by them.
const TOKENS_MAX: u64 = 100_000_000;
const RETRIES_MAX: u64 = 100;
/// So many models stand side by side.
const MODELS_MAX: usize = 20;
const DAY_NS: u64 = 86_400_000_000_000;

/// The fields there are.
pub const KEYS: [&str; 22] = [
    "plan",
    "price_usd",
    "period",
    "expected_margin_percent",
    "model",
    "tier",
    "region",
    "account",
    "at",
    "calls",
    "input_tokens",
    "output_tokens",
    "cached_percent",
    "cache_write_percent",
    "measure_plan",
    "from",
    "to",
    "since",
    "retries_per_call",
    "fallback_percent",
    "fallback_model",
    "compare",
];

/// What to calculate.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The plan of the policy whose terms these are.
    pub plan: Option<Name>,
    /// What a customer pays for a period.
    pub price: PicoUsd,
    /// How often.
    pub period: Period,
    /// The share that shall be left.
    pub expected_percent: Option<u8>,
    /// What customers do.
    pub usage: Usage,
    /// Who serves; absent: what was booked of a measured usage, as it was.
    pub model: Option<Pick>,
    /// What goes wrong on the way.
    pub assumptions: Assumptions,
    /// The same, served by others.
    pub compare: Vec<Pick>,
    /// The service tier,
    pub tier: Option<String>,
    /// the region,
    pub region: Option<String>,
    /// and our account: what prices depend on.
    pub account: Option<String>,
    /// Prices are those in force then.
    pub at: UnixNanos,
}

/// What customers do in a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// As somebody typed it.
    Typed {
        /// Calls per customer, by percentile of the customers, rising.
        calls: Vec<(Percentile, u64)>,
        /// What a call uses.
        units: Units,
    },
    /// As the customers of a plan did in a span of time.
    Measured {
        /// Which plan.
        plan: Name,
        /// When.
        range: Range,
    },
}

/// A model at a provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pick {
    /// Who serves it.
    pub provider: Box<str>,
    /// Its name there.
    pub model: Box<str>,
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.model)
    }
}

/// What goes wrong on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Tries per call that are billed beside the one that counts, in millionths.
    pub retries: u64,
    /// The share of calls, in millionths, that another model serves instead.
    pub fallback: Option<(u64, Pick)>,
}

/// Reads a calculation. On failure every fault in it.
pub fn read(document: &Map<String, Value>, policy: &Policy, now: UnixNanos) -> Result<Input, Vec<Fault>> {
    let mut fields = Fields::new(document, &KEYS);
    let measured = plan(&mut fields, "measure_plan", policy);
    let terms = terms(&mut fields, policy, measured);
    let usage = match fields.has("measure_plan") {
        true => measured_usage(&mut fields, measured.map(|(name, _)| name), now),
        false => typed_usage(&mut fields),
    };
    let model = pick(&mut fields, "model");
    if !fields.has("model") && !fields.has("measure_plan") {
        fields.fault("model", "is needed, as provider/model");
    }
    let assumptions = assumptions(&mut fields);
    let compare = compare(&mut fields);
    let (tier, region, account) = (fields.text("tier"), fields.text("region"), fields.text("account"));
    let at = instant(&mut fields, "at").unwrap_or(now);
    match (terms, usage) {
        (Some((plan, price, period, expected_percent)), Some(usage)) if fields.faults.is_empty() => {
            Ok(Input {
                plan,
                price,
                period,
                expected_percent,
                usage,
                model,
                assumptions,
                compare,
                tier,
                region,
                account,
                at,
            })
        }
        _ => Err(fields.faults),
    }
}

fn plan<'p>(fields: &mut Fields<'_>, key: &str, policy: &'p Policy) -> Option<(&'p Name, &'p Plan)> {
    let text = fields.text(key)?;
    let found = policy.plans.iter().find(|(name, _)| name.as_str() == text);
    if found.is_none() {
        let names: Vec<&str> = policy.plans.keys().map(Name::as_str).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        fields.fault(key, format!("`{text}` is no plan of the policy; there are: {known}"));
    }
    found
}

type Terms = (Option<Name>, PicoUsd, Period, Option<u8>);

/// What is paid and expected: a plan's terms, each of which a field of its own may replace.
fn terms(fields: &mut Fields<'_>, policy: &Policy, measured: Option<(&Name, &Plan)>) -> Option<Terms> {
    let named = plan(fields, "plan", policy).or(measured);
    let price = fields.text("price_usd").map(|text| text.parse::<Usd>().map_err(|error| (text, error)));
    let price = match price {
        None => named.map(|(_, plan)| plan.price_usd.amount()),
        Some(Ok(price)) => Some(price.amount()),
        Some(Err((text, error))) => {
            fields.fault("price_usd", format!("`{text}` {error}"));
            None
        }
    };
    if price.is_none() && !["plan", "measure_plan", "price_usd"].iter().any(|key| fields.has(key)) {
        fields.fault("price_usd", "is needed, or a plan of the policy in `plan`");
    }
    let period = match fields.text("period").as_deref() {
        None => named.map_or(Period::Month, |(_, plan)| plan.period),
        Some("week") => Period::Week,
        Some("month") => Period::Month,
        Some("year") => Period::Year,
        Some(text) => {
            fields.fault("period", format!("`{text}` is none of: week, month, year"));
            Period::Month
        }
    };
    let expected =
        fields.count("expected_margin_percent", 100).and_then(|percent| u8::try_from(percent).ok());
    let expected = expected.or_else(|| named.and_then(|(_, plan)| plan.expected_margin_percent));
    Some((named.map(|(name, _)| name.clone()), price?, period, expected))
}

fn measured_usage(fields: &mut Fields<'_>, plan: Option<&Name>, now: UnixNanos) -> Option<Usage> {
    for key in ["calls", "input_tokens", "output_tokens", "cached_percent", "cache_write_percent"] {
        if fields.has(key) {
            fields.fault(key, "is measured, where `measure_plan` is given");
        }
    }
    if !fields.has("model") {
        for key in ["retries_per_call", "fallback_percent", "fallback_model"] {
            if fields.has(key) {
                fields.fault(key, "needs a `model`: what was booked has its retries and fallbacks in it");
            }
        }
    }
    let to = instant(fields, "to").unwrap_or(now);
    let from = match (fields.text("since"), instant(fields, "from")) {
        (Some(text), _) => match span(&text) {
            Some(span) => to.saturating_sub(span),
            None => {
                fields.fault("since", format!("`{text}` is no time such as 30d, 2w or 12h"));
                return None;
            }
        },
        (None, Some(from)) => from,
        (None, None) => to.saturating_sub(DAY_NS.saturating_mul(30)),
    };
    if fields.has("since") && fields.has("from") {
        fields.fault("since", "and `from` both say where the time begins");
    }
    if from >= to {
        fields.fault("from", "does not lie before `to`");
    }
    Some(Usage::Measured { plan: plan?.clone(), range: Range { from, to } })
}

/// `30d`, `2w` or `12h`.
fn span(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "h" => DAY_NS / 24,
        "d" => DAY_NS,
        "w" => DAY_NS.saturating_mul(7),
        _ => return None,
    };
    number.parse::<u64>().ok().filter(|number| *number > 0)?.checked_mul(unit)
}

fn typed_usage(fields: &mut Fields<'_>) -> Option<Usage> {
    for key in ["from", "to", "since"] {
        if fields.has(key) {
            fields.fault(key, "is for a usage that is measured: `measure_plan`");
        }
    }
    let calls = calls(fields);
    let prompt = fields.count("input_tokens", TOKENS_MAX);
    let output = fields.count("output_tokens", TOKENS_MAX);
    for (key, read) in [("input_tokens", prompt), ("output_tokens", output)] {
        if read.is_none() && !fields.has(key) {
            fields.fault(key, "is needed, per call, or a plan to measure in `measure_plan`");
        }
    }
    let cached = fields.share("cached_percent").unwrap_or(0);
    let written = fields.share("cache_write_percent").unwrap_or(0);
    if cached.saturating_add(written) > WHOLE {
        fields.fault("cache_write_percent", "and `cached_percent` are more than the whole prompt");
        return None;
    }
    let (prompt, output) = (prompt?, output?);
    let (cached, written) = (part(prompt, cached), part(prompt, written));
    let fresh = prompt.saturating_sub(cached).saturating_sub(written);
    let units = [
        (Meter::Input, fresh),
        (Meter::CacheRead, cached),
        (Meter::CacheWrite5m, written),
        (Meter::Output, output),
    ];
    let units = units.into_iter().filter(|(_, units)| *units > 0).collect();
    Some(Usage::Typed { calls: calls?, units })
}

/// A share of some tokens, in whole ones: rounded down, so that two shares are never more than the whole.
fn part(tokens: u64, millionths: u64) -> u64 {
    let product = u128::from(tokens).saturating_mul(u128::from(millionths));
    u64::try_from(product / u128::from(WHOLE)).unwrap_or(tokens)
}

fn assumptions(fields: &mut Fields<'_>) -> Assumptions {
    let retries = fields.millionths("retries_per_call", RETRIES_MAX).unwrap_or(0);
    let (share, model) = (fields.share("fallback_percent"), pick(fields, "fallback_model"));
    for (key, other) in [("fallback_model", "fallback_percent"), ("fallback_percent", "fallback_model")] {
        if fields.has(key) && !fields.has(other) {
            fields.fault(other, format!("is needed beside `{key}`"));
        }
    }
    Assumptions { retries, fallback: share.zip(model) }
}

fn pick(fields: &mut Fields<'_>, key: &str) -> Option<Pick> {
    let text = fields.text(key)?;
    parse_pick(fields, key, &text)
}

fn parse_pick(fields: &mut Fields<'_>, key: &str, text: &str) -> Option<Pick> {
    match text.split_once('/') {
        Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
            Some(Pick { provider: provider.into(), model: model.into() })
        }
        _ => {
            fields
                .fault(key, format!("`{text}` names no model as provider/model, such as openai/gpt-4o-mini"));
            None
        }
    }
}

/// A list, or a text with commas.
fn compare(fields: &mut Fields<'_>) -> Vec<Pick> {
    let names: Vec<String> = match fields.value("compare") {
        None => return Vec::new(),
        Some(Value::Array(names)) => {
            names.iter().map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned)).collect()
        }
        Some(Value::String(text)) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        Some(_) => {
            fields.fault("compare", "is neither a list of models nor a text with commas");
            return Vec::new();
        }
    };
    if names.len() > MODELS_MAX {
        fields.fault("compare", format!("names more than {MODELS_MAX} models"));
        return Vec::new();
    }
    names.iter().filter_map(|name| parse_pick(fields, "compare", name)).collect()
}

fn instant(fields: &mut Fields<'_>, key: &str) -> Option<UnixNanos> {
    let text = fields.text(key)?;
    match text.parse::<Instant>() {
        Ok(Instant(at)) => Some(at),
        Err(error) => {
            fields.fault(key, format!("`{text}` {error}"));
            None
        }
    }
}
