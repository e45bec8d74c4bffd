//! Anthropic's Admin API: `usage_report/messages` tells tokens, `cost_report` money in cents
//! (<https://platform.claude.com/docs/en/build-with-claude/usage-cost-api>, read 2026-11-25).

use super::{
    Source,
    decimal::Decimal,
    pages::{self, Kinds, Time},
};
use crate::reconcile::theirs::{Day, Fault, Place, Theirs};
use jiff::Timestamp;
use protocol::{meters::Meter, price::tier_of};
use serde::{Deserialize, Deserializer, de::Error as _};

#[derive(Deserialize)]
struct Bucket {
    starting_at: At,
    ending_at: At,
}

/// An instant.
struct At(Timestamp);

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| D::Error::custom(format!("`{text}` is no RFC 3339 time")))
    }
}

#[derive(Deserialize)]
struct Used {
    uncached_input_tokens: u64,
    #[serde(default)]
    cache_read_input_tokens: u64,
    #[serde(default)]
    cache_creation: Written,
    output_tokens: u64,
    #[serde(default)]
    server_tool_use: Option<Tools>,
    model: Option<Box<str>>,
    service_tier: Option<Box<str>>,
    inference_geo: Option<Box<str>>,
}

#[derive(Default, Deserialize)]
struct Written {
    #[serde(default)]
    ephemeral_5m_input_tokens: u64,
    #[serde(default)]
    ephemeral_1h_input_tokens: u64,
}

#[derive(Deserialize)]
struct Tools {
    #[serde(default)]
    web_search_requests: u64,
}

#[derive(Deserialize)]
struct Cost {
    /// In cents.
    amount: Decimal,
    currency: Box<str>,
    description: Option<Box<str>>,
    model: Option<Box<str>>,
    token_type: Option<Box<str>>,
    cost_type: Option<Box<str>>,
}

/// Reads a page or a list of pages of either kind.
pub(super) fn read(
    source: &Source<'_>,
    theirs: &mut Theirs,
    unknown: impl Fn() -> Fault,
) -> Result<(), Fault> {
    let kinds = Kinds { tokens: "uncached_input_tokens", usage, costs };
    pages::read(source, theirs, &kinds, time)?.ok_or_else(unknown)
}

fn time(bucket: &Bucket) -> Option<Time> {
    let (At(from), At(to)) = (&bucket.starting_at, &bucket.ending_at);
    Some(Time { from: *from, to: *to })
}

fn usage(
    source: &Source<'_>,
    theirs: &mut Theirs,
    (day, line): (Day, u64),
    used: &Used,
) -> Result<(), Fault> {
    let model = used.model.as_deref().ok_or_else(|| {
        source.fault(line, "has results without a model; ask for them with group_by[]=model")
    })?;
    let region = used.inference_geo.as_deref().filter(|geo| !matches!(*geo, "global" | "not_available"));
    theirs.has_places |= used.service_tier.is_some() || used.inference_geo.is_some();
    let tier = tier_of(used.service_tier.as_deref()).map(Into::into);
    let place = Place { tier, region: region.map(Into::into) };
    let searches = used.server_tool_use.as_ref().map_or(0, |tools| tools.web_search_requests);
    let parts = [
        (Meter::Input, used.uncached_input_tokens),
        (Meter::CacheRead, used.cache_read_input_tokens),
        (Meter::CacheWrite5m, used.cache_creation.ephemeral_5m_input_tokens),
        (Meter::CacheWrite1h, used.cache_creation.ephemeral_1h_input_tokens),
        (Meter::Output, used.output_tokens),
        (Meter::WebSearch, searches),
    ];
    let cell = theirs.cell(day, model);
    for (meter, units) in parts {
        cell.add_units(meter, &place, units).ok_or_else(|| source.too_large(line))?;
    }
    Ok(())
}

fn costs(
    source: &Source<'_>,
    theirs: &mut Theirs,
    (day, line): (Day, u64),
    cost: &Cost,
) -> Result<(), Fault> {
    if !cost.currency.eq_ignore_ascii_case("usd") {
        return Err(source.fault(line, format!("an amount is in `{}`, not in USD", cost.currency)));
    }
    let (amount, rounded) = cost.amount.usd(-2).ok_or_else(|| source.too_large(line))?;
    theirs.is_rounded |= rounded;
    let meter = match (cost.cost_type.as_deref(), cost.token_type.as_deref()) {
        (_, Some("uncached_input_tokens")) => Some(Meter::Input),
        (_, Some("cache_read_input_tokens")) => Some(Meter::CacheRead),
        (_, Some("cache_creation.ephemeral_5m_input_tokens")) => Some(Meter::CacheWrite5m),
        (_, Some("cache_creation.ephemeral_1h_input_tokens")) => Some(Meter::CacheWrite1h),
        (_, Some("output_tokens")) => Some(Meter::Output),
        (Some("web_search"), _) => Some(Meter::WebSearch),
        _ => None,
    };
    let item = cost.model.as_deref().or(cost.description.as_deref());
    let model = item.ok_or_else(|| {
        source.fault(line, "has costs without a description; ask for them with group_by[]=description")
    })?;
    theirs.cell(day, model).add_cost(meter, amount).ok_or_else(|| source.too_large(line))
}
