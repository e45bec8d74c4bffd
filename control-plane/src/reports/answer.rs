//! Questions by name and time: what the API, the console and the commands ask, answered from the store.

use super::{
    By, CapState, Changes, Costs, CustomerMargin, Dimension, Filter, Payers, Range, Report, Reported, SPANS,
    TasksBy, WeeklyFigures, before,
    breakdown::{breakdown, plan_section},
    channels, customer_margins, drift, groups, plan_margins, task_groups, tasks, unpriced, unpriced_groups,
    waste, week_of, weekly, whole_days,
};
use crate::{instant::Instant, policy::Policy, store::StoreError};
use protocol::UnixNanos;
use rusqlite::Connection;
use std::{fmt, str::FromStr};
use utoipa::ToSchema;

/// The reports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Kind {
    /// The founder's.
    Weekly,
    /// One row per customer.
    Customers,
    /// One row per feature.
    Features,
    /// Gross margin by plan.
    Plans,
    /// One row per route.
    Routes,
    /// One row per workspace.
    Workspaces,
    /// One row per provider and model.
    Models,
    /// What providers say that calls cost, beside what the price table says.
    Drift,
    /// One row per provider, model and reason.
    Unpriced,
    /// What of the cost bought nothing, by cause.
    Waste,
    /// What tasks cost and were worth.
    Tasks,
    /// Gross margin by acquisition channel.
    Channels,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Weekly,
        Self::Customers,
        Self::Features,
        Self::Plans,
        Self::Routes,
        Self::Workspaces,
        Self::Models,
        Self::Drift,
        Self::Unpriced,
        Self::Waste,
        Self::Tasks,
        Self::Channels,
    ];

    /// The word in addresses and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weekly => "weekly",
            Self::Customers => "customers",
            Self::Features => "features",
            Self::Plans => "plans",
            Self::Routes => "routes",
            Self::Workspaces => "workspaces",
            Self::Models => "models",
            Self::Drift => "drift",
            Self::Unpriced => "unpriced",
            Self::Waste => "waste",
            Self::Tasks => "tasks",
            Self::Channels => "channels",
        }
    }
}

impl Kind {
    /// Whether all its costs are kept as they were booked at first, too. What of a cost was for nothing, and what tasks
    /// cost, is kept as it stands alone.
    pub fn has_original_costs(self) -> bool {
        match self {
            Self::Customers
            | Self::Features
            | Self::Plans
            | Self::Routes
            | Self::Workspaces
            | Self::Models
            | Self::Unpriced
            | Self::Channels => true,
            Self::Weekly | Self::Drift | Self::Waste | Self::Tasks => false,
        }
    }
}

/// A report was asked for costs that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOriginalCosts(Kind);

impl std::error::Error for NoOriginalCosts {}

impl fmt::Display for NoOriginalCosts {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let can = Kind::ALL.into_iter().filter(|kind| kind.has_original_costs()).map(Kind::as_str);
        write!(
            to,
            "`{}` has no costs as they were booked at first; reports that have them: {}",
            self.0.as_str(),
            can.collect::<Vec<_>>().join(", ")
        )
    }
}

/// No report of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownReport;

impl std::error::Error for UnknownReport {}

impl fmt::Display for UnknownReport {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "is no report; there are: {}", Kind::ALL.map(Kind::as_str).join(", "))
    }
}

impl FromStr for Kind {
    type Err = UnknownReport;

    fn from_str(text: &str) -> Result<Self, UnknownReport> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownReport)
    }
}

/// Why a time is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Not a date nor an instant.
    #[error(
        "{key}: `{text}` is neither a date such as 2026-11-16 nor an instant such as 2026-11-16T09:30:00Z"
    )]
    NotATime {
        /// Which one.
        key: &'static str,
        /// What was written.
        text: String,
    },
    /// Ends before it begins.
    #[error("`from` does not lie before `to`")]
    Backwards,
    /// Covers more than anybody has billed.
    #[error("`from` and `to` are more than five years apart")]
    TooLong,
}

/// Five years: plans are paid period by period, and a report goes through all of them.
const RANGE_MAX_NS: u64 = 1_827 * 86_400_000_000_000;

impl Range {
    /// From what somebody wrote. Without both: the seven days that end today; with one: seven days from or to it.
    pub fn parse(from: Option<&str>, to: Option<&str>, now: UnixNanos) -> Result<Self, RangeError> {
        const WEEK_NS: u64 = 7 * 86_400_000_000_000;
        let from = from.map(|text| instant("from", text)).transpose()?;
        let to = to.map(|text| instant("to", text)).transpose()?;
        let range = match (from, to) {
            (None, None) => week_of(now),
            (Some(from), None) => Self { from, to: from.saturating_add(WEEK_NS) },
            (None, Some(to)) => Self { from: to.saturating_sub(WEEK_NS), to },
            (Some(from), Some(to)) => Self { from, to },
        };
        match range.to.checked_sub(range.from) {
            None | Some(0) => Err(RangeError::Backwards),
            Some(length) if length > RANGE_MAX_NS => Err(RangeError::TooLong),
            Some(_) => Ok(range),
        }
    }
}

fn instant(key: &'static str, text: &str) -> Result<UnixNanos, RangeError> {
    let at: Option<Instant> = text.parse().ok();
    // The store's integers end in 2262.
    let at = at.map(|Instant(at)| at).filter(|at| i64::try_from(*at).is_ok());
    at.ok_or_else(|| RangeError::NotATime { key, text: text.to_owned() })
}

fn since_ever(range: Range) -> Range {
    Range { from: 0, to: range.from }
}

/// The spans whose mean is what is usual.
fn spans_before(range: Range) -> Range {
    let length = range.to.saturating_sub(range.from);
    Range { from: range.from.saturating_sub(length.saturating_mul(SPANS)), to: range.from }
}

/// Which report, about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    kind: Kind,
    range: Range,
    costs: Costs,
    filter: Filter,
}

impl Question {
    /// With costs as they stand.
    pub fn new(kind: Kind, range: Range, filter: Filter) -> Self {
        Self { kind, range, costs: Costs::Corrected, filter }
    }

    /// With costs as they stand, or as they were booked, where the report has those.
    pub fn with(self, costs: Costs) -> Result<Self, NoOriginalCosts> {
        match costs {
            Costs::Original if !self.kind.has_original_costs() => Err(NoOriginalCosts(self.kind)),
            costs => Ok(Self { costs, ..self }),
        }
    }
}

/// What is left by plan, or by channel.
fn margins(
    kind: Kind,
    Payers { policy, .. }: Payers<'_>,
    margins: &[CustomerMargin<'_>],
    filter: &Filter,
    range: Range,
) -> Report {
    let (title, mut section) = if kind == Kind::Plans {
        let mut plans = plan_margins(policy, margins);
        // What a filter leaves nothing of is not what it is about.
        plans.retain(|plan| filter.is_of_everything() || !plan.is_empty());
        ("Gross margin by plan", plan_section(&plans))
    } else {
        ("Gross margin by channel", channels::section(policy, margins))
    };
    section.notes.extend(filter.notes_on_payers());
    Report { title: title.to_owned(), range: Some(range), sections: vec![section] }
}

/// Says what a report is about where it is not about everything, and that its emptiness is the filter's.
fn say_filter(report: &mut Report, filter: &Filter, store: &Connection) -> Result<(), StoreError> {
    report.title.push_str(&filter.in_words());
    if filter.is_of_everything() {
        return Ok(());
    }
    for section in &mut report.sections {
        section.empty = "Nothing that this filter leaves.";
    }
    if let Some(first) = report.sections.first_mut() {
        first.notes.extend(filter.notes_on_unknown(store)?);
    }
    Ok(())
}

/// Makes a report. Its time is widened to whole days, which is what the aggregates count.
pub fn answer(
    store: &Connection,
    policy: &Policy,
    caps: &[CapState],
    question: &Question,
    now: UnixNanos,
) -> Result<Report, StoreError> {
    let Question { kind, range, costs, filter } = question;
    let (kind, costs, range) = (*kind, *costs, whole_days(*range));
    let groups = |dimension, range| groups(store, dimension, range, costs, filter);
    let simple = |by, dimension| Ok(breakdown(by, &groups(dimension, range)?, range));
    let reported = Reported::read(store, range)?;
    let payers = Payers { policy, reported: &reported };
    let mut report = match kind {
        Kind::Customers => simple(By::Customer, Dimension::Customer),
        Kind::Features => simple(By::Feature, Dimension::Feature),
        Kind::Routes => simple(By::Route, Dimension::Route),
        Kind::Workspaces => simple(By::Workspace, Dimension::Workspace),
        Kind::Models => simple(By::Model, Dimension::Model),
        Kind::Plans | Kind::Channels => {
            let costs = groups(Dimension::Customer, range)?;
            Ok(margins(kind, payers, &customer_margins(payers, &costs, range, filter), filter, range))
        }
        Kind::Waste => Ok(waste(
            &[
                (By::Route, groups(Dimension::Route, range)?),
                (By::Feature, groups(Dimension::Feature, range)?),
                (By::Customer, groups(Dimension::Customer, range)?),
                (By::Model, groups(Dimension::Model, range)?),
            ],
            range,
        )),
        Kind::Tasks => {
            let quiet_since = policy.tasks.quiet_since(now);
            let by = |by| Ok::<_, StoreError>((by, task_groups(store, by, range, quiet_since, filter)?));
            Ok(tasks(&TasksBy::ALL.into_iter().map(by).collect::<Result<Vec<_>, _>>()?, range))
        }
        Kind::Drift => drift::drift(store, range, filter),
        Kind::Unpriced => Ok(unpriced(policy, unpriced_groups(store, range, costs, filter)?, range)),
        Kind::Weekly => {
            let models = groups(Dimension::Model, range)?;
            let changes = Changes::read(
                store,
                &policy.prices,
                range,
                &models,
                &groups(Dimension::Model, since_ever(range))?,
            )?;
            Ok(weekly(&WeeklyFigures {
                payers,
                range,
                customers: &groups(Dimension::Customer, range)?,
                customers_before: &groups(Dimension::Customer, before(range))?,
                features: &groups(Dimension::Feature, range)?,
                routes: &groups(Dimension::Route, range)?,
                models: &models,
                caps,
                tasks: &task_groups(store, TasksBy::Feature, range, policy.tasks.quiet_since(now), filter)?,
                workspaces: &groups(Dimension::Workspace, range)?,
                workspaces_before: &groups(Dimension::Workspace, spans_before(range))?,
                changes: &changes,
            }))
        }
    }?;
    say_filter(&mut report, filter, store)?;
    if costs == Costs::Original {
        report.title.push_str(", as booked at first");
    }
    Ok(report)
}
