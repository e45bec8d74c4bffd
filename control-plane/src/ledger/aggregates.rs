//! The running aggregates: what a batch adds to them, gathered in memory and written once per key, in the batch's
//! own transaction. How they are recomputed from the calls is in `ledger/rebuild.rs`.

mod task;
mod worth;

use super::{
    lines::LineDeltas,
    reported::ReportedDeltas,
    requests::RequestDeltas,
    spans::{LENGTHS, first_day},
    sums::too_large,
    text::TextDeltas,
    unpriced::UnpricedDeltas,
    waste::{Cause, Waste},
};
use crate::store::{StoreError, Write};
use rusqlite::params_from_iter;
use std::collections::BTreeMap;
use task::TaskDelta;

pub(super) use task::COLUMNS as TASK_COLUMNS;
pub(super) use worth::WorthDeltas;

/// The sums of one aggregate row, in the order of the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Measures([i64; 19]);

/// The columns.
pub(super) const MEASURES: [&str; 19] = [
    "calls",
    "refused",
    "errors",
    "unpriced",
    "estimated",
    "unattributed",
    "tokens_in",
    "tokens_out",
    "cost_pico",
    "original_unpriced",
    "original_pico",
    "retried_pico",
    "failed_pico",
    "aborted_pico",
    "invalid_pico",
    "fallbacks",
    "premium_unknown",
    "premium_pico",
    "retries",
];

/// What one ended call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contribution {
    pub(super) refused: bool,
    pub(super) error: bool,
    pub(super) estimated: bool,
    pub(super) unattributed: bool,
    pub(super) tokens_in: i64,
    pub(super) tokens_out: i64,
    /// Since the last correction,
    pub(super) cost_pico: Option<i64>,
    /// and as it was booked.
    pub(super) original_pico: Option<i64>,
    /// What of the cost was for nothing.
    pub(super) waste: Waste,
}

impl Contribution {
    pub(super) fn measures(&self) -> Measures {
        let admitted = !self.refused;
        let Waste { wasted_pico, cause, fallback, premium_pico, retries } = self.waste;
        let own = self.cost_pico.map_or(0, |cost| cost.saturating_sub(wasted_pico));
        let for_nothing = |why| if admitted && cause == Some(why) { own } else { 0 };
        // What was for nothing is so with its premium.
        let (fallen_back, premium) =
            (fallback && cause.is_none(), premium_pico.filter(|_| fallback && cause.is_none()));
        Measures([
            i64::from(admitted),
            i64::from(self.refused),
            i64::from(admitted && self.error),
            i64::from(admitted && self.cost_pico.is_none()),
            i64::from(admitted && self.estimated),
            i64::from(self.unattributed),
            if admitted { self.tokens_in } else { 0 },
            if admitted { self.tokens_out } else { 0 },
            if admitted { self.cost_pico.unwrap_or(0) } else { 0 },
            i64::from(admitted && self.original_pico.is_none()),
            if admitted { self.original_pico.unwrap_or(0) } else { 0 },
            if admitted { wasted_pico } else { 0 },
            for_nothing(Cause::Failed),
            for_nothing(Cause::Aborted),
            for_nothing(Cause::Invalid),
            i64::from(admitted && fallback),
            i64::from(admitted && fallen_back && premium.is_none()),
            if admitted { premium.unwrap_or(0) } else { 0 },
            if admitted { retries } else { 0 },
        ])
    }
}

impl Measures {
    pub(super) fn negated(self) -> Self {
        Self(self.0.map(i64::saturating_neg))
    }

    fn add(&mut self, other: Self) -> Result<(), StoreError> {
        for (total, part) in self.0.iter_mut().zip(other.0) {
            *total = total.checked_add(part).ok_or_else(too_large)?;
        }
        Ok(())
    }

    fn takes_back(&self) -> bool {
        self.0.iter().any(|part| *part < 0)
    }
}

/// The dimensions of a call that aggregates are keyed by; texts as ids of the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) id: [u8; 16],
    pub(super) started_at: i64,
    pub(super) customer: i64,
    pub(super) workspace: i64,
    pub(super) feature: i64,
    pub(super) task: i64,
    pub(super) plan: i64,
    pub(super) provider: i64,
    pub(super) model: i64,
    pub(super) route: i64,
    /// What became of it.
    pub(super) outcome: i64,
}

/// Nanoseconds of an hour and a day.
pub(super) const HOUR_NS: i64 = 3_600_000_000_000;
pub(super) const DAY_NS: i64 = 24 * HOUR_NS;

/// The whole days since the epoch.
pub(super) fn day(at: i64) -> i64 {
    at.checked_div_euclid(DAY_NS).unwrap_or(0)
}

impl Keys {
    /// The rows that a call counts in, but for its task's.
    fn rows(&self) -> impl Iterator<Item = (&'static Table, Key)> + use<> {
        let (hour, day) = (self.started_at.checked_div_euclid(HOUR_NS).unwrap_or(0), day(self.started_at));
        let Self { customer, workspace, feature, plan, provider, model, route, .. } = *self;
        let [
            hour_workspace,
            day_customer,
            day_feature,
            day_route,
            day_model,
            day_use,
            day_traffic,
            span_workspace,
        ] = &TABLES;
        let spans =
            LENGTHS.map(|span| (span_workspace, [span, first_day(day, span), customer, workspace, 0, 0, 0]));
        [
            (hour_workspace, [hour, customer, workspace, 0, 0, 0, 0]),
            (day_customer, [day, customer, plan, 0, 0, 0, 0]),
            (day_feature, [day, feature, 0, 0, 0, 0, 0]),
            (day_route, [day, route, 0, 0, 0, 0, 0]),
            (day_model, [day, plan, provider, model, 0, 0, 0]),
            (day_use, [customer, day, plan, feature, route, provider, model]),
            (day_traffic, [day, plan, feature, route, provider, model, 0]),
        ]
        .into_iter()
        .chain(spans)
    }
}

/// The key of a row, padded to the longest.
type Key = [i64; 7];

/// An aggregate keyed by numbers alone.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
}

pub(super) static TABLES: [Table; 8] = [
    Table { name: "by_hour_workspace", keys: &["hour", "customer", "workspace"] },
    Table { name: "by_day_customer", keys: &["day", "customer", "plan"] },
    Table { name: "by_day_feature", keys: &["day", "feature"] },
    Table { name: "by_day_route", keys: &["day", "route"] },
    Table { name: "by_day_model", keys: &["day", "plan", "provider", "model"] },
    Table { name: "by_day_use", keys: &["customer", "day", "plan", "feature", "route", "provider", "model"] },
    Table { name: "by_day_traffic", keys: &["day", "plan", "feature", "route", "provider", "model"] },
    Table { name: "by_span_workspace", keys: &["span", "day", "customer", "workspace"] },
];

/// The key of one count of a cap: cap, subject, window_start, boot.
pub(super) type CapKey = (i64, i64, i64, i64);

/// What a batch changes.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    rows: BTreeMap<(&'static Table, Key), Measures>,
    tasks: BTreeMap<i64, TaskDelta>,
    caps: BTreeMap<CapKey, (i64, i64)>,
    /// What the models' text adds.
    pub(super) text: TextDeltas,
    /// What lines add.
    pub(super) lines: LineDeltas,
    /// What providers say that calls cost.
    pub(super) reported: ReportedDeltas,
    /// Calls without a known cost.
    pub(super) unpriced: UnpricedDeltas,
    /// What requests used.
    pub(super) requests: RequestDeltas,
}

impl Deltas {
    /// Counts a call, or takes its count back where the measures are negated.
    pub(super) fn call(&mut self, keys: &Keys, measures: Measures) -> Result<(), StoreError> {
        for key in keys.rows() {
            self.rows.entry(key).or_default().add(measures)?;
        }
        if keys.task != 0 {
            self.tasks.entry(keys.task).or_insert_with(|| TaskDelta::new(keys)).add(keys, measures)?;
        }
        Ok(())
    }

    /// Moves a cap's count.
    pub(super) fn cap(&mut self, key: CapKey, settled: i64, held: i64) {
        let count = self.caps.entry(key).or_default();
        *count = (count.0.saturating_add(settled), count.1.saturating_add(held));
    }

    /// Writes all of it.
    pub(super) fn flush(self, write: &Write<'_>) -> Result<(), StoreError> {
        let mut statements: BTreeMap<&str, (String, String)> = BTreeMap::new();
        for ((table, key), measures) in &self.rows {
            let keys = key.get(..table.keys.len()).unwrap_or_default();
            let params = keys.iter().chain(&measures.0);
            let (upsert, delete_empty) =
                &*statements.entry(table.name).or_insert_with(|| (upsert(table), delete_empty(table)));
            write.execute(upsert, params_from_iter(params))?;
            if measures.takes_back() {
                write.execute(delete_empty, params_from_iter(keys))?;
            }
        }
        let upsert_task = task::upsert();
        let mut worth = WorthDeltas::default();
        for (task, delta) in &self.tasks {
            worth.around(write, *task, || write.execute(&upsert_task, params_from_iter(delta.row(task))))?;
        }
        worth.flush(write)?;
        for ((cap, subject, window_start, boot), (settled, held)) in &self.caps {
            write.execute(UPSERT_CAP, [cap, subject, window_start, boot, settled, held])?;
        }
        self.text.flush(write)?;
        self.lines.flush(write)?;
        self.reported.flush(write)?;
        self.unpriced.flush(write)?;
        self.requests.flush(write)
    }
}

fn upsert(table: &Table) -> String {
    let Table { name, keys } = table;
    insert_or_add(name, keys, &[], keys)
}

fn insert_or_add(table: &str, columns: &[&str], changes: &[String], keys: &[&str]) -> String {
    let columns: Vec<&str> = columns.iter().chain(&MEASURES).copied().collect();
    let sums = MEASURES.iter().map(|sum| format!("{sum} = {sum} + excluded.{sum}"));
    let changes: Vec<String> = changes.iter().cloned().chain(sums).collect();
    format!(
        "INSERT INTO {table} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
        columns.join(", "),
        vec!["?"; columns.len()].join(", "),
        keys.join(", "),
        changes.join(", ")
    )
}

fn delete_empty(table: &Table) -> String {
    let keys: Vec<String> = table.keys.iter().map(|key| format!("{key} = ?")).collect();
    format!("DELETE FROM {} WHERE {} AND calls = 0 AND refused = 0", table.name, keys.join(" AND "))
}

const UPSERT_CAP: &str = "
    INSERT INTO cap_usage (cap, subject, window_start, boot, settled, held) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (cap, subject, window_start, boot) DO UPDATE SET
        settled = settled + excluded.settled,
        held    = held + excluded.held";
