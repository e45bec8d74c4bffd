//! The page of calls: the ledger, newest first, as far as a filter leaves it.

use super::{
    extract::Query,
    filter::{Asked, Frame, Known, misnamed},
    overview::{CallCells, cells},
    page::Page,
    read,
    routes::answer,
};
use crate::{app::App, ledger::calls::Filter};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use std::collections::BTreeMap;

/// So many calls stand on a page.
const LISTED: u32 = 50;

const YES_NO: &[(&str, &str)] = &[("true", "yes"), ("false", "no")];

const FIELDS: &[Known] = &[
    Known::text("from", "from"),
    Known::text("to", "until before"),
    Known::text("customer", "customer"),
    Known::text("workspace", "workspace"),
    Known::text("user", "user"),
    Known::text("feature", "feature"),
    Known::text("task", "task"),
    Known::text("plan", "plan"),
    Known::text("provider", "provider"),
    Known::text("model", "model"),
    Known::text("route", "route"),
    Known {
        name: "state",
        label: "state",
        choices: &[
            ("finished,orphaned", "ended"),
            ("finished", "finished"),
            ("orphaned", "orphaned"),
            ("open", "open"),
            ("refused", "refused"),
        ],
        is_rare: false,
    },
    Known {
        name: "outcome",
        label: "outcome",
        choices: &[
            ("ok", "ok"),
            ("error,timed_out,invalid_json", "errors"),
            ("error", "error"),
            ("timed_out", "timed out"),
            ("invalid_json", "invalid JSON"),
            ("truncated", "truncated"),
            ("refused_by_model", "refused by model"),
            ("content_filtered", "content filtered"),
            ("client_aborted", "client aborted"),
        ],
        is_rare: false,
    },
    Known {
        name: "refused",
        label: "refused",
        choices: &[
            ("cap", "cap"),
            ("loop_guard", "loop guard"),
            ("unattributed", "unattributed"),
            ("unpriced", "unpriced"),
            ("unreachable", "unreachable"),
        ],
        is_rare: false,
    },
    Known {
        name: "usage_source",
        label: "usage",
        choices: &[("reported", "reported"), ("estimated,mixed", "estimated"), ("none", "none")],
        is_rare: false,
    },
    Known {
        name: "pricing",
        label: "pricing",
        choices: &[("priced", "priced"), ("unpriced,ceiling", "unpriced"), ("ceiling", "at the ceiling")],
        is_rare: false,
    },
    Known::text("unpriced_reason", "unpriced because"),
    Known { name: "is_retried", label: "retried", choices: YES_NO, is_rare: false },
    Known { name: "fallback", label: "fallback", choices: YES_NO, is_rare: false },
    Known { name: "provider_cost", label: "provider says a cost", choices: YES_NO, is_rare: true },
    Known { name: "computed_cost", label: "price table prices it too", choices: YES_NO, is_rare: true },
    Known::rare("plan_now", "customers on the plan"),
    Known::rare("utm_source", "customers from source"),
    Known::rare("utm_medium", "medium"),
    Known::rare("utm_campaign", "campaign"),
];

#[derive(Template)]
#[template(path = "calls.html")]
struct CallsTemplate {
    section: &'static str,
    list: Frame,
    rows: Vec<CallCells>,
}

pub(super) async fn list(State(app): State<App>, Query(query): Query<BTreeMap<String, String>>) -> Page {
    let misnamed = misnamed(FIELDS, &query);
    let asked = Asked::new("/calls", FIELDS, query);
    let now = app.clock.now();
    let mut template = CallsTemplate { section: "calls", list: asked.frame(), rows: Vec::new() };
    let filter = Filter::parse(|name| asked.said(name), app.rules().policy());
    let filter = match misnamed.map_or(filter.map_err(|wrong| wrong.to_string()), Err) {
        Ok(filter) => filter,
        Err(fault) => {
            template.list.fault = fault;
            return Page::of(StatusCode::BAD_REQUEST, &template);
        }
    };
    let read = move |store: &rusqlite::Connection| read::calls(store, &filter, LISTED);
    answer(app.store.read(read).await.map(|(calls, next)| {
        template.rows = calls.iter().map(|call| cells(call, now)).collect();
        template.list.next = next.map(|next| asked.page(next)).unwrap_or_default();
        Page::of(StatusCode::OK, &template)
    }))
}
