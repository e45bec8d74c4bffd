//! What tasks cost and what they were worth: cost per successful task, and how many needed no second try.

mod read;

pub use read::task_groups;

use super::{
    Behind, By, Cell, ListFilters, Range, Report, Section,
    breakdown::{NONE, Parts, all_of_them, column},
    figures::sum,
    money,
};
use crate::ledger::tasks::Split;
use protocol::money::PicoUsd;

/// What tasks are grouped by, as their first call says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TasksBy {
    /// For which part of the product.
    Feature,
    /// Who pays.
    Customer,
    /// What the customer pays for.
    Plan,
    /// As `provider/model`.
    Model,
}

impl TasksBy {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Feature, Self::Customer, Self::Plan, Self::Model];

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Feature => ("features", "feature", "Tasks by feature"),
            Self::Customer => ("customers", "customer", "Tasks by customer"),
            Self::Plan => ("plans", "plan", "Tasks by plan"),
            Self::Model => ("models", "model", "Tasks by model"),
        }
    }

    fn parts(self) -> Parts {
        match self {
            Self::Feature => By::Feature.parts(),
            Self::Customer => By::Customer.parts(),
            Self::Plan => &[("plan", "plan_name")],
            Self::Model => By::Model.parts(),
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Self::Feature => "0, feature",
            Self::Customer => "0, customer",
            Self::Plan => "0, plan",
            Self::Model => "provider, model",
        }
    }
}

/// Sums over some tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskTotals {
    /// All of them.
    pub tasks: u64,
    /// By what they were worth: reported, or inferred,
    pub succeeded: u64,
    /// See `succeeded`.
    pub failed: u64,
    /// See `succeeded`.
    pub abandoned: u64,
    /// See `succeeded`.
    pub voided: u64,
    /// of which so many were inferred.
    pub inferred: u64,
    /// Those that succeeded without an error, a refusal, a retry or a fallback.
    pub first_pass: u64,
    /// Calls without a known cost.
    pub unpriced: u64,
    /// What the others cost.
    pub cost: PicoUsd,
    /// What it went for.
    pub split: Split,
}

/// The tasks of one feature, customer, plan or model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskGroup {
    /// Its name; `None`: they say none.
    pub name: Option<Box<str>>,
    /// The filters that leave its tasks.
    pub filters: ListFilters,
    /// Their sums.
    pub totals: TaskTotals,
}

impl TaskTotals {
    fn plus(self, other: Self) -> Self {
        Self {
            tasks: self.tasks.saturating_add(other.tasks),
            succeeded: self.succeeded.saturating_add(other.succeeded),
            failed: self.failed.saturating_add(other.failed),
            abandoned: self.abandoned.saturating_add(other.abandoned),
            voided: self.voided.saturating_add(other.voided),
            inferred: self.inferred.saturating_add(other.inferred),
            first_pass: self.first_pass.saturating_add(other.first_pass),
            unpriced: self.unpriced.saturating_add(other.unpriced),
            cost: sum(self.cost, other.cost),
            split: Split {
                useful_usd: sum(self.split.useful_usd, other.split.useful_usd),
                fallback_premium_usd: sum(self.split.fallback_premium_usd, other.split.fallback_premium_usd),
                retries_usd: sum(self.split.retries_usd, other.split.retries_usd),
                failed_calls_usd: sum(self.split.failed_calls_usd, other.split.failed_calls_usd),
                invalid_output_usd: sum(self.split.invalid_output_usd, other.split.invalid_output_usd),
                aborted_usd: sum(self.split.aborted_usd, other.split.aborted_usd),
                abandoned_usd: sum(self.split.abandoned_usd, other.split.abandoned_usd),
            },
        }
    }

    /// What all of them cost, those for nothing too, for each that succeeded.
    pub fn cost_per_success(&self) -> Option<PicoUsd> {
        money::each(self.cost, self.succeeded)
    }
}

/// A table for each of what tasks are grouped by.
pub fn tasks(by: &[(TasksBy, Vec<TaskGroup>)], range: Range) -> Report {
    let sections = by.iter().map(|(by, groups)| section(*by, groups)).collect();
    Report { title: "Tasks".to_owned(), range: Some(range), sections }
}

/// One of them.
pub(super) fn section(by: TasksBy, groups: &[TaskGroup]) -> Section {
    let (key, word, title) = by.words();
    let mut groups: Vec<&TaskGroup> = groups.iter().collect();
    groups.sort_by(|a, b| b.totals.cost.cmp(&a.totals.cost).then_with(|| a.name.cmp(&b.name)));
    let total = groups.iter().fold(TaskTotals::default(), |total, group| total.plus(group.totals));
    Section {
        key,
        title,
        columns: vec![
            column(word, word).of_parts(by.parts()),
            column("tasks", "tasks").of(Behind::TASKS),
            column("succeeded", "succeeded").of(Behind::SUCCEEDED),
            column("failed", "failed").of(Behind::FAILED_TASKS),
            column("abandoned", "abandoned").of(Behind::ABANDONED),
            column("first_pass_percent", "first-pass success"),
            column("cost_usd", "cost, USD").of(Behind::TASKS),
            column("cost_per_success_usd", "cost per successful task, USD"),
            column("useful_usd", "useful, USD"),
            column("fallback_premium_usd", "fallback premium, USD"),
            column("retries_usd", "retries, USD"),
            column("failed_calls_usd", "failed calls, USD"),
            column("invalid_output_usd", "invalid output, USD"),
            column("aborted_usd", "clients that left, USD"),
            column("abandoned_usd", "failed and abandoned tasks, USD"),
            column("calls_unpriced", "calls unpriced"),
        ],
        rows: groups.iter().map(|group| row(subject(group), &group.totals)).collect(),
        total: Some(row(all_of_them(), &total)),
        notes: notes(&total),
        empty: "No task in this time. Name tasks with x-bursar-task.",
    }
}

fn subject(group: &TaskGroup) -> Cell {
    Cell::subject(group.name.as_deref().unwrap_or(NONE), group.filters.clone())
}

fn row(subject: Cell, totals: &TaskTotals) -> Vec<Cell> {
    let split = &totals.split;
    vec![
        subject,
        Cell::Count(totals.tasks),
        Cell::Count(totals.succeeded),
        Cell::Count(totals.failed),
        Cell::Count(totals.abandoned),
        Cell::Percent(money::share(totals.first_pass, totals.tasks)),
        Cell::usd(totals.cost),
        Cell::Usd(totals.cost_per_success()),
        Cell::usd(split.useful_usd),
        Cell::usd(split.fallback_premium_usd),
        Cell::usd(split.retries_usd),
        Cell::usd(split.failed_calls_usd),
        Cell::usd(split.invalid_output_usd),
        Cell::usd(split.aborted_usd),
        Cell::usd(split.abandoned_usd),
        Cell::Count(totals.unpriced),
    ]
}

fn notes(total: &TaskTotals) -> Vec<String> {
    let known = [total.succeeded, total.failed, total.abandoned, total.voided];
    let unknown = known.into_iter().fold(total.tasks, u64::saturating_sub);
    let mut notes = vec![
        "A task counts where its newest call lies, whole; its feature, customer, plan and model are those of its first."
            .to_owned(),
        "Cost per successful task is the cost of all tasks for each that succeeded.".to_owned(),
    ];
    let mut note = |count: u64, text: &str| {
        if count > 0 {
            notes.push(format!("{count} {} {text}", if count == 1 { "task" } else { "tasks" }));
        }
    };
    note(total.inferred, "with an outcome that is inferred from the last call, for nobody reported one.");
    note(unknown, "without an outcome: still at work, or ended in nobody knows what.");
    note(total.voided, "voided by the application: in the cost, and in no outcome.");
    notes
}
