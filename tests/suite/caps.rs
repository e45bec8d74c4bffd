//! What caps are about: who a call is for and where it goes, alone and together.

use harness::{call::Call, rig::Rig};
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
