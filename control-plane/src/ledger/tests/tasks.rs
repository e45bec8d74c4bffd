//! Tasks and lists.

use super::*;
use crate::ledger::{
    calls::{Filter, WordColumn},
    tasks::{self, OutcomeReport, Reporting, TaskOutcome},
};

async fn report(ledger: &Ledger, outcome: TaskOutcome, revision: Option<i64>) -> Reporting {
    let report = OutcomeReport { outcome, reason: None, revision };
    ledger.store.write(move |write| tasks::report(write, "t-1", &report, NOW)).await.unwrap()
}

async fn task(ledger: &Ledger) -> tasks::Task {
    ledger.store.read(|connection| tasks::find(connection, "t-1")).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_outcome_is_inferred_until_the_application_reports_one() {
    let ledger = Ledger::new();
    ledger.book(vec![started(2), finished(1)]).await;
    let before = task(&ledger).await;
    assert_eq!((before.outcome, before.outcome_source), (Some(TaskOutcome::Succeeded), Some("inferred")));
    assert_eq!((before.open, before.calls, before.cost_usd.to_string()), (1, 1, "0.000075".to_owned()));
    report(&ledger, TaskOutcome::Failed, Some(1)).await;
    let after = task(&ledger).await;
    assert_eq!((after.outcome, after.outcome_source), (Some(TaskOutcome::Failed), Some("reported")));
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
    let open = Filter { state: Some(State::Open), ..Filter::default() };
    assert_eq!(find(open).await, [id(2)]);
}
