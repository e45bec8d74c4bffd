//! Finds what somebody has the name of: a call by its id or its request's, a task, a customer.

use super::{
    customer,
    extract::Query,
    page::{Page, moment},
    routes::answer,
    tasks as task_pages,
};
use crate::{
    app::App,
    ledger::{calls, tasks},
    store::StoreError,
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use protocol::ids::CallId;
use rusqlite::Connection;
use serde::Deserialize;

/// So many calls of one request id are listed.
const CALLS: u32 = 50;
/// No name is longer.
const QUERY_BYTES_MAX: usize = 512;

#[derive(Deserialize)]
pub(super) struct Asked {
    q: Option<String>,
}

/// What it is, its name, and its page.
type Found = (&'static str, String, String);

#[derive(Template)]
#[template(path = "found.html")]
struct FoundTemplate {
    section: &'static str,
    q: String,
    found: Vec<Found>,
}

pub(super) async fn show(State(app): State<App>, Query(query): Query<Asked>) -> Response {
    let q = query.q.unwrap_or_default().trim().to_owned();
    let (rules, quiet_since, name) = (app.rules(), app.quiet_since(), q.clone());
    let look = move |store: &Connection| {
        if name.is_empty() || name.len() > QUERY_BYTES_MAX {
            return Ok(Vec::new());
        }
        let mut found = of_call(store, &name)?;
        if tasks::find(store, &name, quiet_since)?.is_some() {
            found.push(("task", name.clone(), task_pages::address(&name)));
        }
        if customer::is_known(store, &rules, &name)? {
            found.push(("customer", name.clone(), customer::address(&name)));
        }
        Ok(found)
    };
    let found = match app.store.read(look).await {
        Ok(found) => found,
        Err(error) => return answer(Err(error)).into_response(),
    };
    if let [(_, _, address)] = &*found {
        return Redirect::to(address).into_response();
    }
    let status = if found.is_empty() && !q.is_empty() { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Page::of(status, &FoundTemplate { section: "", q, found }).into_response()
}

fn of_call(store: &Connection, name: &str) -> Result<Vec<Found>, StoreError> {
    if let Ok(id) = name.parse::<CallId>()
        && calls::find(store, id)?.is_some()
    {
        return Ok(vec![("call", id.to_string(), format!("/console/calls/{id}"))]);
    }
    let filter = calls::Filter { request_id: Some(name.to_owned()), ..calls::Filter::default() };
    let (calls, _) = calls::list(store, &filter, CALLS)?;
    let found = calls.into_iter().map(|call| {
        let words = format!("{}, began {} UTC", call.id, moment(call.started_at.0));
        ("call of that request", words, format!("/console/calls/{}", call.id))
    });
    Ok(found.collect())
}
