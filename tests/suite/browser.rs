//! The console in a real browser, a story a test: on a ledger whose every figure is known (`tests/python/browser/ledger.py`),
//! on a fresh one, and on calls through real Envoy.

use harness::{browser, control_plane::ControlPlane};
use serde_json::json;

/// Both customers pay by periods that began about two weeks ago, so that what the ledger has of the last days is in them,
/// whatever day it is.
fn policy() -> String {
    let day = (jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC).day() + 14) % 28 + 1;
    format!(
        r#"
version: 1
plans:
  pro: {{price_usd: "49.00", period: month, expected_margin_percent: 80}}
  starter: {{price_usd: "9.00", period: month, expected_margin_percent: 70}}
customers:
  acme: {{plan: pro, anchor_day: {day}, utm: {{source: google, medium: cpc, campaign: autumn}}}}
  globex: {{plan: starter, anchor_day: {day}, utm: {{source: newsletter, medium: email}}}}
caps:
  - {{name: acme-period, subject: {{customer: acme}}, limit_usd: "0.20", window: billing_period}}
  - {{name: globex-period, subject: {{customer: globex}}, limit_usd: "10.00", window: billing_period}}
alerts: {{margin_percent: [50, 80], cap_percent: [80, 100]}}
"#
    )
}

async fn play(story: &str) {
    if browser::is_there() {
        let bursar = ControlPlane::start(&policy()).await;
        browser::play(story, bursar.address(), &json!({})).await;
    }
}

#[tokio::test]
async fn every_page_is_sound_on_a_desk_in_light() {
    play("pages_on_a_desk_in_light").await;
}

#[tokio::test]
async fn every_page_is_sound_on_a_phone_in_dark() {
    play("pages_on_a_phone_in_dark").await;
}

#[tokio::test]
async fn every_page_fits_the_other_way_round() {
    play("pages_the_other_way_round").await;
}

#[tokio::test]
async fn every_page_of_a_fresh_ledger_says_what_will_stand_there() {
    play("pages_of_a_fresh_ledger").await;
}
