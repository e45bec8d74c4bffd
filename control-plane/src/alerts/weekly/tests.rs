use super::{super::desk::*, *};
use crate::alerts::message::slack;

/// 2026-11-24 is a Tuesday.
const POLICY: &str = "
destinations: {ops: {url: \"http://127.0.0.1:9/a\", kind: standard-webhooks}, team: {url: \"http://127.0.0.1:9/b\", kind: slack}}
reports: {console_url: \"https://bursar.example/\", weekly: {to: [ops, team], day: wednesday, at: \"08:00\", time_zone: Europe/Berlin}}
";
/// Wednesday, 2026-11-25, 8 o'clock in Berlin.
const DUE: UnixNanos = NOW + 21 * HOUR;
const WEEK: UnixNanos = 7 * DAY;

async fn desk() -> Desk {
    let desk = Desk::new();
    desk.put(POLICY).await;
    assert!(!send(&desk).await, "what was over before the schedule appeared");
    desk
}

async fn send(desk: &Desk) -> bool {
    send_due(&desk.app).await.unwrap()
}

async fn sent(desk: &Desk) -> Vec<SentReport> {
    desk.app.store.read(|store| sent_reports(store, 100)).await.unwrap()
}

async fn titles(desk: &Desk) -> Vec<String> {
    sent(desk).await.into_iter().map(|sent| sent.title).collect()
}

const FIRST: &str = "Weekly report, 2026-11-18 until before 2026-11-25";
const SECOND: &str = "Weekly report, 2026-11-25 until before 2026-12-02";

#[tokio::test]
async fn a_week_is_reported_once_from_its_minute_on_whatever_restarts_and_wherever_the_clock_jumps() {
    let desk = desk().await;
    desk.set(DUE - 1);
    assert!(!send(&desk).await);
    desk.set(DUE);
    let (one, other) = tokio::join!(send_due(&desk.app), send_due(&desk.app));
    assert_eq!([one.unwrap(), other.unwrap()].into_iter().filter(|sent| *sent).count(), 1);
    let desk = desk.restarted().await;
    for now in [DUE + 1, DUE - HOUR, NOW - 3 * WEEK, DUE + 6 * DAY] {
        desk.set(now);
        assert!(!send(&desk).await, "{now}");
    }
    assert_eq!(titles(&desk).await, [FIRST]);
    desk.set(DUE + WEEK);
    assert!(send(&desk).await);
    assert_eq!(titles(&desk).await, [SECOND, FIRST]);
}

#[tokio::test]
async fn what_was_missed_is_sent_when_the_control_plane_is_back_and_of_several_weeks_the_last() {
    let desk = desk().await.restarted().await;
    desk.set(DUE + 6 * DAY);
    assert!(send(&desk).await);
    desk.set(DUE + 5 * WEEK);
    assert!(send(&desk).await);
    assert!(!send(&desk).await);
    assert_eq!(titles(&desk).await, ["Weekly report, 2026-12-23 until before 2026-12-30", FIRST]);
}

#[tokio::test]
async fn a_schedule_that_changes_or_comes_back_begins_anew() {
    let desk = desk().await;
    desk.set(DUE + HOUR);
    desk.put(&POLICY.replace("wednesday", "tuesday")).await;
    assert!(!send(&desk).await, "Tuesday was over when it was named");
    desk.put("").await;
    assert!(!send(&desk).await);
    desk.set(DUE + WEEK);
    desk.put(POLICY).await;
    assert!(!send(&desk).await);
    assert!(titles(&desk).await.is_empty());
}

#[tokio::test]
async fn a_message_has_the_report_that_the_api_answers_and_slack_gets_its_lines() {
    let desk = desk().await;
    for (customer, at, cents) in [("acme", NOW - DAY, 250), ("a <b>", NOW, 100), ("acme", DUE, 7)] {
        let spending = Spending { customer, at, pico: cents * CENT, ..Spending::default() };
        desk.spend(spending).await;
    }
    desk.set(DUE);
    assert!(send(&desk).await);
    let address = desk.serve().await;
    let range = "from=2026-11-18&to=2026-11-25";
    let (_, report) = ask("GET", format!("{address}/v1/reports/weekly?{range}"), &[]).await;
    let (_, markdown) = ask("GET", format!("{address}/v1/reports/weekly?{range}&format=md"), &[]).await;
    let read = |store: &Connection| {
        Ok(store.query_row("SELECT body FROM alert_messages", [], |row| row.get::<_, String>(0))?)
    };
    let body: Value = serde_json::from_str(&desk.app.store.read(read).await.unwrap()).unwrap();
    assert_eq!(body["type"], "report.weekly");
    let data = &body["data"];
    assert_eq!(data["title"], FIRST);
    assert_eq!(data["report"], serde_json::from_str::<Value>(&report).unwrap());
    assert_eq!(data["markdown"], markdown);
    assert_eq!(data["report"]["summary"]["items"][0]["value"], "3.5");
    assert_eq!(data["url"], "https://bursar.example/console/reports/weekly?from=2026-11-18&to=2026-11-25");

    let shown = slack(&body);
    let texts: Vec<&str> = shown["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| block["text"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts[0], FIRST);
    assert!(texts[1].contains("• AI cost, USD: 3.5000\n"), "{texts:?}");
    assert!(
        texts[1].contains("• Customers by AI cost: acme 2.5000 USD, a &lt;b&gt; 1.0000 USD"),
        "{texts:?}"
    );
    assert_eq!(
        *texts.last().unwrap(),
        "<https://bursar.example/console/reports/weekly?from=2026-11-18&amp;to=2026-11-25|The whole report>"
    );
}

#[tokio::test]
async fn the_page_of_alerts_shows_reports_and_sends_them_again() {
    let desk = desk().await;
    desk.set(DUE);
    assert!(send(&desk).await);
    let id = sent(&desk).await[0].id;
    desk.sql("UPDATE alert_deliveries SET state = 2, next_at = NULL, last_error = 'answered 500' WHERE destination = 'ops'")
        .await;
    let address = desk.serve().await;
    let (_, page) = ask("GET", format!("{address}/console/alerts"), &[]).await;
    assert!(page.contains(FIRST) && page.contains("answered 500"), "{page}");
    let form = format!("{address}/console/messages/{id}/resend");
    assert!(page.contains(&format!("action=\"/console/messages/{id}/resend\"")), "{page}");
    let (status, _) = ask("POST", form.clone(), &[("origin", "https://elsewhere.example")]).await;
    assert_eq!(status, 403);
    assert_eq!(ask("POST", form, &[("origin", &address)]).await.0, 303);
    let (_, missing) =
        ask("POST", format!("{address}/console/messages/999/resend"), &[("origin", &address)]).await;
    assert!(missing.contains("There is nothing to send"), "{missing}");
    let states: Vec<&str> = sent(&desk).await[0].deliveries.iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, ["queued", "queued"]);
}
