//! The page over a real socket, as a browser asks.

use crate::alerts::desk::{Desk, ask};

#[tokio::test]
async fn the_page_shows_what_was_raised_and_whether_it_arrived() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    desk.sql(
        "UPDATE alert_deliveries SET state = 2, attempts = 10, next_at = NULL, last_error = 'answered 500'",
    )
    .await;
    let (status, html) = ask("GET", format!("{address}/console/alerts"), &[]).await;
    assert_eq!(status, 200);
    for text in [
        "Customer acme has passed 50 %",
        "<span class=\"badge warn\">standing</span>",
        "<span class=\"badge plain\">seeded</span>",
        "<span class=\"badge bad\">dead</span> ops <span class=\"aside\">10 tries, answered 500</span>",
        "did not arrive",
        "Told to ops.",
    ] {
        assert!(html.contains(text), "{text} in {html}");
    }
    assert!(!html.contains("token"), "an address stays unknown");
    assert!(!html.contains("<script") && !html.contains(" style="));
    let (_, seeded) = ask("GET", format!("{address}/console/alerts?state=seeded"), &[]).await;
    assert!(seeded.contains("Customer beta") && !seeded.contains("Customer acme"), "{seeded}");
    let (_, overview) = ask("GET", format!("{address}/"), &[]).await;
    assert!(overview.contains("alerts standing</strong></a>; 1 message did not arrive"), "{overview}");
}

#[tokio::test]
async fn an_empty_page_says_what_it_waits_for() {
    let desk = Desk::with("").await;
    let (_, html) = ask("GET", format!("{}/console/alerts", desk.serve().await), &[]).await;
    assert!(html.contains("Nothing was raised.") && html.contains("names no destination"), "{html}");
}

#[tokio::test]
async fn the_button_is_taken_from_the_console_alone() {
    let desk = Desk::with_alerts().await;
    let address = desk.serve().await;
    desk.sql("UPDATE alert_deliveries SET state = 2").await;
    let alert = desk.alerts().await.into_iter().find(|alert| alert.message.is_some()).unwrap();
    let url = || format!("{address}/console/alerts/{}/resend", alert.id);
    let other = "https://elsewhere.example";
    for headers in [
        vec![],
        vec![("origin", other)],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site"), ("origin", address.as_str())],
        vec![("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(ask("POST", url(), &headers).await.0, 403, "{headers:?}");
    }
    for headers in [vec![("sec-fetch-site", "same-origin")], vec![("origin", address.as_str())]] {
        assert_eq!(ask("POST", url(), &headers).await.0, 303, "{headers:?}");
    }
    let sent = desk.alerts().await.into_iter().find(|other| other.id == alert.id).unwrap();
    assert_eq!(sent.deliveries[0].state, "queued");
    let missing = format!("{address}/console/alerts/4711/resend");
    assert_eq!(ask("POST", missing, &[("sec-fetch-site", "same-origin")]).await.0, 404);
}
