//! What others write: it is bounded, and nothing in it moves a terminal's cursor.

use super::*;

const CALL: &str = "/v1/calls/019cc3d3-8b00-7000-8000-000000000001";

#[tokio::test]
async fn what_cannot_be_printed_is_replaced_and_costs_no_call() {
    let api = Api::start().await;
    let mut event = finished();
    for field in ["provider", "request_model", "route", "request_id", "account", "region", "request_tier"] {
        event["head"][field] = json!("a\u{1b}]0;b\u{7}\r\n\u{202e}c\0");
    }
    event["end"]["error_type"] = json!("x\u{1b}[2J");
    event["end"]["finish_reasons"] = json!(["st\u{9b}op"]);
    for result in ["accepted", "duplicate"] {
        let reply = api.post_json("/v1/events", &batch(vec![event.clone()])).await.json();
        assert_eq!(reply["results"][0]["result"], result, "{reply}");
    }
    let call = api.show(CALL).await.json();
    assert_eq!(call["request_model"], "a\u{fffd}]0;b\u{fffd}\u{fffd}\u{fffd}\u{fffd}c\u{fffd}");
    assert_eq!(
        (&call["error_type"], &call["finish_reasons"]),
        (&json!("x\u{fffd}[2J"), &json!(["st\u{fffd}op"]))
    );
    let report = api.show("/v1/reports/models?format=table").await.text();
    assert!(report.contains("]0;b") && !report.contains(['\u{1b}', '\u{202e}', '\r']), "{report:?}");
}

#[tokio::test]
async fn a_call_to_no_provider_is_invalid() {
    let api = Api::start().await;
    let mut event = finished();
    event["head"]["provider"] = json!(" ");
    let reply = api.post_json("/v1/events", &batch(vec![event])).await.json();
    assert_eq!(reply["results"][0], json!({"result": "invalid", "detail": "provider is empty"}));
}

#[tokio::test]
async fn a_report_of_an_outcome_has_a_bound_and_says_which() {
    let api = Api::start().await;
    let report = async |body: Value| {
        let answer = api.send("PUT", "/v1/tasks/t/outcome", "", body.to_string().as_bytes()).await;
        (answer.status, answer.json()["detail"].as_str().unwrap_or_default().to_owned())
    };
    let reason = |reason: &str| json!({"outcome": "failed", "reason": reason});
    let revision = |revision: Value| json!({"outcome": "failed", "revision": revision});
    for (body, expected) in [
        (reason(&"x".repeat(513)), "reason is longer than 512 bytes"),
        (revision(json!(-1)), "revision is no number from 0 to 9007199254740991"),
        (revision(json!(1_i64 << 53)), "revision is no number from 0 to 9007199254740991"),
        (revision(json!(i64::MAX)), "revision is no number from 0 to 9007199254740991"),
    ] {
        let (status, detail) = report(body.clone()).await;
        assert!(status == 422 && detail.contains(expected), "{body}: {status} {detail}");
    }
    assert_eq!(report(reason(&"x".repeat(512))).await.0, 200);
    assert_eq!(report(reason("not saved:\n disk full")).await.0, 200);
    let task = api.send("GET", "/v1/tasks/t", "", b"").await.json();
    assert_eq!(task["outcome_reason"], "not saved:\u{fffd} disk full");
    assert_eq!(report(revision(json!((1_i64 << 53) - 1))).await.0, 200);
    // Late ones do not stand, and are no fault.
    assert_eq!(report(revision(json!(7))).await.0, 200);
    let (status, detail) = report(json!({"outcome": "succeeded"})).await;
    assert!(status == 409 && detail.contains("none comes after it"), "{detail}");
}
