//! Alerts: from calls through Envoy to a signed message at whoever is to know, once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use harness::{
    call::Call,
    receiver::{Message, Receiver},
    rig::Rig,
    wait,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    process::{Command, Stdio},
};

const SECRET: &[u8] = b"thirty-two bytes nobody may know";

/// 50 USD at 80 % leaves 10 for each customer. The plan and its features have the room of ten customers.
fn policy(receiver: &Receiver, secret: &str) -> String {
    let others: String = (1..10).map(|number| format!("  other{number}: {{plan: pro}}\n")).collect();
    format!(
        "
version: 1
plans: {{pro: {{price_usd: '50.00', period: month, expected_margin_percent: 80}}}}
customers:
  acme: {{plan: pro}}
{others}
alerts: {{margin_percent: [50, 80], to: [ops]}}
destinations:
  ops: {{url: 'http://{}/hooks/very-secret-token', kind: standard-webhooks, secret_file: '{secret}'}}
",
        receiver.address()
    )
}

/// A call whose prompt costs so many cents: 4,000 tokens each.
fn costing(cents: u64) -> Call {
    let script = json!({"prompt_tokens": cents * 4_000, "tokens": 1});
    Call::chat("gpt-4o").customer("acme").script(&script)
}

/// Python's own HMAC, over what came.
fn is_signed(message: &Message) -> bool {
    let code = "import base64, hashlib, hmac, sys\n\
        key, text = base64.b64decode(sys.argv[1]), sys.stdin.buffer.read()\n\
        print('v1,' + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode(), end='')";
    let mut python = Command::new("python3")
        .args(["-c", code, &STANDARD.encode(SECRET)])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let signed =
        format!("{}.{}.{}", message.header("webhook-id"), message.header("webhook-timestamp"), message.body);
    python.stdin.take().unwrap().write_all(signed.as_bytes()).unwrap();
    let expected = python.wait_with_output().unwrap().stdout;
    expected == message.header("webhook-signature").as_bytes()
}

fn read(message: &Message) -> Value {
    serde_json::from_str(&message.body).unwrap()
}

/// `kind threshold` of each alert of the customer that a message names.
fn named(message: &Message) -> BTreeSet<String> {
    let alerts = read(message)["data"]["alerts"].as_array().unwrap().clone();
    let alerts = alerts.into_iter().filter(|alert| alert["subject"] == json!({"customer": "acme"}));
    alerts.map(|alert| format!("{} {}", alert["kind"].as_str().unwrap(), alert["threshold"])).collect()
}

async fn messages(receiver: &Receiver, count: usize) -> Vec<Message> {
    wait::until("the message comes", async || {
        let came = receiver.messages();
        (came.len() >= count).then_some(came)
    })
    .await
}

async fn call(rig: &Rig, call: Call, so_far: usize) {
    let answer = rig.app.send(&call).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    rig.bursar.calls("acme", so_far).await;
}

/// Waits until the control plane knows that all its messages arrived.
async fn arrived(rig: &Rig) {
    wait::until("it is known that the messages arrived", async || {
        let alerts = rig.bursar.items("/v1/alerts?limit=1000").await;
        let arrived = |alert: &Value| alert["deliveries"][0]["state"] == "delivered";
        alerts.iter().all(arrived).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_customer_who_passes_half_and_then_four_fifths_of_its_room_is_told_of_once_each() {
    let receiver = Receiver::start(&[200]).await;
    let place = tempfile::tempdir().unwrap();
    let secret = place.path().join("secret");
    fs::write(&secret, format!("whsec_{}", STANDARD.encode(SECRET))).unwrap();
    let mut rig = Rig::start(&policy(&receiver, &secret.display().to_string())).await;

    call(&rig, costing(550), 1).await;
    let half = messages(&receiver, 1).await.remove(0);
    let body = read(&half);
    assert_eq!(body["type"], "alert.margin");
    let alerts = body["data"]["alerts"].as_array().unwrap();
    let reached: Vec<&Value> = alerts.iter().filter(|alert| alert["kind"] == "margin_reached").collect();
    let [reached] = reached[..] else { panic!("{body:#}") };
    assert_eq!((&reached["customer"], &reached["threshold"]), (&json!("acme"), &json!(50)));
    let figures = &reached["figures"];
    assert_eq!((&figures["budget_usd"], &figures["used_percent"]), (&json!("10"), &json!(55)));

    // A kill between the two: nothing is told again. (A kill before it is known that a message arrived sends that one
    // again under its own id; the test below is about that.)
    arrived(&rig).await;
    rig.bursar.kill();
    rig.bursar.resume().await;
    call(&rig, costing(300), 2).await;
    let most = messages(&receiver, 2).await.remove(1);
    assert!(named(&most).contains("margin_reached 80") && !named(&most).contains("margin_reached 50"));

    // Something else that is told of last: by then, whatever there was to say has been said.
    call(&rig, Call::chat("a-model-nobody-priced").customer("acme"), 3).await;
    let all = messages(&receiver, 3).await;
    let kinds: Vec<Value> = all.iter().map(|message| read(message)["type"].clone()).collect();
    assert_eq!(kinds, ["alert.margin", "alert.margin", "alert.unpriced"]);
    assert!(all.iter().all(is_signed));
    let ids: BTreeSet<&str> = all.iter().map(|message| message.header("webhook-id")).collect();
    assert_eq!(ids.len(), all.len());

    let alerts = rig.bursar.items("/v1/alerts?customer=acme&kind=margin_reached").await;
    assert_eq!(alerts.len(), 2, "{alerts:#?}");
    arrived(&rig).await;
    let log = rig.bursar.log();
    assert!(
        log.contains("alert delivered") && !log.contains("very-secret-token") && !log.contains("acme"),
        "{log}"
    );
    rig.bursar.is_consistent();
}

/// With threads: the receiver answers while the command is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_once_gets_the_same_message_again_after_a_kill_too() {
    let receiver = Receiver::start(&[500, 200]).await;
    let place = tempfile::tempdir().unwrap();
    let secret = place.path().join("secret");
    fs::write(&secret, format!("whsec_{}", STANDARD.encode(SECRET))).unwrap();
    let mut rig = Rig::start(&policy(&receiver, &secret.display().to_string())).await;
    call(&rig, costing(900), 1).await;
    messages(&receiver, 1).await;
    rig.bursar.kill();
    rig.bursar.resume().await;
    let both = messages(&receiver, 2).await;
    assert_eq!(both[0].header("webhook-id"), both[1].header("webhook-id"));
    assert_eq!(both[0].body, both[1].body);
    assert!(
        named(&both[0])
            .is_superset(&BTreeSet::from(["margin_reached 50".to_owned(), "margin_reached 80".to_owned()]))
    );
    assert!(both.iter().all(is_signed));
    let server = format!("http://{}", rig.bursar.address());
    let tested = rig.bursar.run(&["alerts", "test", "ops", "--server", &server]);
    assert!(tested.status.success(), "{tested:?}");
    assert_eq!(String::from_utf8(tested.stdout).unwrap(), "ops took a signed test message: 200\n");
}
