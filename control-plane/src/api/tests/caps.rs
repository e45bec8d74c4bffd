//! `GET /v1/caps`.

use super::{Api, batch, finished, head};
use serde_json::{Value, json};

#[tokio::test]
async fn a_hold_is_shown_with_its_call_and_its_deadline_until_the_call_ends() {
    let api = Api::start().await;
    let policy =
        "version: 1\ncaps:\n  - {name: acme, subject: {customer: acme}, limit_usd: \"1.5\", window: day}\n";
    assert_eq!(api.send("PUT", "/v1/policy", "", policy.as_bytes()).await.status, 200);
    let started = json!({"kind": "started", "head": head("acme")});
    api.post_json("/v1/events", &batch(vec![started])).await;
    let cap = api.show("/v1/caps").await.json()["items"][0].clone();
    assert_eq!(cap["held"], "0.01");
    assert_eq!(
        cap["holds"],
        json!([{
            "call": "019cc3d3-8b00-7000-8000-000000000001", "held": "0.01",
            "since": "2026-11-24T10:00:00.000000000Z", "deadline": "2026-11-24T10:15:00.000000000Z",
        }])
    );
    api.post_json("/v1/events", &batch(vec![finished()])).await;
    let cap = api.show("/v1/caps").await.json()["items"][0].clone();
    assert_eq!((&cap["held"], &cap["holds"]), (&Value::from("0"), &json!([])));
}
