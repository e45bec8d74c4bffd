//! `POST /v1/reconciliations`: a provider's exports beside the ledger.

use super::{
    Problem, Who,
    body::{Body, rendered},
    params::Params,
};
use crate::{
    access::Role,
    app::App,
    catalogue::{self, Manner},
    policy::{Apply, CatalogueFormat},
    reconcile::{self, Failure, Fault, Wanted},
    reports::Format,
};
use axum::{
    Extension,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Whether the difference is within the tolerance: for whoever asked for a table.
pub const WITHIN_TOLERANCE: HeaderName = HeaderName::from_static("x-bursar-within-tolerance");
/// The name under which proposed corrections are kept.
const SOURCE: &str = "own";

/// What is reconciled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    /// openai, anthropic, openrouter, bedrock, azure or vertex.
    provider: String,
    /// Its exports of some days, all of them: usage and costs.
    files: Vec<File>,
    /// How much of their total may differ; default 1.
    tolerance_percent: Option<String>,
    /// The IANA zone of the export's days; default UTC.
    time_zone: Option<String>,
    /// A part of a model's description there, and the ledger's name of the model, where it cannot be seen.
    #[serde(default)]
    #[schema(value_type = Object)]
    models: BTreeMap<Box<str>, Box<str>>,
    /// Puts prices that explain three days or more among those that wait for approval.
    #[serde(default)]
    propose: bool,
}

/// A file as it was exported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// As faults call it.
    name: String,
    text: String,
}

impl Request {
    fn read(self) -> Result<(reconcile::Request, bool), Vec<Fault>> {
        let wanted = Wanted {
            provider: self.provider,
            files: self.files.into_iter().map(|File { name, text }| (name, text)).collect(),
            tolerance_percent: self.tolerance_percent,
            time_zone: self.time_zone,
            models: self.models,
        };
        Ok((wanted.read()?, self.propose))
    }
}

/// Sets a provider's usage and cost exports beside the ledger, and names every part of the difference.
#[utoipa::path(
    post, path = "/v1/reconciliations", tag = "reports",
    params(("format" = Option<String>, Query, description = "json (default), csv, md or table")),
    request_body = Request,
    responses(
        (status = 200, description = "A report: totals, causes, models, days, corrections",
         content((Object = "application/json"), (String = "text/csv"), (String = "text/markdown")),
         headers(("x-bursar-within-tolerance" = bool, description = "Whether the totals differ by no more than is tolerated"))),
        (status = 400, description = "No JSON", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Faulty; `errors` has each fault with its file and line", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    params: Params,
    body: Body,
) -> Result<Response, Problem> {
    params.only(&["format"])?;
    let format = params.parsed::<Format>("format")?.unwrap_or(Format::Json);
    let request: Request = body.object("the reconciliation")?;
    let (request, propose) = request.read().map_err(|faults| faulty(&faults))?;
    if propose && !who.may(Role::Operate) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "to propose prices needs the role operate"));
    }
    let rules = app.rules();
    let done = app.store.read(move |store| match reconcile::answer(store, &rules, &request) {
        Ok(answer) => Ok(Ok(answer)),
        Err(Failure::Faulty(faults)) => Ok(Err(faults)),
        Err(Failure::Store(error)) => Err(error),
    });
    let answer = done.await?.map_err(|faults| faulty(&faults))?;
    let import = match propose && !answer.corrections.is_empty() {
        true => proposed(&app, &answer).await?,
        false => None,
    };
    let within = HeaderValue::from_static(if answer.is_within { "true" } else { "false" });
    let mut response = rendered(&reconcile::report(&answer, import), format, "reconciliation");
    response.headers_mut().insert(WITHIN_TOLERANCE, within);
    Ok(response)
}

/// Lets the corrections wait for approval.
async fn proposed(app: &App, answer: &reconcile::Answer) -> Result<Option<i64>, Problem> {
    let text = reconcile::yaml(answer.provider.in_ledger(), &answer.corrections);
    let manner = Manner {
        format: Some(CatalogueFormat::Yaml),
        source: Some(SOURCE.to_owned()),
        apply: Apply::Nothing,
        ..Manner::default()
    };
    let done =
        catalogue::import_as(app, catalogue::Request { text, ..catalogue::Request::default() }, manner);
    Ok(done.await.map_err(Problem::internal)?.id)
}

fn faulty(faults: &[Fault]) -> Problem {
    let noun = if faults.len() == 1 { "fault" } else { "faults" };
    Problem::faulty(format!("the reconciliation has {} {noun}", faults.len()), faults)
}
