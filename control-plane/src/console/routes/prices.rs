//! `/console/prices…`: the price list, a model's history, and what waits.

use super::{answer, answered};
use crate::{
    access::Role,
    api::Who,
    app::App,
    console::{
        Page, download,
        extract::{Form, Path, Query},
        not_found,
        prices::{Decision, Notice, PriceFilter, PriceHistory, PriceList, Proposals, decide, waiting},
    },
    instant::Instant,
};
use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use protocol::UnixNanos;
use serde::Deserialize;
use std::collections::BTreeSet;

#[derive(Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    provider: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    at: String,
    page: Option<usize>,
}

pub(super) async fn list(State(app): State<App>, Query(query): Query<ListQuery>) -> Page {
    let ListQuery { provider, model, at, page } = query;
    let at = match instant(&at) {
        Ok(at) => at,
        Err(hint) => return not_found("There is no such time", &hint),
    };
    let page = page.unwrap_or(1).saturating_sub(1);
    let filter = PriceFilter { provider, model: model.trim().to_owned(), at, page };
    PriceList { table: &app.rules().prices, now: app.clock.now(), filter: &filter }.page()
}

/// As addresses have it, or as browsers write what is picked: `2026-11-24T14:03`, in UTC.
fn instant(text: &str) -> Result<Option<UnixNanos>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let read = text.parse::<Instant>().or_else(|_| format!("{text}:00Z").parse());
    let read = read.or_else(|_| format!("{text}Z").parse::<Instant>());
    read.map(|Instant(at)| Some(at)).map_err(|error| format!("`{text}` {error}."))
}

pub(super) async fn history(State(app): State<App>, Path((provider, model)): Path<(String, String)>) -> Page {
    let table = &app.rules().prices;
    PriceHistory { table, now: app.clock.now(), provider: &provider, model: &model }.page()
}

#[derive(Deserialize)]
pub(super) struct ProposalsQuery {
    import: Option<i64>,
    #[serde(default)]
    done: String,
    #[serde(default)]
    rows: usize,
    /// A table of it, as a file.
    csv: Option<String>,
}

pub(super) async fn proposals(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    Query(query): Query<ProposalsQuery>,
) -> Response {
    let waiting = app.store.read(waiting).await;
    answered(waiting.map(|waiting| {
        let proposals = Proposals {
            table: &app.rules().prices,
            now: app.clock.now(),
            waiting: &waiting,
            import: query.import,
            notice: Notice::parse(&query.done, query.rows),
            may_decide: who.may(Role::Operate),
        };
        match &query.csv {
            Some(table) => download::file(vec![proposals.report()], table, "prices"),
            None => proposals.page().into_response(),
        }
    }))
}

/// The form of one import: which one, which rows, and which button.
pub(super) async fn decide_on(State(app): State<App>, Form(fields): Form<Vec<(String, String)>>) -> Response {
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let rows = || -> BTreeSet<u64> {
        fields.iter().filter(|(key, _)| key == "row").filter_map(|(_, value)| value.parse().ok()).collect()
    };
    let decision = match field("action") {
        Some("approve-all") => Decision::ApproveAll,
        Some("approve") => Decision::Approve(rows()),
        Some("reject") => Decision::Reject(rows()),
        _ => return not_found("There is no such decision", "Approve rows or reject them.").into_response(),
    };
    let missing = || not_found("There is no such import", "Nothing was changed.").into_response();
    let Some(import) = field("import").and_then(|import| import.parse().ok()) else { return missing() };
    let notice: fn(usize) -> Notice = match &decision {
        Decision::Approve(rows) | Decision::Reject(rows) if rows.is_empty() => {
            return Redirect::to(&Notice::Nothing.address()).into_response();
        }
        Decision::ApproveAll | Decision::Approve(_) => Notice::Approved,
        Decision::Reject(_) => Notice::Rejected,
    };
    match decide(&app, import, decision).await {
        // A page that is loaded again must not decide again.
        Ok(Some(count)) => Redirect::to(&notice(count).address()).into_response(),
        Ok(None) => missing(),
        Err(error) => answer(Err(error)).into_response(),
    }
}
