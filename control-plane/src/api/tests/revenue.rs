//! `PUT` and `DELETE /v1/revenue/{customer}/{period}`.

use super::{Api, batch, finished};
use serde_json::json;

const POLICY: &str = "version: 1\nplans: {pro: {price_usd: \"300\"}, year: {price_usd: \"3650\", period: year}}\n\
    customers:\n  acme: {plan: pro}\n  globex: {plan: pro, anchor_day: 15, time_zone: Asia/Tokyo}\n  \
    initech: {plan: year, anchor_month: 4}\n  hooli: {}\n";

async fn paid(api: &Api, period: &str, amount: &str) -> (u16, serde_json::Value) {
    let body = json!({"amount_usd": amount}).to_string();
    let answer = api.send("PUT", &format!("/v1/revenue/{period}"), "", body.as_bytes()).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn what_was_paid_holds_in_the_place_of_the_plan_s_price_until_it_is_taken_back() {
    let api = Api::start().await;
    api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await;
    let revenue = async || {
        let report = api.show("/v1/reports/plans?from=2026-11-01&to=2026-12-01").await.json();
        report["items"][0]["revenue_usd"].clone()
    };
    // Of globex, half of a period of 31 days and half of one of 30.
    assert_eq!(revenue().await, "595.604838709677");
    for _ in 0..2 {
        let (status, taken) = paid(&api, "acme/2026-11", "60").await;
        assert_eq!((status, &taken["period"]), (200, &json!("2026-11-01")), "{taken}");
        assert_eq!(revenue().await, "355.604838709677");
    }
    assert_eq!(paid(&api, "acme/2026-11-01", "-1.5").await.0, 200);
    assert_eq!(revenue().await, "294.104838709677");
    assert_eq!(api.send("DELETE", "/v1/revenue/acme/2026-11", "", b"").await.status, 204);
    assert_eq!(api.send("DELETE", "/v1/revenue/acme/2026-11", "", b"").await.status, 404);
    assert_eq!(revenue().await, "595.604838709677");
}

#[tokio::test]
async fn a_period_is_that_of_the_customer_s_plan() {
    let api = Api::start().await;
    api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await;
    for (period, from, to) in [
        ("globex/2026-11", "2026-11-14T15:00:00", "2026-12-14T15:00:00"),
        ("globex/2026-12-15", "2026-12-14T15:00:00", "2027-01-14T15:00:00"),
        ("initech/2026", "2026-04-01T00:00:00", "2027-04-01T00:00:00"),
    ] {
        let (status, taken) = paid(&api, period, "1").await;
        let instants = ["from", "to"].map(|key| taken[key].as_str().unwrap().to_owned());
        assert_eq!(status, 200, "{taken}");
        assert!(instants[0].starts_with(from) && instants[1].starts_with(to), "{period}: {instants:?}");
    }
    for (period, amount, status) in [
        ("acme/2026-11-02", "1", 422),
        ("acme/2026", "1", 422),
        ("acme/soon", "1", 422),
        ("acme/2026-11", "much", 422),
        ("hooli/2026-11", "1", 200),
        ("hooli/2026-11-02", "1", 422),
        ("nobody/2026-11", "1", 404),
    ] {
        assert_eq!(paid(&api, period, amount).await.0, status, "{period}");
    }
    // Its periods begin on another day since: what was said of the old ones still holds for its time.
    let other = POLICY.replace("anchor_day: 15", "anchor_day: 20");
    assert_eq!(api.send("PUT", "/v1/policy", "", other.as_bytes()).await.status, 200);
    let (status, problem) = paid(&api, "globex/2026-11", "1").await;
    assert_eq!(status, 409);
    assert!(problem["detail"].as_str().unwrap().contains("2026-11-15"), "{problem}");
}

#[tokio::test]
async fn a_customer_that_has_left_the_policy_can_still_be_said_to_have_paid() {
    let api = Api::start().await;
    assert_eq!(paid(&api, "acme/2026-11", "60").await.0, 404, "nobody knows it");
    api.post_json("/v1/events", &batch(vec![finished()])).await;
    let sums = async |report: &str| {
        let report = api.show(&format!("/v1/reports/{report}?from=2026-11-01&to=2026-12-01")).await.json();
        ["customers", "revenue_usd", "cost_usd"].map(|key| report["total"][key].to_string())
    };
    for (period, status) in [("2026-11", 200), ("2026-11-01", 200), ("2026-11-15", 409), ("2026-10", 200)] {
        assert_eq!(paid(&api, &format!("acme/{period}"), "60").await.0, status, "{period}");
    }
    for period in ["soon", "2026-13", "1969-12", "9999"] {
        assert_eq!(paid(&api, &format!("acme/{period}"), "60").await.0, 422, "{period}");
    }
    let (_, taken) = paid(&api, "acme/2024", "1").await;
    let span = ["2024-01-01T00:00:00.000000000Z", "2025-01-01T00:00:00.000000000Z"];
    assert_eq!([&taken["from"], &taken["to"]], span, "{taken}");
    assert_eq!(sums("plans").await, sums("channels").await);
    assert_eq!(sums("plans").await[..2], ["1", "\"60\""]);
    // What was said while it was on a plan stays about the time that it was about.
    api.send("PUT", "/v1/policy", "", POLICY.as_bytes()).await;
    let (_, then) = paid(&api, "globex/2026-11", "10").await;
    api.send("PUT", "/v1/policy", "", b"version: 1\n").await;
    let (status, now) = paid(&api, "globex/2026-11-15", "10").await;
    assert_eq!((status, &now), (200, &then));
    for period in ["acme/2026-11", "globex/2026-11-15"] {
        assert_eq!(
            api.send("DELETE", &format!("/v1/revenue/{period}"), "", b"").await.status,
            204,
            "{period}"
        );
    }
}
