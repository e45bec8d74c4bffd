//! What is taken for a body.

use super::*;

/// Everything that takes one JSON object, and a list that would fill its fields in their order.
const LISTS: [(&str, &str, &str); 7] = [
    ("POST", "/v1/keys", "[\"arr\", \"admin\"]"),
    ("PUT", "/v1/revenue/acme/2026-11", "[\"7\"]"),
    ("PUT", "/v1/tasks/t/outcome", "[\"failed\", \"why\", 1]"),
    ("POST", "/v1/loops/release", "[\"t\"]"),
    ("POST", "/v1/rerates", "[\"2026-11-23\", \"2026-11-24\"]"),
    ("POST", "/v1/reconciliations", "[\"openai\", []]"),
    ("POST", "/v1/prices/imports/1/approve", "[[1]]"),
];

#[tokio::test]
async fn a_list_is_no_object_and_messages_name_no_types() {
    let api = Api::start().await;
    for (method, path, body) in LISTS {
        let answer = api.send(method, path, "", body.as_bytes()).await;
        assert_eq!(answer.status, 422, "{method} {path}: {}", answer.text());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.ends_with("is no JSON object"), "{method} {path}: {detail}");
        assert_eq!(api.send(method, path, "", b"{").await.status, 400, "{method} {path}");
    }
    assert_eq!(api.show("/v1/keys").await.json()["items"], json!([]));
    let answer = api.send("POST", "/v1/keys", "", b"{\"name\": 7, \"role\": \"admin\"}").await;
    assert!(answer.status == 422 && !answer.text().contains("struct"), "{}", answer.text());
    let answer =
        api.send("PUT", "/v1/tasks/t/outcome", "", b"{\"outcome\": \"failed\", \"revision\": \"1\"}").await;
    assert!(answer.text().contains("expected a whole number"), "{}", answer.text());
}

#[tokio::test]
async fn events_are_messagepack_or_json() {
    let api = Api::start().await;
    for path in ["/v1/events", "/v1/allowances"] {
        let answer = api.send("POST", path, "content-type: application/xml\r\n", b"<a/>").await;
        assert_eq!(answer.status, 415, "{}", answer.text());
        assert!(answer.text().contains("application/vnd.msgpack or application/json"), "{}", answer.text());
        let answer = api.post_json(path, &json!([1, "n", "b", []])).await;
        assert!(answer.status == 400 && answer.text().contains("an object belongs"), "{}", answer.text());
    }
    let packed = codec::encode(&json!({"version": 1, "node": "n", "boot": "b", "events": []})).unwrap();
    for kind in ["", "content-type: application/vnd.msgpack\r\n", "content-type: application/x-msgpack\r\n"] {
        assert_eq!(api.send("POST", "/v1/events", kind, &packed).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn an_amount_has_no_exponent() {
    let api = Api::start().await;
    let policy =
        "version: 1\nplans: {pro: {price_usd: \"49\", period: month}}\ncustomers: {acme: {plan: pro}}\n";
    assert_eq!(api.send("PUT", "/v1/policy", "", policy.as_bytes()).await.status, 200);
    let put = async |amount: &str| {
        let body = json!({"amount_usd": amount}).to_string();
        api.send("PUT", "/v1/revenue/acme/2026-11", "", body.as_bytes()).await.status
    };
    assert_eq!((put("1e3").await, put("1E3").await, put("1000").await), (422, 422, 200));
    for amount in ["1e3", "\"1e3\"", "1e-3"] {
        let policy = policy.replace("\"49\"", amount);
        let answer = api.send("PUT", "/v1/policy", "", policy.as_bytes()).await;
        assert!(answer.status == 422 && answer.text().contains("plans.pro.price_usd"), "{}", answer.text());
    }
}
