use super::*;
use crate::{
    policy::parse,
    reports::Format,
    store::{Store, policies},
};

const OLD: &str = "
version: 1
customers: {acme: {}, globex: {anchor_day: 5}}
caps:
  - {name: day, each: customer, limit_usd: 1, window: day}
  - {name: month, limit_usd: 10, window: month}
destinations: {ops: {url: 'https://hooks.slack.com/services/T0/B0/first', kind: slack}}
";
const NEW: &str = "
version: 1
customers: {acme: {}, globex: {anchor_day: 6}}
caps:
  - {name: week, limit_calls: 7, window: week}
  - {name: day, each: customer, limit_usd: 1, window: day}
destinations: {ops: {url: 'https://hooks.slack.com/services/T0/B0/second', kind: slack}}
";

fn policy(text: &str) -> Policy {
    parse(text, "p").unwrap()
}

#[test]
fn every_value_that_differs_has_a_row_and_secrets_have_none() {
    let csv = report(&policy(OLD), &policy(NEW)).render(Format::Csv);
    for row in [
        "caps[month].limit_usd,removed,10,\n",
        "caps[week].limit_calls,added,,7\n",
        "customers.globex.anchor_day,changed,5,6\n",
    ] {
        assert!(csv.contains(row), "{row} in {csv}");
    }
    // Each limit that came or went has its own lines; the cap that moved has none.
    assert!(!csv.contains("caps[day]"), "{csv}");
    assert!(csv.contains("destinations.ops.url,changed,https://hooks.slack.com/…"), "{csv}");
    assert!(!csv.contains("first") && !csv.contains("second"), "{csv}");
    let rows = report(&policy(OLD), &policy(NEW)).sections.remove(0).rows.len();
    assert_eq!(count(&policy(OLD), &policy(NEW)), u64::try_from(rows).unwrap());
    assert_eq!(count(&policy(NEW), &policy(NEW)), 0);
}

#[tokio::test]
async fn versions_are_listed_from_the_newest_on_with_what_each_changed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    for (at, text) in [(10, "version: 1\n"), (20, OLD), (30, NEW), (40, OLD)] {
        let policy = policy(text);
        store.write(move |write| policies::put(write, policy, at)).await.unwrap();
    }
    let changes = count(&policy(OLD), &policy(NEW));
    let read = |before, limit| {
        let found = history(&store.reader().unwrap(), before, limit).unwrap();
        let shown = found.0.into_iter().map(|one| (one.version, one.since.0, one.changes));
        (shown.collect::<Vec<_>>(), found.1)
    };
    let empty = Policy { version: 1, ..Policy::default() };
    let first = count(&empty, &policy(OLD));
    let all = [(4, 40, Some(changes)), (3, 30, Some(changes)), (2, 20, Some(first)), (1, 10, Some(0))];
    assert_eq!(read(None, 10), (all.to_vec(), None));
    assert_eq!(read(None, 2), (all[..2].to_vec(), Some(3)));
    assert_eq!(read(Some(3), 2), (all[2..].to_vec(), None));
    // A policy that this version cannot read is in the list, and nothing is said of what changed.
    let broken = |write: &mut crate::store::Write<'_>| {
        write.execute("UPDATE policies SET policy = '{\"old\": 1}' WHERE version = 2", ())
    };
    store.write(broken).await.unwrap();
    let told: Vec<_> = read(None, 10).0.into_iter().map(|(_, _, changes)| changes).collect();
    assert_eq!(told, [Some(changes), None, None, Some(0)]);
    store.close().await;
}
