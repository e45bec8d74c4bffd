//! `POST /v1/policy/explanations`: what a policy says of a call that somebody has in mind.

use super::{
    Problem,
    body::{Body, rendered},
    params::Params,
    policy::parsed,
};
use crate::{
    allowances,
    app::App,
    explain::{self, Known, Question},
    prices::PriceTable,
    reports::Format,
    rules::Rules,
    store::policies::StoredPolicy,
};
use axum::{extract::State, response::Response};
use std::sync::Arc;

/// Which caps apply to a call, in which order and what it would hold of them, by which prices, and what the rules say.
/// Without a body: of the policy in force. Changes nothing.
#[utoipa::path(
    post, path = "/v1/policy/explanations", tag = "policy",
    params(
        ("customer" = Option<String>, Query), ("workspace" = Option<String>, Query), ("user" = Option<String>, Query),
        ("feature" = Option<String>, Query), ("task" = Option<String>, Query), ("provider" = Option<String>, Query),
        ("model" = Option<String>, Query), ("route" = Option<String>, Query), ("account" = Option<String>, Query),
        ("region" = Option<String>, Query), ("tier" = Option<String>, Query),
        ("input_tokens" = Option<u64>, Query, description = "The prompt's size; default 0"),
        ("max_tokens" = Option<u64>, Query, description = "The output limit that the request sets; default none"),
        ("at" = Option<String>, Query, description = "When the call starts: RFC 3339, or a day; default now"),
        ("format" = Option<String>, Query, description = "json (default), csv, md or table"),
    ),
    request_body(content((Object = "application/yaml"), (Object = "application/json")),
                 description = "Another policy than the one in force"),
    responses(
        (status = 200, description = "The call, its caps, its prices, the rules",
         content((Object = "application/json"), (String = "text/csv"), (String = "text/markdown"))),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The policy is faulty", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(State(app): State<App>, params: Params, body: Body) -> Result<Response, Problem> {
    let keys: Vec<&str> = Question::KEYS.into_iter().chain(["format"]).collect();
    params.only(&keys)?;
    let format = params.parsed::<Format>("format")?.unwrap_or(Format::Json);
    let question = Question::parse(|key| params.text(key), app.clock.now())
        .map_err(|error| Problem::bad_request(format!("parameter {error}")))?;
    let rules = if body.0.is_empty() { app.rules() } else { with(&app.rules(), &body)? };
    let report = app.store.read(move |store| {
        let caps = allowances::caps(store, rules.policy(), rules.caps(), question.at)?;
        let known = Known { prices: Some(&rules.prices), caps: Some(&caps) };
        Ok(explain::call(rules.policy(), &question, known))
    });
    Ok(rendered(&report.await?, format, "policy-explanation"))
}

/// The rules as they were if that policy were in force.
fn with(in_force: &Rules, body: &Body) -> Result<Arc<Rules>, Problem> {
    let policy = parsed(body)?;
    let prices = PriceTable::new(in_force.prices.rows().cloned(), policy.prices.clone());
    Ok(Arc::new(Rules::new(StoredPolicy { version: 0, at: 0, policy }, prices)))
}
