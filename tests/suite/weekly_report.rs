//! The weekly report by itself: a control plane that was away when it was due sends it when it is back, once.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use harness::{
    call::Call,
    receiver::{Message, Receiver},
    rig::Rig,
    wait,
};
use serde_json::{Value, json};
use std::{fs, process::Command};

/// A schedule whose time has come on every day of the week by now: the first minute of this one.
fn policy(receiver: &Receiver, secret: &str) -> String {
    let day = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).strftime("%A").to_string();
    format!(
        "
version: 1
plans: {{pro: {{price_usd: '50.00', period: month, expected_margin_percent: 80}}}}
customers: {{acme: {{plan: pro}}}}
alerts: {{to: [founder]}}
destinations:
  founder: {{url: 'http://{}/weekly', kind: standard-webhooks, secret_file: '{secret}'}}
reports: {{console_url: 'https://bursar.example', weekly: {{to: [founder], day: {}, at: '00:00'}}}}
",
        receiver.address(),
        day.to_lowercase()
    )
}

/// As if the last report had gone out a week earlier.
fn a_week_passes(rig: &Rig) {
    let code = "import sqlite3, sys\n\
        store = sqlite3.connect(sys.argv[1])\n\
        store.execute('UPDATE report_schedules SET sent_to = sent_to - 7 * 86400000000000')\n\
        assert store.total_changes == 1, 'there is a schedule'\n\
        store.commit()";
    let store = rig.bursar.data().join("bursar.sqlite3");
    let done = Command::new("python3").args(["-c", code]).arg(store).status().unwrap();
    assert!(done.success());
}

#[tokio::test]
async fn a_report_that_was_due_while_nobody_ran_is_sent_signed_and_once() {
    let receiver = Receiver::start(&[200]).await;
    let place = tempfile::tempdir().unwrap();
    let secret = place.path().join("secret");
    fs::write(&secret, format!("whsec_{}", STANDARD.encode("thirty-two bytes nobody may know"))).unwrap();
    let mut rig = Rig::start(&policy(&receiver, &secret.display().to_string())).await;
    rig.app.send(&Call::chat("gpt-4o").customer("acme")).await;
    rig.bursar.calls("acme", 1).await;
    let metrics = async |rig: &Rig| rig.bursar.client().send(&Call::get("/metrics")).await.text();
    assert!(receiver.messages().is_empty(), "a schedule that appears begins with the next week that ends");
    assert!(rig.bursar.terminate().await.success());
    a_week_passes(&rig);

    rig.bursar.resume().await;
    let message = wait::until("the report comes", async || receiver.messages().first().cloned()).await;
    assert!(message.header("webhook-signature").starts_with("v1,"), "{message:?}");
    let body: Value = serde_json::from_str(&message.body).unwrap();
    assert_eq!((&message.path, &body["type"]), (&"/weekly".to_owned(), &json!("report.weekly")));
    let day = |key: &str| body["data"][key].as_str().unwrap().get(..10).unwrap().to_owned();
    let (from, to) = (day("from"), day("to"));
    let url = format!("https://bursar.example/console/reports/weekly?from={from}&to={to}");
    assert_eq!(body["data"]["url"], json!(url));
    // It is the report that anybody can ask for.
    let mut report = rig.bursar.json(&format!("/v1/reports/weekly?from={from}&to={to}")).await;
    let mut sent = body["data"]["report"].clone();
    // But what it says of now.
    for changing in ["close_to_caps", "changes"] {
        report.as_object_mut().unwrap().remove(changing);
        sent.as_object_mut().unwrap().remove(changing);
    }
    assert_eq!(sent, report);
    wait::until("it is counted", async || {
        let line = "bursar_alerts_total{kind=\"weekly_report\",result=\"delivered\"} 1";
        metrics(&rig).await.lines().any(|found| found == line).then_some(())
    })
    .await;

    // A kill, another start and other looks, of which the last raises an alert: nothing is sent again.
    rig.bursar.kill();
    rig.bursar.resume().await;
    rig.app.send(&Call::chat("nobody-knows").customer("acme")).await;
    let of_kind = |message: &Message, kind: &str| {
        let body: Value = serde_json::from_str(&message.body).unwrap();
        body["type"] == kind
    };
    wait::until("a later look tells of something else", async || {
        receiver.messages().iter().any(|message| of_kind(message, "alert.unpriced")).then_some(())
    })
    .await;
    let reports = receiver.messages().iter().filter(|message| of_kind(message, "report.weekly")).count();
    assert_eq!(reports, 1);
    let page = rig.bursar.client().send(&Call::get("/console/alerts")).await.text();
    assert!(page.contains("Weekly report, ") && page.contains("delivered"), "{page}");
}
