//! `bursar calculate`: the same answer from a file of fields and from the ledger.

use super::*;

#[test]
fn a_plan_is_calculated_from_typed_usage_and_from_what_its_customers_did() {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --data-dir @data");
    desk.done("policy apply @policy.yaml --data-dir @data");
    let typed = "calculate --plan pro --model openai/gpt-x --calls p50=1000,p99=10000 --input-tokens 1000 \
                 --output-tokens 100 --data-dir @data";
    let said = desk.done(&format!("{typed} --format csv"));
    for line in [
        "margins,openai/gpt-x p50,cost_usd,3.5",
        "margins,openai/gpt-x p99,margin_usd,-5",
        "limits,openai/gpt-x,cap_usd,6",
    ] {
        assert!(said.lines().any(|said| said == line), "{line} in {said}");
    }
    let table = desk.done(typed);
    assert!(table.contains("Margin per customer and period"), "{table}");
    desk.book((1..=4).map(|number| call(number, Some("acme"), "gpt-x", 1_000, false)).collect());
    desk.book(vec![call(5, Some("globex"), "nobody-knows", 1_000, false)]);
    let measured = "calculate --measure plan=pro --since 30d --compare openai/gpt-x --data-dir @data";
    let json: serde_json::Value =
        serde_json::from_str(&desk.done(&format!("{measured} --format json"))).unwrap();
    let usage = json["usage"]["items"].as_array().unwrap();
    assert_eq!((&usage[0]["p50"], &usage[0]["p99"], &usage[0]["total"]), (&1.into(), &4.into(), &5.into()));
    assert_eq!(usage.last().unwrap()["total"], "0.05", "four calls of 1,000 tokens in and out");
    let limits = json["limits"]["items"].as_array().unwrap();
    assert_eq!(limits[0]["model"], "as booked");
    assert_eq!(limits[0]["cost_per_call_usd"], "0.0125");
    assert_eq!(
        limits[1]["cost_per_call_usd"], "0.0125",
        "the unpriced call, too, on a model that has a price"
    );
    let notes = json["limits"]["notes"].to_string();
    assert!(notes.contains("As booked, 1 call unpriced"), "{notes}");
    assert!(json["usage"]["notes"].to_string().contains("does not go back further"));
}

#[test]
fn what_is_wrong_with_a_calculation_is_told_all_at_once() {
    let desk = Desk::new();
    let (code, said) = desk.bursar("calculate --plan gold --model small --calls p50 --data-dir @data");
    assert_eq!(code, 2, "{said}");
    for fault in
        ["plan: `gold` is no plan", "model: `small` names no model", "calls.p50:", "input_tokens: is needed"]
    {
        assert!(said.contains(fault), "{fault} in {said}");
    }
    let (code, said) = desk.bursar("calculate --measure pro --data-dir @data");
    assert!(code == 2 && said.contains("--measure plan=pro"), "{said}");
}
