use super::*;
use crate::{
    api,
    app::App,
    catalogue,
    console::tests::{example, now},
    policy,
};
use protocol::{
    codec::{self, Batch, BatchReply},
    event::{CallEnd, CallHead, ItemResult, UsageEvent},
};

/// A control plane with one call in its ledger, asked as a browser asks.
struct Browser {
    runtime: tokio::runtime::Runtime,
    address: String,
    _directory: tempfile::TempDir,
}

impl Browser {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let app = App::open(directory.path(), Clock::from_source(now)).unwrap();
        let catalogue = r#"{"gpt-4o-mini": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-07,
            "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08}}"#;
        let address = runtime.block_on(async {
            let request =
                catalogue::Request { text: catalogue.to_owned(), effective_from: None, dry_run: false };
            catalogue::import(&app, request).await.unwrap();
            let policy = "version: 1\ncaps: [{name: day, each: customer, limit_usd: 0.001, window: day}]\n";
            app.put_policy(policy::parse(policy, "p").unwrap()).await.unwrap();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            tokio::spawn(async move { axum::serve(listener, api::router(app)).await.unwrap() });
            address
        });
        Self { runtime, address, _directory: directory }
    }

    fn book(&self, head: CallHead, end: CallEnd) {
        let event = UsageEvent::Finished { head, end: Box::new(end) };
        let batch =
            Batch { version: codec::VERSION, node: "n".into(), boot: "b".into(), events: vec![event] };
        let body = codec::encode(&batch).unwrap();
        let request =
            ureq::post(format!("{}/v1/events", self.address)).content_type("application/vnd.msgpack");
        let answer = request.send(&body[..]).unwrap().body_mut().read_to_vec().unwrap();
        let reply: BatchReply = codec::decode(&answer).unwrap();
        assert!(reply.results.iter().all(|item| item.result == ItemResult::Accepted), "{reply:?}");
    }

    fn open(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.get(format!("{}{path}", self.address)).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }
}

#[test]
fn what_is_booked_stands_on_the_pages() {
    let browser = Browser::new();
    let (status, empty) = browser.open("/");
    assert_eq!(status, 200);
    assert!(empty.contains("No calls yet."), "{empty}");
    let (head, end, ..) = example();
    let id = head.id.to_string();
    browser.book(head, end);
    let (_, overview) = browser.open("/");
    // 0.0004674 of a cap of 0.001
    for text in [
        "$0.000467 <abbr",
        "46 %",
        "day, resets in 9 h 56 min",
        &format!("/console/calls/{id}"),
        ">acme</th>",
    ] {
        assert!(overview.contains(text), "{text} in {overview}");
    }
    let (status, call) = browser.open(&format!("/console/calls/{id}"));
    assert_eq!(status, 200);
    assert!(call.contains("<span class=\"op\">=</span>0.0004674</td><td></td>"), "{call}");
    assert!(call.contains("in force since ever"), "{call}");
    let (_, weekly) = browser.open("/console/reports/weekly");
    assert!(weekly.contains("title=\"0.0004674 USD\""), "{weekly}");
    assert_eq!(browser.open("/assets/console.css"), (200, STYLESHEET.to_owned()));
    let (status, missing) = browser.open("/console/calls/nonsense");
    assert_eq!(status, 404);
    assert!(missing.contains("There is no such call"), "{missing}");
    assert_eq!(browser.open("/console/reports/weekly?from=2026-13-01").0, 404);
    drop(browser.runtime);
}
