//! What a customer's cost went for: the reports by feature, model and workspace, about this customer.

use crate::{
    console::{
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
        let query = format!(
            "{}?from={}&to={}&{}",
            kind.as_str(),
            written(range.from, "%Y-%m-%d"),
            written(range.to, "%Y-%m-%d"),
            parameters(&filter)
        );
        let question = Question::new(kind, range, filter.clone());
        let report = reports::answer(store, rules.policy(), &[], &question, now)?;
        Ok(Table {
            sections: sections(&report, &filter),
            link: format!("/console/reports/{}", query.trim_end_matches('&')),
            csv: format!("/v1/reports/{query}format=csv"),
        })
    };
    [Kind::Features, Kind::Models, Kind::Workspaces].into_iter().map(table).collect()
}
