//! What customers, workspaces, plans and features have spent of their budgets. Whole days come from the aggregate by
//! day; the hours before the first whole day of a period, which begins at midnight somewhere else, from that by hour.

mod accounts;

use super::{Memory, word};
use crate::{
    alerts::{
        Subject,
        evaluate::{DAY_NS, passes},
        observed::{Budget, Span, Spend, Sum},
    },
    policy::{Period, Policy, span_of_period},
    rules::Rules,
    store::{StoreError, instant, unix, word_id},
};
use accounts::Account;
pub(super) use accounts::Accounts;
use protocol::UnixNanos;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

const HOUR_NS: u64 = 3_600_000_000_000;
/// For so long it is remembered what the days before yesterday cost. Only re-ratings and ends that come days late
/// change that.
const REMEMBERED_NS: u64 = 600_000_000_000;
/// So many customers' workspaces are read in one evaluation; the others' are as they were, and come next.
const DRILLED_MAX: usize = 500;

/// What has been spent.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub(super) customers: Vec<Spend>,
    pub(super) workspaces: Vec<Spend>,
    pub(super) plans: Vec<Spend>,
    pub(super) features: Vec<Spend>,
}

/// Sums by ids of words.
#[derive(Clone, Debug, Default)]
struct Tally {
    customers: BTreeMap<i64, Sum>,
    plans: BTreeMap<i64, Sum>,
}

/// The days before yesterday.
#[derive(Debug)]
pub(super) struct Closed {
    policy: i64,
    made_at: UnixNanos,
    today: u64,
    /// The periods that are counted.
    starts: BTreeMap<i64, UnixNanos>,
    tally: Tally,
}

/// Workspaces of one customer, as they were read.
#[derive(Clone, Debug)]
pub(super) struct Drilled {
    start: UnixNanos,
    /// What the customer had spent then: nothing new is read until that changes.
    pico: i128,
    at: UnixNanos,
    workspaces: Vec<(Box<str>, Sum)>,
}

/// The periods that days are counted into.
struct Periods<'a> {
    customers: BTreeMap<i64, &'a Account>,
    plans: BTreeMap<i64, Span>,
}

pub(super) fn read(
    store: &Connection,
    rules: &Rules,
    memory: &mut Memory,
    now: UnixNanos,
) -> Result<Spent, StoreError> {
    let (policy, version, today) = (rules.policy(), rules.stored.version, now / DAY_NS);
    let accounts = memory.accounts.refresh(store, policy, version, now)?.to_vec();
    let periods = Periods {
        customers: accounts.iter().filter_map(|account| Some((account.id?, account))).collect(),
        plans: plan_periods(store, policy, now)?,
    };
    let still = |closed: &Closed| {
        closed.policy == version
            && closed.today == today
            && (closed.made_at..closed.made_at.saturating_add(REMEMBERED_NS)).contains(&now)
    };
    let closed = match memory.closed.take().filter(still) {
        Some(closed) => closed,
        None => closed(store, &periods, version, today, now)?,
    };
    let recent = days(store, &periods, today.saturating_sub(1), u64::MAX)?;
    let mut customers = Vec::with_capacity(accounts.len());
    for account in &accounts {
        let sum = match account.id {
            None => Sum::default(),
            Some(id) => {
                let counted = closed.starts.get(&id) == Some(&account.period.0);
                let before = closed.tally.customers.get(&id).filter(|_| counted);
                let fresh = account.first_day() > today.saturating_sub(1);
                let edge = if fresh { edge(store, id, account)? } else { Sum::default() };
                let recent = recent.customers.get(&id).copied().unwrap_or_default();
                before.copied().unwrap_or_default().and(recent).and(edge)
            }
        };
        customers.push(Spend {
            subject: Subject::of([("customer", account.name.as_str())]),
            customer: Some(account.name.as_str().into()),
            plan: Some(account.plan.as_str().into()),
            period: account.period,
            budget: account.budget,
            sum,
        });
    }
    let workspaces = workspaces(store, policy, &accounts, &customers, memory, now)?;
    let plans = plans(store, policy, &accounts, &[&closed.tally, &recent], now)?;
    memory.closed = Some(closed);
    Ok(Spent { workspaces, plans, features: features(store, &accounts, now)?, customers })
}

fn closed(
    store: &Connection,
    periods: &Periods<'_>,
    policy: i64,
    today: u64,
    now: UnixNanos,
) -> Result<Closed, StoreError> {
    let until = today.saturating_sub(1);
    let firsts = periods.customers.values().map(|account| account.first_day());
    let first = firsts.chain(periods.plans.values().map(|(start, _)| start / DAY_NS)).min();
    let mut tally = days(store, periods, first.unwrap_or(until), until)?;
    for (id, account) in periods.customers.iter().filter(|(_, account)| account.first_day() <= until) {
        let edge = edge(store, *id, account)?;
        if edge != Sum::default() {
            let sum = tally.customers.entry(*id).or_default();
            *sum = sum.and(edge);
        }
    }
    let starts = periods.customers.iter().map(|(id, account)| (*id, account.period.0)).collect();
    Ok(Closed { policy, made_at: now, today, starts, tally })
}

/// What whole days count, from one until before another.
fn days(store: &Connection, periods: &Periods<'_>, from: u64, to: u64) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let mut statement = store.prepare_cached(
        "SELECT day, customer, plan, cost_pico, unpriced FROM by_day_customer WHERE day >= ?1 AND day < ?2",
    )?;
    let mut rows = statement.query(params![instant(from), instant(to)])?;
    while let Some(row) = rows.next()? {
        let (day, customer, plan): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (day, pico, unpriced) = (unix(day), row.get(3)?, row.get(4)?);
        if periods.customers.get(&customer).is_some_and(|account| day >= account.first_day()) {
            let sum = tally.customers.entry(customer).or_default();
            *sum = sum.plus(pico, unpriced);
        }
        if periods.plans.get(&plan).is_some_and(|(start, _)| day >= start / DAY_NS) {
            let sum = tally.plans.entry(plan).or_default();
            *sum = sum.plus(pico, unpriced);
        }
    }
    Ok(tally)
}

/// The hours of a period before its first whole day.
fn edge(store: &Connection, id: i64, account: &Account) -> Result<Sum, StoreError> {
    let (from, to) = (account.period.0.div_ceil(HOUR_NS), account.first_day().saturating_mul(24));
    let mut sum = Sum::default();
    if from < to {
        for (_, part) in by_workspace(store, id, from, to)? {
            sum = sum.and(part);
        }
    }
    Ok(sum)
}

fn by_workspace(
    store: &Connection,
    customer: i64,
    from: u64,
    to: u64,
) -> Result<BTreeMap<i64, Sum>, StoreError> {
    let mut statement = store.prepare_cached(
        "SELECT workspace, cost_pico, unpriced FROM by_hour_workspace
         WHERE customer = ?1 AND hour >= ?2 AND hour < ?3",
    )?;
    let mut rows = statement.query(params![customer, instant(from), instant(to)])?;
    let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let sum = sums.entry(row.get(0)?).or_default();
        *sum = sum.plus(row.get(1)?, row.get(2)?);
    }
    Ok(sums)
}

/// The workspaces of customers that have passed the lowest threshold. No workspace passes one before its customer
/// does.
fn workspaces(
    store: &Connection,
    policy: &Policy,
    accounts: &[Account],
    customers: &[Spend],
    memory: &mut Memory,
    now: UnixNanos,
) -> Result<Vec<Spend>, StoreError> {
    let Some(lowest) = policy.alerts.margin_percent.iter().min() else { return Ok(Vec::new()) };
    let pairs = accounts.iter().zip(customers);
    let hot = pairs.filter(|(_, spend)| passes(spend.sum.pico, spend.budget, *lowest));
    let mut hot: Vec<(i64, &Account, &Spend)> =
        hot.filter_map(|(account, spend)| Some((account.id?, account, spend))).collect();
    let known = std::mem::take(&mut memory.workspaces);
    // Those that were read longest ago first.
    hot.sort_by_key(|(id, _, _)| known.get(id).map(|drilled| drilled.at));
    let mut read: usize = 0;
    let mut workspaces = Vec::new();
    for (id, account, spend) in hot {
        let before = known.get(&id).filter(|drilled| drilled.start == account.period.0);
        let drilled = match before {
            Some(drilled) if drilled.pico == spend.sum.pico || read >= DRILLED_MAX => drilled.clone(),
            None if read >= DRILLED_MAX => continue,
            _ => {
                read = read.saturating_add(1);
                drill(store, id, account, spend.sum.pico, now)?
            }
        };
        for (workspace, sum) in &drilled.workspaces {
            workspaces.push(Spend {
                subject: Subject::of([("customer", account.name.as_str()), ("workspace", workspace)]),
                sum: *sum,
                ..spend.clone()
            });
        }
        memory.workspaces.insert(id, drilled);
    }
    Ok(workspaces)
}

fn drill(
    store: &Connection,
    id: i64,
    account: &Account,
    pico: i128,
    now: UnixNanos,
) -> Result<Drilled, StoreError> {
    let from = account.period.0.div_ceil(HOUR_NS);
    let mut workspaces = Vec::new();
    for (workspace, sum) in by_workspace(store, id, from, account.period.1.div_ceil(HOUR_NS))? {
        if let Some(workspace) = word(store, workspace)? {
            workspaces.push((workspace, sum));
        }
    }
    Ok(Drilled { start: account.period.0, pico, at: now, workspaces })
}

/// The calendar's week, month or year of each plan that has an expected margin: its customers' own periods begin on
/// all days of the month, and what each has spent so far of its own would say nothing together.
fn plan_periods(
    store: &Connection,
    policy: &Policy,
    now: UnixNanos,
) -> Result<BTreeMap<i64, Span>, StoreError> {
    let mut periods = BTreeMap::new();
    for (name, plan) in &policy.plans {
        if Budget::of_plan(plan).is_some()
            && let Some(id) = word_id(store, name.as_str())?
        {
            periods.insert(id, calendar(plan.period, now));
        }
    }
    Ok(periods)
}

fn calendar(period: Period, now: UnixNanos) -> Span {
    let nobody =
        crate::policy::Customer { plan: None, anchor_day: 1, anchor_month: 1, time_zone: None, utm: None };
    span_of_period(&nobody, period, now)
}

fn plans(
    store: &Connection,
    policy: &Policy,
    accounts: &[Account],
    tallies: &[&Tally],
    now: UnixNanos,
) -> Result<Vec<Spend>, StoreError> {
    let mut budgets: BTreeMap<&str, Budget> = BTreeMap::new();
    for account in accounts {
        let budget = budgets.entry(account.plan.as_str()).or_default();
        *budget = budget.plus(account.budget);
    }
    let mut plans = Vec::with_capacity(budgets.len());
    for (name, plan) in &policy.plans {
        let Some(budget) = budgets.get(name.as_str()) else { continue };
        let id = word_id(store, name.as_str())?;
        let sums = tallies.iter().filter_map(|tally| tally.plans.get(&id?).copied());
        plans.push(Spend {
            subject: Subject::of([("plan", name.as_str())]),
            customer: None,
            plan: Some(name.as_str().into()),
            period: calendar(plan.period, now),
            budget: *budget,
            sum: sums.fold(Sum::default(), Sum::and),
        });
    }
    Ok(plans)
}

/// Features serve customers of all plans, so they are held against what all plans leave room for in the calendar
/// month.
fn features(store: &Connection, accounts: &[Account], now: UnixNanos) -> Result<Vec<Spend>, StoreError> {
    let month = calendar(Period::Month, now);
    let budget = accounts.iter().fold(Budget::default(), |sum, account| sum.plus(account.a_month(month)));
    if budget == Budget::default() {
        return Ok(Vec::new());
    }
    let mut statement = store.prepare_cached(
        "SELECT feature, cost_pico, unpriced FROM by_day_feature WHERE day >= ?1 AND day < ?2",
    )?;
    let mut rows = statement.query(params![instant(month.0 / DAY_NS), instant(month.1 / DAY_NS)])?;
    let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let sum = sums.entry(row.get(0)?).or_default();
        *sum = sum.plus(row.get(1)?, row.get(2)?);
    }
    let mut features = Vec::with_capacity(sums.len());
    for (feature, sum) in sums {
        if let Some(name) = word(store, feature)? {
            let subject = Subject::of([("feature", &name)]);
            features.push(Spend { subject, customer: None, plan: None, period: month, budget, sum });
        }
    }
    Ok(features)
}
