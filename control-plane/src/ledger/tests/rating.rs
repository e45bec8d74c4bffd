//! Invariants 4, 5 and 6: unknown is never zero, money is exact, the price is the one of the start.

use super::*;

#[tokio::test]
async fn a_call_costs_the_sum_of_its_lines_to_the_pico_dollar() {
    let ledger = Ledger::new();
    ledger.book(vec![ended(1, end(12_345, 678))]).await;
    let call = ledger.call(1).await;
    let lines: Vec<(Meter, u64, String)> =
        call.lines.iter().map(|line| (line.meter, line.units, line.cost_usd.to_string())).collect();
    let expected =
        [(Meter::Input, 12_345, "0.0308625".to_owned()), (Meter::Output, 678, "0.00678".to_owned())];
    assert_eq!(lines, expected);
    assert_eq!(call.cost_usd.unwrap().to_string(), "0.0376425");
    assert_eq!((call.lines[0].price, call.lines[1].price), (Some(1), Some(2)));
}

#[tokio::test]
async fn a_model_that_nobody_priced_has_no_cost_and_is_counted_as_unpriced() {
    let ledger = Ledger::new();
    let unknown = CallHead { request_model: Some("nobody-1".into()), ..head(1) };
    let end = CallEnd { response_model: None, settled: "0.5".parse().ok(), ..end(10, 5) };
    ledger.book(vec![UsageEvent::Finished { head: unknown, end: Box::new(end) }, finished(2)]).await;
    let call = ledger.call(1).await;
    assert_eq!((call.cost_usd, call.pricing), (None, Some("unpriced")));
    assert_eq!(call.unpriced_reason.as_deref(), Some("no_model"));
    assert_eq!(ledger.number("SELECT unpriced FROM by_day_customer").await, 1);
    assert_eq!(ledger.number("SELECT cost_pico FROM by_day_customer").await, 75_000_000);
    assert_eq!(ledger.cap("acme-day/usd").await.0, 500_000_000_000 + 75_000_000);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_ceiling_charges_caps_and_still_is_no_cost() {
    let policy = format!("{POLICY}unpriced: {{rule: ceiling, ceiling_usd_per_mtok: \"20.00\"}}\n");
    let ledger = Ledger::with(&policy, vec![]);
    ledger.book(vec![finished(1)]).await;
    let call = ledger.call(1).await;
    assert_eq!((call.cost_usd, call.pricing), (None, Some("ceiling")));
    assert_eq!(call.settled_usd, "0.0003".parse().ok());
    assert_eq!(ledger.cap("acme-day/usd").await, (300_000_000, 0));
    assert_eq!(ledger.number("SELECT unpriced FROM by_day_customer").await, 1);
}

#[tokio::test]
async fn nothing_known_of_the_usage_is_unpriced_and_nothing_used_is_free() {
    let ledger = Ledger::new();
    let cut = CallEnd { usage: Usage::default(), ending: Ending::UpstreamReset, ..end(0, 0) };
    let error = CallEnd { usage: Usage { complete: true, ..Usage::default() }, status: 500, ..cut.clone() };
    ledger.book(vec![ended(1, cut), ended(2, error)]).await;
    let (cut, error) = (ledger.call(1).await, ledger.call(2).await);
    assert_eq!((cut.cost_usd, cut.unpriced_reason.as_deref()), (None, Some("no_usage")));
    assert_eq!((error.cost_usd, error.pricing), ("0".parse().ok(), Some("priced")));
    assert_eq!(ledger.number("SELECT unpriced FROM by_day_customer").await, 1);
}

#[tokio::test]
async fn the_price_is_the_one_in_force_when_the_call_started() {
    let boundary = NOW + 2;
    let old = PriceRow { effective_to: Some(boundary), ..price(1, Meter::Input, 1_000) };
    let new = PriceRow { id: 3, effective_from: boundary, ..price(3, Meter::Input, 2_000) };
    let ledger = Ledger::with(POLICY, vec![old, new, price(2, Meter::Output, 0)]);
    ledger.book(vec![ended(1, end(1, 0)), ended(2, end(1, 0))]).await;
    let price_of = |call: Call| (call.lines[0].price, call.cost_usd.unwrap().pico());
    assert_eq!(price_of(ledger.call(1).await), (Some(1), 1_000));
    assert_eq!(price_of(ledger.call(2).await), (Some(3), 2_000));
}

#[tokio::test]
async fn a_cost_that_nobody_could_have_made_is_unpriced_rather_than_summed() {
    let ledger =
        Ledger::with(POLICY, vec![price(1, Meter::Input, 1_000_000_000_000), price(2, Meter::Output, 0)]);
    ledger.book(vec![ended(1, end(10_001, 0))]).await;
    let call = ledger.call(1).await;
    assert_eq!((call.cost_usd, call.unpriced_reason.as_deref()), (None, Some("too_large:input")));
}
