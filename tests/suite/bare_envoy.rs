//! Envoy without any filter: what the other tests compare with, and proof that the file users get is valid.

use harness::{
    call::Call,
    envoy::Upstream,
    envoy::{Envoy, Filter, Setup},
    provider::Provider,
};
use serde_json::json;
use tokio::io::AsyncReadExt;

#[tokio::test]
async fn the_standalone_configuration_serves_and_retries_what_cost_nothing() {
    let provider = Provider::start().await;
    let envoy = Envoy::start(Setup { filter: Filter::Absent, ..Setup::new(provider.address()) }).await;
    let answer = envoy.client().send(&Call::chat("gpt-4o").script(&json!({"fail_attempts": 1}))).await;
    assert_eq!(answer.status, 200);
    assert_eq!(provider.received().len(), 2);
    let log = harness::wait::until("the access log has a line", async || envoy.access_log().pop()).await;
    assert_eq!((&log["status"], &log["details"]), (&json!(200), &json!("via_upstream")));
}

async fn bare(url: &str) -> Envoy {
    Envoy::start(Setup { filter: Filter::Absent, ..Setup::new(Upstream::parse(url).unwrap()) }).await
}

#[tokio::test]
async fn a_provider_may_be_named_by_a_url_with_a_path() {
    let provider = Provider::start().await;
    let envoy = bare(&format!("http://{}/openai/v1", provider.address())).await;
    assert_eq!(envoy.client().send(&Call::chat("gpt-4o")).await.status, 200);
    assert_eq!(provider.received()[0].path, "/openai/v1/chat/completions");
}

#[tokio::test]
async fn a_provider_behind_tls_is_greeted_by_tls_with_its_name() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let greeted = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = vec![0; 4096];
        let read = stream.read(&mut hello).await.unwrap();
        hello.truncate(read);
        hello
    });
    let envoy = bare(&format!("https://localhost:{port}/v1")).await;
    assert_eq!(envoy.client().send(&Call::chat("gpt-4o")).await.status, 503, "no certificate, no answer");
    let hello = greeted.await.unwrap();
    assert_eq!(hello[..2], [0x16, 0x03], "a TLS handshake record");
    assert!(hello.windows(9).any(|name| name == b"localhost"), "with the server's name");
}
