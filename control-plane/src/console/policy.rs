//! The pages of the policy: the one in force, the versions there were, and a draft of another one.

mod draft;
mod version;

pub(super) use draft::{FORM_BYTES_MAX, apply, check, open};
pub(super) use version::show as version;

use super::{
    extract::Query,
    page::{Page, failed, moment},
    routes::answer,
};
use crate::{
    app::App,
    policy::Policy,
    policy_diff::{self, Version, history},
    reports::Report,
    watch::Refused,
};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use std::sync::Arc;

/// So many versions stand on the page.
const VERSIONS: u32 = 20;
/// So many changed values stand on a page; the API has all.
const CHANGES: usize = 500;

#[derive(Template)]
#[template(path = "policy.html")]
struct PolicyTemplate {
    section: &'static str,
    notice: String,
    version: i64,
    since: String,
    refused: Option<Arc<Refused>>,
    refused_at: String,
    watched: Option<String>,
    form: DraftForm,
    versions: Vec<VersionRow>,
    /// There are more before that one.
    older: Option<i64>,
    /// Not the newest are shown.
    is_older: bool,
}

/// The form in which a policy is shown and changed.
struct DraftForm {
    text: String,
    /// Longer than a form may be: `text` is empty, and there is nothing to change.
    is_too_long: bool,
    /// Over so many days it is tried, and over how many it may be.
    days: u64,
    choices: [u64; 3],
}

impl DraftForm {
    /// With a policy in it, as it may be shown.
    fn of(policy: &Policy) -> Result<Self, Page> {
        let text = policy.masked().yaml().map_err(|error| {
            tracing::error!(%error, "a policy cannot be written as YAML");
            failed()
        })?;
        let is_too_long = text.len() > draft::TEXT_BYTES_MAX;
        let text = if is_too_long { String::new() } else { text };
        Ok(Self { text, is_too_long, days: draft::DAYS_AT_FIRST, choices: draft::DAYS })
    }
}

struct VersionRow {
    version: i64,
    since: String,
    changes: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct PolicyQuery {
    /// What was put in force a moment ago: a version, or `unchanged`.
    #[serde(default)]
    done: String,
    before: Option<i64>,
}

pub(super) async fn show(State(app): State<App>, Query(query): Query<PolicyQuery>) -> Page {
    let PolicyQuery { done, before } = query;
    let versions = app.store.read(move |store| history(store, before, VERSIONS)).await;
    answer(versions.map(|(versions, older)| {
        let rules = app.rules();
        let form = match DraftForm::of(rules.policy()) {
            Ok(form) => form,
            Err(page) => return page,
        };
        let refused = app.last_change.refused();
        let template = PolicyTemplate {
            section: "policy",
            notice: notice(&done, rules.stored.version),
            version: rules.stored.version,
            since: moment(rules.stored.at),
            refused_at: refused.as_ref().map(|refused| moment(refused.at.0)).unwrap_or_default(),
            refused,
            watched: app.watched.as_ref().map(|path| path.display().to_string()),
            form,
            versions: versions.into_iter().map(row).collect(),
            older,
            is_older: before.is_some(),
        };
        Page::of(StatusCode::OK, &template)
    }))
}

fn row(Version { version, since, changes }: Version) -> VersionRow {
    VersionRow { version, since: moment(since.0), changes }
}

/// What was done. An address can say anything, so it is held against what is in force.
fn notice(done: &str, in_force: i64) -> String {
    match done.parse::<i64>() {
        Ok(done) if done == in_force => {
            format!("Version {done} is in force from now on. Envoys have it within a second or two.")
        }
        Ok(done) if (1..in_force).contains(&done) => {
            format!("Version {done} was put in force; by now version {in_force} is.")
        }
        _ if done == "unchanged" => {
            format!("Nothing was changed: version {in_force} says the same.")
        }
        _ => String::new(),
    }
}

/// What one policy says otherwise than another, cut to what a page holds.
fn diff(old: &Policy, new: &Policy) -> Report {
    let mut report = policy_diff::report(old, new);
    for section in &mut report.sections {
        let left = section.rows.len().saturating_sub(CHANGES);
        section.rows.truncate(CHANGES);
        if left > 0 {
            section.notes.push(format!("{left} more values differ: `POST /v1/policy/diffs` lists them."));
        }
    }
    report
}
