//! A version of the policy: since when it was in force, and what it said otherwise than the one before.

use super::diff;
use crate::{
    app::App,
    console::{
        download,
        extract::{Path, Query},
        page::{Page, moment, not_found},
        report::{SectionView, sections},
        routes::answered,
    },
    policy_diff,
    store::policies,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

#[derive(Template)]
#[template(path = "policy_version.html")]
struct VersionTemplate {
    section: &'static str,
    version: i64,
    since: String,
    is_in_force: bool,
    sections: Vec<SectionView>,
}

#[derive(Deserialize)]
pub(in crate::console) struct VersionQuery {
    /// A table of it, as a file.
    csv: Option<String>,
}

pub(in crate::console) async fn show(
    State(app): State<App>,
    Path(version): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Response {
    let missing = || {
        not_found(
            "There is no such version of the policy",
            "It was never in force, or this version of Bursar cannot read it, or the one before it, any more.",
        )
    };
    let Some(version) = version.parse::<i64>().ok().filter(|version| *version > 0) else {
        return missing().into_response();
    };
    let in_force = app.rules().stored.version;
    let read = app.store.read(move |store| {
        let before = policies::of_version(store, version.saturating_sub(1))?;
        Ok(policies::of_version(store, version)?.zip(before))
    });
    answered(read.await.map(|found| {
        let Some((policy, before)) = found else { return missing().into_response() };
        if let Some(table) = &query.csv {
            let report = policy_diff::report(&before.policy, &policy.policy);
            return download::file(vec![report], table, &format!("policy-{version}"));
        }
        let tables = sections(&diff(&before.policy, &policy.policy), &crate::reports::Filter::default());
        let template = VersionTemplate {
            section: "policy",
            version,
            since: moment(policy.at),
            is_in_force: version == in_force,
            sections: download::linked(tables, |key| format!("/console/policy/versions/{version}?csv={key}")),
        };
        Page::of(StatusCode::OK, &template).into_response()
    }))
}
