//! `bursar alerts`, on a store with an alert in it.

use super::*;
use crate::{
    alerts::{Evaluator, desk},
    app::App,
};

/// A desk whose store has an alert that nobody took.
fn alerted() -> Desk {
    let desk = Desk::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = App::open(&desk.path("data"), Clock::from_source(|| NOW)).unwrap();
    runtime.block_on(async {
        let policy = crate::policy::parse(&format!("version: 1\n{}", desk::POLICY), "p").unwrap();
        app.put_policy(policy).await.unwrap();
        let evaluator = Evaluator::new(app.clone());
        evaluator.evaluate().await.unwrap();
        let book = |write: &mut crate::store::Write<'_>| {
            let (acme, pro) = (write.word(Some("acme"))?, write.word(Some("pro"))?);
            write.execute(
                "INSERT INTO by_day_customer (day, customer, plan, calls, refused, errors, unpriced, estimated,
                     unattributed, tokens_in, tokens_out, cost_pico)
                 VALUES (?1, ?2, ?3, 1, 0, 0, 0, 0, 0, 0, 0, 5000000000000)",
                [i64::try_from(NOW / 86_400_000_000_000).unwrap(), acme, pro],
            )
        };
        app.store.write(book).await.unwrap();
        evaluator.evaluate().await.unwrap();
        drop(evaluator);
        app.store.close().await;
    });
    desk
}

#[test]
fn alerts_are_listed_and_sent_again() {
    let desk = alerted();
    let csv = desk.done("alerts list --data-dir @data --kind margin_reached --customer acme --format csv");
    let line = csv.lines().nth(1).unwrap_or_else(|| panic!("{csv}"));
    assert!(line.contains(",margin_reached,50,standing,ops: queued after 0,"), "{csv}");
    assert!(line.contains("Customer acme has passed 50 %"), "{csv}");
    let id = line.split(',').next().unwrap();
    assert_eq!(desk.done(&format!("alerts resend {id} --data-dir @data")), "on its way again to ops\n");
    let (code, said) = desk.bursar("alerts resend 4711 --data-dir @data");
    assert_eq!(code, 2);
    assert!(said.contains("there is no alert 4711"), "{said}");
    assert_eq!(desk.bursar("alerts list --data-dir @data --state open").0, 2);
    assert!(desk.done("alerts list --data-dir @data --customer nobody").contains("Nothing was raised."));
}

#[test]
fn a_test_ends_with_what_the_destination_said() {
    let desk = alerted();
    let (code, said) = desk.bursar("alerts test ops --data-dir @data");
    assert_eq!(code, 3, "nobody listens there: {said}");
    assert!(said.contains("ops: ") && !said.contains("token"), "{said}");
    let (code, said) = desk.bursar("alerts test nobody --data-dir @data");
    assert_eq!(code, 2);
    assert!(said.contains("the policy has no destination `nobody`"), "{said}");
}
