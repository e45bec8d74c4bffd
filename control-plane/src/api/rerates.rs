//! `POST /v1/rerates`: rating calls anew.

use super::{Problem, body::Body};
use crate::{
    app::{App, to_the_end},
    instant::Instant,
    ledger::{
        calls::WordColumn,
        rerate::{self, Change, Group, Rerated, Selection},
    },
};
use axum::{Json, extract::State};
use protocol::money::PicoUsd;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Which calls are rated anew with the prices that the table has now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// Started then or later: RFC 3339, or a day.
    from: String,
    /// Started before then.
    to: String,
    /// Only those: by customer, workspace, user, feature, task, plan, provider, model or route. An empty text is
    /// absence.
    #[serde(default, rename = "where")]
    selected: BTreeMap<String, String>,
    /// Says what would change, and changes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What changed, or would.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    /// The re-rating's key; null after a dry run, and where nothing changed.
    id: Option<i64>,
    dry_run: bool,
    /// Calls looked at.
    calls: u64,
    /// Calls that cost something else.
    changed: u64,
    /// Calls that the price table does not price; they keep the cost they have.
    kept: u64,
    /// By customer, provider and model.
    changes: Vec<Row>,
}

/// How the cost of some calls changes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Row {
    customer: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    calls: u64,
    /// How many of them had no known cost.
    priced: u64,
    /// What the others cost before.
    #[schema(value_type = String)]
    before_usd: PicoUsd,
    /// What all of them cost since.
    #[schema(value_type = String)]
    after_usd: PicoUsd,
    #[schema(value_type = String)]
    difference_usd: PicoUsd,
}

impl Row {
    fn of((group, change): (Group, Change)) -> Self {
        let Group { customer, provider, model } = group;
        let Change { calls, priced, before, after } = change;
        Self {
            customer,
            provider,
            model,
            calls,
            priced,
            before_usd: before,
            after_usd: after,
            difference_usd: after.checked_sub(before).unwrap_or(PicoUsd::ZERO),
        }
    }
}

const COLUMNS: [WordColumn; 9] = [
    WordColumn::Customer,
    WordColumn::Workspace,
    WordColumn::User,
    WordColumn::Feature,
    WordColumn::Task,
    WordColumn::Plan,
    WordColumn::Provider,
    WordColumn::Model,
    WordColumn::Route,
];

/// Rates calls anew. What differs becomes a correction beside the call; nothing is edited, and doing it again changes
/// nothing.
#[utoipa::path(
    post, path = "/v1/rerates", tag = "ledger",
    request_body = Request,
    responses(
        (status = 200, description = "What changed, or would", body = Answer),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not a re-rating", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(State(app): State<App>, body: Body) -> Result<Json<Answer>, Problem> {
    let request: Request = body.object("the re-rating")?;
    let instant = |key: &str, text: &str| {
        text.parse().map(|Instant(at)| at).map_err(|error| faulty(&format!("`{key}` {error}")))
    };
    let (from, to) = (instant("from", &request.from)?, instant("to", &request.to)?);
    if from >= to {
        return Err(faulty("`from` does not lie before `to`"));
    }
    let word = |(name, text): (String, String)| {
        let column = COLUMNS.into_iter().find(|column| column.as_str() == name);
        let names = COLUMNS.map(WordColumn::as_str).join(", ");
        let column = column.ok_or_else(|| faulty(&format!("`where.{name}` is none of: {names}")))?;
        Ok::<_, Problem>((column, text))
    };
    let words = request.selected.into_iter().map(word).collect::<Result<_, _>>()?;
    let selection = Selection { from, to, words };
    let (dry_run, now) = (request.dry_run, app.clock.now());
    let run = async move { rerate::rerate(&app.store, app.rules(), selection, dry_run, now).await };
    // What only would change has nothing to finish.
    let done = if dry_run { run.await } else { to_the_end(run).await }?;
    let Rerated { id, calls, changed, kept, groups } = done;
    Ok(Json(Answer { id, dry_run, calls, changed, kept, changes: groups.into_iter().map(Row::of).collect() }))
}

fn faulty(what: &str) -> Problem {
    Problem::faulty::<()>(format!("the re-rating: {what}"), &[])
}
