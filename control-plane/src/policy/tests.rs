use super::*;
use expect_test::{Expect, expect};
use protocol::{
    UnixNanos,
    cap::{CapSpec, Facet, SubjectMatch, Unit},
    money::PicoUsdPerUnit,
    snapshot::UnpricedRule,
};

const WHOLE: &str = r#"
version: 1
plans:
  pro: {price_usd: "49.00", period: month, expected_margin_percent: 80}
  free: {price_usd: 0}
customers:
  acme: {plan: pro, anchor_day: 31, time_zone: Europe/Berlin, utm: {source: google, medium: cpc, campaign: q4}}
  4711: {plan: free, time_zone: America/New_York}
caps:
  - {name: acme-month, subject: {customer: acme}, limit_usd: "30.00", window: month}
  - {name: per-workspace-day, each: workspace, limit_usd: 5.000000000001, window: day}
  - {name: per-task, each: task, limit_calls: 40, limit_usd: "1.00", limit_tokens: 1000000, window: lifetime}
  - {name: acme-feature, subject: {customer: acme, feature: chat}, each: [workspace, user], limit_calls: 10, window: minute, mode: shadow}
alerts: {margin_percent: [50, 80], cap_percent: [80, 100], to: [ops]}
destinations: {ops: {url: "https://example.com/hook", kind: standard-webhooks}}
loop_guard: {identical_requests: 8, within_s: 60, calls_per_task_per_minute: 60, action: refuse}
when_unreachable: refuse
unpriced: {rule: ceiling, ceiling_usd_per_mtok: "20.00"}
unattributed: {rule: allow, limit_usd: "10.00", window: day}
"#;

fn whole() -> Policy {
    parse(WHOLE, "policy.yaml").unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn check_faults(text: &str, expected: Expect) {
    let faults = parse(text, "p.yaml").unwrap_err();
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn the_whole_policy_of_the_contract_is_understood() {
    let policy = whole();
    assert_eq!(policy.plans[&name("pro")].price_usd.amount().to_string(), "49");
    assert_eq!(policy.customers[&name("4711")].plan, Some(name("free")));
    assert_eq!(policy.caps[1].limit_usd.unwrap().pico(), 5_000_000_000_001);
    assert_eq!(policy.when_unreachable, Allow::Refuse);
    assert_eq!(policy.unpriced_rule(), UnpricedRule::Ceiling(PicoUsdPerUnit::new(20_000_000)));
    assert_eq!(policy.loop_guard.as_ref().unwrap().calls_per_task_per_minute, Some(60));
    assert_eq!(policy.plan_of("acme").unwrap().0.as_str(), "pro");
    assert_eq!(policy.plan_of("nobody"), None);
}

#[test]
fn a_destination_signs_with_one_secret_and_slack_with_none() {
    let of = |rest: &str| format!("version: 1\ndestinations: {{ops: {{url: \"https://e.com/\", {rest}}}}}\n");
    let policy = parse(&of("kind: standard-webhooks, secret_env: OPS_SECRET"), "p").unwrap();
    assert_eq!(policy.destinations[&name("ops")].secret_env.as_deref(), Some("OPS_SECRET"));
    check_faults(
        &of("kind: standard-webhooks, secret_env: A, secret_file: b"),
        expect![[r#"
            p.yaml:2:98: destinations.ops: has two secrets
              hint: write either secret_env or secret_file"#]],
    );
    check_faults(
        &of("kind: slack, secret_file: b"),
        expect![[r#"
            p.yaml:2:71: destinations.ops: slack takes no signature
              hint: its address is its secret"#]],
    );
}

#[test]
fn alerts_have_values_that_suit_most_and_can_be_switched_off() {
    let alerts = parse("version: 1\n", "p").unwrap().alerts;
    assert_eq!((alerts.abnormal.factor, alerts.abnormal.min_usd.pico()), (4, 1_000_000_000_000));
    assert_eq!((alerts.stale_prices_days, alerts.unreachable_minutes), (30, 5));
    let off = "version: 1\nalerts: {margin_percent: [], cap_percent: [], abnormal: {factor: 0}, stale_prices_days: 0}\n";
    assert_eq!(parse(off, "p").unwrap().alerts.abnormal.min_usd.pico(), 1_000_000_000_000);
}

#[test]
fn a_policy_written_out_as_json_reads_as_the_same_policy() {
    let policy = whole();
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(parse(&json, "policy.json").unwrap(), policy);
}

#[test]
fn an_empty_policy_with_a_version_allows_everything_and_caps_nothing() {
    let policy = parse("version: 1\nplans:\ncaps:\n", "p.yaml").unwrap();
    assert_eq!(policy.cap_specs(), []);
    assert_eq!(policy.unpriced_rule(), UnpricedRule::Allow);
    assert_eq!(policy.alerts.margin_percent, [50, 80]);
}

#[test]
fn every_fault_is_reported_at_once_with_its_place_and_a_hint() {
    check_faults(
        r#"version: 1
plans:
  pro: {price_usd: "49.0000000000001", period: mnth}
customers:
  acme: {plan: prp, anchor_day: soon}
  globex: {plan: pro, time_zone: Europe/Atlantis}
caps:
  - {name: acme-month, subject: {customer: acme}, limitusd: "30.00", window: month}
  - {name: big, each: customer, limit_usd: 9000001, window: day}
  - name: big
    subject: {custmer: acme}
    limit_calls: -3
    window: fortnight
alerts: {to: [pos]}
destinations: {ops: {url: "hooks.example.com", kind: slack}}
unpriced: {rule: ceiling}
"#,
        expect![[r#"
            p.yaml:3:20: plans.pro.price_usd: `49.0000000000001` is finer than a pico-dollar (12 decimal places)
              hint: write USD with at most 12 decimal places, for example "30.00"
            p.yaml:3:48: plans.pro.period: `mnth` is not known here
              hint: did you mean `month`?
            p.yaml:5:16: customers.acme.plan: there is no plan `prp`
              hint: did you mean `pro`?
            p.yaml:5:33: customers.acme.anchor_day: is the text `soon`, where a whole number belongs
            p.yaml:6:34: customers.globex.time_zone: `Europe/Atlantis` is no time zone of the IANA database
              hint: write an IANA name such as Europe/Berlin or UTC
            p.yaml:8:5: caps[0]: limits nothing
              hint: write limit_usd, limit_calls or limit_tokens
            p.yaml:8:51: caps[0].limitusd: is no key that belongs here
              hint: did you mean `limit_usd`?
            p.yaml:9:44: caps[1].limit_usd: `9000001` is more than 9000000 USD
              hint: write USD with at most 12 decimal places, for example "30.00"
            p.yaml:10:11: caps[2].name: `big` is the name of another cap, at p.yaml:9
              hint: refusals name the cap
            p.yaml:11:15: caps[2].subject.custmer: is no key that belongs here
              hint: did you mean `customer`?
            p.yaml:12:18: caps[2].limit_calls: is -3, which is less than 0
            p.yaml:13:13: caps[2].window: `fortnight` is not known here
              hint: one of: minute, hour, day, week, month, billing_period, lifetime
            p.yaml:14:15: alerts.to[0]: there is no destination `pos`
              hint: did you mean `ops`?
            p.yaml:15:27: destinations.ops.url: is no http or https address
              hint: write an address such as https://example.com/hooks/bursar
            p.yaml:16:18: unpriced.rule: `ceiling` needs a ceiling
              hint: write ceiling_usd_per_mtok, for example "20.00""#]],
    );
}

#[test]
fn missing_keys_and_wrong_shapes_are_faults_not_defaults() {
    check_faults(
        "plans: [pro]\ncustomers: {acme: pro}\ncaps:\n- {limit_usd: yes, window: day}\n- x\nwhen_unreachable: 3\n",
        expect![[r#"
            p.yaml:1:1: lacks the key `version`
            p.yaml:1:8: plans: is a list, where a map belongs
            p.yaml:2:19: customers.acme: is the text `pro`, where a map belongs
            p.yaml:4:3: caps[0]: lacks the key `name`
            p.yaml:4:15: caps[0].limit_usd: `yes` is not a decimal number
              hint: write USD with at most 12 decimal places, for example "30.00"
            p.yaml:5:3: caps[1]: is the text `x`, where a map belongs
            p.yaml:6:19: when_unreachable: is the number 3, where a text belongs"#]],
    );
}

#[test]
fn a_key_written_twice_is_a_fault_at_the_second() {
    check_faults(
        "version: 1\ncustomers:\n  acme: {}\n  acme: {anchor_day: 3}\n",
        expect![[r#"
            p.yaml:4:3: customers.acme: is written twice; the first time at line 3
              hint: keep one of them"#]],
    );
}

#[test]
fn what_is_no_yaml_is_one_fault_where_reading_ended() {
    let at = |text: &str| {
        let faults = parse(text, "p.yaml").unwrap_err();
        let fault = faults.iter().find(|fault| fault.message.contains("no YAML")).unwrap().clone();
        (fault.line, fault.hint)
    };
    assert_eq!(
        at("version: 1\ncaps:\n\t- name: a\n"),
        (3, Some("indent with blanks, not with tabs".to_owned()))
    );
    assert_eq!(at("version: 1\ncaps: [\n").1, None);
    assert_eq!(at("version: 1\nplans: {pro: {price_usd: \"1}}\n").1, None);
}

#[test]
fn anchors_are_unfolded_and_a_bomb_of_them_is_a_fault() {
    let shared = "version: 1\nplans: {pro: {price_usd: 1}}\ncustomers:\n  a: &base {plan: pro, anchor_day: 9}\n  \
                  b: *base\n  c: {<<: *base, anchor_day: 4}\n";
    let policy = parse(shared, "p.yaml").unwrap();
    assert_eq!(policy.customers[&name("b")].anchor_day, 9);
    assert_eq!(policy.customers[&name("c")].anchor_day, 4);

    let mut bomb = "version: 1\nplans: &a0 {x: 1}\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        let row = vec![format!("*a{below}"); 10].join(", ");
        bomb.push_str(&format!("k{level}: &a{level} [{row}]\n"));
    }
    assert!(parse(&bomb, "p.yaml").unwrap_err().iter().any(|fault| fault.message.contains("no YAML")));
    let deep = format!("version: 1\ncaps: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(!parse(&deep, "p.yaml").unwrap_err().is_empty());
}

#[test]
fn several_files_make_one_policy_and_conflicts_are_faults() {
    let plans = "version: 1\nplans: {pro: {price_usd: 9}}\nwhen_unreachable: allow\n";
    let more = "version: 1\ncustomers: {acme: {plan: pro}}\ncaps: [{name: a, limit_calls: 1, window: day}]\n";
    let caps = "version: 1\ncaps: [{name: b, limit_calls: 1, window: day}]\n";
    let policy = parse_files(&[("a.yaml", plans), ("b.yaml", more), ("c.yaml", caps)]).unwrap();
    assert_eq!((policy.plans.len(), policy.customers.len(), policy.caps.len()), (1, 1, 2));

    let twice = "version: 1\nplans: {pro: {price_usd: 8}}\nwhen_unreachable: refuse\n\
                 caps: [{name: b, limit_calls: 1, window: day}]\n";
    let faults = parse_files(&[("a.yaml", plans), ("c.yaml", caps), ("d.yaml", twice)]).unwrap_err();
    let faults: Vec<String> =
        faults.iter().map(|fault| format!("{}:{} {}", fault.file, fault.line, fault.message)).collect();
    assert_eq!(
        faults,
        [
            "d.yaml:2 is defined already at a.yaml:2",
            "d.yaml:3 is set already at a.yaml:3",
            "d.yaml:4 `b` is the name of another cap, at c.yaml:2"
        ]
    );
}

#[test]
fn a_directory_is_read_in_the_order_of_its_names() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("10-plans.yaml"), "version: 1\nplans: {pro: {price_usd: 9}}\n").unwrap();
    std::fs::write(dir.path().join("20-customers.yml"), "version: 1\ncustomers: {acme: {plan: pro}}\n")
        .unwrap();
    std::fs::write(dir.path().join(".hidden.yaml"), "no policy at all").unwrap();
    std::fs::write(dir.path().join("README.md"), "no policy at all").unwrap();
    assert_eq!(load(dir.path()).unwrap().customers.len(), 1);
    assert!(matches!(load(&dir.path().join("nothing")), Err(LoadError::Unreadable { .. })));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(load(empty.path()), Err(LoadError::Empty { .. })));
}

#[test]
fn caps_compile_to_one_spec_per_limit_with_the_tightest_window_first() {
    let specs = whole().cap_specs();
    let told: Vec<(&str, Unit, i64, i64, bool)> =
        specs.iter().map(|spec| (&*spec.id, spec.unit, spec.limit, spec.initial, spec.shadow)).collect();
    assert_eq!(
        told,
        [
            ("acme-feature/calls", Unit::Calls, 10, 0, true),
            ("per-workspace-day/usd", Unit::Usd, 5_000_000_000_001, 50_000_000_000, false),
            ("unattributed/usd", Unit::Usd, 10_000_000_000_000, 100_000_000_000, false),
            ("acme-month/usd", Unit::Usd, 30_000_000_000_000, 300_000_000_000, false),
            ("per-task/usd", Unit::Usd, 1_000_000_000_000, 10_000_000_000, false),
            ("per-task/calls", Unit::Calls, 40, 0, false),
            ("per-task/tokens", Unit::Tokens, 1_000_000, 10_000, false),
        ]
    );
    let feature = &specs[0].subject;
    assert_eq!(feature[&Facet::Customer], SubjectMatch::Is(name("acme")));
    assert_eq!(feature[&Facet::User], SubjectMatch::Each);
    assert_eq!(specs[2].subject[&Facet::Customer], SubjectMatch::Absent);
}

fn at(text: &str) -> UnixNanos {
    let instant: jiff::Timestamp = text.parse().unwrap();
    u64::try_from(instant.as_nanosecond()).unwrap()
}

fn spec(policy: &str, id: &str) -> (Policy, CapSpec) {
    let policy = parse(policy, "p.yaml").unwrap();
    let spec = policy.cap_specs().into_iter().find(|spec| &*spec.id == id).unwrap();
    (policy, spec)
}

/// One cap of every window, for each customer.
fn windows(zone: &str, anchor: u8, period: &str) -> String {
    let caps: String = ["minute", "hour", "day", "week", "month", "billing_period", "lifetime"]
        .map(|window| format!("- {{name: {window}, each: customer, limit_calls: 9, window: {window}}}\n"))
        .concat();
    format!(
        "version: 1\nplans: {{p: {{price_usd: 1, period: {period}}}}}\ncustomers:\n  \
         acme corp: {{plan: p, anchor_day: {anchor}, anchor_month: 3, time_zone: {zone}}}\n  acme: {{}}\ncaps:\n{caps}"
    )
}

fn check_window(policy: &str, window: &str, instant: &str, expected: (&str, &str)) {
    let (policy, spec) = spec(policy, &format!("{window}/calls"));
    let (start, end) = policy.window_of(&spec, "customer=acme corp", at(instant));
    assert_eq!((start, end), (at(expected.0), at(expected.1)), "{window} at {instant}");
    // Half-open: the first and the last instant are inside, the next one opens the next window.
    assert_eq!(policy.window_of(&spec, "customer=acme corp", start), (start, end));
    assert_eq!(policy.window_of(&spec, "customer=acme corp", end - 1), (start, end));
    assert_eq!(policy.window_of(&spec, "customer=acme corp", end).0, end);
}

#[test]
fn windows_are_the_customers_days_also_where_clocks_change() {
    let berlin = windows("Europe/Berlin", 31, "month");
    // 23 and 25 hours long.
    check_window(&berlin, "day", "2026-03-29T12:00:00Z", ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"));
    check_window(&berlin, "day", "2026-10-25T12:00:00Z", ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
    check_window(&berlin, "week", "2026-03-29T22:30:00Z", ("2026-03-29T22:00:00Z", "2026-04-05T22:00:00Z"));
    check_window(&berlin, "month", "2026-03-31T21:59:59Z", ("2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"));
    check_window(&berlin, "hour", "2026-10-25T00:30:00Z", ("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"));
    check_window(&berlin, "minute", "2026-10-25T00:30:59Z", ("2026-10-25T00:30:00Z", "2026-10-25T00:31:00Z"));
    // Clocks change at midnight: this day begins at one o'clock.
    let cairo = windows("Africa/Cairo", 1, "month");
    check_window(&cairo, "day", "2026-04-24T09:00:00Z", ("2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"));
}

#[test]
fn billing_periods_begin_on_the_anchor_day_or_the_months_last() {
    let month = windows("America/New_York", 31, "month");
    let check = |instant, expected| check_window(&month, "billing_period", instant, expected);
    check("2026-02-15T12:00:00Z", ("2026-01-31T05:00:00Z", "2026-02-28T05:00:00Z"));
    check("2026-02-28T12:00:00Z", ("2026-02-28T05:00:00Z", "2026-03-31T04:00:00Z"));
    check("2028-02-29T12:00:00Z", ("2028-02-29T05:00:00Z", "2028-03-31T04:00:00Z"));
    check("2026-04-30T03:00:00Z", ("2026-03-31T04:00:00Z", "2026-04-30T04:00:00Z"));
    let year = windows("UTC", 15, "year");
    let check = |instant, expected| check_window(&year, "billing_period", instant, expected);
    check("2026-03-14T23:59:59Z", ("2025-03-15T00:00:00Z", "2026-03-15T00:00:00Z"));
    check("2026-03-15T00:00:00Z", ("2026-03-15T00:00:00Z", "2027-03-15T00:00:00Z"));
}

#[test]
fn a_customer_that_the_policy_does_not_know_lives_in_utc() {
    let (policy, spec) = spec(&windows("Europe/Berlin", 31, "month"), "day/calls");
    let day = (at("2026-03-29T00:00:00Z"), at("2026-03-30T00:00:00Z"));
    for subject in ["customer=globex", "customer=acme", "customer=acme corporation", "customer=", ""] {
        assert_eq!(policy.window_of(&spec, subject, at("2026-03-29T23:30:00Z")), day, "{subject}");
    }
}

#[test]
fn a_lifetime_is_never_the_zero_that_means_not_granted() {
    let (policy, spec) = spec(&windows("UTC", 1, "month"), "lifetime/calls");
    assert_eq!(policy.window_of(&spec, "customer=acme", at("2026-01-01T00:00:00Z")), LIFETIME);
    assert!(LIFETIME.0 > 0 && i64::try_from(LIFETIME.1).is_ok());
    let (policy, day) = self::spec(&windows("UTC", 1, "month"), "day/calls");
    assert!(policy.window_of(&day, "customer=acme", 5).0 > 0);
}

#[test]
fn the_schema_describes_every_key_and_refuses_others() {
    let schema = schema();
    let refuses = |schema: &serde_json::Value| schema["additionalProperties"] == serde_json::json!(false);
    assert!(refuses(&schema));
    let definitions = schema["$defs"].as_object().unwrap();
    for name in [
        "Plan",
        "Customer",
        "Cap",
        "Alerts",
        "Abnormal",
        "Destination",
        "LoopGuard",
        "Unpriced",
        "Unattributed",
        "Utm",
    ] {
        assert!(refuses(&definitions[name]), "{name}");
        for (key, value) in definitions[name]["properties"].as_object().unwrap() {
            let told = value.get("description").is_some() || value.get("$ref").is_some();
            assert!(told || value.get("anyOf").is_some() || value.get("enum").is_some(), "{name}.{key}");
        }
    }
}

#[test]
fn routes_name_each_model_once_and_each_target_of_theirs() {
    check_faults(
        r#"version: 1
routes:
  - name: chat
    models: ["gpt-*", "a*b"]
    targets: [{cluster: openai, provider: openai}, {cluster: openai, provider: groq, base_path: openai}]
  - {name: chat, models: ["gpt-*"], targets: []}
"#,
        expect![[r#"
            p.yaml:4:23: routes[0].models[1]: has a `*` in its middle
              hint: a `*` stands at the end of a beginning
            p.yaml:5:62: routes[0].targets[1].cluster: `openai` is the cluster of another target, at p.yaml:5
            p.yaml:5:97: routes[0].targets[1].base_path: `openai` is no base path
              hint: a path such as /openai/v1
            p.yaml:6:12: routes[1].name: `chat` is the name of another route, at p.yaml:3
            p.yaml:6:27: routes[1].models[0]: `gpt-*` is served by another route, at p.yaml:4
            p.yaml:6:46: routes[1].targets: is empty"#]],
    );
}
