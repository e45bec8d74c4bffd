//! OpenRouter's activity: by day, model and endpoint from `/api/v1/activity`
//! (<https://openrouter.ai/docs/api-reference/analytics/get-activity>, read 2026-11-25), or by generation as the console
//! exports it in CSV. Credits are USD. Cached tokens are among the prompt's and are not told apart.

use super::{
    Source,
    decimal::{Decimal, money, units},
    pages::Lines,
    table,
};
use crate::reconcile::theirs::{Fault, Place, Theirs};
use protocol::{meters::Meter, money::PicoUsd};
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item {
    date: Box<str>,
    model: Box<str>,
    #[serde(default)]
    endpoint_id: Box<str>,
    #[serde(default)]
    provider_name: Box<str>,
    usage: Decimal,
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// Reads the answer of the API.
pub(super) fn read_json(
    source: &Source<'_>,
    theirs: &mut Theirs,
    unknown: impl Fn() -> Fault,
) -> Result<(), Fault> {
    let shape = source.shape()?;
    let first = shape.get("data").and_then(|data| data.get(0)).ok_or_else(&unknown)?;
    if first.get("prompt_tokens").is_none() || first.get("usage").is_none() {
        return Err(unknown());
    }
    let page: Page<'_> = source.json()?;
    let mut lines = Lines::new(source.text);
    for part in page.data {
        let line = lines.of(part);
        let item: Item = source.part(part, line)?;
        let key = [&item.date, &item.model, &item.endpoint_id, &item.provider_name]
            .map(|part| &**part)
            .join("\u{1f}");
        let what = format!("{} of {} on {}", item.model, item.provider_name, item.date);
        theirs.once(key, &what, source.file, line)?;
        let (cost, rounded) = item.usage.usd(0).ok_or_else(|| source.too_large(line))?;
        theirs.is_rounded |= rounded;
        let tokens = (item.prompt_tokens, item.completion_tokens);
        add(source, theirs, (&item.date, &item.model, line), tokens, cost)?;
    }
    Ok(())
}

/// Reads the console's export.
pub(super) fn read_csv(
    source: &Source<'_>,
    theirs: &mut Theirs,
    unknown: impl Fn() -> Fault,
) -> Result<(), Fault> {
    let columns = table::columns(source)?;
    if !columns.have(&["created_at", "cost_total", "tokens_prompt", "tokens_completion", "model_permaslug"]) {
        return Err(unknown());
    }
    table::rows(source, &columns, |row| {
        theirs.once(row.whole(), "this row", source.file, row.line)?;
        let tokens = |name: &str| {
            units(row.text(&[name]), 0)
                .ok_or_else(|| source.fault(row.line, format!("{name}: `{}` is no count", row.text(&[name]))))
        };
        let text = row.text(&["cost_total"]);
        let (cost, rounded) = money(text, 0)
            .ok_or_else(|| source.fault(row.line, format!("cost_total: `{text}` is no decimal number")))?;
        theirs.is_rounded |= rounded;
        let tokens = (tokens("tokens_prompt")?, tokens("tokens_completion")?);
        add(
            source,
            theirs,
            (row.text(&["created_at"]), row.text(&["model_permaslug"]), row.line),
            tokens,
            cost,
        )
    })
}

fn add(
    source: &Source<'_>,
    theirs: &mut Theirs,
    (date, model, line): (&str, &str, u64),
    (prompt, completion): (u64, u64),
    cost: PicoUsd,
) -> Result<(), Fault> {
    let day = source.day_of(date).ok_or_else(|| source.fault(line, format!("`{date}` is no day")))?;
    theirs.is_by_side = true;
    theirs.token_days.insert(day);
    theirs.money_days.insert(day);
    let cell = theirs.cell(day, model);
    let place = Place::default();
    let added = cell
        .add_units(Meter::Input, &place, prompt)
        .and_then(|()| cell.add_units(Meter::Output, &place, completion))
        .and_then(|()| cell.add_cost(None, cost));
    added.ok_or_else(|| source.too_large(line))
}
