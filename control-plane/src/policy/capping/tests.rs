use crate::policy::{Policy, parse};
use expect_test::{Expect, expect};
use protocol::{
    UnixNanos,
    cap::CapSpec,
    meters::{Meter, Units},
};

fn policy(cap: &str) -> Policy {
    parse(&format!("version: 1\ncaps:\n- {{name: c, window: day, {cap}}}\n"), "p.yaml").unwrap()
}

fn specs(cap: &str) -> Vec<CapSpec> {
    policy(cap).cap_specs()
}

fn at(text: &str) -> UnixNanos {
    text.parse::<crate::instant::Instant>().unwrap().0
}

fn check_faults(cap: &str, expected: Expect) {
    let text = format!("version: 1\ncaps:\n- {{name: c, window: day, {cap}}}\n");
    let faults = parse(&text, "p.yaml").unwrap_err();
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn meters_say_what_a_limit_in_tokens_counts_and_touch_no_other_limit() {
    let specs = specs("limit_calls: 5, limit_tokens: 1000, meters: [output, reasoning]");
    assert!(specs[0].meters.is_empty());
    assert_eq!(specs[1].meters, [Meter::Output, Meter::Reasoning].into());
    let units = Units::from([(Meter::Input, 7), (Meter::Output, 2)]);
    assert_eq!(protocol::cap::counted(&specs[1].meters, &units), 2);
}

#[test]
fn an_increase_raises_one_limit_of_one_count_for_a_while() {
    let spec = &specs(
        "subject: {customer: acme}, each: workspace, limit_usd: 5, increases: [\
         {for: {workspace: w1}, limit_usd: 8, from: 2026-11-01, until: 2026-12-01}, \
         {limit_usd: 6, until: 2026-11-02, reason: launch}]",
    )[0];
    let limit = |subject, day| spec.limit_at(subject, at(day)) / 1_000_000_000_000;
    let (w1, w2) = ("customer=acme workspace=w1", "customer=acme workspace=w2");
    assert_eq!((limit(w1, "2026-10-31"), limit(w1, "2026-11-01"), limit(w1, "2026-12-01")), (6, 8, 5));
    assert_eq!((limit(w2, "2026-11-01"), limit(w2, "2026-11-02")), (6, 5));
}

#[test]
fn what_is_written_comes_back_as_it_was_written() {
    let cap = "subject: {}, limit_usd: 5, action: {downgrade: gpt-4o-mini}, \
               increases: [{limit_usd: 8, until: 2026-12-01}]";
    let written = serde_json::to_value(&policy(cap).caps[0]).unwrap();
    assert_eq!(written["action"], serde_json::json!({"downgrade": "gpt-4o-mini"}));
    assert_eq!(serde_json::from_value::<super::Cap>(written).unwrap(), policy(cap).caps[0]);
    let plain = serde_json::to_value(&policy("subject: {}, limit_usd: 5").caps[0]).unwrap();
    let mut keys: Vec<_> = plain.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["limit_usd", "mode", "name", "window"]);
}

#[test]
fn streams_are_stopped_at_what_was_held_and_a_grace() {
    let grace =
        |cap: &str| -> Vec<Option<u8>> { specs(cap).iter().map(|spec| spec.overrun_grace_percent).collect() };
    assert_eq!(grace("limit_usd: 1, limit_calls: 1, overrun: stop"), [Some(10), None]);
    assert_eq!(grace("limit_tokens: 1, overrun: stop, overrun_grace_percent: 0"), [Some(0)]);
    assert_eq!(grace("limit_usd: 1"), [None]);
}

#[test]
fn what_contradicts_itself_is_refused_with_its_place() {
    check_faults(
        "limit_usd: 1, meters: [output]",
        expect![[r#"
        p.yaml:3:48: caps[0].meters: counts nothing
          hint: they say what limit_tokens counts"#]],
    );
    check_faults(
        "limit_tokens: 1, meters: [outputs, web_search]",
        expect![[r#"
        p.yaml:3:52: caps[0].meters[0]: `outputs` is not known here
          hint: did you mean `output`?
        p.yaml:3:61: caps[0].meters[1]: `web_search` is not known here
          hint: one of: input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, audio_in, audio_out, image_in, image_out"#]],
    );
    check_faults(
        "limit_usd: 1, action: {downgrade: m}, overrun: stop",
        expect![[r#"
        p.yaml:3:48: caps[0].action: `overrun: stop` and a downgrade contradict each other
          hint: a cap that lets calls pass on another model cannot end them for its limit"#]],
    );
    check_faults(
        "limit_usd: 1, increases: [{until: 2026-12-01}]",
        expect![[r#"
        p.yaml:3:52: caps[0].increases[0]: raises nothing
          hint: write one of: limit_usd, limit_calls, limit_tokens"#]],
    );
    check_faults(
        "limit_usd: 1, increases: [{limit_calls: 3, until: 2026-12-01}]",
        expect!["p.yaml:3:66: caps[0].increases[0].limit_calls: the cap has no `limit_calls`"],
    );
    check_faults(
        "limit_usd: 1, increases: [{limit_usd: 3, from: 2026-12-01, until: 2026-12-01}]",
        expect![[r#"
            p.yaml:3:92: caps[0].increases[0].until: is not after `from`
              hint: it holds from the one until before the other"#]],
    );
    check_faults(
        "limit_usd: 1, increases: [{limit_usd: 3, for: {workspace: w}, until: 2026-12-01}]",
        expect![[r#"
            p.yaml:3:72: caps[0].increases[0].for: the cap has one count
              hint: leave `for` away"#]],
    );
    check_faults(
        "each: [customer, workspace], limit_usd: 1, increases: [{limit_usd: 3, for: {workspace: w}, until: 2026-12-01}]",
        expect![[r#"
            p.yaml:3:101: caps[0].increases[0].for: names another thing than what the cap has a count for each of
              hint: write a value of: customer, workspace"#]],
    );
}
