//! What tasks were worth: reported by the API, or by the application's own backend in the head of an answer.

use harness::{call::Call, rig::Rig, wait};
use serde_json::{Value, json};

async fn task(rig: &Rig, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = Call::get(&format!("/v1/tasks/{name}"));
    let as_wanted = async || {
        let answer = rig.bursar.client().send(&path).await;
        (answer.status == 200).then(|| answer.json()).filter(&wanted)
    };
    wait::until("the task is as wanted", as_wanted).await
}

/// An answer of the application's own backend.
fn answer(headers: &Value) -> Call {
    Call::get("/orders/7").script(&json!({"headers": headers}))
}

#[tokio::test]
async fn a_backend_says_what_a_task_was_worth_and_its_client_does_not_see_it() {
    let rig = Rig::with("version: 1", |setup| {
        setup.configuration.push(("outcome_headers".to_owned(), json!(true)));
    })
    .await;
    let call = Call::chat("gpt-4o").customer("acme").header("x-bursar-task", "t-1");
    rig.app.send(&call).await;
    let said =
        json!({"x-bursar-task": "t-1", "x-bursar-outcome": "failed", "x-bursar-outcome-reason": "empty"});
    let got = rig.app.send(&answer(&said)).await;
    assert!(got.headers.keys().all(|name| !name.as_str().starts_with("x-bursar")), "{:?}", got.headers);
    let failed = task(&rig, "t-1", |task| task["outcome"] == "failed" && task["calls"] == 1).await;
    assert_eq!((&failed["outcome_source"], &failed["outcome_reason"]), (&json!("reported"), &json!("empty")));
    assert_eq!(failed["split"]["abandoned_usd"], failed["cost_usd"]);
    // Later words stand, and the API's after them.
    rig.app.send(&answer(&json!({"x-bursar-task": "t-1", "x-bursar-outcome": "succeeded"}))).await;
    task(&rig, "t-1", |task| task["outcome"] == "succeeded").await;
    let put = rig.bursar.put("/v1/tasks/t-1/outcome", json!({"outcome": "voided"})).await;
    assert_eq!(put.json()["outcome"], "voided");
    // What cannot be read is counted.
    rig.app.send(&answer(&json!({"x-bursar-task": "t-1", "x-bursar-outcome": "great"}))).await;
    let counted = async || rig.envoy.metric("bursar_filter_faults_total{kind=\"outcome_header\"}").await;
    assert_eq!(wait::until("it is counted", counted).await, 1);
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn unless_it_is_asked_for_nobody_listens_to_answers() {
    let rig = Rig::start("version: 1").await;
    let said = json!({"x-bursar-task": "t-1", "x-bursar-outcome": "failed"});
    let got = rig.app.send(&answer(&said)).await;
    assert_eq!(got.header("x-bursar-outcome"), Some("failed"));
}
