//! `GET /v1/reports/…`: tables over time, as JSON, CSV or Markdown.

use super::{
    Problem,
    body::rendered,
    params::{Params, Path},
};
use crate::{
    app::App,
    reports::{self, Costs, Filter, Format, Kind, Question, Range},
};
use axum::{extract::State, response::Response};

const NO_SECTION: &str = "parameter `section` names no table of this report; its keys in JSON are theirs";

/// A report. Without a time: the seven days that end today. Days are UTC.
#[utoipa::path(
    get, path = "/v1/reports/{report}", tag = "reports",
    params(
        ("report" = inline(Kind), Path, description = "Which one"),
        ("from" = Option<String>, Query, description = "RFC 3339, or a day; widened to whole days, but for unpriced"),
        ("to" = Option<String>, Query, description = "RFC 3339, or a day; widened to whole days, but for unpriced"),
        ("customer" = Option<String>, Query,
         description = "Only calls of that customer; empty: unattributed. So for all dimensions, as far as the report has them"),
        ("workspace" = Option<String>, Query, description = "workspaces, tasks and unpriced"),
        ("plan" = Option<String>, Query), ("feature" = Option<String>, Query), ("route" = Option<String>, Query),
        ("provider" = Option<String>, Query), ("model" = Option<String>, Query),
        ("costs" = Option<String>, Query,
         description = "corrected (default: re-ratings are in them) or original (as booked at first; not for weekly, drift, waste and tasks)"),
        ("format" = Option<String>, Query, description = "json (default), csv, md or table"),
        ("section" = Option<String>, Query, description = "Only that table of the report, by its key in JSON"),
    ),
    responses(
        (status = 200, description = "The report",
         content((Object = "application/json"), (String = "text/csv"), (String = "text/markdown"))),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such report", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(app): State<App>,
    Path(report): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    let kind: Kind = report.parse().map_err(|error| Problem::not_found(format!("`{report}` {error}")))?;
    let own = ["from", "to", "format", "costs", "section"].into_iter();
    params.only(&own.chain(kind.filters().iter().map(|column| column.as_str())).collect::<Vec<_>>())?;
    let costs = params.parsed::<Costs>("costs")?.unwrap_or_default();
    let format = params.parsed::<Format>("format")?.unwrap_or(Format::Json);
    let (now, rules) = (app.clock.now(), app.rules());
    let range = Range::parse(params.text("from"), params.text("to"), now).map_err(Problem::bad_request)?;
    let question = Question::new(kind, range, Filter::of(kind, |name| params.text(name)));
    let question =
        question.with(costs).map_err(|error| Problem::bad_request(format!("parameter `costs`: {error}")))?;
    let report = app.store.read(move |store| {
        let caps = if kind == Kind::Weekly { reports::cap_states(store, &rules, now)? } else { Vec::new() };
        reports::answer(store, rules.policy(), &caps, &question, now)
    });
    let mut report = report.await?;
    if let Some(section) = params.text("section") {
        report = report.only(section).ok_or_else(|| Problem::bad_request(NO_SECTION))?;
    }
    Ok(rendered(&report, format, params.text("section").unwrap_or(kind.as_str())))
}
