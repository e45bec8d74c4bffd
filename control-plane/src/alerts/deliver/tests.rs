//! Delivery to a real receiver on this machine: one that takes, fails, hangs, is gone, or hangs up.

use super::*;
use crate::alerts::{
    Delivery, Resent,
    desk::{CENT, DAY, Desk, NOW, Spending},
    resend, test,
};
use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::{
    future::{self, Future},
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};

const SECOND: u64 = 1_000_000_000;
const KEY: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
/// A receiver that does not answer within this does not answer.
const PATIENCE: Duration = Duration::from_millis(300);

/// What arrived.
#[derive(Clone, Debug)]
struct Request {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// HMAC-SHA256 as RFC 2104 writes it, over what the headers and the body say.
    fn is_signed(&self) -> bool {
        let pad =
            |byte: u8| -> Vec<u8> { (0..64).map(|at| KEY.get(at).copied().unwrap_or(0) ^ byte).collect() };
        let signed =
            format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.body);
        let inner = Sha256::digest([pad(0x36), signed.into_bytes()].concat());
        let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
        self.header("webhook-signature") == format!("v1,{}", STANDARD.encode(outer))
    }
}

/// What each path answers, one status after the other, the last one for ever; 0 hangs.
type Script = BTreeSet<(&'static str, Vec<u16>)>;

#[derive(Clone, Debug)]
struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    async fn start(script: &[(&'static str, &[u16])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let script: Script = script.iter().map(|(path, answers)| (*path, answers.to_vec())).collect();
        let (requests, answers) = (seen.clone(), Arc::new(script));
        let take = move |Path(path): Path<String>, headers: HeaderMap, body: Bytes| {
            let status = {
                let mut all = requests.lock().unwrap();
                let before = all.iter().filter(|request| request.path == path).count();
                let body = String::from_utf8(body.to_vec()).unwrap();
                all.push(Request { path: path.clone(), headers, body });
                let (_, statuses) = answers.iter().find(|(known, _)| *known == path).unwrap();
                statuses.get(before).or(statuses.last()).copied().unwrap()
            };
            async move {
                match status {
                    0 => future::pending().await,
                    429 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]),
                    status => (StatusCode::from_u16(status).unwrap(), [("location", "http://127.0.0.1:1/")]),
                }
            }
        };
        let router = Router::new().route("/{path}", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, seen }
    }

    fn requests(&self, path: &str) -> Vec<Request> {
        self.seen.lock().unwrap().iter().filter(|request| request.path == path).cloned().collect()
    }
}

/// A control plane that has something to say to destinations, each at the path of its name.
struct Post {
    desk: Desk,
    receiver: Receiver,
    secrets: tempfile::TempDir,
    delivering: JoinHandle<()>,
}

impl Post {
    async fn start(script: &[(&'static str, &[u16])]) -> Self {
        let receiver = Receiver::start(script).await;
        let secrets = tempfile::tempdir().unwrap();
        let secret = format!("whsec_{}\n", STANDARD.encode(KEY));
        std::fs::write(secrets.path().join("secret"), secret).unwrap();
        let desk = Desk::new();
        let names: Vec<&str> = script.iter().map(|(path, _)| *path).collect();
        desk.put(&policy(&names, receiver.address, secrets.path())).await;
        desk.evaluate().await;
        let delivering = delivering(&desk);
        Self { desk, receiver, secrets, delivering }
    }

    /// A customer passes half of its room; one message for everybody.
    async fn raise(&self) {
        self.desk.spend(Spending { pico: 500 * CENT, ..Spending::default() }).await;
        self.desk.evaluate().await;
    }

    async fn delivery(&self, destination: &str) -> Delivery {
        let alerts = self.desk.alerts().await;
        let deliveries = alerts.into_iter().flat_map(|alert| alert.deliveries);
        deliveries.into_iter().find(|delivery| delivery.destination == destination).unwrap()
    }

    /// Waits until that many tries of a destination's delivery are written down, or it has ended.
    async fn tried(&self, destination: &str, attempts: i64) -> Delivery {
        until("a try", async || {
            let delivery = self.delivery(destination).await;
            (delivery.attempts >= attempts).then_some(delivery)
        })
        .await
    }

    fn pass(&self, seconds: u64) {
        self.desk.set(self.desk.app.clock.now() + seconds * SECOND);
        self.desk.app.alerts.queued();
    }
}

fn policy(names: &[&str], address: SocketAddr, secrets: &std::path::Path) -> String {
    let file = secrets.join("secret").display().to_string();
    let destinations: Vec<String> = names
        .iter()
        .map(|name| match *name {
            "slack" => format!("  slack: {{url: \"http://{address}/slack\", kind: slack}}"),
            name => format!(
                "  {name}: {{url: \"http://{address}/{name}\", kind: standard-webhooks, secret_file: \"{file}\"}}"
            ),
        })
        .collect();
    format!(
        "plans: {{pro: {{price_usd: 50, expected_margin_percent: 80}}}}
customers: {{acme: {{plan: pro}}, beta: {{plan: pro}}}}
alerts: {{to: [{}], abnormal: {{factor: 0}}}}
destinations:
{}
",
        names.join(", "),
        destinations.join("\n")
    )
}

fn delivering(desk: &Desk) -> JoinHandle<()> {
    tokio::spawn(deliver_by(desk.app.clone(), Sender::patient_for(PATIENCE)))
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let found = timeout(Duration::from_secs(20), async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("{what} does not come"))
}

#[tokio::test]
async fn a_message_arrives_once_signed_and_slack_has_its_own() {
    let post = Post::start(&[("hook", &[200]), ("slack", &[200])]).await;
    post.raise().await;
    let delivery = post.tried("hook", 1).await;
    assert_eq!((delivery.state, delivery.last_status), ("delivered", Some(200)));
    post.tried("slack", 1).await;
    let [hook] = post.receiver.requests("hook").try_into().unwrap();
    assert!(hook.is_signed(), "{hook:?}");
    assert_eq!(hook.header("webhook-timestamp"), (NOW / SECOND).to_string());
    assert_eq!(hook.header("content-type"), "application/json");
    let body: Value = serde_json::from_str(&hook.body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["alerts"][0]["customer"]),
        (&"alert.margin".into(), &"acme".into())
    );
    let alert = &post.desk.alerts().await[0];
    assert_eq!(alert.message.as_deref(), Some(hook.header("webhook-id")));
    let [slack] = post.receiver.requests("slack").try_into().unwrap();
    let slack: Value = serde_json::from_str(&slack.body).unwrap();
    assert_eq!(slack["blocks"][0]["type"], "header");
    // Nothing more comes, whatever time passes.
    post.pass(86_400);
    post.desk.evaluate().await;
    assert_eq!(post.receiver.requests("hook").len(), 1);
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_on_schedule_with_the_same_id() {
    let post = Post::start(&[("hook", &[500, 503, 200])]).await;
    post.raise().await;
    let first = post.tried("hook", 1).await;
    assert_eq!((first.state, first.last_status), ("queued", Some(500)));
    assert_eq!(first.last_error.as_deref(), Some("answered 500 Internal Server Error"));
    assert_eq!(first.next_at.unwrap().0, NOW + 5 * SECOND);
    post.pass(4);
    assert_eq!(post.receiver.requests("hook").len(), 1, "not before its time");
    post.pass(1);
    assert_eq!(post.tried("hook", 2).await.next_at.unwrap().0, NOW + 35 * SECOND);
    post.pass(30);
    assert_eq!(post.tried("hook", 3).await.state, "delivered");
    let requests = post.receiver.requests("hook");
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(Request::is_signed), "each with its own timestamp");
    let ids: BTreeSet<&str> = requests.iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_nobody_else_and_neither_evaluation() {
    let post = Post::start(&[("hangs", &[0]), ("hook", &[200])]).await;
    post.raise().await;
    assert_eq!(post.tried("hook", 1).await.state, "delivered");
    let hanging = post.tried("hangs", 1).await;
    assert_eq!((hanging.state, hanging.last_status), ("queued", None));
    assert_eq!(hanging.last_error.as_deref(), Some("no answer in time"));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_in_peace_and_its_message_can_be_sent_again() {
    let post = Post::start(&[("gone", &[410, 200])]).await;
    post.raise().await;
    let gone = post.tried("gone", 1).await;
    assert_eq!((gone.state, gone.last_status, gone.next_at), ("dead", Some(410), None));
    post.pass(86_400);
    assert_eq!(post.receiver.requests("gone").len(), 1);
    let alert = post.desk.alerts().await[0].id;
    assert_eq!(resend(&post.desk.app, alert).await.unwrap(), Resent::Queued(vec!["gone".to_owned()]));
    until("the second try", async || (post.delivery("gone").await.state == "delivered").then_some(())).await;
    let requests = post.receiver.requests("gone");
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    assert_eq!(resend(&post.desk.app, 4_711).await.unwrap(), Resent::NoSuchAlert);
}

#[tokio::test]
async fn a_receiver_that_always_fails_gets_ten_tries_and_then_the_message_is_dead() {
    let post = Post::start(&[("hook", &[500])]).await;
    post.raise().await;
    for attempt in 1..10 {
        assert_eq!(post.tried("hook", attempt).await.state, "queued", "{attempt}");
        post.pass(43_200);
    }
    assert_eq!(post.tried("hook", 10).await.state, "dead");
    assert_eq!(post.receiver.requests("hook").len(), 10);
}

#[tokio::test]
async fn a_receiver_may_ask_for_patience_and_may_not_send_us_elsewhere() {
    let post = Post::start(&[("busy", &[429]), ("moved", &[302])]).await;
    post.raise().await;
    assert_eq!(post.tried("busy", 1).await.next_at.unwrap().0, NOW + 60 * SECOND);
    let moved = post.tried("moved", 1).await;
    assert_eq!((moved.state, moved.last_status), ("queued", Some(302)));
}

#[tokio::test]
async fn a_connection_that_breaks_or_is_refused_is_a_failure_in_our_own_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let closing = tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        drop(listener);
    });
    let post = Post::start(&[("hook", &[200])]).await;
    let text = policy(&["hook"], address, post.secrets.path()).replace("/hook", "/services/T0/B0/token");
    post.desk.put(&text).await;
    post.raise().await;
    let broken = post.tried("hook", 1).await;
    assert_eq!((broken.state, broken.last_status), ("queued", None));
    closing.await.unwrap();
    post.pass(5);
    let refused = post.tried("hook", 2).await;
    for error in [broken.last_error.unwrap(), refused.last_error.unwrap()] {
        assert!(error.contains("connection"), "{error}");
        assert!(!error.contains("token") && !error.contains("127.0.0.1"), "{error}");
    }
}

#[tokio::test]
async fn what_was_queued_before_a_restart_arrives_after_it() {
    let mut post = Post::start(&[("hook", &[500, 200])]).await;
    post.raise().await;
    post.tried("hook", 1).await;
    post.delivering.abort();
    drop(post.delivering.await);
    post.desk = post.desk.restarted().await;
    assert_eq!(post.desk.evaluate().await.fired, 0);
    post.delivering = delivering(&post.desk);
    post.pass(5);
    assert_eq!(post.tried("hook", 2).await.state, "delivered");
    let requests = post.receiver.requests("hook");
    assert_eq!((requests.len(), requests[0].header("webhook-id")), (2, requests[1].header("webhook-id")));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_a_failure_and_nothing_is_sent() {
    let post = Post::start(&[("hook", &[200])]).await;
    std::fs::remove_file(post.secrets.path().join("secret")).unwrap();
    post.raise().await;
    let failed = post.tried("hook", 1).await;
    assert_eq!(failed.last_error.as_deref(), Some("the secret's file cannot be read: entity not found"));
    assert!(post.receiver.requests("hook").is_empty());
}

#[tokio::test]
async fn without_a_secret_a_message_goes_out_unsigned_and_with_one_that_is_not_there_not_at_all() {
    let post = Post::start(&[("hook", &[200])]).await;
    let text = policy(&["hook"], post.receiver.address, post.secrets.path());
    let (before, after) = text.split_once(", secret_file").unwrap();
    let (_, after) = after.split_once('}').unwrap();
    post.desk.put(&format!("{before}}}{after}")).await;
    let unsigned = test(&post.desk.app, "hook").await.unwrap();
    assert_eq!((unsigned.status, unsigned.signed), (Some(200), false));
    assert_eq!(post.receiver.requests("hook")[0].header("webhook-signature"), "");
    post.desk.put(&format!("{before}, secret_env: BURSAR_TEST_NOWHERE}}{after}")).await;
    let failed = test(&post.desk.app, "hook").await.unwrap();
    assert_eq!(failed.error.as_deref(), Some("the variable BURSAR_TEST_NOWHERE holds no secret"));
    assert_eq!(post.receiver.requests("hook").len(), 1);
}

#[tokio::test]
async fn a_destination_that_the_policy_has_no_more_is_a_dead_letter() {
    let post = Post::start(&[("hook", &[500])]).await;
    post.raise().await;
    post.tried("hook", 1).await;
    post.desk.put("alerts: {}").await;
    post.pass(5);
    let dead = post.tried("hook", 2).await;
    assert_eq!((dead.state, post.receiver.requests("hook").len()), ("dead", 1));
}

#[tokio::test]
async fn a_newer_message_does_not_wait_for_an_older_one_that_failed() {
    let post = Post::start(&[("hook", &[500, 200])]).await;
    post.raise().await;
    post.tried("hook", 1).await;
    post.desk.spend(Spending { customer: "beta", pico: 500 * CENT, ..Spending::default() }).await;
    post.desk.evaluate().await;
    until("the second message", async || (post.receiver.requests("hook").len() == 2).then_some(())).await;
    let requests = post.receiver.requests("hook");
    assert_ne!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
}

#[tokio::test]
async fn a_test_says_what_the_destination_answers() {
    let post = Post::start(&[("hook", &[200]), ("broken", &[500])]).await;
    let good = test(&post.desk.app, "hook").await.unwrap();
    assert_eq!((good.status, good.error, good.signed), (Some(200), None, true));
    let [request] = post.receiver.requests("hook").try_into().unwrap();
    assert!(request.is_signed() && request.body.contains("alert.test"));
    let bad = test(&post.desk.app, "broken").await.unwrap();
    assert_eq!((bad.status, bad.error.as_deref()), (Some(500), Some("answered 500 Internal Server Error")));
    assert!(test(&post.desk.app, "nobody").await.is_none());
    assert!(post.desk.alerts().await.is_empty(), "a test is no alert, and is not tried again");
    post.desk.set(NOW + DAY);
}
