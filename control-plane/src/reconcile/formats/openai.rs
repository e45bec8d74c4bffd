//! OpenAI's organization API: `usage/completions` tells tokens, `costs` money by line item
//! (<https://platform.openai.com/docs/api-reference/usage>, read 2026-11-25). Line items such as
//! `priority | gpt-5.6-sol, cached input, long context` name tier, model and what is counted.

use super::{
    Source,
    decimal::Decimal,
    pages::{self, Kinds, Time},
};
use crate::reconcile::theirs::{Day, Fault, Place, Theirs};
use jiff::Timestamp;
use protocol::{meters::Meter, price::tier_of};
use serde::Deserialize;

#[derive(Deserialize)]
struct Bucket {
    start_time: i64,
    end_time: i64,
}

#[derive(Deserialize)]
struct Used {
    input_tokens: u64,
    output_tokens: u64,
    #[serde(default)]
    input_cached_tokens: u64,
    #[serde(default)]
    input_audio_tokens: u64,
    #[serde(default)]
    output_audio_tokens: u64,
    model: Option<Box<str>>,
    batch: Option<bool>,
    service_tier: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Cost {
    amount: Amount,
    line_item: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Amount {
    value: Decimal,
    currency: Box<str>,
}

/// Reads a page or a list of pages of either kind.
pub(super) fn read(
    source: &Source<'_>,
    theirs: &mut Theirs,
    unknown: impl Fn() -> Fault,
) -> Result<(), Fault> {
    let kinds = Kinds { tokens: "input_tokens", usage, costs };
    pages::read(source, theirs, &kinds, time)?.ok_or_else(unknown)
}

fn time(bucket: &Bucket) -> Option<Time> {
    let [from, to] = [bucket.start_time, bucket.end_time].map(Timestamp::from_second);
    Some(Time { from: from.ok()?, to: to.ok()? })
}

fn usage(
    source: &Source<'_>,
    theirs: &mut Theirs,
    (day, line): (Day, u64),
    used: &Used,
) -> Result<(), Fault> {
    let model = used
        .model
        .as_deref()
        .ok_or_else(|| source.fault(line, "has results without a model; ask for them with group_by=model"))?;
    let tier = if used.batch == Some(true) { Some("batch") } else { tier_of(used.service_tier.as_deref()) };
    theirs.has_places |= used.batch.is_some() || used.service_tier.is_some();
    let place = Place { tier: tier.map(Into::into), region: None };
    let text_in = used.input_tokens.checked_sub(used.input_cached_tokens);
    let text_in = text_in.and_then(|text| text.checked_sub(used.input_audio_tokens));
    let text_out = used.output_tokens.checked_sub(used.output_audio_tokens);
    let (Some(text_in), Some(text_out)) = (text_in, text_out) else {
        return Err(source.fault(line, format!("{model}: cached and audio tokens are more than all tokens")));
    };
    let parts = [
        (Meter::Input, text_in),
        (Meter::CacheRead, used.input_cached_tokens),
        (Meter::AudioIn, used.input_audio_tokens),
        (Meter::Output, text_out),
        (Meter::AudioOut, used.output_audio_tokens),
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
    if !cost.amount.currency.eq_ignore_ascii_case("usd") {
        return Err(source.fault(line, format!("an amount is in `{}`, not in usd", cost.amount.currency)));
    }
    let item = cost.line_item.as_deref().ok_or_else(|| {
        source.fault(line, "has costs without a line item; ask for them with group_by=line_item")
    })?;
    let (amount, rounded) = cost.amount.value.usd(0).ok_or_else(|| source.too_large(line))?;
    theirs.is_rounded |= rounded;
    let (model, meter) = line_item(item);
    theirs.cell(day, model).add_cost(meter, amount).ok_or_else(|| source.too_large(line))
}

/// Model and meter of a line item; an item that names no meter is a charge of its own.
pub(in crate::reconcile) fn line_item(item: &str) -> (&str, Option<Meter>) {
    let named = item.split_once(" | ").map_or(item, |(_, rest)| rest);
    let mut parts = named.split(", ");
    let (Some(model), Some(what)) = (parts.next(), parts.next()) else { return (item, None) };
    let (model, kind) = model.split_once(' ').unwrap_or((model, "text"));
    let meter = match (kind, what) {
        ("text", "input") => Meter::Input,
        ("text", "cached input") => Meter::CacheRead,
        ("text", "cache write" | "cache write input") => Meter::CacheWrite5m,
        ("text", "output") => Meter::Output,
        ("audio", "input") => Meter::AudioIn,
        ("audio", "output") => Meter::AudioOut,
        ("image", "input") => Meter::ImageIn,
        ("image", "output") => Meter::ImageOut,
        _ => return (item, None),
    };
    (model, Some(meter))
}
