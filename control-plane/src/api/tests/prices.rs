//! `/v1/prices`: imports, approvals, and the prices of a call.

use super::*;

#[tokio::test]
async fn a_price_that_jumps_waits_until_somebody_approves_it() {
    let api = Api::start().await;
    api.send("POST", "/v1/prices/imports", "", CATALOGUE.as_bytes()).await;
    let dearer = CATALOGUE.replace("2.5e-06", "2.5e-05");
    let dry = api.send("POST", "/v1/prices/imports?dry_run=true", "", dearer.as_bytes()).await;
    assert_eq!((dry.status, &dry.json()["held"][0]["reason"]), (200, &json!("moves")));
    let import = api.send("POST", "/v1/prices/imports", "", dearer.as_bytes()).await.json();
    let rate = async || {
        let rows = api.show("/v1/prices?provider=openai&model=gpt-4o").await.json();
        let rows = rows["items"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["meter"] == "input").unwrap()["rate_usd_per_mtok"].clone()
    };
    assert_eq!(rate().await, "2.5");
    let path = format!("/v1/prices/imports/{}", import["id"]);
    // The rate of input, and those of cached input and of images, which inherit it.
    assert_eq!(api.show(&path).await.json()["waiting"].as_array().unwrap().len(), 3);
    let approved = api.send("POST", &format!("{path}/approve"), "", b"").await.json();
    assert_eq!(approved["approved"], 3);
    assert_eq!(rate().await, "25");
    assert_eq!(api.send("POST", "/v1/prices/imports/99/approve", "", b"").await.status, 404);
    assert_eq!(api.send("POST", "/v1/prices/imports", "", b"[]").await.status, 400);
}

#[tokio::test]
async fn prices_are_found_as_a_call_finds_them_and_tell_by_which_rule() {
    let api = Api::start().await;
    let policy = "version: 1\nprices: {aliases: {openai: {ours: gpt-4o}}}\n";
    assert_eq!(api.send("PUT", "/v1/policy", "", policy.as_bytes()).await.status, 200);
    api.send("POST", "/v1/prices/imports", "", CATALOGUE.as_bytes()).await;
    let own = "prices:
  - {provider: openai, model: gpt-, match: prefix, rates: {input: {usd_per_mtok: 9}}}
  - {provider: openai, model: gpt-4o, contract: {account: prod}, rates: {input: {usd_per_mtok: 2}}}
";
    assert_eq!(api.send("POST", "/v1/prices/imports?source=ours", "", own.as_bytes()).await.status, 201);
    let found = async |query: &str| -> Vec<String> {
        let rows = api.show(&format!("/v1/prices?provider=openai&{query}")).await.json();
        let rows = rows["items"].as_array().unwrap().clone();
        let input = rows.into_iter().filter(|row| row["meter"] == "input");
        input
            .map(|row| format!("{} {} {}", row["matched_by"], row["contract"], row["rate_usd_per_mtok"]))
            .collect()
    };
    assert_eq!(found("model=gpt-4o").await, ["\"served_model\" null \"2.5\""]);
    assert_eq!(found("model=ours").await, ["\"served_alias\" null \"2.5\""]);
    assert_eq!(found("model=gpt-5").await, ["\"served_prefix\" null \"9\""]);
    assert_eq!(
        found("model=gpt-4o&account=prod").await,
        ["\"served_model\" null \"2.5\"", "\"served_model\" \"prod\" \"2\""]
    );
    assert!(found("model=unknown").await.is_empty());
    assert!(found("limit=1000").await.iter().all(|row| row.starts_with("null")));
}

#[tokio::test]
async fn own_prices_with_mistakes_are_refused_with_every_place_and_rows_are_decided_one_by_one() {
    let api = Api::start().await;
    let wrong = "prices:\n  - {provider: p, model: m, rates: {input: 3}}\n";
    let refused = api.send("POST", "/v1/prices/imports", "", wrong.as_bytes()).await;
    let (status, json) = (refused.status, refused.json());
    assert_eq!(
        (status, &json["errors"][0]["line"], &json["errors"][0]["path"]),
        (422, &json!(2), &json!("prices[0].rates.input"))
    );
    assert_eq!(api.send("POST", "/v1/prices/imports?format=xml", "", b"{}").await.status, 400);
    assert_eq!(api.send("POST", "/v1/prices/imports?source=own", "", CATALOGUE.as_bytes()).await.status, 400);
    let import = api.send("POST", "/v1/prices/imports?apply=nothing", "", CATALOGUE.as_bytes()).await.json();
    assert_eq!((&import["summary"]["held"], &import["summary"]["chat_entries"]), (&json!(5), &json!(1)));
    let path = format!("/v1/prices/imports/{}", import["id"]);
    let waiting = api.show(&path).await.json()["waiting"].as_array().unwrap().clone();
    assert!(waiting.iter().all(|row| row["reason"] == "approval" && row["before"].is_null()));
    let rows = json!({"rows": [waiting[0]["price"]["id"]]});
    let approved = api.post_json(&format!("{path}/approve"), &rows).await.json();
    assert_eq!((&approved["approved"], &approved["waiting_rows"]), (&json!(1), &json!(4)));
    assert_eq!(api.post_json(&format!("{path}/approve"), &json!({"row": 1})).await.status, 422);
    let rejected = api.send("POST", &format!("{path}/reject"), "", b"").await.json();
    assert_eq!((&rejected["rejected"], &rejected["waiting_rows"]), (&json!(4), &json!(0)));
    let listed = api.show("/v1/prices/imports?limit=1").await.json();
    assert_eq!(
        (&listed["items"][0]["source"], &listed["items"][0]["waiting_rows"], &listed["next"]),
        (&json!("litellm"), &json!(0), &Value::Null)
    );
    let metrics = api.show("/metrics").await.text();
    assert!(metrics.contains("bursar_price_age_seconds{provider=\"openai\"} 0"), "{metrics}");
    assert!(metrics.contains("bursar_price_refresh_total{result=\"failed\"} 0"), "{metrics}");
}
