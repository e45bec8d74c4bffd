//! What a report is about where it is not about everything: one customer, one feature, … . Says which report can be asked
//! for which, and where the sums for it stand.

use super::{Kind, code::code};
use crate::{
    ledger::calls::WordColumn,
    store::{NO_WORD, StoreError, word_id},
};

/// Of which calls. An empty text is absence, as in the lists of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<(WordColumn, String)>);

/// A filter as SQL: conditions that begin with AND, their places numbered on from where the query's own end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) sql: String,
    pub(super) values: Vec<i64>,
}

impl Kind {
    /// What the report can be filtered by: what the sums that it reads are kept by.
    pub fn filters(self) -> &'static [WordColumn] {
        use WordColumn::{Customer, Feature, Model, Plan, Provider, Route, Workspace};
        match self {
            Self::Weekly => &[],
            Self::Customers
            | Self::Features
            | Self::Plans
            | Self::Routes
            | Self::Models
            | Self::Waste
            | Self::Channels => &[Customer, Plan, Feature, Route, Provider, Model],
            Self::Workspaces => &[Customer, Workspace],
            Self::Drift => &[Provider, Model],
            Self::Tasks => &[Customer, Workspace, Plan, Feature, Provider, Model],
            Self::Unpriced => &[Customer, Workspace, Plan, Feature, Route, Provider, Model],
        }
    }
}

impl Filter {
    /// Of what somebody said, by the names of parameters: what the report can take.
    pub fn of<'a>(kind: Kind, said: impl Fn(&str) -> Option<&'a str>) -> Self {
        let columns = kind.filters().iter();
        Self(columns.filter_map(|column| Some((*column, said(column.as_str())?.to_owned()))).collect())
    }

    /// Of one customer.
    pub fn customer(name: &str) -> Self {
        Self(vec![(WordColumn::Customer, name.to_owned())])
    }

    /// The parameters and their texts.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(column, text)| (column.as_str(), text.as_str()))
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = WordColumn> {
        self.0.iter().map(|(column, _)| *column)
    }

    /// What follows the title of a report; nothing where it is about everything.
    pub(super) fn in_words(&self) -> String {
        let shown = |text: &str| if text.is_empty() { super::breakdown::NONE } else { text }.to_owned();
        let parts: Vec<String> =
            self.pairs().map(|(column, text)| format!("{column} {}", shown(text))).collect();
        if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
    }

    /// Whether it is about calls of one customer.
    pub(super) fn is_of_a_customer(&self) -> bool {
        self.0.iter().any(|(column, _)| *column == WordColumn::Customer)
    }

    /// As SQL after a query's own `taken` places. `None`: a text that no call has.
    pub(super) fn conditions(
        &self,
        store: &rusqlite::Connection,
        taken: usize,
    ) -> Result<Option<Conditions>, StoreError> {
        let mut conditions = Conditions::default();
        for (place, (column, text)) in (1..).zip(&self.0) {
            let id = if text.is_empty() { Some(NO_WORD) } else { word_id(store, text)? };
            let Some(id) = id else { return Ok(None) };
            let place = taken.saturating_add(place);
            conditions.sql.push_str(&format!(" AND {} = ?{place}", column.as_str()));
            conditions.values.push(id);
        }
        Ok(Some(conditions))
    }

    /// The narrowest sums by day that have both what is asked for and what is filtered by. One customer's are always
    /// those by use, of which they are one short range.
    pub(super) fn sums_by_day(&self, asked: &[WordColumn]) -> &'static str {
        use WordColumn::{Customer, Feature, Model, Plan, Provider, Route};
        const TABLES: [(&str, &[WordColumn]); 5] = [
            ("by_day_customer", &[Customer, Plan]),
            ("by_day_feature", &[Feature]),
            ("by_day_route", &[Route]),
            ("by_day_model", &[Plan, Provider, Model]),
            ("by_day_traffic", &[Plan, Feature, Route, Provider, Model]),
        ];
        let has_all = |columns: &[WordColumn]| {
            self.0.iter().map(|(column, _)| column).chain(asked).all(|column| columns.contains(column))
        };
        let found = TABLES.into_iter().find(|(_, columns)| has_all(columns) && !self.is_of_a_customer());
        found.map_or("by_day_use", |(table, _)| table)
    }

    /// Whether it is set at all.
    pub(super) fn is_of_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a report on who pays is about a customer on such a plan, of whom calls are left or not.
    pub(super) fn is_about_payer(&self, customer: Option<&str>, plan: &str, called: bool) -> bool {
        self.0.iter().all(|(column, text)| match column {
            WordColumn::Customer => text == customer.unwrap_or_default(),
            WordColumn::Plan => called || text == plan,
            _ => true,
        })
    }

    /// The texts that no call ever had there, each as a note: a word that is misspelt looks like a quiet week.
    pub(super) fn notes_on_unknown(&self, store: &rusqlite::Connection) -> Result<Vec<String>, StoreError> {
        let mut notes = Vec::new();
        for (column, text) in self.0.iter().filter(|(_, text)| !text.is_empty()) {
            if !is_named(store, *column, text)? {
                notes.push(format!("No call ever named the {} {}.", column.as_str(), code(text)));
            }
        }
        Ok(notes)
    }

    /// What a report on who pays has to say of it.
    pub(super) fn notes_on_payers(&self) -> Vec<String> {
        let (_, columns): (Vec<_>, Vec<_>) = self.pairs().partition(|(column, _)| *column == "customer");
        let columns: Vec<&str> = columns.into_iter().map(|(column, _)| column).collect();
        let of_some = (!columns.is_empty()).then(|| {
            format!(
                "Revenue is all that these customers pay; the cost is of calls of this {} alone.",
                columns.join(" and ")
            )
        });
        let plan = self.0.iter().find(|(column, _)| *column == WordColumn::Plan).map(|(_, text)| text);
        let on_plan = plan.map(|plan| {
            let booked = if plan.is_empty() { "no plan".to_owned() } else { format!("plan {}", code(plan)) };
            format!("Calls are those that were booked on {booked}; customers stand where the policy has them today.")
        });
        of_some.into_iter().chain(on_plan).collect()
    }
}

/// Whether a call says so.
fn is_named(store: &rusqlite::Connection, column: WordColumn, text: &str) -> Result<bool, StoreError> {
    let Some(id) = word_id(store, text)? else { return Ok(false) };
    // Calls have no index by these two, of which there are few.
    let table = match column {
        WordColumn::Plan | WordColumn::Provider => "by_day_model",
        _ => "calls",
    };
    let column = column.as_str();
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = ?1 AND {column} <> 0)");
    Ok(store.prepare_cached(&sql)?.query_row([id], |row| row.get(0))?)
}
