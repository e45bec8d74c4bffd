//! A version of the policy: since when it was in force, and what it said otherwise than the one before.

use super::diff;
use crate::{
    app::App,
    console::{
        page::{Page, moment, not_found},
        report::{SectionView, sections},
        routes::answer,
    },
    store::policies,
};
use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
};

#[derive(Template)]
#[template(path = "policy_version.html")]
struct VersionTemplate {
    section: &'static str,
    version: i64,
    since: String,
    is_in_force: bool,
    sections: Vec<SectionView>,
}

pub(in crate::console) async fn show(State(app): State<App>, Path(version): Path<String>) -> Page {
    let missing = || {
        not_found(
            "There is no such version of the policy",
            "It was never in force, or this version of Bursar cannot read it, or the one before it, any more.",
        )
    };
    let Some(version) = version.parse::<i64>().ok().filter(|version| *version > 0) else { return missing() };
    let in_force = app.rules().stored.version;
    let read = app.store.read(move |store| {
        let before = policies::of_version(store, version.saturating_sub(1))?;
        Ok(policies::of_version(store, version)?.zip(before))
    });
    answer(read.await.map(|found| {
        let Some((policy, before)) = found else { return missing() };
        let template = VersionTemplate {
            section: "policy",
            version,
            since: moment(policy.at),
            is_in_force: version == in_force,
            sections: sections(&diff(&before.policy, &policy.policy), &crate::reports::Filter::default()),
        };
        Page::of(StatusCode::OK, &template)
    }))
}
