//! `/v1/tasks`: what units of work cost, and what they were worth.

use super::{
    Problem,
    body::Body,
    list,
    params::{Params, Path},
    tables::{OWNERS, TASKS},
};
use crate::{
    app::App,
    ledger::tasks::{self, Filter, OutcomeReport, REVISION_MAX, Reporting, Task},
};
use axum::{Json, extract::State, response::Response};
use protocol::ids::Name;
use serde::Serialize;
use utoipa::ToSchema;

/// A page of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tasks {
    items: Vec<Task>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// Tasks, those with the newest calls first.
#[utoipa::path(
    get, path = "/v1/tasks", tag = "ledger",
    params(
        ("from" = Option<String>, Query, description = "Newest call then or later: RFC 3339, or a day"),
        ("to" = Option<String>, Query, description = "Newest call before then"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("customer" = Option<String>, Query), ("workspace" = Option<String>, Query),
        ("feature" = Option<String>, Query), ("plan" = Option<String>, Query),
        ("provider" = Option<String>, Query, description = "Of its first call, as all of these"),
        ("model" = Option<String>, Query),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
        ("outcome" = Option<String>, Query,
         description = "succeeded, failed, abandoned or voided, reported or inferred; empty: not known"),
    ),
    responses(
        (status = 200, description = "A page of tasks", body = Tasks),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn page(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    let known: Vec<&str> = Filter::parameters().chain(["limit", "format"]).collect();
    params.only(&known)?;
    let filter =
        Filter::parse(|name| params.text(name)).map_err(|wrong| Problem::bad_request(wrong.to_string()))?;
    let (limit, quiet_since) = (params.limit()?, app.quiet_since());
    let read = move |store: &rusqlite::Connection| tasks::list(store, &filter, limit, quiet_since);
    let (items, next) = app.store.read(read).await?;
    let next = next.map(|(last_at, task)| format!("{last_at}.{task}"));
    let page = Tasks { items, next };
    list::answer(&params, &TASKS, &page, page.next.as_deref())
}

/// One task.
#[utoipa::path(
    get, path = "/v1/tasks/{id}", tag = "ledger",
    params(
        ("id" = String, Path, description = "As the application names it"),
        ("format" = Option<String>, Query, description = "json (default), or csv: its row in the list of tasks"),
    ),
    responses(
        (status = 200, description = "The task", content((Task = "application/json"), (String = "text/csv"))),
        (status = 404, description = "No such task", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["format"])?;
    list::one(&params, &TASKS, &task(&app, id).await?)
}

/// Whose calls a task has, where they are not all of one customer and workspace.
#[utoipa::path(
    get, path = "/v1/tasks/{id}/owners", tag = "ledger",
    params(
        ("id" = String, Path, description = "As the application names it"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
    ),
    responses(
        (status = 200, description = "{items, next}: the task's `conflict`; next is always null",
         content((Object = "application/json"), (String = "text/csv"))),
        (status = 404, description = "No such task", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn owners(
    State(app): State<App>,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["format"])?;
    list::whole(&params, &OWNERS, &task(&app, id).await?.conflict)
}

async fn task(app: &App, id: String) -> Result<Task, Problem> {
    let (name, quiet_since) = (id.clone(), app.quiet_since());
    let found = app.store.read(move |store| tasks::find(store, &name, quiet_since)).await?;
    found.ok_or_else(|| Problem::not_found(format!("there is no task `{id}`")))
}

/// Says what a task was worth. The highest revision stands; the same report twice changes nothing.
#[utoipa::path(
    put, path = "/v1/tasks/{id}/outcome", tag = "ledger",
    params(("id" = String, Path, description = "As the application names it")),
    request_body = OutcomeReport,
    responses(
        (status = 200, description = "The task as it stands", body = Task),
        (status = 409, description = "Another report has that revision", body = Problem,
         content_type = "application/problem+json"),
        (status = 422, description = "Not a report", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn report_outcome(
    State(app): State<App>,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<Task>, Problem> {
    let name: Name = id.parse().map_err(|error| Problem::bad_request(format!("the task's id {error}")))?;
    let report: OutcomeReport = body.object("the report")?;
    let report =
        report.checked().map_err(|error| Problem::faulty::<()>(format!("the report: {error}"), &[]))?;
    let now = app.clock.now();
    let id = name.as_str().to_owned();
    let done = app.store.write(move |write| tasks::report(write, name.as_str(), &report, now)).await?;
    match done {
        Reporting::Taken => task(&app, id).await.map(Json),
        Reporting::Conflict => Err(Problem::conflict("another report of this task has that revision")),
        Reporting::LastStands => Err(Problem::conflict(format!(
            "the report that stands has the revision {REVISION_MAX}, and none comes after it"
        ))),
    }
}
