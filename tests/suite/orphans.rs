//! Calls whose Envoy was killed, and what its access log still knows of them.

use harness::{
    call::Call,
    client::{Client, Opened},
    rig::Rig,
    wait,
};
use serde_json::{Value, json};
use std::{fs, process::Output};

const POLICY: &str =
    "version: 1\ncaps: [{name: c, subject: {customer: acme}, limit_usd: \"100\", window: month}]\n";

fn stream(script: &Value) -> Call {
    Call::chat("gpt-4o").customer("acme").streamed().script(script)
}

async fn open(rig: &Rig, count: usize, script: &Value) -> Vec<Opened> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut opened = Client::new(rig.envoy.address()).open(&stream(script)).await.unwrap();
        opened.events(1).await;
        streams.push(opened);
    }
    let all_are_open = async || {
        let calls = rig.bursar.items("/v1/calls?limit=1000&state=open").await;
        (calls.len() == count).then_some(())
    };
    wait::until("all are booked as open", all_are_open).await;
    streams
}

fn import(rig: &Rig, log: &str) -> (Output, Value) {
    let address = format!("http://{}", rig.bursar.address());
    let output = rig.bursar.run(&["import", "access-log", log, "--server", &address, "--format", "json"]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output, report)
}

#[tokio::test]
async fn of_an_envoy_that_is_killed_in_a_hundred_streams_each_is_closed_at_its_estimated_input() {
    let mut rig = Rig::start(POLICY).await;
    let streams = open(&rig, 100, &json!({"hang_after": 5})).await;
    rig.envoy.process.kill();
    drop(streams);
    rig.bursar.kill();
    rig.bursar.resume_with(&["--orphan-after-minutes", "0"]).await;
    let calls = rig.bursar.calls("acme", 100).await;
    for call in &calls {
        assert_eq!((&call["state"], &call["usage_source"]), (&json!("orphaned"), &json!("estimated")));
        let estimate = call["tokens"]["input"].as_u64().unwrap();
        assert!(estimate > 0 && call["tokens"].as_object().unwrap().len() == 1, "{call:#}");
        assert_eq!(call["lines"][0]["units"], estimate, "{call:#}");
    }
    let cap = rig.bursar.items("/v1/caps").await.remove(0);
    assert_eq!(cap["holds"], json!([]), "{cap:#}");
    rig.bursar.is_consistent();
}

#[tokio::test]
async fn what_was_lost_with_an_envoy_is_in_its_access_log_and_replaces_the_estimate_once() {
    let mut rig =
        Rig::with(POLICY, |setup| setup.configuration.push(("access_log".to_owned(), json!(true)))).await;
    let script = json!({"delay_ms": 100, "tokens": 40, "prompt_tokens": 1_000});
    let streams = open(&rig, 10, &script).await;
    rig.bursar.kill();
    for stream in streams {
        stream.rest().await;
    }
    let log = rig.envoy.access_log_file();
    let is_written = async || (rig.envoy.access_log().len() >= 10).then_some(());
    wait::until("the access log has all", is_written).await;
    rig.envoy.process.kill();
    rig.bursar.resume_with(&["--orphan-after-minutes", "0"]).await;
    let orphans = rig.bursar.calls("acme", 10).await;
    assert!(orphans.iter().all(|call| call["state"] == "orphaned"), "{orphans:#?}");
    // A line of something else, and one that is broken.
    let more = "{\"path\": \"/healthz\"}\n{\"bursar\": \"{\\\"node\\\": 1}\"}\n";
    let text = fs::read_to_string(&log).unwrap() + more;
    fs::write(&log, text).unwrap();
    let log = log.display().to_string();
    for (round, accepted, duplicate) in [("first", 10, 0), ("second", 0, 10)] {
        let (output, report) = import(&rig, &log);
        assert_eq!(output.status.code(), Some(1), "a line cannot be read");
        let rows = report["items"].as_array().unwrap();
        let counts: Vec<&Value> = rows.iter().map(|row| &row["count"]).collect();
        assert_eq!(counts, [&json!(accepted), &json!(duplicate), &json!(0), &json!(1), &json!(1)], "{round}");
        let calls = rig.bursar.calls("acme", 10).await;
        for call in &calls {
            assert_eq!((&call["state"], &call["usage_source"]), (&json!("finished"), &json!("reported")));
            // 1,000 and 40 tokens at 2.50 and 10 USD per million.
            assert_eq!(call["cost_usd"], "0.0029", "{call:#}");
            let id = call["id"].as_str().unwrap();
            let corrections = rig.bursar.call(id).await["corrections"].as_array().unwrap().len();
            assert_eq!(corrections, 1, "{round}");
        }
    }
    rig.bursar.is_consistent();
}
