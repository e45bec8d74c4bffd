//! `/v1/prices`: what providers charge, and taking catalogues in.

use super::{Problem, body::Body, params::Params};
use crate::{
    app::App,
    catalogue::{self, Done, ImportError},
    instant::Instant,
    prices::{Hours, PriceRow},
    store::{StoreError, prices as table},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use protocol::meters::Meter;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// One row of the price table.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Price {
    id: u64,
    provider: Box<str>,
    model: Box<str>,
    /// exact or prefix.
    #[serde(rename = "match")]
    matching: &'static str,
    meter: &'static str,
    /// Null: the standard tier.
    tier: Option<Box<str>>,
    /// Prompt tokens above which it holds, for the whole request.
    threshold_input_tokens: Option<u64>,
    /// Whether exactly so many are above.
    threshold_inclusive: Option<bool>,
    /// Whether only the prompt's part above it pays the rate, and not the whole request.
    threshold_marginal: Option<bool>,
    /// The region, or after a `!` the one it is not for; null: wherever no other row is for.
    region: Option<Box<str>>,
    /// The hours in which it holds: `Asia/Shanghai mon-fri 16:30-00:30`; null: always.
    #[schema(value_type = Option<String>)]
    hours: Option<Hours>,
    /// Null: a list price. Else a contract's, for that account, or where it is empty for all.
    contract: Option<Box<str>>,
    /// What is counted: token, search, second, character, image, page, request.
    unit: &'static str,
    /// Per unit.
    rate_usd: String,
    /// Per million units.
    rate_usd_per_mtok: String,
    /// The meter whose rate this is, where the source names none.
    inherits: Option<&'static str>,
    output_tokens_max: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    effective_from: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_to: Option<Instant>,
    /// proposed, active or retired.
    status: &'static str,
    source: Source,
}

/// Where a row comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Source {
    name: Box<str>,
    #[schema(value_type = String, format = DateTime)]
    imported_at: Instant,
    key: Box<str>,
    /// As it is written there.
    text: Box<str>,
    /// Finer than a pico-dollar, and rounded half to even.
    rounded: bool,
}

impl Price {
    fn of(row: &PriceRow) -> Self {
        let threshold = row.key.threshold;
        Self {
            id: row.id,
            provider: row.key.provider.clone(),
            model: row.key.model.clone(),
            matching: row.key.matching.as_str(),
            meter: row.key.meter.as_str(),
            tier: row.key.tier.clone(),
            threshold_input_tokens: threshold.map(|threshold| threshold.input_tokens),
            threshold_inclusive: threshold.map(|threshold| threshold.inclusive),
            threshold_marginal: threshold.map(|threshold| threshold.marginal),
            region: row.key.region.clone(),
            hours: row.key.hours.clone(),
            contract: row.key.contract.clone(),
            unit: row.key.meter.unit(),
            rate_usd: row.rate.usd_per_unit(),
            rate_usd_per_mtok: row.rate.usd_per_mtok(),
            inherits: row.inherits.map(Meter::as_str),
            output_tokens_max: row.output_tokens_max,
            effective_from: Instant(row.effective_from),
            effective_to: row.effective_to.map(Instant),
            status: row.status.as_str(),
            source: Source {
                name: row.source.name.clone(),
                imported_at: Instant(row.source.imported_at),
                key: row.source.key.clone(),
                text: row.source.text.clone(),
                rounded: row.source.rounded,
            },
        }
    }
}

/// A page of price rows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Prices {
    items: Vec<Price>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// The rows in force at an instant, by provider and model.
#[utoipa::path(
    get, path = "/v1/prices", tag = "prices",
    params(
        ("provider" = Option<String>, Query), ("model" = Option<String>, Query, description = "To the letter"),
        ("at" = Option<String>, Query, description = "RFC 3339, or a day; default now"),
        ("status" = Option<String>, Query, description = "proposed, active or retired rows of all times instead"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "A page of rows", body = Prices))
)]
pub(super) async fn list(State(app): State<App>, params: Params) -> Result<Json<Prices>, Problem> {
    params.only(&["provider", "model", "at", "status", "limit", "cursor"])?;
    let at = params.instant("at")?.unwrap_or_else(|| app.clock.now());
    let (limit, rules) = (usize::try_from(params.limit()?).unwrap_or(usize::MAX), app.rules());
    let skipped: usize = match params.text("cursor") {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| Problem::bad_request("parameter `cursor` is not what `next` gave"))?
        }
    };
    let wanted = |row: &&PriceRow| {
        params.text("provider").is_none_or(|provider| *row.key.provider == *provider)
            && params.text("model").is_none_or(|model| *row.key.model == *model)
            && match params.text("status") {
                Some(status) => row.status.as_str() == status,
                None => row.is_in_force(at),
            }
    };
    let mut rows = rules.prices.rows().filter(wanted).skip(skipped);
    let items: Vec<Price> = rows.by_ref().take(limit).map(Price::of).collect();
    let next = rows.next().map(|_| skipped.saturating_add(items.len()).to_string());
    Ok(Json(Prices { items, next }))
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportAnswer {
    /// Absent after a dry run.
    id: Option<i64>,
    /// Counts of rows added, changed, removed, unchanged, held and withdrawn; unmapped keys; unreadable values.
    #[schema(value_type = Object)]
    summary: Value,
    /// Rows that replace one in force: `{before, after}`.
    #[schema(value_type = Vec<Object>)]
    changed: Vec<Value>,
    /// Rows that wait for approval: `{price, reason, before}`.
    #[schema(value_type = Vec<Object>)]
    held: Vec<Value>,
    /// Rows in force that the catalogue no longer has.
    removed: Vec<Price>,
}

/// Takes LiteLLM's catalogue in. What looks wrong waits for approval.
#[utoipa::path(
    post, path = "/v1/prices/imports", tag = "prices",
    params(
        ("dry_run" = Option<bool>, Query, description = "Compares and writes nothing"),
        ("effective_from" = Option<String>, Query,
         description = "From when on new rows hold; default now, and since ever for a catalogue's first import"),
    ),
    request_body(content = Object, description = "The catalogue's JSON", content_type = "application/json"),
    responses(
        (status = 201, description = "Imported", body = ImportAnswer),
        (status = 200, description = "What an import would do", body = ImportAnswer),
        (status = 400, description = "Not a catalogue", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn import(
    State(app): State<App>,
    params: Params,
    body: Body,
) -> Result<(StatusCode, Json<ImportAnswer>), Problem> {
    params.only(&["dry_run", "effective_from"])?;
    let dry_run = params.flag("dry_run")?;
    let effective_from = params.instant("effective_from")?;
    let request = catalogue::Request { text: body.text()?.to_owned(), effective_from, dry_run };
    let Done { id, summary, diff } = catalogue::import(&app, request).await.map_err(|error| match error {
        ImportError::Unreadable(error) => {
            Problem::bad_request(format!("the catalogue cannot be read: {error}"))
        }
        ImportError::Store(error) => error.into(),
    })?;
    let change = |change: &crate::prices::Change| json!({"before": Price::of(&change.before), "after": Price::of(&change.after)});
    let held = |held: &crate::prices::HeldRow| {
        let before = held.before.as_ref().map(Price::of);
        json!({"price": Price::of(&held.row), "reason": held.reason, "before": before})
    };
    let answer = ImportAnswer {
        id,
        summary,
        changed: diff.changed.iter().map(change).collect(),
        held: diff.held.iter().map(held).collect(),
        removed: diff.removed.iter().map(Price::of).collect(),
    };
    Ok((if dry_run { StatusCode::OK } else { StatusCode::CREATED }, Json(answer)))
}

/// An import and what of it still waits.
#[utoipa::path(
    get, path = "/v1/prices/imports/{id}", tag = "prices",
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "{id, at, source, summary, proposals}", body = Object),
        (status = 404, description = "No such import", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show_import(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let key = import_id(&id)?;
    let found = app.store.read(move |connection| {
        let Some(import) = table::import(connection, key)? else { return Ok(None) };
        Ok::<_, StoreError>(Some((import, table::proposals(connection, key)?)))
    });
    let (import, proposals) =
        found.await?.ok_or_else(|| Problem::not_found(format!("there is no import {id}")))?;
    let summary: Value = serde_json::from_str(&import.record.summary).unwrap_or_default();
    let proposals: Vec<Price> = proposals.iter().map(Price::of).collect();
    Ok(Json(json!({
        "id": import.id, "at": Instant(import.at), "source": import.record.source,
        "summary": summary, "proposals": proposals,
    })))
}

fn import_id(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::not_found(format!("there is no import {text}")))
}

/// Puts an import's waiting rows in force, from now on.
#[utoipa::path(
    post, path = "/v1/prices/imports/{id}/approve", tag = "prices",
    params(("id" = i64, Path)),
    responses(
        (status = 200, description = "{id, approved}: how many rows", body = Object),
        (status = 404, description = "No such import", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let key = import_id(&id)?;
    match catalogue::approve(&app, key).await? {
        Some(approved) => Ok(Json(json!({"id": key, "approved": approved}))),
        None => Err(Problem::not_found(format!("there is no import {id}"))),
    }
}
