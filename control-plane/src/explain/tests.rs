use super::*;
use crate::{
    policy,
    prices::{Matching, PriceKey, PriceRow, Provenance, Status},
};
use protocol::{UnixNanos, meters::Meter, money::PicoUsdPerUnit, price::Threshold};
use serde_json::Value;

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;
const POLICY: &str = "
version: 1
plans: {pro: {price_usd: \"49\"}}
customers: {acme: {plan: pro, time_zone: Europe/Berlin}}
caps:
  - {name: month, subject: {customer: acme}, limit_usd: \"0.05\", window: month}
  - {name: pro-day, subject: {plan: pro}, limit_usd: \"1\", window: day, mode: shadow}
  - {name: task, each: task, limit_calls: 40, window: hour}
  - {name: other, subject: {customer: globex}, limit_usd: \"1\", window: day}
prices:
  aliases: {openai: {my-deployment: gpt-x}}
  discounts: [{name: reserved, provider: openai, discount_percent: 10}]
routes:
  - {name: cheap, models: [\"small-*\"], targets: [{cluster: c, provider: openai, account: prod, model: gpt-x}]}
loop_guard: {identical_requests: 8, action: warn}
";

fn table(policy: &Policy) -> PriceTable {
    let plain = |meter| PriceKey::plain("openai", "gpt-x", meter);
    let above = Threshold { input_tokens: 200_000, ..Threshold::default() };
    let keys = [
        (plain(Meter::Input), 2_000_000),
        (plain(Meter::Output), 10_000_000),
        (PriceKey { threshold: Some(above), ..plain(Meter::Input) }, 4_000_000),
        (PriceKey { tier: Some("priority".into()), ..plain(Meter::Input) }, 5_000_000),
        (PriceKey { contract: Some("prod".into()), ..plain(Meter::Output) }, 7_000_000),
        (
            PriceKey { matching: Matching::Prefix, ..PriceKey::plain("openai", "gpt-", Meter::Input) },
            1_000_000,
        ),
    ];
    let row = |(id, (key, pico)): (u64, (PriceKey, u64))| PriceRow {
        id,
        key,
        rate: PicoUsdPerUnit::new(pico),
        inherits: None,
        output_tokens_max: (id == 2).then_some(1_000),
        effective_from: 0,
        effective_to: None,
        source: Provenance {
            name: "list".into(),
            imported_at: 0,
            key: "gpt-x".into(),
            text: "".into(),
            rounded: false,
        },
        status: Status::Active,
    };
    PriceTable::new((1..).zip(keys).map(row), policy.prices.clone())
}

/// Explains a call that is told as `key=value …`.
fn explained(told: &str, priced: bool) -> Value {
    let policy = policy::parse(POLICY, "policy.yaml").unwrap();
    let table = table(&policy);
    let known = Known { prices: priced.then_some(&table), caps: priced.then_some(&[]) };
    let pairs: Vec<(&str, &str)> = told.split_whitespace().filter_map(|pair| pair.split_once('=')).collect();
    let text = |key: &str| pairs.iter().find(|(known, _)| *known == key).map(|(_, value)| *value);
    call(&policy, &Question::parse(text, NOW).unwrap(), known).to_json()
}

fn rows<'a>(report: &'a Value, section: &str, keys: &[&str]) -> Vec<Vec<&'a str>> {
    let items = report[section]["items"].as_array().unwrap().iter();
    items.map(|row| keys.iter().map(|key| row[*key].as_str().unwrap_or("")).collect()).collect()
}

#[test]
fn the_caps_of_a_call_come_in_their_order_with_what_it_would_hold() {
    let report = explained(
        "customer=acme task=t-1 provider=openai model=gpt-x input_tokens=1000 max_tokens=500",
        true,
    );
    // 1000 tokens at 1.8 USD per million, and 500 at 9.
    assert_eq!(
        rows(&report, "caps", &["cap", "subject", "holds", "larger_than_cap", "mode", "spent", "room"]),
        [
            ["task/calls", "task=t-1", "1 calls", "no", "enforce", "0 calls", "40 calls"],
            ["pro-day/usd", "plan=pro", "0.0063 USD", "no", "shadow", "0 USD", "1 USD"],
            ["month/usd", "customer=acme", "0.0063 USD", "no", "enforce", "0 USD", "0.05 USD"],
        ]
    );
    assert_eq!(report["caps"]["items"][2]["window_from"], "2026-10-31T23:00:00.000000000Z", "Berlin's month");
    let large = explained("customer=acme provider=openai model=gpt-x input_tokens=30000", true);
    assert_eq!(
        rows(&large, "caps", &["cap", "holds", "larger_than_cap"])[1],
        ["month/usd", "0.054 USD", "yes"]
    );
    assert_eq!(explained("customer=initech", true)["caps"]["items"].as_array().unwrap().len(), 0);
}

#[test]
fn the_prices_of_a_call_say_why_they_hold() {
    let keys = ["meter", "rate_usd_per_mtok", "found_by", "contract", "tier", "threshold", "discount"];
    let prices = |told: &str| explained(told, true);
    let plain = prices("provider=openai model=gpt-x");
    assert_eq!(
        rows(&plain, "prices", &keys),
        [
            ["input", "1.8", "exact", "list", "standard", "all", "reserved, off 2"],
            ["output", "9", "exact", "list", "standard", "all", "reserved, off 10"],
        ]
    );
    assert_eq!(
        (&plain["prices"]["items"][0]["price"], &plain["prices"]["items"][0]["source"]),
        (&1.into(), &"list, gpt-x".into())
    );
    let long = prices("provider=openai model=my-deployment account=prod input_tokens=200001");
    assert_eq!(
        rows(&long, "prices", &keys),
        [
            ["input", "3.6", "alias", "list", "standard", "above 200000", "reserved, off 4"],
            ["output", "7", "alias", "prod", "standard", "all", ""],
        ]
    );
    let tier = prices("provider=openai model=gpt-x tier=priority");
    assert_eq!(rows(&tier, "prices", &["meter", "tier"]), [["input", "priority"]]);
    assert_eq!(
        rows(&prices("provider=openai model=gpt-y"), "prices", &["found_by", "model"]),
        [["prefix", "gpt-"]]
    );
    assert!(rows(&prices("provider=openai model=claude"), "prices", &["meter"]).is_empty());
}

#[test]
fn a_call_that_names_no_provider_goes_by_the_policys_route() {
    let report = explained("customer=acme model=small-1 max_tokens=10", true);
    let call = rows(&report, "call", &["key", "value"]);
    for told in [["provider", "openai"], ["account", "prod"], ["model", "gpt-x"], ["route", "cheap"]] {
        assert!(call.contains(&told.to_vec()), "{told:?} in {call:?}");
    }
    assert_eq!(rows(&report, "prices", &["meter", "contract"]), [["input", "list"], ["output", "prod"]]);
    let by_name = explained("customer=acme provider=other model=small-1", true);
    assert!(rows(&by_name, "prices", &["meter"]).is_empty());
}

#[test]
fn the_rules_say_where_the_rest_comes_from() {
    let says = |told: &str, rule: &str| {
        let report = explained(told, true);
        let all = rows(&report, "rules", &["rule", "says", "call"]);
        let found = all.iter().find(|row| row[0] == rule).unwrap_or_else(|| panic!("{rule} in {all:?}"));
        format!("{}: {}", found[1], found[2])
    };
    assert_eq!(says("", "unattributed.rule"), "allow: has no customer, and passes");
    assert_eq!(says("customer=acme", "unattributed.rule"), "allow: has a customer");
    assert_eq!(says("provider=openai model=gpt-x", "unpriced.rule"), "allow: has a price");
    assert_eq!(
        says("customer=acme provider=openai model=new", "unpriced.rule"),
        "allow: has no price, passes, and holds nothing of caps in money"
    );
    assert_eq!(says("task=t", "loop_guard.identical_requests"), "8: counts for its task");
    assert_eq!(says("", "loop_guard.action"), "warn: has no task, and is not guarded");
}

#[test]
fn without_a_control_plane_there_are_no_prices_and_nothing_is_said_of_counts() {
    let report = explained("customer=acme provider=openai model=gpt-x input_tokens=10", false);
    assert_eq!(rows(&report, "caps", &["cap", "holds", "spent"])[1], ["month/usd", "0 USD", ""]);
    assert!(report["prices"]["items"].as_array().unwrap().is_empty());
    let told = [("input_tokens", "many"), ("at", "soon"), ("model", ""), ("customer", "\u{7}")];
    for (wrong, value) in told {
        let fault = Question::parse(|key| (key == wrong).then_some(value), NOW).unwrap_err();
        assert!(fault.to_string().starts_with(&format!("`{wrong}` ")), "{fault}");
    }
}
