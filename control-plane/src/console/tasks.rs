//! Pages of tasks: a list, and one with what its cost went for and its calls on a time line.

mod axis;
mod split;
mod timeline;

use super::{
    extract::{Path, Query},
    filter::{Asked, Frame, Known, misnamed},
    page::{Page, encoded, moment, not_found, usd},
    routes::answer,
};
use crate::{
    app::App,
    ledger::{
        calls::{self, WordColumn},
        tasks::{self, Task},
    },
    store::StoreError,
};
use askama::Template;
use axum::{extract::State, http::StatusCode};
use protocol::UnixNanos;
use split::Part;
use std::collections::BTreeMap;
use timeline::{Cut, Row};

/// So many tasks stand on a page of the list,
const LISTED: u32 = 50;
/// and so many calls, the newest, on the page of one.
const CALLS: u32 = 200;

/// The address of a task's page.
pub(super) fn address(task: &str) -> String {
    format!("/console/tasks/{}", encoded(task))
}

const FIELDS: &[Known] = &[
    Known::text("from", "newest call from"),
    Known::text("to", "until before"),
    Known::text("customer", "customer"),
    Known::text("workspace", "workspace"),
    Known::text("feature", "feature"),
    Known::text("plan", "plan"),
    Known::text("provider", "provider"),
    Known::text("model", "model"),
    Known {
        name: "outcome",
        label: "outcome",
        choices: &[
            ("succeeded", "succeeded"),
            ("failed", "failed"),
            ("abandoned", "abandoned"),
            ("voided", "voided"),
            ("(none)", "not known"),
        ],
        is_rare: false,
    },
];

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksTemplate {
    section: &'static str,
    list: Frame,
    rows: Vec<TaskRow>,
}

/// A task in a list.
pub(super) struct TaskRow {
    pub(super) address: String,
    pub(super) name: String,
    pub(super) customer: String,
    pub(super) customer_address: String,
    pub(super) feature: String,
    pub(super) badge: &'static str,
    pub(super) outcome: String,
    pub(super) source: &'static str,
    pub(super) calls: String,
    pub(super) retries: i64,
    pub(super) cost: String,
    pub(super) unpriced: i64,
    pub(super) last: String,
}

impl TaskRow {
    pub(super) fn new(task: &Task) -> Self {
        let (badge, outcome) = outcome(task);
        Self {
            address: address(&task.id),
            name: task.id.clone(),
            customer: task.customer.clone().unwrap_or_default(),
            customer_address: task.customer.as_deref().map(super::customer::address).unwrap_or_default(),
            feature: task.feature.clone().unwrap_or_else(|| "–".to_owned()),
            badge,
            outcome,
            source: task.outcome_source.unwrap_or_default(),
            calls: calls_words(task),
            retries: task.retries,
            cost: usd(task.cost_usd),
            unpriced: task.unpriced,
            last: task.last_at.map(|at| moment(at.0)).unwrap_or_default(),
        }
    }
}

fn outcome(task: &Task) -> (&'static str, String) {
    use tasks::TaskOutcome::{Abandoned, Failed, Succeeded, Voided};
    let class = match task.outcome {
        Some(Succeeded) => "good",
        Some(Failed) => "bad",
        Some(Abandoned) => "warn",
        Some(Voided) => "plain",
        None if task.open > 0 => return ("open", "under way".to_owned()),
        None => return ("plain", "not known".to_owned()),
    };
    (class, task.outcome.map(|outcome| outcome.as_str().to_owned()).unwrap_or_default())
}

fn calls_words(task: &Task) -> String {
    let mut words = task.calls.to_string();
    for (number, what) in [(task.refused, "refused"), (task.errors, "with an error"), (task.open, "open")] {
        if number > 0 {
            words.push_str(&format!(", {number} {what}"));
        }
    }
    words
}

pub(super) async fn list(State(app): State<App>, Query(query): Query<BTreeMap<String, String>>) -> Page {
    let misnamed = misnamed(FIELDS, &query);
    let asked = Asked::new("/tasks", FIELDS, query);
    let mut template = TasksTemplate { section: "tasks", list: asked.frame(), rows: Vec::new() };
    let filter = tasks::Filter::parse(|name| asked.said(name)).map_err(|wrong| wrong.to_string());
    let filter = match misnamed.map_or(filter, Err) {
        Ok(filter) => filter,
        Err(fault) => {
            template.list.fault = fault;
            return Page::of(StatusCode::BAD_REQUEST, &template);
        }
    };
    let quiet_since = app.quiet_since();
    let read = move |store: &rusqlite::Connection| tasks::list(store, &filter, LISTED, quiet_since);
    answer(app.store.read(read).await.map(|(tasks, next)| {
        template.rows = tasks.iter().map(TaskRow::new).collect();
        template.list.next = next.map(|(at, task)| asked.page(format!("{at}.{task}"))).unwrap_or_default();
        Page::of(StatusCode::OK, &template)
    }))
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskTemplate {
    section: &'static str,
    task: Task,
    row: TaskRow,
    first: String,
    parts: Vec<Part>,
    cost: String,
    owners: Vec<Owner>,
    rows: Vec<Row>,
    cuts: Vec<Cut>,
    more: bool,
    json: String,
    calls_link: String,
    calls_json: String,
}

/// One of several whose calls have one task's name.
struct Owner {
    customer: String,
    workspace: String,
    calls: i64,
    cost: String,
}

pub(super) async fn show(State(app): State<App>, Path(name): Path<String>) -> Page {
    let (now, quiet_since) = (app.clock.now(), app.quiet_since());
    let read = move |store: &rusqlite::Connection| -> Result<Option<Page>, StoreError> {
        let Some(task) = tasks::find(store, &name, quiet_since)? else { return Ok(None) };
        let filter = calls::Filter { words: vec![(WordColumn::Task, name)], ..calls::Filter::default() };
        let (calls, next) = calls::list(store, &filter, CALLS)?;
        Ok(Some(page(task, &calls, next.is_some(), now)))
    };
    let missing =
        || not_found("There is no such task", "The ledger has no call and no outcome of that task.");
    answer(app.store.read(read).await.map(|page| page.unwrap_or_else(missing)))
}

fn page(task: Task, calls: &[crate::ledger::view::Call], more: bool, now: UnixNanos) -> Page {
    let (rows, cuts) = timeline::rows(calls, now);
    let owner = |owner: &tasks::Owner| Owner {
        customer: owner.customer.clone().unwrap_or_else(|| "unattributed".to_owned()),
        workspace: owner.workspace.clone().unwrap_or_else(|| "–".to_owned()),
        calls: owner.calls,
        cost: usd(owner.cost_usd),
    };
    let template = TaskTemplate {
        section: "tasks",
        row: TaskRow::new(&task),
        first: task.first_at.map(|at| moment(at.0)).unwrap_or_default(),
        parts: split::parts(&task.split),
        cost: usd(task.cost_usd),
        owners: task.conflict.iter().map(owner).collect(),
        rows,
        cuts,
        more,
        calls_link: format!("/console/calls?task={}", encoded(&task.id)),
        calls_json: format!("/v1/calls?task={}", encoded(&task.id)),
        json: format!("/v1/tasks/{}", encoded(&task.id)),
        task,
    };
    Page::of(StatusCode::OK, &template)
}
