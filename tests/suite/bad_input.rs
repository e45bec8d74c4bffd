//! Bad input: a clear answer or a passed call, counted, and nothing lost. No call fails because Bursar is confused.

use harness::{call::Call, rig::Rig};
use serde_json::{Value, json};

const POLICY: &str = "
version: 1
plans: {pro: {price_usd: '49.00', period: month, expected_margin_percent: 80}}
customers: {acme: {plan: pro}}
caps: [{name: acme-month, subject: {customer: acme}, limit_usd: '100.00', window: month}]
";

async fn rig() -> Rig {
    Rig::start(POLICY).await
}

fn post() -> Call {
    Call::post("/v1/chat/completions").customer("acme")
}

/// Sends it; the provider gets exactly these bytes, and the ledger one call.
async fn passes(rig: &Rig, call: Call, body: &[u8]) -> Value {
    let direct = harness::client::Client::new(rig.provider.address()).send(&call).await;
    let answer = rig.app.send(&call).await;
    assert_eq!((answer.status, &answer.body, &answer.cut), (direct.status, &direct.body, &None));
    let seen = rig.provider.received();
    // Behind a body that is too long to be held there may be spaces, where an option could have been.
    assert_eq!((seen.len(), seen[1].body.trim_ascii_end()), (2, body));
    rig.bursar.calls("acme", 1).await.remove(0)
}

#[tokio::test]
async fn broken_json_is_the_providers_to_refuse() {
    let rig = rig().await;
    let body = br#"{"model": "gpt-4o", "messages": [{"#;
    let call = passes(&rig, post().raw("application/json", &body[..]), body).await;
    assert_eq!((&call["status"], &call["outcome"]), (&json!(400), &json!("error")));
}

#[tokio::test]
async fn an_empty_body_is_the_providers_to_refuse() {
    let rig = rig().await;
    let call = passes(&rig, post(), b"").await;
    assert_eq!(call["request_model"], Value::Null);
}

#[tokio::test]
async fn a_body_that_is_not_called_json_is_read_as_far_as_it_goes() {
    let rig = rig().await;
    let body = br#"{"model": "gpt-4o", "messages": []}"#;
    let call = passes(&rig, post().raw("text/plain", &body[..]), body).await;
    assert_eq!(call["status"], 200);
}

#[tokio::test]
async fn a_path_that_is_no_llm_api_is_none_of_bursars_business() {
    let rig = rig().await;
    for call in [Call::get("/v1/models"), Call::post("/login").raw("text/plain", "x"), Call::get("/")] {
        let answer = rig.app.send(&call.customer("acme")).await;
        assert_eq!((answer.status, answer.header("x-bursar-call")), (404, None));
    }
    let seen = rig.provider.received();
    assert!(seen.iter().all(|one| one.header("x-bursar-customer").is_none()), "internal headers stay inside");
    assert_eq!(rig.app.send(&post().json(json!({"model": "gpt-4o", "messages": []}))).await.status, 200);
    rig.bursar.calls("acme", 1).await;
}

#[tokio::test]
async fn a_body_of_20_megabytes_passes_in_bounded_memory() {
    let rig = rig().await;
    let before = rig.envoy.process.resident_kb();
    let text = "All work and no play makes Jack a dull boy. ".repeat(20 * 1024 * 1024 / 44);
    let body = json!({"messages": [{"role": "user", "content": text}], "model": "gpt-4o", "max_tokens": 5});
    let bytes = body.to_string();
    let script = json!({"tokens": 5, "prompt_tokens": 5_000_000});
    let call =
        passes(&rig, post().raw("application/json", bytes.clone()).script(&script), bytes.as_bytes()).await;
    assert_eq!((&call["status"], &call["tokens"]["input"]), (&json!(200), &json!(5_000_000)), "{call:#}");
    let grown = rig.envoy.process.resident_kb().saturating_sub(before);
    assert!(grown < 40 * 1024, "Envoy grew by {grown} kB");
}

#[tokio::test]
async fn an_answer_compressed_though_nobody_asked_passes_as_it_is_and_is_metered() {
    let rig = rig().await;
    let direct = harness::client::Client::new(rig.provider.address());
    let mut calls = 0;
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        for stream in [false, true] {
            let script = json!({"encoding": encoding, "tokens": 40, "prompt_tokens": 7});
            let call =
                Call::chat("gpt-4o").customer("acme").header("accept-encoding", "gzip, br").script(&script);
            let asking = json!({"include_usage": true});
            let call = if stream { call.streamed().set("stream_options", asking) } else { call };
            let answer = rig.app.send(&call).await;
            assert_eq!((answer.status, answer.header("content-encoding")), (200, Some(encoding)));
            assert_eq!(answer.body, direct.send(&call).await.body, "{encoding}");
            calls += 1;
            let call = rig.bursar.calls("acme", calls).await.remove(0);
            let tokens = (&call["tokens"]["input"], &call["tokens"]["output"]);
            assert_eq!(tokens, (&json!(7), &json!(40)), "{encoding}, streamed {stream}: {call:#}");
        }
    }
    let seen = rig.provider.received()[0].header("accept-encoding");
    assert_eq!(seen.as_deref(), Some("identity"), "it is asked for what costs least to read");
}

#[tokio::test]
async fn an_answer_in_an_encoding_that_nobody_knows_passes_and_has_no_cost_rather_than_none() {
    let rig = rig().await;
    let call = Call::chat("gpt-4o").customer("acme").script(&json!({"encoding": "x-unknown"}));
    assert_eq!(rig.app.send(&call).await.header("content-encoding"), Some("x-unknown"));
    let call = rig.bursar.calls("acme", 1).await.remove(0);
    assert_eq!((&call["usage_source"], &call["cost_usd"]), (&json!("none"), &Value::Null), "{call:#}");
    assert_eq!(rig.envoy.metric(r#"bursar_usage_missing_total{dialect="openai-chat"}"#).await, Some(1));
}

#[tokio::test]
async fn an_html_error_page_passes_and_is_an_error() {
    let rig = rig().await;
    let script = json!({"status": 502, "html": "<html><h1>Bad gateway</h1></html>"});
    let answer = rig.app.send(&Call::chat("gpt-4o").customer("acme").script(&script)).await;
    assert_eq!((answer.status, answer.header("content-type")), (502, Some("text/html")));
    assert!(answer.text().contains("Bad gateway"));
    let call = rig.bursar.calls("acme", 1).await.remove(0);
    assert_eq!((&call["outcome"], &call["error_type"]), (&json!("error"), &json!("http_502")), "{call:#}");
}

#[tokio::test]
async fn names_that_cannot_be_names_leave_a_call_unattributed() {
    let rig = rig().await;
    for name in [&b"\xff\xfe"[..], b"   ", &[b'x'; 300][..]] {
        let answer = rig.app.send(&Call::chat("gpt-4o").header("x-bursar-customer", name)).await;
        assert_eq!(answer.status, 200);
        let id = answer.header("x-bursar-call").unwrap().to_owned();
        let booked = harness::wait::until("the call is booked", async || {
            let call = rig.bursar.client().send(&Call::get(&format!("/v1/calls/{id}"))).await;
            (call.status == 200).then(|| call.json())
        });
        assert_eq!(booked.await["customer"], Value::Null);
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_does_not_cost_the_rest_of_its_batch() {
    let rig = rig().await;
    let event = |id: &str| {
        let customer = json!({"customer": {"value": "acme", "from": "header"}});
        let head = json!({
            "id": id, "provider": "openai", "dialect": "openai-chat", "operation": "chat",
            "attribution": customer, "started_at": 1_790_000_000_000_000_000_u64,
        });
        json!({"kind": "started", "head": head})
    };
    let first = event("01990000-0000-7000-8000-000000000001");
    let third = event("01990000-0000-7000-8000-000000000003");
    let mut changed = first.clone();
    changed["head"]["provider"] = json!("anthropic");
    let batch = json!({
        "version": 1, "node": "n", "boot": "b",
        "events": [first, {"kind": "nonsense"}, third, first, changed],
    });
    let answer = rig.bursar.client().send(&Call::post("/v1/events").json(batch)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json()["results"].clone();
    let words: Vec<&str> =
        results.as_array().unwrap().iter().map(|item| item["result"].as_str().unwrap()).collect();
    assert_eq!(words, ["accepted", "invalid", "accepted", "duplicate", "conflict"], "{results:#}");
    assert!(results[1]["detail"].is_string());
    assert_eq!(rig.bursar.items("/v1/calls?customer=acme").await.len(), 2);
}

#[tokio::test]
async fn a_policy_with_three_faults_is_told_all_three_with_their_places() {
    let rig = rig().await;
    let policy = "version: 1\nplans:\n  pro: {price_usd: forty, period: month, expected_margin_percent: 80}\n\
                  customers:\n  acme: {plan: gold}\ncapz: []\n";
    let put = Call::new(hyper::Method::PUT, "/v1/policy").raw("application/yaml", policy);
    let answer = rig.bursar.client().send(&put).await;
    assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let text = answer.text();
    for place in ["3", "5", "6"] {
        assert!(text.contains(&format!("\"line\":{place}")), "line {place} in {text}");
    }
    let file = rig.bursar.data().join("wrong.yaml");
    std::fs::write(&file, policy).unwrap();
    let output = rig.bursar.run(&["policy", "check", &file.display().to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        ["wrong.yaml:3:", "wrong.yaml:5:", "wrong.yaml:6:"].iter().all(|place| told.contains(place)),
        "{told}"
    );
    assert_eq!(rig.app.send(&Call::chat("gpt-4o").customer("acme")).await.status, 200, "the old one stays");
}
