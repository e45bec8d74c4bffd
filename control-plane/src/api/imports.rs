//! `/v1/prices/imports`: taking catalogues of prices in, and deciding on what waits.

use super::{
    Problem,
    body::Body,
    list,
    params::{Params, Path},
    prices::Price,
    tables::IMPORTS,
};
use crate::{
    app::App,
    catalogue::{self, Done, ImportError, Manner, Reviewed},
    instant::Instant,
    policy::{Apply, CatalogueFormat},
    prices::{Change, HeldRow, PriceKey, PriceRow},
    store::{
        StoreError,
        imports::{self, StoredImport},
        prices as table,
    },
};
use axum::{Json, extract::State, http::StatusCode, response::Response};
use protocol::price::PriceId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ImportAnswer {
    /// Absent after a dry run.
    id: Option<i64>,
    /// Counts of rows added, changed, removed, leaving, unchanged, held and withdrawn; unmapped keys; unreadable values.
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
    /// Such rows that hold until their end is approved.
    leaving: Vec<Price>,
}

/// Takes a catalogue in. What looks wrong waits for approval.
#[utoipa::path(
    post, path = "/v1/prices/imports", tag = "prices",
    params(
        ("format" = Option<String>, Query,
         description = "litellm, openrouter, models-dev, genai-prices, yaml or csv; default what it looks like"),
        ("source" = Option<String>, Query,
         description = "The name under which its rows are kept; default the format's, for YAML and CSV `own`"),
        ("apply" = Option<String>, Query,
         description = "guarded (the default): what looks right is put in force; nothing: everything waits"),
        ("backdate" = Option<bool>, Query,
         description = "Rows that begin in the past hold from then on, whatever held; re-rate to book it"),
        ("dry_run" = Option<bool>, Query, description = "Compares and writes nothing"),
        ("effective_from" = Option<String>, Query,
         description = "From when on new rows hold; default now, and since ever where nobody priced the same before"),
    ),
    request_body(
        content((Object = "application/json"), (Object = "application/yaml"), (Object = "text/csv")),
        description = "The catalogue"
    ),
    responses(
        (status = 201, description = "Imported", body = ImportAnswer),
        (status = 200, description = "What an import would do", body = ImportAnswer),
        (status = 400, description = "Not a catalogue", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Faulty; `errors` has each fault with line, column and path", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn import(
    State(app): State<App>,
    params: Params,
    body: Body,
) -> Result<(StatusCode, Json<ImportAnswer>), Problem> {
    params.only(&["format", "source", "apply", "backdate", "dry_run", "effective_from"])?;
    let dry_run = params.flag("dry_run")?;
    let effective_from = params.instant("effective_from")?;
    let request = catalogue::Request { text: body.text()?.to_owned(), effective_from, dry_run };
    let manner = Manner {
        format: params.parsed::<CatalogueFormat>("format")?,
        source: params.text("source").map(str::to_owned),
        location: String::new(),
        apply: params.parsed::<Apply>("apply")?.unwrap_or(Apply::Guarded),
        backdate: params.flag("backdate")?,
    };
    let Done { id, summary, diff } = catalogue::import_as(&app, request, manner).await.map_err(problem)?;
    let change =
        |change: &Change| json!({"before": Price::of(&change.before), "after": Price::of(&change.after)});
    let held = |held: &HeldRow| waiting(Some(&held.row), held.before.as_ref(), held.reason.as_str());
    let answer = ImportAnswer {
        id,
        summary,
        changed: diff.changed.iter().map(change).collect(),
        held: diff.held.iter().map(held).collect(),
        removed: diff.removed.iter().map(Price::of).collect(),
        leaving: diff.leaving.iter().map(Price::of).collect(),
    };
    Ok((if dry_run { StatusCode::OK } else { StatusCode::CREATED }, Json(answer)))
}

fn problem(error: ImportError) -> Problem {
    match error {
        ImportError::Unreadable(error) => {
            Problem::bad_request(format!("the catalogue cannot be read: {error}"))
        }
        ImportError::Faulty(faults) => {
            let noun = if faults.len() == 1 { "fault" } else { "faults" };
            Problem::faulty(format!("the prices have {} {noun}", faults.len()), &faults)
        }
        ImportError::Store(error) => error.into(),
    }
}

fn waiting(price: Option<&PriceRow>, before: Option<&PriceRow>, reason: &str) -> Value {
    json!({"price": price.map(Price::of), "reason": reason, "before": before.map(Price::of)})
}

fn listed(import: &StoredImport) -> Value {
    let record = &import.record;
    let summary: Value = serde_json::from_str(&record.summary).unwrap_or_default();
    json!({
        "id": import.id, "at": Instant(import.at), "source": record.source, "format": record.format,
        "waiting_rows": import.waiting, "summary": summary,
    })
}

/// Imports, the newest first.
#[utoipa::path(
    get, path = "/v1/prices/imports", tag = "prices",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 1000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
    ),
    responses((status = 200, description = "{items: [{id, at, source, format, waiting_rows, summary}], next}", body = Object))
)]
pub(super) async fn page(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["limit", "cursor", "format"])?;
    let limit = params.limit()?;
    let before = match params.text("cursor") {
        None => i64::MAX,
        Some(text) => {
            text.parse().map_err(|_| Problem::bad_request("parameter `cursor` is not what `next` gave"))?
        }
    };
    let found =
        app.store.read(move |connection| imports::imports(connection, before, limit.saturating_add(1)));
    let mut found = found.await?;
    let keep = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > keep;
    found.truncate(keep);
    let next = found.last().filter(|_| more).map(|last| last.id.to_string());
    // What was not taken is in the import itself; a list of many is long enough.
    let items = found.iter().map(|import| {
        let mut item = listed(import);
        if let Some(summary) = item.get_mut("summary") {
            *summary = catalogue::counts(summary);
        }
        item
    });
    let page = json!({"items": items.collect::<Vec<_>>(), "next": next});
    list::answer(&params, &IMPORTS, &page, next.as_deref())
}

/// An import and what of it still waits.
#[utoipa::path(
    get, path = "/v1/prices/imports/{id}", tag = "prices",
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = Object,
         description = "{id, at, source, format, summary, waiting_rows, waiting: [{price, reason, before}]}; where a row is to end, price is null"),
        (status = 404, description = "No such import", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    params.only(&[])?;
    let key = import_id(&id)?;
    let found = app.store.read(move |connection| {
        let Some(import) = imports::import(connection, key)? else { return Ok(None) };
        let proposals = table::proposals(connection, key)?;
        Ok::<_, StoreError>(Some((import, proposals, table::leaving(connection, key)?)))
    });
    let (import, proposals, leaving) =
        found.await?.ok_or_else(|| Problem::not_found(format!("there is no import {id}")))?;
    let (rules, now) = (app.rules(), app.clock.now());
    let in_force = rules.prices.rows().filter(|row| row.is_in_force(now));
    let in_force: BTreeMap<&PriceKey, &PriceRow> = in_force.map(|row| (&row.key, row)).collect();
    let proposed = proposals.iter().map(|(row, reason)| {
        let before = in_force.get(&row.key).copied();
        waiting(Some(row), before, reason.as_deref().unwrap_or_default())
    });
    let ending = leaving.iter().map(|row| waiting(None, Some(row), "removed"));
    let mut answer = listed(&import);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("waiting".to_owned(), proposed.chain(ending).collect());
    }
    Ok(Json(answer))
}

fn import_id(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::not_found(format!("there is no import {text}")))
}

/// Which rows of an import are meant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Selected {
    /// Ids of price rows; absent: all that wait.
    rows: Option<BTreeSet<PriceId>>,
}

impl Selected {
    fn of(body: &Body) -> Result<Option<BTreeSet<PriceId>>, Problem> {
        if body.0.trim_ascii().is_empty() {
            return Ok(None);
        }
        body.object("the selection, such as {\"rows\": [1, 2]}").map(|selected: Self| selected.rows)
    }
}

fn decided(id: &str, word: &str, reviewed: Option<Reviewed>) -> Result<Json<Value>, Problem> {
    let Reviewed { rows, waiting } =
        reviewed.ok_or_else(|| Problem::not_found(format!("there is no import {id}")))?;
    Ok(Json(json!({"id": import_id(id)?, word: rows, "waiting_rows": waiting})))
}

/// Puts an import's waiting rows in force, from now on, and ends those that it does without. All, or the rows named.
#[utoipa::path(
    post, path = "/v1/prices/imports/{id}/approve", tag = "prices",
    params(("id" = i64, Path)),
    request_body(content = Option<Selected>, description = "Which rows; without a body all"),
    responses(
        (status = 200, description = "{id, approved, waiting_rows}: how many rows", body = Object),
        (status = 404, description = "No such import", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No selection", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let only = Selected::of(&body)?;
    decided(&id, "approved", catalogue::approve(&app, import_id(&id)?, only).await?)
}

/// Puts an import's waiting rows aside; what is in force stays. All, or the rows named.
#[utoipa::path(
    post, path = "/v1/prices/imports/{id}/reject", tag = "prices",
    params(("id" = i64, Path)),
    request_body(content = Option<Selected>, description = "Which rows; without a body all"),
    responses(
        (status = 200, description = "{id, rejected, waiting_rows}: how many rows", body = Object),
        (status = 404, description = "No such import", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No selection", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reject(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let only = Selected::of(&body)?;
    decided(&id, "rejected", catalogue::reject(&app, import_id(&id)?, only).await?)
}
