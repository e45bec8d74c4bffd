//! The API over a real socket, as a client sees it.

mod access;
mod bodies;
mod browsers;
mod caps;
mod exports;
mod policy;
mod prices;
mod reports;
mod revenue;
mod texts;

use super::*;
use crate::clock::Clock;
use protocol::{
    UnixNanos,
    allowance::{AllowanceReply, AllowanceRequest, CounterReport},
    codec,
    snapshot::Snapshot,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;
const POLICY: &str =
    "version: 1\ncaps:\n  - {name: acme, subject: {customer: acme}, limit_usd: \"1.5\", window: day}\n";
const CATALOGUE: &str = r#"{"gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06,
    "output_cost_per_token": 1e-05, "max_output_tokens": 16384}}"#;

struct Api {
    address: SocketAddr,
    _directory: tempfile::TempDir,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Api {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut App)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut app = App::open(directory.path(), Clock::from_source(|| NOW)).unwrap();
        change(&mut app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router(app)).await });
        Self { address, _directory: directory }
    }

    async fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        self.send_as(method, path, &format!("host: bursar\r\n{headers}"), body).await
    }

    /// Under a name that `headers` have.
    async fn send_as(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n");
        stream.write_all(format!("{head}{headers}\r\n").as_bytes()).await.unwrap();
        // A server that refuses a body may close before it has read all of it.
        drop(stream.write_all(body).await);
        let mut bytes = Vec::new();
        drop(stream.read_to_end(&mut bytes).await);
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    async fn show(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"").await
    }

    async fn post_json(&self, path: &str, body: &Value) -> Answer {
        let headers = "content-type: application/json\r\n";
        self.send("POST", path, headers, body.to_string().as_bytes()).await
    }
}

fn head(customer: &str) -> Value {
    json!({
        "id": "019cc3d3-8b00-7000-8000-000000000001", "request_id": "r-1",
        "attribution": {"customer": {"value": customer, "from": "jwt"}},
        "provider": "openai", "dialect": "openai-chat", "operation": "chat", "request_model": "gpt-4o",
        "input_tokens_estimate": 10, "started_at": NOW, "hold": "0.01",
    })
}

fn finished() -> Value {
    let end = json!({
        "finished_at": NOW, "usage": {"units": {"input": 3, "output": 4}, "complete": true}, "status": 200,
        "ending": "complete", "outcome": "ok", "attempts": 1,
    });
    json!({"kind": "finished", "head": head("acme"), "end": end})
}

fn batch(events: Vec<Value>) -> Value {
    json!({"version": 1, "node": "n", "boot": "b", "events": events})
}

#[tokio::test]
async fn every_route_that_is_served_is_documented_and_the_other_way_round() {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let served =
        routes().into_iter().map(|(method, path, ..)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(documented, served);
    // And what the table says is what the router answers: anything but 405.
    let api = Api::start().await;
    for (method, path, ..) in routes() {
        let answer = api.send(&method.to_uppercase(), &path.replace("{id}", "1"), "", b"").await;
        assert_ne!(answer.status, 405, "{method} {path}");
    }
}

#[tokio::test]
async fn events_become_a_call_that_can_be_asked_for() {
    let api = Api::start().await;
    assert_eq!(api.send("POST", "/v1/prices/imports", "", CATALOGUE.as_bytes()).await.status, 201);
    assert_eq!(api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await.status, 200);
    let events =
        batch(vec![finished(), finished(), json!({"kind": "started", "head": head("globex")}), json!(1)]);
    let reply = api.post_json("/v1/events", &events).await;
    let results: Vec<Value> =
        reply.json()["results"].as_array().unwrap().iter().map(|item| item["result"].clone()).collect();
    assert_eq!(results, ["accepted", "duplicate", "conflict", "invalid"]);
    let list = api.show("/v1/calls?customer=acme&from=2026-11-24&to=2026-11-25").await.json();
    assert_eq!(list["items"][0]["cost_usd"], "0.0000475");
    assert_eq!(list["next"], Value::Null);
    let call = api.show("/v1/calls/019cc3d3-8b00-7000-8000-000000000001").await.json();
    assert_eq!(call["attribution"]["customer"], "jwt");
    assert_eq!(call["started_at"], "2026-11-24T10:00:00.000000000Z");
    assert_eq!(call["tokens"], json!({"input": 3, "output": 4}));
    let caps = api.show("/v1/caps").await.json();
    assert_eq!(
        (&caps["items"][0]["spent"], &caps["items"][0]["limit"]),
        (&json!("0.0000475"), &json!("1.5"))
    );
    let metrics = api.show("/metrics").await.text();
    for line in [
        "bursar_ingest_events_total{result=\"conflict\"} 1",
        "bursar_cost_usd_total{provider=\"openai\",model=\"gpt-4o\"} 0.0000475",
        "bursar_open_calls 0",
        "bursar_price_age_seconds{provider=\"openai\"} 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    let weekly = api.show("/v1/reports/weekly?format=md").await;
    assert!(weekly.text().contains("acme"), "{}", weekly.text());
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let api = Api::start().await;
    let large = vec![b' '; BATCH_BYTES_MAX + 1];
    let cases: [(&str, &str, &[u8], u16); 23] = [
        ("GET", "/v1/nothing", b"", 404),
        ("GET", "/v1/calls/019cc3d3-8b00-7000-8000-000000000001", b"", 404),
        ("GET", "/v1/calls/no-id", b"", 400),
        ("GET", "/v1/calls?limit=0", b"", 400),
        ("GET", "/v1/calls?custmer=acme", b"", 400),
        ("GET", "/v1/calls?from=yesterday", b"", 400),
        ("GET", "/v1/calls?customer=a&customer=b", b"", 400),
        ("GET", "/v1/calls?outcome=nonsense", b"", 400),
        ("GET", "/v1/calls?refused=zzz", b"", 400),
        ("GET", "/v1/calls/019cc3d3-8b00-7000-8000-000000000001?bogus=1", b"", 400),
        ("GET", "/v1/tasks/t?bogus=1", b"", 400),
        ("GET", "/v1/keys?bogus=1", b"", 400),
        ("GET", "/v1/snapshot?bogus=1", b"", 400),
        ("GET", "/v1/prices/imports/1?bogus=1", b"", 400),
        ("GET", "/v1/calls/%ff", b"", 400),
        ("GET", "/v1/tasks/%ff", b"", 400),
        ("PUT", "/v1/revenue/%ff/2026-11", b"{\"amount_usd\": \"1\"}", 400),
        ("DELETE", "/v1/keys/%ff", b"", 400),
        ("GET", "/v1/reports/nothing", b"", 404),
        ("DELETE", "/v1/calls", b"", 405),
        ("POST", "/v1/events", b"{", 400),
        ("POST", "/v1/events", &large, 413),
        ("PUT", "/v1/tasks/t/outcome", b"{\"outcome\": \"great\"}", 422),
    ];
    for (method, path, body, status) in cases {
        let answer = api.send(method, path, "", body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
        assert_eq!(answer.json()["status"], status);
        assert!(answer.json()["detail"].is_string());
    }
    let known = api.show("/v1/calls?refused=zzz").await.json()["detail"].as_str().unwrap().to_owned();
    assert!(known.contains("cap, loop_guard, unattributed, unpriced, unreachable"), "{known}");
    assert_eq!(api.show("/v1/calls?outcome=ok,error,&refused=").await.status, 200);
}

#[tokio::test]
async fn a_faulty_policy_reports_every_fault_and_the_old_one_stays() {
    let api = Api::start().await;
    api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await;
    let faulty = b"version: 1\ncapz: 1\nplans: {a: {price_usd: x}}\nwhen_unreachable: perhaps\n";
    let answer = api.send("PUT", "/v1/policy", "", faulty).await;
    assert_eq!(answer.status, 422);
    let lines: Vec<u64> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|fault| fault["line"].as_u64())
        .collect();
    assert_eq!(lines, [2, 3, 4]);
    let dry = api.send("PUT", "/v1/policy?dry_run=true", "", b"version: 1\n").await;
    assert_eq!((dry.status, &dry.json()["dry_run"]), (200, &json!(true)));
    let in_force = api.show("/v1/policy").await.json();
    assert_eq!((&in_force["version"], &in_force["policy"]["caps"][0]["name"]), (&json!(1), &json!("acme")));
}

#[tokio::test]
async fn a_call_shows_its_region_the_provider_s_own_figure_and_every_meter() {
    let api = Api::start().await;
    let units = json!({
        "audio_seconds": 61, "characters": 700, "images": 2, "search_units": 3, "citation": 40, "image_in": 5,
    });
    let mut event = finished();
    event["head"]["region"] = json!("eu");
    event["end"]["provider_cost"] = json!("0.00012345");
    event["end"]["usage"]["units"] = units.clone();
    let mut elsewhere = event.clone();
    elsewhere["head"]["id"] = json!("019cc3d3-8b00-7000-8000-000000000002");
    elsewhere["end"]["region"] = json!("eu-west-1");
    let reply = api.post_json("/v1/events", &batch(vec![event, elsewhere])).await.json();
    assert_eq!(reply["results"][1]["result"], "accepted", "{reply}");
    let one = api.show("/v1/calls/019cc3d3-8b00-7000-8000-000000000001").await.json();
    assert_eq!((&one["region"], &one["provider_cost_usd"]), (&json!("eu"), &json!("0.00012345")));
    assert_eq!((&one["tokens"], &one["unpriced_reason"]), (&units, &json!("no_model")));
    let list = api.show("/v1/calls").await.json();
    // What served says more than what was asked for.
    assert_eq!(list["items"][0]["region"], "eu-west-1");
    assert_eq!(list["items"][1], one);
    let plain = json!({"kind": "started", "head": {
        "id": "019cc3d3-8b00-7000-8000-000000000003", "provider": "openai", "dialect": "openai-chat",
        "operation": "chat", "started_at": NOW,
    }});
    api.post_json("/v1/events", &batch(vec![plain])).await;
    let plain = api.show("/v1/calls/019cc3d3-8b00-7000-8000-000000000003").await.json();
    assert_eq!((&plain["region"], &plain["provider_cost_usd"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_snapshot_is_sent_once_and_again_when_policy_or_prices_change() {
    let api = Api::start().await;
    let tag = async || {
        let answer = api.show("/v1/snapshot").await;
        let snapshot: Snapshot = codec::decode(&answer.body).unwrap();
        (answer.header("etag").unwrap().to_owned(), snapshot)
    };
    let (empty, _) = tag().await;
    let known = format!("if-none-match: {empty}\r\n");
    let same = api.send("GET", "/v1/snapshot", &known, b"").await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await;
    let (with_policy, snapshot) = tag().await;
    assert_eq!(&*snapshot.caps[0].id, "acme/usd");
    api.send("POST", "/v1/prices/imports", "", CATALOGUE.as_bytes()).await;
    let (with_prices, snapshot) = tag().await;
    assert!(snapshot.prices.find("openai", None, Some("gpt-4o"), None).is_some());
    assert_eq!([&empty, &with_policy, &with_prices].into_iter().collect::<BTreeSet<_>>().len(), 3);
    let json = api.send("GET", "/v1/snapshot", "accept: application/json\r\n", b"").await.json();
    assert_eq!(format!("\"{}\"", json["version"].as_str().unwrap()), with_prices);
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let api = Api::start().await;
    let foreign = "host: localhost\r\norigin: http://evil.example\r\ncontent-type: text/plain\r\n";
    let cross = "host: localhost\r\nsec-fetch-site: cross-site\r\n";
    let answer = api.send_as("PUT", "/v1/policy", foreign, POLICY.as_bytes()).await;
    assert_eq!(answer.status, 403);
    assert_eq!(api.send_as("POST", "/v1/prices/imports/1/approve", cross, b"").await.status, 403);
    assert_eq!(api.send_as("GET", "/v1/policy", cross, b"").await.status, 200);
    assert_eq!(api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await.status, 200);
}

#[tokio::test]
async fn a_node_asks_for_an_allowance_in_messagepack_and_gets_it_so() {
    let api = Api::start().await;
    api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await;
    let counter = |cap: &str| CounterReport {
        cap: cap.into(),
        subject: "customer=acme".into(),
        window_start: 0,
        spent: 0,
        held: 0,
        want: 1_000,
        revision: 1,
        since: 0,
    };
    let counters = vec![counter("acme/usd"), counter("gone/usd")];
    let mut request = AllowanceRequest { version: 1, node: "n".into(), boot: "b".into(), counters };
    let answer = api.send("POST", "/v1/allowances", "", &codec::encode(&request).unwrap()).await;
    assert_eq!(answer.header("content-type"), Some(codec::CONTENT_TYPE));
    let reply: AllowanceReply = codec::decode(&answer.body).unwrap();
    assert!(reply.grants[0].allowance >= 1_000);
    assert_eq!(reply.unknown_caps, ["gone/usd".into()]);
    request.version = 9;
    assert_eq!(api.send("POST", "/v1/allowances", "", &codec::encode(&request).unwrap()).await.status, 400);
}
