//! Envoy without any filter: what the other tests compare with, and proof that the file users get is valid.

use harness::{
    call::Call,
    envoy::{Envoy, Filter, Setup},
    provider::Provider,
};
use serde_json::json;

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
