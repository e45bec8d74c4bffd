//! The routes over a real socket.

use crate::alerts::desk::{Desk, ask};
use serde_json::Value;

async fn items(address: &str, query: &str) -> Vec<Value> {
    let (status, text) = ask("GET", format!("{address}/v1/alerts{query}"), &[]).await;
    assert_eq!(status, 200, "{query}: {text}");
    let list: Value = serde_json::from_str(&text).unwrap();
    list["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn alerts_are_listed_with_their_deliveries_and_found_by_what_they_are() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    let all = items(&address, "").await;
    let named = |alert: &Value| alert["subject"]["customer"] == "acme" && alert["kind"] == "margin_reached";
    let acme = all.iter().find(|alert| named(alert)).unwrap();
    assert_eq!((&acme["threshold"], &acme["state"]), (&50.into(), &"standing".into()));
    assert_eq!(acme["figures"]["spent_usd"], "5.01");
    assert_eq!(acme["figures"]["budget_usd"], "10");
    assert_eq!(acme["period"]["from"], "2026-11-01T00:00:00.000000000Z");
    let delivery = &acme["deliveries"][0];
    assert_eq!((&delivery["destination"], &delivery["state"]), (&"ops".into(), &"queued".into()));
    assert_eq!(items(&address, "?customer=acme&kind=margin_reached").await, std::slice::from_ref(acme));
    let seeded = items(&address, "?state=seeded&customer=beta").await;
    assert!(!seeded.is_empty() && seeded.iter().all(|alert| alert["message"].is_null()), "{seeded:?}");
    assert!(items(&address, "?from=2026-11-25").await.is_empty());
    assert_eq!(items(&address, "?to=2026-11-25").await.len(), all.len());
    for wrong in ["?state=open", "?kind=margin", "?who=acme", "?limit=0", "?cursor=x"] {
        assert_eq!(ask("GET", format!("{address}/v1/alerts{wrong}"), &[]).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    let all = items(&address, "").await;
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, text) = ask("GET", format!("{address}/v1/alerts?limit=2{cursor}"), &[]).await;
        let page: Value = serde_json::from_str(&text).unwrap();
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn a_dead_letter_is_sent_again_and_what_was_never_sent_is_not() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    desk.sql("UPDATE alert_deliveries SET state = 2, attempts = 10, next_at = NULL").await;
    let told = items(&address, "?state=standing&kind=margin_reached&customer=acme").await.remove(0);
    assert_eq!(told["deliveries"][0]["state"], "dead");
    let again = async |id: &Value| ask("POST", format!("{address}/v1/alerts/{id}/resend"), &[]).await;
    let (status, text) = again(&told["id"]).await;
    assert_eq!((status, &*text), (202, r#"{"queued":["ops"]}"#));
    let told = items(&address, "?state=standing&kind=margin_reached&customer=acme").await.remove(0);
    assert_eq!(
        (&told["deliveries"][0]["state"], &told["deliveries"][0]["attempts"]),
        (&"queued".into(), &0.into())
    );
    let seeded = items(&address, "?state=seeded").await.remove(0);
    assert_eq!(again(&seeded["id"]).await.0, 409);
    assert_eq!(again(&4_711.into()).await.0, 404);
    assert_eq!(again(&"x".into()).await.0, 400);
}

#[tokio::test]
async fn a_test_of_a_destination_says_what_went_wrong_and_never_where() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    let (status, text) = ask("POST", format!("{address}/v1/destinations/ops/test"), &[]).await;
    assert_eq!(status, 200);
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&answer["delivered"], &answer["status"]), (&false.into(), &Value::Null));
    assert!(!text.contains("token"), "{text}");
    assert_eq!(ask("POST", format!("{address}/v1/destinations/nobody/test"), &[]).await.0, 404);
}

#[tokio::test]
async fn what_was_raised_is_counted() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    let (_, text) = ask("GET", format!("{address}/metrics"), &[]).await;
    for line in [
        "bursar_alerts_total{kind=\"margin_reached\",result=\"fired\"} 2",
        "bursar_alerts_total{kind=\"margin_reached\",result=\"seeded\"} 2",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("acme"));
}

#[tokio::test]
async fn the_policy_is_shown_without_addresses_and_can_be_put_back_so() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    let before = desk.app.rules().policy().clone();
    let (_, text) = ask("GET", format!("{address}/v1/policy"), &[]).await;
    assert!(text.contains("http://127.0.0.1:9/…") && !text.contains("token"), "{text}");
    let shown: Value = serde_json::from_str(&text).unwrap();
    let put = async |body: String| {
        let url = format!("{address}/v1/policy");
        let sent = move || {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            agent.put(url).send(body).unwrap().status().as_u16()
        };
        tokio::task::spawn_blocking(sent).await.unwrap()
    };
    assert_eq!(put(shown["policy"].to_string()).await, 200);
    assert_eq!(desk.app.rules().policy(), &before);
    assert_eq!(put(shown["policy"].to_string().replace("9/…", "9/…0")).await, 422);
}
