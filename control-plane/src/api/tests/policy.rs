//! `POST /v1/policy/explanations` and `/v1/policy/replays`.

use super::{Answer, Api, CATALOGUE, POLICY, batch, finished};
use serde_json::json;

async fn with_a_call() -> Api {
    let api = Api::start().await;
    api.send("POST", "/v1/prices/imports", "", CATALOGUE.as_bytes()).await;
    assert_eq!(api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await.status, 200);
    assert_eq!(api.post_json("/v1/events", &batch(vec![finished()])).await.status, 200);
    api
}

async fn post(api: &Api, path: &str, body: &str) -> Answer {
    api.send("POST", path, "", body.as_bytes()).await
}

#[tokio::test]
async fn a_call_is_explained_by_the_policy_in_force_or_the_one_in_the_body() {
    let api = with_a_call().await;
    let call =
        "/v1/policy/explanations?customer=acme&provider=openai&model=gpt-4o&input_tokens=100&max_tokens=10";
    let in_force = post(&api, call, "").await.json();
    let cap = &in_force["caps"]["items"][0];
    // 3 × 2.5 and 4 × 10 USD per million were spent; 100 × 2.5 and 10 × 10 would be held.
    assert_eq!((&cap["spent"], &cap["holds"]), (&json!("0.0000475 USD"), &json!("0.00035 USD")));
    let other = post(&api, call, &POLICY.replace("1.5", "0.0001")).await.json();
    assert_eq!(other["caps"]["items"][0]["larger_than_cap"], "yes");
    let csv = post(&api, &format!("{call}&format=csv"), "").await;
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(post(&api, "/v1/policy/explanations?max_tokens=-1", "").await.status, 400);
    assert_eq!(post(&api, "/v1/policy/explanations?custmer=acme", "").await.status, 400);
    assert_eq!(post(&api, call, "version: 2\ncap: []\n").await.json()["errors"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_replay_says_what_would_have_been_refused_and_changes_nothing() {
    let api = with_a_call().await;
    let replay = "/v1/policy/replays?since=1h&until=2026-11-24T10:00:01Z";
    let report = post(&api, replay, &POLICY.replace("1.5", "0.0001")).await.json();
    let all = &report["in_all"]["items"][0];
    assert_eq!(
        (&all["calls"], &all["refused"], &all["saved_usd"]),
        (&json!(1), &json!(1), &json!("0.0000475"))
    );
    assert_eq!(report["caps"]["items"][0]["first_at"], "2026-11-24T10:00:00.000000000Z");
    assert_eq!(api.show("/v1/policy").await.json()["version"], 1);
    let markdown = post(&api, &format!("{replay}&format=md"), POLICY).await;
    assert!(markdown.text().contains("Every limit always had room."), "{}", markdown.text());
    assert_eq!(post(&api, "/v1/policy/replays?since=soon", POLICY).await.status, 400);
    assert_eq!(post(&api, "/v1/policy/replays?since=1h&until=2h", POLICY).await.status, 400);
    let faulty = post(&api, replay, "version: 2\ncap: []\n").await;
    assert_eq!((faulty.status, faulty.json()["errors"].as_array().unwrap().len()), (422, 2));
}
