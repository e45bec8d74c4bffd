mod access;
mod astray;
mod behind;
mod files;
mod pages;
mod policies;
mod prices;

use super::*;
use crate::{
    api, catalogue,
    clock::Clock,
    console::tests::{example, now},
    policy,
};
use protocol::{
    codec::{self, Batch, BatchReply},
    event::{CallEnd, CallHead, ItemResult, UsageEvent},
};

const CATALOGUE: &str = r#"{"gpt-4o-mini": {"litellm_provider": "openai", "input_cost_per_token": 1.5e-07,
    "output_cost_per_token": 6e-07, "cache_read_input_token_cost": 7.5e-08}}"#;
const POLICY: &str = "version: 1\ncaps: [{name: day, each: customer, limit_usd: 0.001, window: day}]\n";

/// A control plane with one call in its ledger, asked as a browser asks.
struct Browser {
    runtime: tokio::runtime::Runtime,
    app: App,
    address: String,
    _directory: tempfile::TempDir,
}

impl Browser {
    fn new() -> Self {
        let browser = Self::with(POLICY);
        browser.import(CATALOGUE);
        browser
    }

    /// Without any price.
    fn with(policy: &str) -> Self {
        Self::at(policy, now)
    }

    /// With a time of its own.
    fn at(policy: &str, now: impl Fn() -> UnixNanos + Send + Sync + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let app = App::open(directory.path(), Clock::from_source(now)).unwrap();
        let address = runtime.block_on(async {
            app.put_policy(policy::parse(policy, "p").unwrap()).await.unwrap();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let router = api::router(app.clone());
            tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
            address
        });
        Self { runtime, app, address, _directory: directory }
    }

    fn import(&self, catalogue: &str) {
        let request = catalogue::Request { text: catalogue.to_owned(), effective_from: None, dry_run: false };
        self.runtime.block_on(catalogue::import(&self.app, request)).unwrap();
    }

    fn book(&self, head: CallHead, end: CallEnd) {
        self.tell(UsageEvent::Finished { head, end: Box::new(end) });
    }

    fn tell(&self, event: UsageEvent) {
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
        let mut response = self.agent().get(format!("{}{path}", self.address)).call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    /// Sends a form, and says where it leads.
    fn send(&self, path: &str, fields: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let form = "application/x-www-form-urlencoded";
        let request = self.agent().post(format!("{}{path}", self.address)).content_type(form);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send(fields).unwrap();
        let leads_to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        (response.status().as_u16(), leads_to.unwrap_or_default())
    }

    /// An agent that follows nothing and takes every status for an answer.
    fn agent(&self) -> ureq::Agent {
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into()
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
        ">acme</a></th>",
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
    for (query, fault) in [
        ("from=2026-13-01&to=2026-12-01", "role=\"alert\""),
        ("from=2026-11-24&to=2026-11-23", "role=\"alert\""),
        ("form=2026-11-24", "`form` filters nothing here"),
    ] {
        let (status, page) = browser.open(&format!("/console/reports/customers?{query}"));
        assert!(status == 400 && page.contains(fault) && page.contains("name=\"from\""), "{query}: {page}");
    }
    drop(browser.runtime);
}

#[test]
fn a_calculation_has_an_address_and_what_is_wrong_with_it_stands_beside_the_form() {
    let browser = Browser::new();
    let (status, page) = browser.open("/console/calculator");
    assert!(status == 200 && page.contains("name=\"calls\"") && !page.contains("cannot be calculated"));
    let (status, page) = browser.open(
        "/console/calculator?price_usd=10&period=month&expected_margin_percent=80&model=openai%2Fgpt-4o-mini\
         &calls=p50%3D1000&input_tokens=1000&output_tokens=1000&plan=&compare=openai%2Fnobody",
    );
    assert_eq!(status, 200, "{page}");
    for text in ["0.7500", "92.5 %", "no_model", "value=\"p50=1000\""] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let (status, page) = browser.open("/console/calculator?calls=p50%3D%3Cb%3E&model=x");
    assert_eq!(status, 422);
    assert!(page.contains("<code>calls.p50</code>") && page.contains("<code>model</code>"), "{page}");
    assert!(!page.contains("<b>"), "what was written is text and no page");
}

#[test]
fn exports_are_pasted_and_compared_and_a_form_of_another_site_is_not() {
    let browser = Browser::new();
    let (status, page) = browser.open("/console/reconciliation");
    assert!(status == 200 && page.contains("<textarea name=\"usage\""), "{page}");
    let usage = r#"{"data": [{"start_time": 1795132800, "end_time": 1795219200, "results":
        [{"input_tokens": 1000000, "output_tokens": 0, "model": "gpt-4o-mini"}]}]}"#;
    let fields = |usage: &str| vec![("provider", "openai".to_owned()), ("usage", usage.to_owned())];
    let post = |usage: &str, origin: &str| {
        let request = browser.agent().post(format!("{}/console/reconciliation", browser.address));
        let mut response = request.header("origin", origin).send_form(fields(usage)).unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    };
    let (status, page) = post(usage, &browser.address);
    assert_eq!(status, 200, "{page}");
    for text in ["Reconciliation with openai", "outside_mesh", "0.1500", "rated at our prices"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    let (status, page) = post("{\"<b>\": 1}", &browser.address);
    assert!(status == 422 && page.contains("<code>usage</code> is no export of openai"), "{page}");
    assert!(!page.contains("<b>"), "what was pasted is text and no page");
    assert_eq!(post(usage, "http://evil.example").0, 403);
}
