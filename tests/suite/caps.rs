//! What caps are about: who a call is for and where it goes, alone and together.

use harness::{call::Call, rig::Rig, wait};
use serde_json::json;

fn chat(customer: &str, model: &str) -> Call {
    Call::chat(model).customer(customer).script(&json!({"recording": "openai-chat/unary-cached-prompt"}))
}

#[tokio::test]
async fn a_cap_may_be_about_a_model_a_plan_or_both() {
    let rig = Rig::start(
        "
version: 1
plans: {pro: {price_usd: '49.00'}, free: {price_usd: '0'}}
customers: {acme: {plan: pro}, globex: {plan: free}, initech: {plan: free}}
caps:
  - {name: dear-model, subject: {model: gpt-4o}, limit_calls: 4, window: day}
  - {name: free-each-model, subject: {plan: free}, each: model, limit_calls: 1, window: day}
",
    )
    .await;
    let status = async |customer, model| {
        let answer = rig.app.send(&chat(customer, model)).await;
        let cap = answer.json()["error"]["message"].as_str().unwrap_or("").to_owned();
        (answer.status, ["dear-model", "free-each-model"].into_iter().find(|name| cap.contains(*name)))
    };
    assert_eq!(status("globex", "gpt-4o").await, (200, None));
    assert_eq!(status("initech", "gpt-4o").await, (429, Some("free-each-model")), "one count for the plan");
    assert_eq!(status("initech", "gpt-4o-mini").await, (200, None), "and one for each model");
    for _ in 0..3 {
        assert_eq!(status("acme", "gpt-4o").await, (200, None));
    }
    assert_eq!(status("acme", "gpt-4o").await, (429, Some("dear-model")));
    assert_eq!(status("acme", "gpt-4o-mini").await, (200, None));
    rig.bursar.calls("acme", 5).await;
    let caps = rig.bursar.items("/v1/caps?name=free-each-model").await;
    let subjects: Vec<&str> = caps.iter().map(|cap| cap["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["plan=free model=gpt-4o", "plan=free model=gpt-4o-mini"]);
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn a_cap_in_tokens_counts_the_meters_it_names() {
    let rig = Rig::start(
        "
version: 1
caps:
  - {name: answers, subject: {customer: acme}, limit_tokens: 150, meters: [output, reasoning], window: day}
",
    )
    .await;
    let script = json!({"tokens": 100, "prompt_tokens": 9000});
    let call = Call::chat("gpt-4o").customer("acme").set("max_tokens", 100).script(&script);
    assert_eq!(rig.app.send(&call).await.status, 200);
    assert_eq!(rig.app.send(&call).await.status, 429, "100 more do not fit");
    assert_eq!(rig.app.send(&call.clone().set("max_tokens", 50)).await.status, 200, "50 do");
    rig.bursar.calls("acme", 3).await;
    let cap = rig.bursar.items("/v1/caps").await.remove(0);
    assert_eq!((&cap["spent"], &cap["held"], &cap["debt"]), (&json!(200), &json!(0), &json!(50)));
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn an_increase_lets_more_pass_until_it_ends_by_itself() {
    let cap = "name: c, subject: {customer: acme}, limit_calls: 1, window: day";
    let rig = Rig::start(&format!("version: 1\ncaps:\n  - {{{cap}}}\n")).await;
    let status = async || rig.app.send(&chat("acme", "gpt-4o")).await.status;
    assert_eq!((status().await, status().await), (200, 429));
    let until = jiff::Timestamp::now() + std::time::Duration::from_secs(4);
    let increase = json!({"limit_calls": 1000, "until": until.to_string(), "reason": "launch"});
    let policy = json!({"version": 1, "caps": [{
        "name": "c", "subject": {"customer": "acme"}, "limit_calls": 1, "window": "day", "increases": [increase],
    }]});
    assert_eq!(rig.bursar.put("/v1/policy", policy).await.status, 200);
    let is = async |wanted: u16| (status().await == wanted).then_some(());
    wait::until("the increase holds", async || is(200).await).await;
    assert_eq!(rig.bursar.items("/v1/caps").await[0]["limit"], 1000);
    wait::until("the increase has ended", async || is(429).await).await;
    assert!(jiff::Timestamp::now() >= until);
    assert_eq!(rig.bursar.items("/v1/caps").await[0]["limit"], 1);
}
