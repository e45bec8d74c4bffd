//! `bursar policy explain` of a call, and `replay`.

use super::*;
use serde_json::Value;

#[test]
fn a_call_is_explained_by_the_policy_in_force_or_another_one() {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --data-dir @data");
    desk.done("policy apply @policy.yaml --data-dir @data");
    let call = "--customer acme --provider openai --model gpt-x --input-tokens 1000 --max-tokens 100";
    let explained = |path: &str, target: &str| -> Value {
        let said = desk.done(&format!("policy explain {path} {call} {target} --format json"));
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"))
    };
    desk.book(vec![call_of_acme(1), call_of_acme(2)]);
    let in_force = explained("", "--data-dir @data");
    let caps = in_force["caps"]["items"].as_array().unwrap();
    assert_eq!(caps.iter().map(|cap| &cap["cap"]).collect::<Vec<_>>(), ["each-day/calls", "acme-month/usd"]);
    assert_eq!((&caps[0]["spent"], &caps[0]["room"]), (&"2 calls".into(), &"248 calls".into()));
    assert_eq!((&caps[1]["holds"], &caps[1]["spent"]), (&"0.0035 USD".into(), &"0.025 USD".into()));
    assert_eq!(in_force["prices"]["items"][0]["rate_usd_per_mtok"], "2.5");
    // Another policy, with what is counted for caps of the same name.
    desk.write("other.yaml", &POLICY.replace("limit_calls: 250", "limit_calls: 2"));
    let other = explained("@other.yaml", "--data-dir @data");
    assert_eq!(other["caps"]["items"][0]["room"], "0 calls");
    // And without anybody to ask.
    let alone = explained("@other.yaml", "");
    assert_eq!(alone["caps"]["items"][0]["limit"], "2 calls");
    assert!(alone["prices"]["items"].as_array().unwrap().is_empty());
    for format in ["table", "md", "csv"] {
        let said = desk.done(&format!("policy explain {call} --data-dir @data --format {format}"));
        assert!(said.contains("acme-month/usd"), "{said}");
    }
    let whole = desk.done("policy explain --data-dir @data --format csv");
    assert!(whole.contains("each-day/calls,each customer"), "{whole}");
    assert_eq!(desk.bursar("policy explain").0, 2, "nobody to ask");
    let (code, said) = desk.bursar("policy explain @policy.yaml --max-tokens many");
    assert!(code == 2 && said.contains("`max_tokens` is no number of tokens"), "{said}");
}

fn call_of_acme(number: u8) -> UsageEvent {
    call(number, Some("acme"), "gpt-x", 1_000, false)
}

#[test]
fn a_policy_is_replayed_over_what_the_ledger_has() {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --data-dir @data");
    let refused = call(9, Some("acme"), "gpt-x", 1_000, true);
    desk.book((1..=4).map(call_of_acme).chain([refused]).collect());
    desk.write("tight.yaml", &POLICY.replace("limit_calls: 250", "limit_calls: 3"));
    let replayed = |more: &str| -> Value {
        let line = format!("policy replay @tight.yaml {more} --data-dir @data --format json");
        serde_json::from_str(&desk.done(&line)).unwrap()
    };
    let report = replayed("");
    let all = &report["in_all"]["items"][0];
    let sums =
        ["calls", "cost_usd", "refused", "saved_usd", "refused_then", "let_through"].map(|key| &all[key]);
    let wanted: [Value; 6] = [4.into(), "0.05".into(), 1.into(), "0.0125".into(), 1.into(), 0.into()];
    assert_eq!(sums, [&wanted[0], &wanted[1], &wanted[2], &wanted[3], &wanted[4], &wanted[5]]);
    assert_eq!(report["caps"]["items"][0]["cap"], "each-day/calls");
    assert_eq!(replayed("--since 2026-11-24T09:59:30Z")["in_all"]["items"][0]["calls"], 0);
    assert_eq!(replayed("--since 12h --until 2026-11-24T09:59:00.1Z")["in_all"]["items"][0]["calls"], 4);
    let table = desk.done("policy replay @tight.yaml --since 1w --data-dir @data");
    assert!(table.contains("would be refused") && table.contains("customer=acme"), "{table}");
    for wrong in ["--since yesterday", "--since 2026-11-25", "--until 8d"] {
        assert_eq!(
            desk.bursar(&format!("policy replay @tight.yaml {wrong} --data-dir @data")).0,
            2,
            "{wrong}"
        );
    }
    desk.write("bad.yaml", "version: 1\ncap: []\n");
    assert_eq!(desk.bursar("policy replay @bad.yaml --data-dir @data").0, 1);
}

#[test]
fn every_fault_of_every_file_of_a_directory_is_told_at_once_and_none_is_put_in_force() {
    let desk = Desk::new();
    fs::create_dir(desk.path("policy")).unwrap();
    desk.write("policy/a.yaml", "version: 1\ncaps:\n  - {name: all, limit_usd: much, window: day}\n");
    desk.write("policy/b.yaml", "customers:\n  acme: {plan: gold}\n");
    desk.write("policy/c.yaml", "caps:\n  - {name: all, limit_calls: 1, window: fortnight}\n");
    desk.write("policy/d.yaml", "plans: {pro: {price_usd: \"1\"}\n");
    for line in ["check @policy", "apply @policy --data-dir @data", "diff @policy --data-dir @data"] {
        let (code, said) = desk.bursar(&format!("policy {line}"));
        assert_eq!(code, 1, "{line}: {said}");
        for place in ["a.yaml:3:28: caps[0].limit_usd", "b.yaml:2:16: customers.acme.plan", "c.yaml:2:"] {
            assert!(said.contains(place), "{place} in {line}: {said}");
        }
        assert!(said.contains("d.yaml:"), "{line}: {said}");
    }
    for file in ["a", "b", "c", "d"] {
        fs::remove_file(desk.path(&format!("policy/{file}.yaml"))).unwrap();
    }
    desk.write("policy/caps.yaml", "version: 1\ncaps: [{name: all, limit_usd: \"1\", window: day}]\n");
    desk.write("policy/customers.yml", "plans: {pro: {price_usd: \"1\"}}\ncustomers: {acme: {plan: pro}}\n");
    assert_eq!(desk.done("policy apply @policy --data-dir @data"), "in force: version 1\n");
    assert!(desk.done("policy diff @policy --data-dir @data").contains("No difference."));
}

#[test]
fn a_policy_is_put_in_the_place_of_the_version_that_was_meant_and_of_no_other() {
    let desk = Desk::new();
    let apply = "policy apply @policy.yaml --data-dir @data";
    assert_eq!(desk.done(&format!("{apply} --if-version 0")), "in force: version 1\n");
    desk.write("other.yaml", &POLICY.replace("limit_calls: 250", "limit_calls: 2"));
    let other = "policy apply @other.yaml --data-dir @data";
    for late in [format!("{other} --if-version 0"), format!("{other} --if-version 0 --dry-run")] {
        let (code, said) = desk.bursar(&late);
        assert!(code == 2 && said.contains("version 1 of the policy is in force, and not 0"), "{said}");
    }
    assert!(desk.done(&format!("{other} --if-version 1 --dry-run")).contains("nothing was changed"));
    assert_eq!(desk.done(&format!("{other} --if-version 1")), "in force: version 2\n");
    assert_eq!(desk.bursar(&format!("{other} --if-version -1")).0, 2);
}
