//! Attempts that came to nothing, and calls that were served elsewhere: what they cost, and where it is counted.

use super::*;
use protocol::attempt::{Attempt, Fate};

/// The provider `groq` serves `llama` at 1 and 4 USD per million.
fn prices() -> Vec<PriceRow> {
    let groq =
        |id, meter, pico| PriceRow { key: PriceKey::plain("groq", "llama", meter), ..price(id, meter, pico) };
    vec![
        price(1, Meter::Input, 2_500_000),
        price(2, Meter::Output, 10_000_000),
        groq(3, Meter::Input, 1_000_000),
        groq(4, Meter::Output, 4_000_000),
    ]
}

fn attempt(number: u32, provider: Option<&str>) -> Attempt {
    Attempt {
        number,
        decides: false,
        fate: Fate::Lost,
        reason: (number > 1).then(|| "reset".into()),
        provider: provider.map(Into::into),
        account: None,
        region: None,
        model: provider.map(|_| "llama".into()),
        cluster: Some(provider.unwrap_or("openai").into()),
        upstream: None,
        started_at: NOW,
        answered_at: None,
        ended_at: NOW + 1,
        status: 0,
        rate_limit: None,
        usage: None,
    }
}

/// It is taken to have used so much of the prompt.
fn lost(number: u32, provider: Option<&str>, input: u64) -> Attempt {
    let usage =
        Usage { units: [(Meter::Input, input)].into(), estimated: [Meter::Input].into(), complete: false };
    Attempt { usage: Some(usage), ..attempt(number, provider) }
}

fn decides(attempt: Attempt) -> Attempt {
    Attempt { decides: true, fate: Fate::Answered, status: 200, ..attempt }
}

/// 10 and 5 tokens, after what was tried.
fn after(tried: Vec<Attempt>) -> CallEnd {
    let elsewhere = tried.last().is_some_and(|attempt| attempt.provider.is_some());
    let model = if elsewhere { "llama" } else { "gpt-4o" };
    CallEnd { response_model: Some(model.into()), tried, ..end(10, 5) }
}

const OWN: i64 = 10 * 2_500_000 + 5 * 10_000_000;
const AT_GROQ: i64 = 10 * 1_000_000 + 5 * 4_000_000;

#[tokio::test]
async fn a_lost_attempt_is_charged_to_its_call_its_task_its_caps_and_its_provider() {
    let ledger = Ledger::with(POLICY, prices());
    let tried = vec![lost(1, None, 40), lost(2, Some("groq"), 40), decides(attempt(3, None))];
    ledger.book(vec![ended(1, after(tried))]).await;
    let wasted = 40 * 2_500_000 + 40 * 1_000_000;
    let call = ledger.call(1).await;
    assert_eq!(call.cost_usd.unwrap().pico(), i128::from(OWN + wasted));
    assert_eq!((call.provider.as_ref(), call.usage_source.as_deref()), ("openai", Some("mixed")));
    assert_eq!((call.fallback, call.fallback_reason), (false, None));
    let attempts: Vec<(u32, &str, i128)> = call
        .attempts
        .iter()
        .map(|attempt| (attempt.number, &*attempt.provider, attempt.cost_usd.unwrap().pico()))
        .collect();
    assert_eq!(
        attempts,
        [(1, "openai", 100_000_000), (2, "groq", 40_000_000), (3, "openai", i128::from(OWN))]
    );
    assert_eq!(ledger.number("SELECT cost_pico FROM by_task").await, OWN + wasted);
    assert_eq!(ledger.number("SELECT retried_pico FROM by_task").await, wasted);
    assert_eq!(ledger.number("SELECT tokens_in FROM by_task").await, 10 + 80);
    // The estimates count in caps, of money and of tokens.
    assert_eq!(ledger.cap("acme-day/usd").await, (OWN + wasted, 0));
    assert_eq!(ledger.cap("acme-day/tokens").await, (15 + 80, 0));
    let at = |provider| {
        ledger.number_of(
            "SELECT sum(units * rate) FROM by_day_charge WHERE provider = (SELECT id FROM words WHERE text = ?1)",
            provider,
        )
    };
    assert_eq!((at("openai").await, at("groq").await), (OWN + 100_000_000, 40_000_000));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_fallback_is_priced_by_who_served_it_and_says_what_it_cost_more() {
    let ledger = Ledger::with(POLICY, prices());
    let fallback = vec![attempt(1, None), decides(attempt(2, Some("groq")))];
    let unpriced = Attempt { model: Some("nobody-1".into()), ..decides(attempt(2, Some("groq"))) };
    let back = CallHead { provider: "groq".into(), request_model: Some("llama".into()), ..head(3) };
    let home = Attempt { provider: Some("openai".into()), model: Some("gpt-4o".into()), ..attempt(2, None) };
    let dearer = CallEnd {
        response_model: Some("gpt-4o".into()),
        ..after(vec![attempt(1, None), decides(Attempt { cluster: Some("other".into()), ..home })])
    };
    ledger
        .book(vec![
            ended(1, after(fallback)),
            ended(2, CallEnd { response_model: None, ..after(vec![attempt(1, None), unpriced]) }),
            UsageEvent::Finished { head: back, end: Box::new(dearer) },
        ])
        .await;
    let call = ledger.call(1).await;
    assert_eq!(
        (&*call.provider, call.original_provider.as_deref(), call.original_model.as_deref()),
        ("groq", Some("openai"), Some("gpt-4o"))
    );
    assert_eq!((call.fallback, call.fallback_reason.as_deref()), (true, Some("reset")));
    assert_eq!(call.cost_usd.unwrap().pico(), i128::from(AT_GROQ));
    assert_eq!(ledger.call(2).await.cost_usd, None);
    assert_eq!(ledger.number("SELECT fallbacks FROM by_task").await, 3);
    assert_eq!(ledger.number("SELECT premium_unknown FROM by_task").await, 1);
    // The first cost less than at home, the third more than at groq, by the same.
    assert_eq!(ledger.number("SELECT premium_pico FROM by_task").await, 0);
    let premium = |offset: u8| format!("SELECT premium_pico FROM calls ORDER BY id LIMIT 1 OFFSET {offset}");
    assert_eq!(ledger.number(&premium(0)).await, AT_GROQ - OWN);
    assert_eq!(ledger.number(&premium(2)).await, OWN - AT_GROQ);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn each_cause_of_waste_has_its_own_sum() {
    let ledger = Ledger::with(POLICY, prices());
    let outcomes = [
        Outcome::Ok,
        Outcome::Error,
        Outcome::TimedOut,
        Outcome::ClientAborted,
        Outcome::InvalidJson,
        Outcome::Truncated,
    ];
    let events = (1..).zip(outcomes).map(|(number, outcome)| {
        let tried = vec![lost(1, None, 40), decides(attempt(2, None))];
        ended(number, CallEnd { outcome, ..after(tried) })
    });
    ledger.book(events.collect()).await;
    let tables = aggregates::TABLES.iter().map(|table| table.name);
    // One length of spans after the other.
    let tables = tables
        .map(|table| if table.starts_with("by_span") { "by_span_workspace WHERE span = 4" } else { table });
    for table in tables.chain(["by_task"]) {
        let sum = |column: &str| format!("SELECT {column} FROM {table}");
        for (column, expected) in [
            ("retried_pico", 6 * 100_000_000),
            ("failed_pico", 2 * OWN),
            ("aborted_pico", OWN),
            ("invalid_pico", OWN),
            ("cost_pico", 6 * (OWN + 100_000_000)),
        ] {
            assert_eq!(ledger.number(&sum(column)).await, expected, "{table}.{column}");
        }
    }
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn waste_is_rated_anew_with_its_call() {
    let ledger = Ledger::with(POLICY, prices());
    let tried = vec![lost(1, None, 40), decides(attempt(2, None))];
    let invalid = CallEnd { outcome: Outcome::InvalidJson, ..after(tried) };
    let fallback = vec![attempt(1, None), decides(attempt(2, Some("groq")))];
    ledger.book(vec![ended(1, invalid), ended(2, after(fallback))]).await;
    let twice = prices().into_iter().map(|row| PriceRow {
        id: row.id + 10,
        rate: PicoUsdPerUnit::new(row.rate.pico() * 2),
        ..row
    });
    let ledger = ledger.repriced(twice.collect());
    assert_eq!(ledger.rerate(&[], false).await.changed, 2);
    assert_eq!(ledger.number("SELECT retried_pico FROM by_task").await, 2 * 100_000_000);
    assert_eq!(ledger.number("SELECT invalid_pico FROM by_task").await, 2 * OWN);
    assert_eq!(ledger.number("SELECT premium_pico FROM by_task").await, 2 * (AT_GROQ - OWN));
    ledger.assert_rebuild_equals_running().await;
    assert_eq!(ledger.rerate(&[], false).await.changed, 0);
}

#[tokio::test]
async fn an_attempt_that_nobody_can_price_makes_the_call_unpriced() {
    let ledger = Ledger::with(POLICY, prices());
    let unknown = Attempt { model: Some("nobody-1".into()), ..lost(1, Some("groq"), 40) };
    ledger.book(vec![ended(1, after(vec![unknown, decides(attempt(2, None))]))]).await;
    let call = ledger.call(1).await;
    assert_eq!((call.cost_usd, call.unpriced_reason.as_deref()), (None, Some("no_model")));
    assert_eq!(ledger.number("SELECT retried_pico FROM by_task").await, 0);
    // Caps are charged what is known of it.
    assert_eq!(ledger.cap("acme-day/usd").await, (OWN, 0));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_premium_of_what_was_for_nothing_is_not_counted_beside_it() {
    let ledger = Ledger::with(POLICY, prices());
    let fallback = vec![attempt(1, None), decides(attempt(2, Some("groq")))];
    let invalid = CallEnd { outcome: Outcome::InvalidJson, ..after(fallback) };
    ledger.book(vec![ended(1, invalid)]).await;
    let sums = ["invalid_pico", "fallbacks", "premium_unknown", "premium_pico"];
    let sums = sums.map(|column| format!("SELECT {column} FROM by_task"));
    let mut counted = Vec::new();
    for sum in &sums {
        counted.push(ledger.number(sum).await);
    }
    assert_eq!(counted, [AT_GROQ, 1, 0, 0]);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_price_of_where_a_call_was_first_sent_changes_its_premium_when_it_is_rated_anew() {
    let at_home = prices().into_iter().filter(|row| row.id > 2).collect();
    let ledger = Ledger::with(POLICY, at_home);
    let fallback = vec![attempt(1, None), decides(attempt(2, Some("groq")))];
    ledger.book(vec![ended(1, after(fallback))]).await;
    assert_eq!(ledger.number("SELECT premium_unknown FROM by_task").await, 1);
    let ledger = ledger.repriced(prices());
    assert_eq!(ledger.rerate(&[], false).await.changed, 1);
    assert_eq!(ledger.number("SELECT premium_unknown FROM by_task").await, 0);
    assert_eq!(ledger.number("SELECT premium_pico FROM by_task").await, AT_GROQ - OWN);
    ledger.assert_rebuild_equals_running().await;
    assert_eq!(ledger.rerate(&[], false).await.changed, 0);
}

#[tokio::test]
async fn a_fallback_that_is_told_again_with_another_head_is_a_repeat() {
    let ledger = Ledger::with(POLICY, prices());
    let fallback = || vec![attempt(1, None), decides(attempt(2, Some("groq")))];
    ledger.book(vec![started(1), ended(1, after(fallback()))]).await;
    let later = CallHead { request_tier: Some("flex".into()), ..head(1) };
    let again = UsageEvent::Finished { head: later, end: Box::new(after(fallback())) };
    assert_eq!(ledger.book(vec![again]).await, [ItemResult::Duplicate]);
}

#[tokio::test]
async fn where_the_application_goes_elsewhere_the_policy_s_route_says_what_it_would_have_cost() {
    let routes = "routes: [{name: home, models: [gpt-4o], targets: [{cluster: a, provider: openai}]},\
                   {name: wide, models: ['gpt-*'], targets: [{cluster: a, provider: openai}]}]\n";
    let ledger = Ledger::with(&format!("{POLICY}{routes}"), prices());
    let from = |number, route: &str| {
        let head = CallHead {
            provider: "groq".into(),
            request_model: Some("llama".into()),
            original_route: Some(route.into()),
            ..head(number)
        };
        let end = CallEnd { response_model: Some("llama".into()), ..end(10, 5) };
        UsageEvent::Finished { head, end: Box::new(end) }
    };
    ledger.book(vec![from(1, "home"), from(2, "wide"), from(3, "gone")]).await;
    assert_eq!(ledger.number("SELECT premium_pico FROM by_task").await, AT_GROQ - OWN);
    assert_eq!(ledger.number("SELECT fallbacks FROM by_task").await, 3);
    assert_eq!(ledger.number("SELECT premium_unknown FROM by_task").await, 2);
    let call = ledger.call(1).await;
    assert_eq!((call.fallback, call.fallback_reason.as_deref()), (true, Some("application")));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn what_the_provider_said_of_the_attempt_that_decided_stands_although_a_lost_one_has_no_price() {
    let ledger = Ledger::with(POLICY, prices());
    let tried = vec![lost(1, Some("nobody"), 40), decides(attempt(2, None))];
    let said = CallEnd { provider_cost: "0.0002".parse().ok(), ..after(tried) };
    ledger.book(vec![ended(1, said)]).await;
    let reported = "SELECT calls * 1000 + uncomputed FROM by_day_reported";
    assert_eq!(ledger.number(reported).await, 1_000);
    assert_eq!(ledger.call(1).await.cost_usd, None);
    ledger.assert_rebuild_equals_running().await;
    let mut all = prices();
    all.push(PriceRow {
        key: PriceKey::plain("nobody", "llama", Meter::Input),
        ..price(5, Meter::Input, 1_000_000)
    });
    let ledger = ledger.repriced(all);
    assert_eq!(ledger.rerate(&[], false).await.changed, 1);
    assert_eq!(ledger.call(1).await.cost_usd.unwrap().pico(), i128::from(OWN + 40 * 1_000_000));
    assert_eq!(ledger.number(reported).await, 1_000);
    ledger.assert_rebuild_equals_running().await;
}
