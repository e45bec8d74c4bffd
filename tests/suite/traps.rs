//! Envoy's traps: what would crash a filter's VM, corrupt a connection or hang a call, and does not.

use harness::{
    call::Call,
    client::{Client, Connection},
    envoy::{Envoy, Filter, Setup},
    provider::{Provider, Received, Taken},
    rig, wait,
};
use serde_json::json;

fn question() -> Call {
    Call::chat("gpt-4o").customer("acme").script(&json!({"tokens": 2}))
}

/// No VM has failed since Envoy began.
async fn no_vm_failed(envoy: &Envoy) {
    let stats = envoy.admin("/stats?filter=vm_reload|wasm.*crash").await;
    assert!(stats.lines().all(|line| line.ends_with(": 0")), "{stats}");
    let log = envoy.process.log();
    assert!(!log.contains("panicked") && !log.contains("Function: "), "{log}");
}

/// The body went upstream as valid JSON that asks for usage, under a length that is its own or none.
fn asks_for_usage(seen: &Received) {
    assert_eq!(seen.json()["stream_options"]["include_usage"], true, "{:?}", seen.body);
    match seen.header("content-length") {
        Some(length) => assert_eq!(length, seen.body.len().to_string()),
        None => assert_eq!(seen.header("transfer-encoding").as_deref(), Some("chunked")),
    }
}

#[tokio::test]
async fn a_header_byte_that_is_no_text_breaks_nothing() {
    let (provider, envoy) = rig::filter_alone(|_| {}).await;
    let app = envoy.client();
    for name in
        ["x-bursar-customer", "x-request-id", "x-bursar-original-route", "x-odd", "content-type", "accept"]
    {
        let answer = app.send(&question().header(name, b"\xff\xfe")).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert_eq!(provider.received().len(), 6);
    no_vm_failed(&envoy).await;
}

#[tokio::test]
async fn calls_by_http_2_are_metered_and_rewritten_like_any_other() {
    let (provider, envoy) = rig::filter_alone(|setup| setup.concurrency = 1).await;
    let app = Client::http2(envoy.address());
    let odd = app.send(&question().header("x-odd", b"\xff")).await;
    assert_eq!(odd.json()["usage"]["completion_tokens"], 2);
    let stream = app.send(&question().streamed()).await;
    assert_eq!((stream.status, &stream.cut), (200, &None));
    assert!(!stream.text().contains("prompt_tokens") && stream.header("x-bursar-call").is_some());
    asks_for_usage(&provider.received()[1]);
    let counted = wait::until("both calls are counted", async || {
        envoy.metric(r#"bursar_calls_total{outcome="ok"}"#).await.filter(|count| *count == 2)
    });
    counted.await;
    no_vm_failed(&envoy).await;
}

#[tokio::test]
async fn a_rewritten_body_does_not_run_into_the_next_request_of_its_connection() {
    let (provider, envoy) = rig::filter_alone(|setup| setup.concurrency = 1).await;
    let mut connection = Connection::open(envoy.address()).await;
    for _ in 0..3 {
        let stream = connection.send(&question().streamed()).await;
        assert_eq!((stream.status, stream.cut), (200, None));
        let unary = connection.send(&question()).await;
        assert_eq!((unary.status, unary.cut), (200, None));
    }
    let seen = provider.received();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|one| one.path == "/v1/chat/completions" && one.answer == Taken::Complete));
    seen.iter().step_by(2).for_each(asks_for_usage);
    assert!(seen.iter().skip(1).step_by(2).all(|one| one.json().get("stream_options").is_none()));
}

/// What Istio's WasmPlugin leaves: heads cannot be held.
async fn degraded(provider: &Provider, app: &Client) {
    for _ in 0..3 {
        let stream = app.send(&question().streamed()).await;
        assert_eq!((stream.status, &stream.cut), (200, &None));
        assert!(!stream.text().contains("prompt_tokens"), "{}", stream.text());
        assert_eq!(app.send(&question()).await.json()["usage"]["completion_tokens"], 2);
    }
    let seen = provider.received();
    assert_eq!(seen.len(), 6);
    seen.iter().step_by(2).for_each(asks_for_usage);
}

#[tokio::test]
async fn without_held_heads_the_body_is_still_rewritten_and_nothing_corrupted() {
    let (provider, envoy) = rig::filter_alone(|setup| {
        setup.concurrency = 1;
        setup.hold_head = false;
        setup.configuration = vec![("admission".to_owned(), json!({"mode": "fast", "hold_head": false}))];
    })
    .await;
    degraded(&provider, &envoy.client()).await;
    no_vm_failed(&envoy).await;
}

#[tokio::test]
async fn a_missing_option_costs_a_moment_and_no_call() {
    let (provider, envoy) =
        rig::filter_alone(|setup| (setup.concurrency, setup.hold_head) = (1, false)).await;
    degraded(&provider, &envoy.client()).await;
    let told = async || envoy.metric(r#"bursar_filter_faults_total{kind="head_hold_unanswered"}"#).await;
    assert_eq!(wait::until("one call waited, and said so", told).await, 1);
    no_vm_failed(&envoy).await;
}

#[tokio::test]
async fn a_filter_that_crashed_serves_the_next_call() {
    let provider = Provider::start().await;
    let setup = Setup { filter: Filter::Noop, concurrency: 1, ..Setup::new(provider.address()) };
    let envoy = Envoy::start(setup).await;
    let app = envoy.client();
    assert_eq!(app.send(&question()).await.status, 200);
    let crash = (0..85).fold(question(), |call, number| call.header(&format!("x-many-{number}"), "1"));
    assert_eq!(app.send(&crash).await.status, 503);
    let served = async || (app.send(&question()).await.status == 200).then_some(());
    wait::until("the module is loaded again", served).await;
    let reloads = envoy.admin("/stats?filter=vm_reload_success").await;
    assert!(reloads.trim().ends_with(": 1"), "{reloads}");
}
