//! Invariants 4, 5 and 6: unknown is never zero, money is exact, the price is the one of the start. And whose price
//! it is: the list's, a contract's, the provider's own word.

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

#[tokio::test]
async fn a_model_that_is_priced_for_other_times_only_is_outside_its_window() {
    let old = PriceRow { effective_to: Some(NOW), ..price(1, Meter::Input, 1_000) };
    let hours = PriceKey { hours: "UTC 22:00-06:00".parse().ok(), ..price(2, Meter::Input, 1_000).key };
    let at_night =
        PriceRow { key: PriceKey { model: "owl".into(), ..hours }, ..price(2, Meter::Input, 1_000) };
    let of_bat = |row: PriceRow| PriceRow { key: PriceKey { model: "bat".into(), ..row.key }, ..row };
    let (bat_input, bat_output) =
        (of_bat(PriceRow { id: 3, ..at_night.clone() }), of_bat(price(4, Meter::Output, 1)));
    let ledger = Ledger::with(POLICY, vec![old, at_night, bat_input, bat_output]);
    let owl = CallEnd { response_model: Some("owl".into()), ..end(1, 0) };
    let bat = CallEnd { response_model: Some("bat".into()), ..end(1, 1) };
    ledger.book(vec![ended(1, end(1, 0)), ended(2, owl), ended(3, bat)]).await;
    for number in [1, 2, 3] {
        let call = ledger.call(number).await;
        assert_eq!((call.cost_usd, call.unpriced_reason.as_deref()), (None, Some("outside_window")));
    }
}

#[tokio::test]
async fn a_contract_s_price_is_paid_the_list_s_is_kept_and_an_account_has_its_own() {
    let policy = format!(
        "{POLICY}prices:\n  discounts:\n    - {{name: volume, provider: openai, account: prod, meters: [output],
        discount_percent: \"12.5\"}}\n  aliases: {{openai: {{our-deployment: gpt-4o}}}}\n"
    );
    let of = |contract: &str, id, meter, pico| PriceRow {
        key: PriceKey { contract: Some(contract.into()), ..price(id, meter, pico).key },
        ..price(id, meter, pico)
    };
    let prices = vec![
        price(1, Meter::Input, 2_500_000),
        price(2, Meter::Output, 10_000_000),
        of("prod", 3, Meter::Input, 2_000_000),
        of("", 4, Meter::Input, 2_400_000),
    ];
    let ledger = Ledger::with(&policy, prices);
    let of_account = |number, account: &str, model: &str| UsageEvent::Finished {
        head: CallHead { account: Some(account.into()), ..head(number) },
        end: Box::new(CallEnd { response_model: Some(model.into()), ..end(10, 4) }),
    };
    ledger.book(vec![of_account(1, "prod", "gpt-4o"), of_account(2, "test", "our-deployment")]).await;
    type Told = (Option<u64>, String, String, Option<Box<str>>);
    let told = |call: &Call| -> Vec<Told> {
        let line = |line: &view::Line| {
            (line.price, line.rate_usd.clone(), line.list_rate_usd.clone(), line.discount.clone())
        };
        call.lines.iter().map(line).collect()
    };
    let (prod, test) = (ledger.call(1).await, ledger.call(2).await);
    assert_eq!(
        told(&prod),
        [
            (Some(3), "0.000002".into(), "0.0000025".into(), None),
            (Some(2), "0.00000875".into(), "0.00001".into(), Some("volume".into())),
        ]
    );
    assert_eq!((prod.cost_usd, prod.list_cost_usd), ("0.000055".parse().ok(), "0.000065".parse().ok()));
    assert_eq!(prod.price_match, Some("served_model"));
    assert_eq!(
        told(&test),
        [
            (Some(4), "0.0000024".into(), "0.0000025".into(), None),
            (Some(2), "0.00001".into(), "0.00001".into(), None),
        ]
    );
    assert_eq!(test.price_match, Some("served_alias"));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn what_the_provider_says_is_kept_beside_ours_and_bills_where_the_policy_says_so() {
    let says = |cost: &str| CallEnd { provider_cost: cost.parse().ok(), ..end(10, 5) };
    let ours = Ledger::new();
    ours.book(vec![ended(1, says("0.00008"))]).await;
    let call = ours.call(1).await;
    assert_eq!((call.cost_usd, call.provider_cost_usd), ("0.000075".parse().ok(), "0.00008".parse().ok()));
    let policy = format!("{POLICY}prices: {{provider_cost_bills: [openai]}}\n");
    let theirs =
        Ledger::with(&policy, vec![price(1, Meter::Input, 2_500_000), price(2, Meter::Output, 10_000_000)]);
    theirs.book(vec![ended(1, says("0.00008")), ended(2, end(10, 5))]).await;
    let call = theirs.call(1).await;
    assert_eq!((call.cost_usd, call.computed_cost_usd), ("0.00008".parse().ok(), "0.000075".parse().ok()));
    let [line] = &*call.lines else { panic!("{:?}", call.lines) };
    assert_eq!((line.meter, line.units, line.price), (Meter::ReportedCost, 80_000_000, None));
    assert_eq!(theirs.call(2).await.cost_usd, "0.000075".parse().ok(), "it said nothing");
    let sums = |column: &str| format!("SELECT {column} FROM by_day_reported");
    assert_eq!(theirs.number(&sums("calls")).await, 1);
    assert_eq!(theirs.number(&sums("reported_pico - computed_pico")).await, 5_000_000);
    ours.assert_rebuild_equals_running().await;
    theirs.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn a_ceiling_is_a_token_s_and_says_nothing_of_searches() {
    let policy = format!("{POLICY}unpriced: {{rule: ceiling, ceiling_usd_per_mtok: \"20.00\"}}\n");
    let ledger = Ledger::with(&policy, vec![]);
    let mut searched = end(10, 5);
    searched.usage.units.insert(Meter::WebSearch, 1_000);
    ledger.book(vec![ended(1, searched)]).await;
    assert_eq!(ledger.call(1).await.settled_usd, "0.0003".parse().ok());
}
