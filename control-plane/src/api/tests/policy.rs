//! `/v1/policy`, its versions, and `POST /v1/policy/explanations`, `/v1/policy/replays` and `/v1/policy/diffs`.

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

const DESTINATION: &str =
    "destinations: {ops: {url: 'https://hooks.slack.com/services/T0/B0/secret', kind: slack}}\n";

async fn put(api: &Api, query: &str, body: &str) -> Answer {
    api.send("PUT", &format!("/v1/policy{query}"), "", body.as_bytes()).await
}

#[tokio::test]
async fn a_policy_replaces_the_version_it_was_written_for_and_no_other() {
    let api = Api::start().await;
    let second = POLICY.replace("1.5", "2.5");
    assert_eq!(put(&api, "?if_version=0", POLICY).await.json()["version"], 1);
    let stale = put(&api, "?if_version=0", &second).await;
    assert_eq!((stale.status, stale.header("content-type")), (409, Some("application/problem+json")));
    assert_eq!(stale.json()["detail"], "version 1 of the policy is in force, and not 0");
    assert_eq!(put(&api, "?if_version=0&dry_run=true", &second).await.status, 409);
    assert_eq!(api.show("/v1/policy").await.json()["policy"]["caps"][0]["limit_usd"], "1.5");
    assert_eq!(put(&api, "?if_version=1&dry_run=true", &second).await.json()["version"], 2);
    assert_eq!(put(&api, "?if_version=1", &second).await.json()["version"], 2);
    assert_eq!(put(&api, "?if_version=latest", &second).await.status, 400);
    assert_eq!(put(&api, "?if_version=-1", &second).await.status, 400);
}

#[tokio::test]
async fn older_versions_are_listed_shown_and_compared_with() {
    let api = Api::start().await;
    let with_destination = format!("{POLICY}{DESTINATION}");
    for text in [POLICY, &with_destination, &with_destination.replace("secret", "other")] {
        put(&api, "", text).await;
    }
    let listed = api.show("/v1/policy/versions?limit=2").await.json();
    let first = &listed["items"][0];
    assert_eq!((&first["version"], &first["changes"], &listed["next"]), (&json!(3), &json!(1), &json!("2")));
    assert_eq!(first["since"], "2026-11-24T10:00:00.000000000Z");
    let rest = api.show("/v1/policy/versions?cursor=2").await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &json!(null)));
    let older = api.show("/v1/policy?version=2").await;
    assert_eq!((&older.json()["version"], older.text().contains("secret")), (&json!(2), false));
    assert_eq!(api.show("/v1/policy?version=0").await.json()["policy"]["caps"], json!(null));
    assert_eq!(api.show("/v1/policy?version=4").await.status, 404);
    assert_eq!(api.show("/v1/policy?version=two").await.status, 400);

    let none = post(&api, "/v1/policy/diffs?against=2", &with_destination).await.json();
    assert_eq!(none["items"], json!([]));
    // What was shown is compared as what it stands for.
    let shown = older.json()["policy"].to_string();
    assert_eq!(post(&api, "/v1/policy/diffs?against=2", &shown).await.json(), none);
    let diff = post(&api, "/v1/policy/diffs?format=csv", &with_destination).await;
    assert_eq!(diff.header("content-type"), Some("text/csv; charset=utf-8"));
    let text = diff.text();
    assert!(text.contains("destinations.ops.url,changed,https://hooks.slack.com/…"), "{text}");
    assert!(!text.contains("secret") && !text.contains("services"), "{text}");
    assert_eq!(post(&api, "/v1/policy/diffs?against=9", POLICY).await.status, 404);
    assert_eq!(post(&api, "/v1/policy/diffs?format=xml", POLICY).await.status, 400);
    assert_eq!(
        post(&api, "/v1/policy/diffs", "version: 2\ncap: []\n").await.json()["errors"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    // The one in force stands for itself; put back, an older one has the addresses that it had.
    let same = api.show("/v1/policy").await.json()["policy"].to_string();
    assert_eq!(put(&api, "?if_version=3", &same).await.json()["version"], 3);
    assert_eq!(put(&api, "", &shown).await.json()["version"], 4);
    assert_eq!(post(&api, "/v1/policy/diffs?against=2", &with_destination).await.json(), none);
    assert_eq!(post(&api, "/v1/policy/diffs", &with_destination).await.json(), none);
    let lost =
        put(&api, "", "version: 1\ndestinations:\n  ops: {url: 'https://a.b/…00', kind: slack}\n").await;
    let fault = &lost.json()["errors"][0];
    assert_eq!(
        (lost.status, &fault["path"], &fault["line"]),
        (422, &json!("destinations.ops.url"), &json!(3))
    );
}

#[tokio::test]
async fn what_a_catalogue_s_address_knows_is_not_shown_and_comes_back() {
    let api = Api::start().await;
    let with = |limit: u32| {
        format!(
            "version: 1\ncaps: [{{name: a, limit_calls: {limit}, window: day}}]\nprices:\n  refresh:\n\
             \x20   - {{url: 'https://me:pass@a.example/list.json?key=secret'}}\n\
             \x20   - {{url: 'https://b.example/list.json'}}\n"
        )
    };
    assert_eq!(put(&api, "", &with(1)).await.status, 200);
    let shown = api.show("/v1/policy").await;
    let (text, policy) = (shown.text(), shown.json()["policy"].clone());
    assert!(!text.contains("secret") && !text.contains("pass"), "{text}");
    let url = policy["prices"]["refresh"][0]["url"].as_str().unwrap();
    assert!(url.starts_with("https://a.example/list.json/…"), "{url}");
    assert_eq!(policy["prices"]["refresh"][1]["url"], "https://b.example/list.json");
    // Put back with another limit, it still reads the same address: nothing but the limit differs.
    let changed = policy.to_string().replace("\"limit_calls\":1", "\"limit_calls\":2");
    assert_eq!(put(&api, "?if_version=1", &changed).await.json()["version"], 2);
    assert_eq!(put(&api, "?if_version=2", &with(2)).await.json()["version"], 2, "says what is in force");
}
