//! What a customer's cost went for: the reports by feature, model and workspace, about this customer.

use crate::{
    console::{
        filter::page_of,
        page::written,
        report::{SectionView, parameters, sections},
    },
    reports::{self, Filter, Kind, Question, Range},
    rules::Rules,
    store::StoreError,
};
use protocol::UnixNanos;

/// One of the reports.
pub(super) struct Table {
    pub(super) sections: Vec<SectionView>,
    /// Its page, and the same as a file.
    pub(super) link: String,
    pub(super) csv: String,
}

pub(super) fn tables(
    store: &rusqlite::Connection,
    rules: &Rules,
    customer: &str,
    range: Range,
    now: UnixNanos,
) -> Result<Vec<Table>, StoreError> {
    let table = |kind: Kind| {
        let filter = Filter::customer(customer);
        let [from, to] = [range.from, range.to].map(|at| written(at, "%Y-%m-%d"));
        let query = format!("{}?from={from}&to={to}&{}", kind.as_str(), parameters(&filter));
        let asked = [("from", from), ("to", to), ("customer", customer.to_owned())];
        let question = Question::new(kind, range, filter.clone());
        let report = reports::answer(store, rules.policy(), &[], &question, now)?;
        Ok(Table {
            sections: sections(&report, &filter),
            link: page_of(&format!("/reports/{}", kind.as_str()), &asked),
            csv: format!("/v1/reports/{query}format=csv"),
        })
    };
    [Kind::Features, Kind::Models, Kind::Workspaces].into_iter().map(table).collect()
}
