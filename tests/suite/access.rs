//! Keys, as an Envoy, a person with a browser and a person with a terminal show them.

use harness::{
    call::Call,
    client::Answer,
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    ports::Port,
    provider::Provider,
    rig, wait,
};
use serde_json::{Value, json};

const POLICY: &str = "
version: 1
caps: [{name: per-customer, each: customer, limit_calls: 2, window: month}]
";

async fn make(bursar: &ControlPlane, key: &str, name: &str, role: &str) -> String {
    let mut wish = Call::post("/v1/keys").json(json!({"name": name, "role": role}));
    if !key.is_empty() {
        wish = wish.header("authorization", format!("Bearer {key}"));
    }
    let made = bursar.client().send(&wish).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["key"].as_str().unwrap().to_owned()
}

async fn show(bursar: &ControlPlane, path: &str, key: &str) -> Answer {
    bursar.client().send(&Call::get(path).header("authorization", format!("Bearer {key}"))).await
}

async fn envoy(provider: &Provider, bursar: &ControlPlane, key: Option<&str>) -> Envoy {
    let mut setup = Setup::new(provider.address());
    setup.control_plane = Some(bursar.address());
    let mut way = json!({"cluster": "bursar", "authority": "bursar", "timeout_ms": 2000});
    if let Some(key) = key {
        way["key"] = json!(key);
    }
    setup.configuration.push(("control_plane".to_owned(), way));
    Envoy::start(setup).await
}

#[tokio::test]
async fn where_filters_need_a_key_an_envoy_with_one_works_and_one_without_is_told_of() {
    let provider = Provider::start().await;
    let mut bursar = ControlPlane::prepared(POLICY, Port::free());
    bursar.resume().await;
    let admin = make(&bursar, "", "ann", "admin").await;
    let ingest = make(&bursar, &admin, "envoys", "ingest").await;
    assert!(bursar.terminate().await.success());
    bursar.resume_with(&["--filters-need-key"]).await;
    let mut with = envoy(&provider, &bursar, Some(&ingest)).await;
    rig::has_snapshot(&mut with).await;
    let statuses = async |envoy: &Envoy, customer: &str| {
        let call = Call::chat("gpt-4o").customer(customer);
        let app = envoy.client();
        [app.send(&call).await.status, app.send(&call).await.status, app.send(&call).await.status]
    };
    assert_eq!(statuses(&with, "acme").await, [200, 200, 429], "the policy and its allowances arrive");
    wait::until("the calls are in the ledger", async || {
        let items = show(&bursar, "/v1/calls?customer=acme", &admin).await.json()["items"].take();
        (items.as_array().map(Vec::len) == Some(3)).then_some(())
    })
    .await;
    // Without a key: calls pass, as with a control plane that is away, and their events wait.
    let without = envoy(&provider, &bursar, None).await;
    assert_eq!(statuses(&without, "globex").await, [200, 200, 200]);
    wait::until("the refusal is counted", async || {
        let page = without.admin("/stats/prometheus").await;
        let is_told = |line: &str| line.starts_with(r#"bursar_filter_faults_total{kind="key_refused"}"#);
        page.lines().any(is_told).then_some(())
    })
    .await;
    let items = show(&bursar, "/v1/calls?customer=globex", &admin).await.json()["items"].take();
    assert_eq!(items, Value::Array(Vec::new()));
    // The command line shows its key, too.
    let server = format!("http://{}", bursar.address());
    let report = |key: &[&str]| {
        let words = ["report", "customers", "--format", "csv", "--server", &server];
        bursar.run(&[&words, key].concat())
    };
    let refused = report(&[]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("BURSAR_KEY"), "{said}");
    let done = report(&["--key", &admin]);
    assert!(String::from_utf8_lossy(&done.stdout).contains("acme,2,1,"), "{done:?}");
    assert!(!bursar.log().contains(&admin) && !bursar.log().contains(&ingest));
}
