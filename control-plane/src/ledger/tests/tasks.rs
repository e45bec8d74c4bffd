//! Tasks and lists.

use super::*;
use crate::ledger::{
    calls::{Filter, WordColumn},
    tasks::{self, OutcomeReport, Reporting, TaskOutcome},
};
use protocol::outcome::TaskReport;

async fn report(ledger: &Ledger, outcome: TaskOutcome, revision: Option<i64>) -> Reporting {
    let report = OutcomeReport { outcome, reason: None, revision };
    ledger.store.write(move |write| tasks::report(write, "t-1", &report, NOW)).await.unwrap()
}

async fn task(ledger: &Ledger) -> tasks::Task {
    task_at(ledger, NOW + MINUTE).await
}

/// As it stands where nothing was heard of it since.
async fn task_at(ledger: &Ledger, quiet_since: UnixNanos) -> tasks::Task {
    ledger.store.read(move |store| tasks::find(store, "t-1", quiet_since)).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_outcome_is_inferred_once_it_is_quiet_until_the_application_reports_one() {
    let ledger = Ledger::new();
    ledger.book(vec![started(2), finished(1)]).await;
    let open = task(&ledger).await;
    assert_eq!((open.outcome, open.open, open.calls), (None, 1, 1));
    ledger.book(vec![finished(2)]).await;
    assert_eq!(task_at(&ledger, NOW + 1).await.outcome, None, "a call has come since");
    let before = task_at(&ledger, NOW + 2).await;
    assert_eq!((before.outcome, before.outcome_source), (Some(TaskOutcome::Succeeded), Some("inferred")));
    assert_eq!((before.calls, before.cost_usd.to_string()), (2, "0.00015".to_owned()));
    report(&ledger, TaskOutcome::Failed, Some(1)).await;
    let after = task(&ledger).await;
    assert_eq!((after.outcome, after.outcome_source), (Some(TaskOutcome::Failed), Some("reported")));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn it_is_the_last_call_that_tells_whenever_it_is_booked() {
    let ledger = Ledger::new();
    let failed = CallEnd { outcome: Outcome::Error, ..end(10, 5) };
    ledger.book(vec![ended(3, failed)]).await;
    ledger.book(vec![finished(2)]).await;
    assert_eq!(task(&ledger).await.outcome, Some(TaskOutcome::Failed));
    ledger.book(vec![finished(4)]).await;
    assert_eq!(task(&ledger).await.outcome, Some(TaskOutcome::Succeeded));
    // An orphan tells nothing, until its end comes after all.
    ledger.book(vec![started(5)]).await;
    ledger.close_orphans(NOW + MINUTE).await;
    assert_eq!(task(&ledger).await.outcome, None);
    ledger.book(vec![ended(5, CallEnd { outcome: Outcome::ClientAborted, ..end(10, 5) })]).await;
    assert_eq!(task(&ledger).await.outcome, Some(TaskOutcome::Abandoned));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn the_parts_of_a_task_s_cost_add_up_and_a_failed_task_was_for_nothing() {
    let ledger = Ledger::new();
    let with = |outcome| CallEnd { outcome, ..end(10, 5) };
    let outcomes = [Outcome::InvalidJson, Outcome::Error, Outcome::ClientAborted, Outcome::Ok];
    ledger.book((1..).zip(outcomes).map(|(number, outcome)| ended(number, with(outcome))).collect()).await;
    let one: PicoUsd = "0.000075".parse().unwrap();
    let split = tasks::Split {
        useful_usd: one,
        failed_calls_usd: one,
        invalid_output_usd: one,
        aborted_usd: one,
        ..tasks::Split::default()
    };
    assert_eq!(task(&ledger).await.split, split);
    report(&ledger, TaskOutcome::Abandoned, None).await;
    let split = tasks::Split { useful_usd: PicoUsd::ZERO, abandoned_usd: one, ..split };
    assert_eq!(task(&ledger).await.split, split);
    report(&ledger, TaskOutcome::Voided, None).await;
    assert_eq!(task(&ledger).await.split.useful_usd, one, "it does not count, and was no waste");
}

#[tokio::test]
async fn what_a_backend_says_in_an_answer_stands_until_it_says_something_later() {
    let ledger = Ledger::new();
    let said = |outcome, after_ms: u64| UsageEvent::Outcome {
        report: TaskReport {
            task: "t-1".parse().unwrap(),
            outcome,
            reason: None,
            at: NOW + after_ms * 1_000_000,
        },
    };
    ledger.book(vec![finished(1), said(TaskOutcome::Failed, 9), said(TaskOutcome::Succeeded, 5)]).await;
    assert_eq!(task(&ledger).await.outcome, Some(TaskOutcome::Failed));
    let repeated = ledger.book(vec![said(TaskOutcome::Failed, 9), said(TaskOutcome::Voided, 9)]).await;
    assert_eq!(repeated, [ItemResult::Accepted, ItemResult::Conflict]);
    assert_eq!(task(&ledger).await.outcome_source, Some("reported"));
    report(&ledger, TaskOutcome::Abandoned, None).await;
    assert_eq!(task(&ledger).await.outcome, Some(TaskOutcome::Abandoned));
}

#[tokio::test]
async fn one_task_of_two_customers_is_a_conflict_that_names_both() {
    let ledger = Ledger::new();
    let mut other = head(2);
    let globex = Attributed { value: "globex".parse().unwrap(), from: Source::Header };
    other.attribution.set(Dimension::Customer, globex);
    ledger.book(vec![finished(1)]).await;
    assert!(task(&ledger).await.conflict.is_empty());
    ledger.book(vec![UsageEvent::Finished { head: other, end: Box::new(end(10, 5)) }, finished(3)]).await;
    let task = task(&ledger).await;
    let owners: Vec<(Option<&str>, i64)> =
        task.conflict.iter().map(|owner| (owner.customer.as_deref(), owner.calls)).collect();
    assert_eq!(owners, [(Some("acme"), 2), (Some("globex"), 1)]);
    assert_eq!((task.customer.as_deref(), task.calls), (Some("acme"), 3));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn reports_may_come_twice_and_out_of_order_and_the_highest_revision_stands() {
    let ledger = Ledger::new();
    assert_eq!(report(&ledger, TaskOutcome::Succeeded, Some(2)).await, Reporting::Taken);
    assert_eq!(report(&ledger, TaskOutcome::Failed, Some(1)).await, Reporting::Taken);
    assert_eq!(report(&ledger, TaskOutcome::Succeeded, Some(2)).await, Reporting::Taken);
    assert_eq!(report(&ledger, TaskOutcome::Voided, Some(2)).await, Reporting::Conflict);
    let standing = task(&ledger).await;
    assert_eq!((standing.outcome, standing.revision), (Some(TaskOutcome::Succeeded), Some(2)));
    assert_eq!(report(&ledger, TaskOutcome::Abandoned, None).await, Reporting::Taken);
    assert_eq!(task(&ledger).await.revision, Some(3));
}

#[tokio::test]
async fn a_list_is_newest_first_and_its_pages_are_the_whole() {
    let ledger = Ledger::new();
    ledger.book((0..25).map(finished).collect()).await;
    let (mut filter, mut seen) = (Filter::default(), Vec::new());
    loop {
        let asked = filter.clone();
        let (page, next) =
            ledger.store.read(move |connection| calls::list(connection, &asked, 10)).await.unwrap();
        seen.extend(page.into_iter().map(|call| call.id));
        filter.before = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..25).rev().map(id).collect::<Vec<_>>());
}

#[tokio::test]
async fn calls_are_found_by_request_id_by_task_and_by_the_absence_of_a_customer() {
    let ledger = Ledger::new();
    let mut nobody = head(2);
    nobody.attribution = Attribution::default();
    ledger.book(vec![finished(1), UsageEvent::Started { head: nobody }]).await;
    let find = async |filter: Filter| -> Vec<CallId> {
        let (calls, _) =
            ledger.store.read(move |connection| calls::list(connection, &filter, 10)).await.unwrap();
        calls.into_iter().map(|call| call.id).collect()
    };
    let by_request = Filter { request_id: Some("request-1".to_owned()), ..Filter::default() };
    assert_eq!(find(by_request).await, [id(1)]);
    let by_word = |column, text: &str| Filter { words: vec![(column, text.to_owned())], ..Filter::default() };
    assert_eq!(find(by_word(WordColumn::Task, "t-1")).await, [id(1)]);
    assert_eq!(find(by_word(WordColumn::Customer, "")).await, [id(2)]);
    assert!(find(by_word(WordColumn::Customer, "globex")).await.is_empty());
    let open = Filter { states: vec![State::Open], ..Filter::default() };
    assert_eq!(find(open).await, [id(2)]);
}
