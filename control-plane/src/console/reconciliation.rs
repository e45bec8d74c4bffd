//! The page of reconciliations: exports are pasted into a form, and compared. It changes nothing.

use super::{
    download,
    extract::Form,
    page::{Page, moment},
    report::{SectionView, sections},
    routes::answered,
};
use crate::{
    app::App,
    reconcile::{self, Failure, Fault, Provider, Wanted},
    reports::{Range, Report},
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "reconciliation.html")]
struct ReconciliationTemplate {
    section: &'static str,
    title: String,
    range: String,
    providers: [Provider; 6],
    fields: Filled,
    faults: Vec<Fault>,
    sections: Vec<SectionView>,
}

/// The form, as its template calls it.
const FORM: &str = "exports";

/// The form as it was filled.
#[derive(Default)]
struct Filled(BTreeMap<String, String>);

impl Filled {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).map(|text| text.trim()).unwrap_or_default()
    }
}

fn page(fields: Filled, done: Option<Result<Report, Vec<Fault>>>) -> Page {
    let (report, faults) = match done {
        None => (None, Vec::new()),
        Some(Ok(report)) => (Some(report), Vec::new()),
        Some(Err(faults)) => (None, faults),
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let range = report.as_ref().and_then(|report| report.range);
    let range = range.map(|Range { from, to }| format!("{} to {} UTC. ", moment(from), moment(to)));
    let template = ReconciliationTemplate {
        section: "reconciliation",
        title: report.as_ref().map_or_else(|| "Reconciliation".to_owned(), |report| report.title.clone()),
        range: range.unwrap_or_default(),
        providers: Provider::ALL,
        fields,
        faults,
        sections: report
            .as_ref()
            .map(|report| download::sent_by(sections(report, &crate::reports::Filter::default()), FORM))
            .unwrap_or_default(),
    };
    Page::of(status, &template)
}

pub(super) async fn form() -> Page {
    page(Filled::default(), None)
}

pub(super) async fn compare(
    State(app): State<App>,
    Form(mut fields): Form<BTreeMap<String, String>>,
) -> Response {
    let table = fields.remove(download::PARAMETER);
    let fields = Filled(fields);
    let said = |key: &str| Some(fields.text(key)).filter(|text| !text.is_empty()).map(str::to_owned);
    let files = ["usage", "costs"].into_iter().filter_map(|name| Some((name.to_owned(), said(name)?)));
    let wanted = Wanted {
        provider: fields.text("provider").to_owned(),
        files: files.collect(),
        tolerance_percent: said("tolerance_percent"),
        time_zone: said("time_zone"),
        models: BTreeMap::new(),
    };
    let request = match wanted.read() {
        Ok(request) => request,
        Err(faults) => return page(fields, Some(Err(faults))).into_response(),
    };
    let rules = app.rules();
    let done = app.store.read(move |store| match reconcile::answer(store, &rules, &request) {
        Ok(answer) => Ok(Ok(reconcile::report(&answer, None))),
        Err(Failure::Faulty(faults)) => Ok(Err(faults)),
        Err(Failure::Store(error)) => Err(error),
    });
    answered(done.await.map(|done| match (done, table) {
        (Ok(report), Some(table)) => download::file(vec![report], &table, "reconciliation"),
        (done, _) => page(fields, Some(done)).into_response(),
    }))
}
