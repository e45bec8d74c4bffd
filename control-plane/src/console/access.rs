//! The page of keys: who is signed in, and, for admins, who else may.

use super::{
    Page,
    extract::Form,
    page::{failed, moment, not_found},
};
use crate::{
    access::{self, Key, Making, Revoking, Role},
    api::Who,
    app::App,
};
use askama::Template;
use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Redirect, Response},
};
use serde::Deserialize;
use std::sync::Arc;

/// Where the page is.
const ADDRESS: &str = "/console/access";

#[derive(Template)]
#[template(path = "access.html")]
struct AccessTemplate {
    section: &'static str,
    /// Nobody has a key.
    is_open: bool,
    is_filter_open: bool,
    own: Option<(String, &'static str)>,
    /// Whether keys are shown, and may be made and revoked.
    is_admin: bool,
    rows: Vec<KeyRow>,
    roles: Vec<(&'static str, &'static str)>,
    /// The one that was just made.
    made: Option<(String, String)>,
    fault: String,
}

struct KeyRow {
    name: String,
    role: &'static str,
    made: String,
}

#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
}

#[derive(Deserialize)]
pub(super) struct Unwanted {
    #[serde(default)]
    name: String,
}

pub(super) async fn show(State(app): State<App>, Extension(Who(key)): Extension<Who>) -> Page {
    page(&app, key.as_deref(), None, String::new())
}

fn page(app: &App, own: Option<&Key>, made: Option<(String, String)>, fault: String) -> Page {
    let is_admin = own.is_none_or(|key| key.role == Role::Admin);
    let row = |key: &Arc<Key>| KeyRow {
        name: key.name.clone(),
        role: key.role.as_str(),
        made: moment(key.made_at),
    };
    let rows: Vec<KeyRow> = app.access.list().iter().map(row).collect();
    let roles = if rows.is_empty() { vec![Role::Admin] } else { Role::ALL.to_vec() };
    let template = AccessTemplate {
        section: "access",
        is_open: app.access.is_open(),
        is_filter_open: !app.access.filters_need_key,
        own: own.map(|key| (key.name.clone(), key.role.as_str())),
        is_admin,
        rows: if is_admin { rows } else { Vec::new() },
        roles: roles.into_iter().map(|role| (role.as_str(), may(role))).collect(),
        made,
        fault,
    };
    let status = if template.fault.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    Page::of(status, &template)
}

/// What a role may.
fn may(role: Role) -> &'static str {
    match role {
        Role::Ingest => "bring events and outcomes (filters, backends)",
        Role::Read => "see everything",
        Role::Operate => "see, and decide on prices, alerts, loops, revenue",
        Role::Admin => "all of it, and policy and keys",
    }
}

pub(super) async fn make(
    State(app): State<App>,
    Extension(Who(own)): Extension<Who>,
    Form(Wish { name, role }): Form<Wish>,
) -> Page {
    let refused = |fault: String| page(&app, own.as_deref(), None, fault);
    let Ok(role) = role.parse::<Role>() else { return refused("There is no such role.".to_owned()) };
    let name = match name.trim().parse() {
        Ok(name) => name,
        Err(error) => return refused(format!("The name {error}.")),
    };
    match access::make(&app, &name, role).await {
        // Shown by the answer to the form itself: it is nowhere to be asked for again.
        Ok(Making::Made(key)) => page(&app, own.as_deref(), Some((name.to_string(), key)), String::new()),
        Ok(Making::NameTaken) => refused(format!("There is a key {name} already.")),
        Ok(Making::FirstMustBeAdmin) => refused("The first key must have the role admin.".to_owned()),
        Err(error) => {
            tracing::error!(%error, "no key was made");
            failed()
        }
    }
}

pub(super) async fn revoke(
    State(app): State<App>,
    Extension(Who(own)): Extension<Who>,
    Form(Unwanted { name }): Form<Unwanted>,
) -> Response {
    match access::revoke(&app, &name).await {
        Ok(Revoking::Done) => Redirect::to(ADDRESS).into_response(),
        Ok(Revoking::NoSuchKey) => not_found("There is no such key", "Nothing was changed.").into_response(),
        Ok(refused @ (Revoking::LastKey | Revoking::LastAdmin)) => {
            let fault = if refused == Revoking::LastKey {
                "The last key stays: without any, whoever reaches this address may do everything. Make another one of \
                 role admin first."
            } else {
                "The last key of role admin stays while there are others."
            };
            page(&app, own.as_deref(), None, fault.to_owned()).into_response()
        }
        Err(error) => super::routes::answer(Err(error)).into_response(),
    }
}
