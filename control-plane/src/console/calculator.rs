//! The calculator's page: a form whose address is the calculation, and its answer as tables.

use super::{
    download,
    extract::Query,
    page::{Page, encoded},
    report::{SectionView, sections},
    routes::answered,
};
use crate::{
    app::App,
    calculator::{self, Fault},
};
use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

#[derive(Template)]
#[template(path = "calculator.html")]
struct CalculatorTemplate<'a> {
    section: &'static str,
    plans: Vec<String>,
    periods: [&'static str; 3],
    fields: &'a Filled,
    faults: Vec<Fault>,
    sections: Vec<SectionView>,
}

/// The form as it was filled.
struct Filled(BTreeMap<String, String>);

impl Filled {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).map(|text| text.trim()).unwrap_or_default()
    }

    /// The address of a table of it as a file.
    fn address(&self, table: &str) -> String {
        let fields = self.0.iter().filter(|(_, text)| !text.trim().is_empty());
        let fields = fields.map(|(name, text)| format!("{}={}&", encoded(name), encoded(text)));
        format!("/console/calculator?{}{}={table}", fields.collect::<String>(), download::PARAMETER)
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Query(mut fields): Query<BTreeMap<String, String>>,
) -> Response {
    let table = fields.remove(download::PARAMETER);
    let (now, rules) = (app.clock.now(), app.rules());
    let fields = Filled(fields);
    let plans = rules.policy().plans.keys().map(|name| name.as_str().to_owned()).collect();
    let document: Map<String, Value> =
        fields.0.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    // A form that nobody filled yet is no faulty one.
    let is_empty = fields.0.values().all(|value| value.trim().is_empty());
    let done = match is_empty {
        true => Ok(None),
        false => {
            let work = move |store: &rusqlite::Connection| calculator::answer(store, &rules, &document, now);
            app.store.read(work).await.map(Some)
        }
    };
    answered(done.map(|done| {
        let (sections, faults) = match (done, table) {
            (None, _) => (Vec::new(), Vec::new()),
            (Some(Ok(report)), Some(table)) => return download::file(vec![report], &table, "calculation"),
            (Some(Ok(report)), None) => {
                let sections = sections(&report, &crate::reports::Filter::default());
                (download::linked(sections, |key| fields.address(key)), Vec::new())
            }
            (Some(Err(faults)), _) => (Vec::new(), faults),
        };
        let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let periods = ["week", "month", "year"];
        let template =
            CalculatorTemplate { section: "calculator", plans, periods, fields: &fields, faults, sections };
        Page::of(status, &template).into_response()
    }))
}
