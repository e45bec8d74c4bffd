//! Another configuration while calls run: nothing is lost, and a wrong one changes nothing.

use harness::{call::Call, envoy::Filter, rig::Rig, wait};
use serde_json::json;

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}, globex: {plan: pro}}
";

fn question() -> Call {
    Call::chat("gpt-4o").customer("acme").header("x-tenant", "globex").script(&json!({"tokens": 3}))
}

#[tokio::test]
async fn a_new_configuration_takes_over_and_what_the_old_one_knew_is_delivered() {
    let mut rig = Rig::with(POLICY, |setup| setup.filter = Filter::Discovered).await;
    let slow = question().streamed().script(&json!({"tokens": 40, "delay_ms": 10}));
    let mut running = rig.app.open(&slow).await.unwrap();
    running.events(2).await;
    for _ in 0..5 {
        assert_eq!(rig.app.send(&question()).await.status, 200);
    }
    rig.envoy.configure(|configuration| {
        configuration.push(("identity".to_owned(), json!({"customer": [{"header": "x-tenant"}]})));
    });
    let mut sent = 0;
    let taken_over = async || {
        sent += 1;
        let answer = rig.app.send(&question()).await;
        let id = answer.header("x-bursar-call")?.to_owned();
        let booked = wait::until("the call is booked", async || {
            let call = rig.bursar.client().send(&Call::get(&format!("/v1/calls/{id}"))).await;
            (call.status == 200).then(|| call.json())
        });
        (booked.await["customer"] == "globex").then_some(())
    };
    wait::until("the new configuration is in force", taken_over).await;
    let answer = running.rest().await;
    assert!(
        answer.cut.is_none() && answer.events().len() == 43,
        "the running stream is not touched: {answer:?}"
    );
    // The one that told that the new configuration is there is globex's; all others are acme's.
    rig.bursar.calls("acme", 5 + 1 + sent - 1).await;
    rig.bursar.calls("globex", 1).await;
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_the_path_of_its_key_and_the_old_one_stays() {
    let mut rig = Rig::with(POLICY, |setup| setup.filter = Filter::Discovered).await;
    rig.envoy.configure(|configuration| {
        configuration.push(("outbox".to_owned(), json!({"max_evnets": 3, "flush_ms": "soon"})));
    });
    let refused = async || {
        let log = rig.envoy.process.log();
        (log.contains("outbox.max_evnets") && log.contains("outbox.flush_ms")).then_some(())
    };
    wait::until("both faults are in Envoy's log", refused).await;
    assert_eq!(rig.app.send(&question()).await.status, 200);
    rig.bursar.calls("acme", 1).await;
}
