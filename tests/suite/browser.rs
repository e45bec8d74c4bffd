//! The console in a real browser, a story a test: on a ledger whose every figure is known (`tests/python/browser/ledger.py`),
//! on a fresh one, and on calls through real Envoy.

use harness::{browser, call::Call, control_plane::ControlPlane, rig::Rig};
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
async fn every_page_is_sound_on_a_desk_in_dark() {
    play("pages_on_a_desk_in_dark").await;
}

#[tokio::test]
async fn every_page_is_sound_on_a_phone_in_light() {
    play("pages_on_a_phone_in_light").await;
}

#[tokio::test]
async fn every_page_of_a_fresh_ledger_says_what_will_stand_there() {
    play("pages_of_a_fresh_ledger").await;
}

#[tokio::test]
async fn a_customer_s_cost_and_margin_are_what_its_calls_cost_and_its_plan_pays() {
    play("customers_cost_and_margin").await;
}

#[tokio::test]
async fn a_task_shows_what_its_cost_went_for() {
    play("split_of_a_task").await;
}

#[tokio::test]
async fn a_call_shows_the_arithmetic_of_its_price() {
    play("arithmetic_of_a_call").await;
}

#[tokio::test]
async fn a_csv_is_downloaded_and_says_what_the_page_says() {
    play("csv_of_a_report").await;
}

#[tokio::test]
async fn the_tables_of_other_pages_are_downloaded_too() {
    play("csv_of_other_tables").await;
}

#[tokio::test]
async fn a_report_is_of_the_time_that_its_form_names() {
    play("time_of_a_report").await;
}

#[tokio::test]
async fn a_price_that_waits_is_approved_by_its_form() {
    play("a_waiting_price_is_approved").await;
}

#[tokio::test]
async fn a_margin_is_calculated_by_a_form_whose_address_is_the_calculation() {
    play("a_margin_is_calculated").await;
}

#[tokio::test]
async fn an_export_is_pasted_and_compared_with_the_ledger() {
    play("an_export_is_reconciled").await;
}

#[tokio::test]
async fn a_policy_is_drafted_checked_and_put_in_force_by_forms() {
    play("a_policy_is_put_in_force").await;
}

#[tokio::test]
async fn the_first_key_closes_the_console_and_signs_people_in() {
    play("a_key_closes_the_console").await;
}

#[tokio::test]
async fn what_has_a_name_is_found_by_it() {
    play("names_lead_to_their_pages").await;
}

#[tokio::test]
async fn everything_is_reached_by_keyboard_with_a_focus_that_can_be_seen() {
    play("everything_can_be_reached").await;
}

#[tokio::test]
async fn the_first_link_skips_the_navigation_and_the_search_needs_no_mouse() {
    play("skip_and_search").await;
}

#[tokio::test]
async fn why_envoy_refused_a_call_is_found_by_the_id_of_its_request() {
    if !browser::is_there() {
        return;
    }
    let rig = Rig::start(
        "version: 1\ncaps: [{name: acme-calls, subject: {customer: acme}, limit_calls: 1, window: lifetime}]\n",
    )
    .await;
    let call = Call::chat("gpt-4o").customer("acme");
    assert_eq!(rig.app.send(&call).await.status, 200);
    let refused = rig.app.send(&call.header("x-request-id", "ticket-4711")).await;
    assert_eq!((refused.status, refused.header("x-bursar-refused")), (429, Some("cap")));
    let calls = rig.bursar.calls("acme", 2).await;
    let [refused] = &calls.into_iter().filter(|call| call["state"] == "refused").collect::<Vec<_>>()[..]
    else {
        panic!("one of the two was refused")
    };
    assert_eq!(refused["request_id"], "ticket-4711");
    let facts = json!({"request": "ticket-4711", "call": refused["id"], "cap": "acme-calls"});
    browser::play("why_a_call_was_refused", rig.bursar.address(), &facts).await;
}
