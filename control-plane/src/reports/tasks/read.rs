//! Reads what tasks cost and were worth: from the sums by spans of days where those have what is asked for, else task by
//! task.

use super::{TaskGroup, TaskTotals, TasksBy};
use crate::{
    ledger::{
        calls::WordColumn,
        spans::{Run, cover},
        tasks::{Sums, TaskOutcome, outcome_of},
    },
    reports::{
        Filter, ListFilters, Range,
        filter::Conditions,
        read::{days, pair},
        words::Words,
    },
    store::{StoreError, instant},
};
use protocol::UnixNanos;
use rusqlite::{Connection, Row, params_from_iter};
use std::collections::BTreeMap;

/// The columns of a task that both forms have, task by task.
const OF_ONE: &str = "said, last_outcome, 1 AS tasks, smooth, unpriced, cost_pico, retried_pico, failed_pico, \
    aborted_pico, invalid_pico, premium_pico";
/// The same, summed up.
const OF_A_SPAN: &str = "said, last_outcome, tasks, smooth, unpriced, cost_pico, retried_pico, failed_pico, \
    aborted_pico, invalid_pico, premium_pico";

/// Two names, what was said, what the newest call came to.
type Key = (i64, i64, Option<TaskOutcome>, i64);
/// → tasks, smooth, unpriced, and money.
type Parts = BTreeMap<Key, [i128; 9]>;

/// The tasks whose newest call lies in a span of whole days. Of those of which nothing was heard since an instant, and
/// nobody reported an outcome, the last call tells it.
pub fn task_groups(
    store: &Connection,
    by: TasksBy,
    range: Range,
    quiet_since: UnixNanos,
    filter: &Filter,
) -> Result<Vec<TaskGroup>, StoreError> {
    let Some(conditions) = filter.conditions(store, 2)? else { return Ok(Vec::new()) };
    let (from, to, quiet) = (instant(range.from), instant(range.to), instant(quiet_since));
    let mut parts = Parts::new();
    let mut count = |key, part| add(parts.entry(key).or_default(), &part, 1);
    match summed(by, filter) {
        Some(table) => {
            let (first, last) = days(range);
            for Run { span, from, to } in cover(first, last) {
                let sql = format!(
                    "SELECT {}, {OF_A_SPAN} FROM {table} WHERE span = {span} AND day >= ?1 AND day < ?2{}",
                    by.columns(),
                    conditions.sql
                );
                gather(store, &sql, [from, to], &conditions, &mut count)?;
            }
        }
        None => gather(store, &one_by_one(by, "", &conditions), [from, to], &conditions, count)?,
    }
    // Of what is still at work nobody knows what it will be worth.
    let mut at_work: Vec<(Key, [i128; 9])> = Vec::new();
    let quiet_until = quiet.saturating_add(1);
    let heard_of = [from.max(quiet_until), to];
    gather(store, &one_by_one(by, "", &conditions), heard_of, &conditions, |key, part| {
        at_work.push((key, part))
    })?;
    // Few are open at once, and an index has them alone.
    let waits = "task IN (SELECT task FROM calls WHERE state = 0 AND task <> 0) AND ";
    let open = one_by_one(by, waits, &conditions);
    gather(store, &open, [from, to.min(quiet_until)], &conditions, |key, part| at_work.push((key, part)))?;
    for ((one, two, said, last), part) in at_work.into_iter().filter(|((_, _, said, _), _)| said.is_none()) {
        add(parts.entry((one, two, said, last)).or_default(), &part, -1);
        add(parts.entry((one, two, said, 0)).or_default(), &part, 1);
    }
    name(store, by, parts)
}

/// The smallest table of sums that has what tasks are grouped and filtered by.
fn summed(by: TasksBy, filter: &Filter) -> Option<&'static str> {
    use WordColumn::{Customer, Feature, Model, Plan, Provider};
    const TABLES: [(&str, &[WordColumn]); 3] = [
        ("by_span_task", &[Plan, Feature, Provider, Model]),
        ("by_span_task_customer", &[Customer, Plan]),
        ("by_span_task_use", &[Customer, Plan, Feature, Provider, Model]),
    ];
    let asked: &[WordColumn] = match by {
        TasksBy::Feature => &[Feature],
        TasksBy::Customer => &[Customer],
        TasksBy::Plan => &[Plan],
        TasksBy::Model => &[Provider, Model],
    };
    let has_all = |columns: &[WordColumn]| {
        filter.columns().chain(asked.iter().copied()).all(|column| columns.contains(&column))
    };
    TABLES.into_iter().find(|(_, columns)| has_all(columns)).map(|(table, _)| table)
}

fn one_by_one(by: TasksBy, lead: &str, conditions: &Conditions) -> String {
    format!(
        "SELECT {}, {OF_ONE} FROM task_worth WHERE {lead}last_at >= ?1 AND last_at < ?2{}",
        by.columns(),
        conditions.sql
    )
}

fn gather(
    store: &Connection,
    sql: &str,
    span: [i64; 2],
    conditions: &Conditions,
    mut take: impl FnMut(Key, [i128; 9]),
) -> Result<(), StoreError> {
    let mut statement = store.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(span.iter().chain(&conditions.values)))?;
    while let Some(row) = rows.next()? {
        take((row.get(0)?, row.get(1)?, said(row)?, row.get(3)?), sums(row)?);
    }
    Ok(())
}

/// The outcome that was reported, as the store writes it.
fn said(row: &Row<'_>) -> Result<Option<TaskOutcome>, StoreError> {
    match row.get_ref(2)?.as_str().map_err(|error| StoreError::corrupt("an outcome", error))? {
        "" => Ok(None),
        word => outcome_of(word, true).map(Some).ok_or_else(|| StoreError::corrupt("an outcome", word)),
    }
}

fn sums(row: &Row<'_>) -> Result<[i128; 9], StoreError> {
    let mut sums = [0; 9];
    for (column, sum) in (4..).zip(&mut sums) {
        *sum = i128::from(row.get::<_, i64>(column)?);
    }
    Ok(sums)
}

fn add(sums: &mut [i128; 9], part: &[i128; 9], sign: i128) {
    for (sum, part) in sums.iter_mut().zip(part) {
        *sum = sum.saturating_add(part.saturating_mul(sign));
    }
}

fn name(store: &Connection, by: TasksBy, parts: Parts) -> Result<Vec<TaskGroup>, StoreError> {
    let mut groups: BTreeMap<(Option<Box<str>>, ListFilters), TaskTotals> = BTreeMap::new();
    let mut words = Words::of(store);
    for ((one, two, said, last), sums) in parts {
        let [tasks, smooth, unpriced, ..] = sums.map(|sum| u64::try_from(sum).unwrap_or(0));
        if tasks == 0 {
            continue;
        }
        let subject = match (by, words.text(one)?, words.text(two)?) {
            (TasksBy::Model, provider, model) => pair("provider", provider, "model", model),
            (_, _, name) => {
                let (_, parameter, _) = by.words();
                let filters = vec![(parameter, name.clone().unwrap_or_default())];
                (name, filters)
            }
        };
        let outcome = match said {
            Some(outcome) => Some(outcome),
            None => words.text(last)?.and_then(|word| outcome_of(&word, false)),
        };
        let [_, _, _, cost, retried, failed, aborted, invalid, premium] =
            sums.map(protocol::money::PicoUsd::new);
        let sums = Sums { cost, retried, failed, aborted, invalid, premium };
        let so_many = |is: TaskOutcome| if outcome == Some(is) { tasks } else { 0 };
        let totals = TaskTotals {
            tasks,
            succeeded: so_many(TaskOutcome::Succeeded),
            failed: so_many(TaskOutcome::Failed),
            abandoned: so_many(TaskOutcome::Abandoned),
            voided: so_many(TaskOutcome::Voided),
            inferred: if outcome.is_some() && said.is_none() { tasks } else { 0 },
            first_pass: if outcome == Some(TaskOutcome::Succeeded) { smooth } else { 0 },
            unpriced,
            cost: sums.cost,
            split: sums.split(outcome),
        };
        let sum = groups.entry(subject).or_default();
        *sum = sum.plus(totals);
    }
    Ok(groups.into_iter().map(|((name, filters), totals)| TaskGroup { name, filters, totals }).collect())
}
