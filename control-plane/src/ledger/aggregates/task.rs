//! What a batch adds to the row of a task. Beside sums it says whose its first call was and by whom that was served, what
//! became of its last one, and, by the least and the greatest, whether all are of one customer and workspace.

use super::{Keys, Measures, insert_or_add};
use crate::store::StoreError;
use rusqlite::ToSql;

/// The columns before the measures.
pub(in crate::ledger) const COLUMNS: [&str; 16] = [
    "task",
    "first_call",
    "customer",
    "workspace",
    "feature",
    "plan",
    "provider",
    "model",
    "first_at",
    "last_at",
    "last_call",
    "last_outcome",
    "customer_min",
    "customer_max",
    "workspace_min",
    "workspace_max",
];

#[derive(Debug)]
pub(super) struct TaskDelta {
    first: Keys,
    first_at: i64,
    last: Keys,
    customers: (i64, i64),
    workspaces: (i64, i64),
    total: Measures,
}

impl TaskDelta {
    pub(super) fn new(keys: &Keys) -> Self {
        Self {
            first: *keys,
            first_at: keys.started_at,
            last: *keys,
            customers: (keys.customer, keys.customer),
            workspaces: (keys.workspace, keys.workspace),
            total: Measures::default(),
        }
    }

    pub(super) fn add(&mut self, keys: &Keys, measures: Measures) -> Result<(), StoreError> {
        // What is said of the same call later stands.
        if keys.id <= self.first.id {
            self.first = *keys;
        }
        if (keys.started_at, keys.id) >= (self.last.started_at, self.last.id) {
            self.last = *keys;
        }
        self.first_at = self.first_at.min(keys.started_at);
        widen(&mut self.customers, keys.customer);
        widen(&mut self.workspaces, keys.workspace);
        self.total.add(measures)
    }

    /// The values of [`COLUMNS`] and the measures.
    pub(super) fn row<'a>(&'a self, task: &'a i64) -> impl Iterator<Item = &'a dyn ToSql> {
        let Self { first, first_at, last, customers, workspaces, total } = self;
        let facts: [&dyn ToSql; 16] = [
            task,
            &first.id,
            &first.customer,
            &first.workspace,
            &first.feature,
            &first.plan,
            &first.provider,
            &first.model,
            first_at,
            &last.started_at,
            &last.id,
            &last.outcome,
            &customers.0,
            &customers.1,
            &workspaces.0,
            &workspaces.1,
        ];
        facts.into_iter().chain(total.0.iter().map(|sum| -> &dyn ToSql { sum }))
    }
}

fn widen(range: &mut (i64, i64), id: i64) {
    *range = (range.0.min(id), range.1.max(id));
}

pub(super) fn upsert() -> String {
    let of_the_first = ["customer", "workspace", "feature", "plan", "provider", "model"]
        .map(|fact| format!("{fact} = iif(excluded.first_call <= first_call, excluded.{fact}, {fact})"));
    let is_last = "(excluded.last_at, excluded.last_call) >= (last_at, last_call)";
    let of_the_last =
        ["last_call", "last_outcome"].map(|fact| format!("{fact} = iif({is_last}, excluded.{fact}, {fact})"));
    let ends = [
        ("min", "first_call"),
        ("min", "first_at"),
        ("max", "last_at"),
        ("min", "customer_min"),
        ("max", "customer_max"),
        ("min", "workspace_min"),
        ("max", "workspace_max"),
    ]
    .map(|(end, column)| format!("{column} = {end}({column}, excluded.{column})"));
    let changes: Vec<String> = of_the_first.into_iter().chain(of_the_last).chain(ends).collect();
    insert_or_add("by_task", &COLUMNS, &changes, &["task"])
}

#[cfg(test)]
mod tests {
    use super::{super::MEASURES, *};

    #[test]
    fn a_row_has_a_value_for_each_column() {
        let keys = Keys {
            id: [0; 16],
            started_at: 1,
            customer: 2,
            workspace: 3,
            feature: 4,
            task: 5,
            plan: 6,
            provider: 7,
            model: 8,
            route: 9,
            outcome: 10,
        };
        let delta = TaskDelta::new(&keys);
        assert_eq!(delta.row(&5).count(), COLUMNS.len() + MEASURES.len());
    }
}
