mod margin;
mod weekly;

use super::*;
use crate::policy::{self, Policy};
use expect_test::expect;
use protocol::{UnixNanos, cap::Unit, money::PicoUsd};
use std::collections::{BTreeMap, BTreeSet};

fn at(text: &str) -> UnixNanos {
    let instant: jiff::Timestamp = text.parse().unwrap();
    u64::try_from(instant.as_nanosecond()).unwrap()
}

fn week() -> Range {
    Range { from: at("2026-11-16T00:00:00Z"), to: at("2026-11-23T00:00:00Z") }
}

fn usd(text: &str) -> PicoUsd {
    text.parse().unwrap()
}

fn group(name: &str, calls: u64, cost: &str) -> Group {
    let totals = Totals {
        calls,
        cost: usd(cost),
        original_cost: usd(cost),
        tokens_in: calls * 100,
        tokens_out: calls * 10,
        ..Totals::default()
    };
    Group { name: (!name.is_empty()).then(|| name.into()), filters: vec![("customer", name.into())], totals }
}

fn policy() -> Policy {
    let text = r#"
version: 1
plans:
  pro: {price_usd: "300", expected_margin_percent: 80}
  free: {price_usd: 0, expected_margin_percent: 10}
customers:
  acme: {plan: pro}
  globex: {plan: pro, anchor_day: 20}
  initech: {plan: free}
  hooli: {plan: pro}
"#;
    policy::parse(text, "p.yaml").unwrap()
}

fn payers(policy: &Policy) -> Payers<'_> {
    static NONE: Reported = Reported(BTreeMap::new());
    Payers { policy, reported: &NONE }
}

fn margins<'a>(policy: &'a Policy, costs: &'a [Group]) -> Vec<CustomerMargin<'a>> {
    customer_margins(payers(policy), costs, week(), &Filter::default())
}

fn customers() -> Vec<Group> {
    let mut unattributed = group("", 5, "0.5");
    (unattributed.totals.unpriced, unattributed.totals.original_unpriced) = (2, 2);
    let mut acme = group("acme", 1_200, "20.000000000001");
    acme.totals.refused = 200;
    acme.totals.estimated = 3;
    vec![
        unattributed,
        acme,
        group("globex", 10, "2"),
        group("initech", 4, "0.25"),
        group("umbrella", 1, "0.125"),
    ]
}

fn figures<'a>(
    policy: &'a Policy,
    customers: &'a [Group],
    before: &'a [Group],
    caps: &'a [CapState],
) -> WeeklyFigures<'a> {
    WeeklyFigures {
        payers: payers(policy),
        range: week(),
        customers,
        customers_before: before,
        features: customers,
        routes: &[],
        models: customers,
        caps,
        tasks: &[],
        workspaces: customers,
        workspaces_before: before,
        changes: no_changes(),
    }
}

fn no_changes() -> &'static Changes {
    static NONE: std::sync::LazyLock<Changes> = std::sync::LazyLock::new(Changes::default);
    &NONE
}

fn cap(name: &str, limit: i64, spent: i64, held: i64) -> CapState {
    CapState {
        name: name.into(),
        subject: "customer=acme".into(),
        unit: Unit::Calls,
        window: "day".into(),
        limit,
        spent,
        held,
        behind: Vec::new(),
        resets_at: week().to,
        shadow: false,
    }
}

/// Every column of money or counts must add up to its total.
fn check_sums(report: &Report) {
    // In JSON the later of two would take the earlier one's place.
    let keys: BTreeSet<&str> = report.sections.iter().map(|section| section.key).collect();
    assert_eq!(keys.len(), report.sections.len(), "each table of {} has a key of its own", report.title);
    for section in &report.sections {
        let Some(total) = &section.total else { continue };
        for (index, column) in section.columns.iter().enumerate() {
            let mut count = 0_u64;
            let mut amount = PicoUsd::ZERO;
            for row in &section.rows {
                assert_eq!(row.len(), section.columns.len(), "{}", section.key);
                match &row[index] {
                    Cell::Count(value) => count += value,
                    Cell::Usd(Some(value)) => amount = amount.checked_add(*value).unwrap(),
                    _ => {}
                }
            }
            match &total[index] {
                Cell::Count(value) => assert_eq!(*value, count, "{}.{}", section.key, column.key),
                // A mean of all is no sum of means.
                Cell::Usd(Some(_)) if column.key.contains("_per_") => {}
                Cell::Usd(Some(value)) => assert_eq!(*value, amount, "{}.{}", section.key, column.key),
                _ => {}
            }
        }
    }
}

#[test]
fn revenue_is_the_price_of_the_part_of_each_period_that_lies_in_the_time() {
    let policy = policy();
    // 7 of November's 30 days.
    assert_eq!(payers(&policy).revenue("acme", week()), Some(usd("70")));
    // 4 days of a period of 31 and 3 of one of 30.
    assert_eq!(payers(&policy).revenue("globex", week()), Some(usd("68.709677419355")));
    let whole_month = Range { from: at("2026-11-01T00:00:00Z"), to: at("2026-12-01T00:00:00Z") };
    assert_eq!(payers(&policy).revenue("acme", whole_month), Some(usd("300")));
    assert_eq!(payers(&policy).revenue("nobody", week()), Some(PicoUsd::ZERO));
}

#[test]
fn a_customer_is_below_when_less_is_left_than_the_plan_shall_leave() {
    let policy = policy();
    // 80 % of 70 leave 14 for AI.
    let below = |cost: &str| {
        let groups = [group("acme", 1, cost)];
        let margins = margins(&policy, &groups);
        margins.iter().find(|margin| margin.customer == Some("acme")).unwrap().is_below()
    };
    assert!(!below("13.999999999999"));
    assert!(!below("14"));
    assert!(below("14.000000000001"));
}

#[test]
fn a_free_plan_has_no_margin_in_percent_and_is_below_as_soon_as_it_costs() {
    let policy = policy();
    let groups = customers();
    let margins = plan_margins(&policy, &margins(&policy, &groups));
    let free = margins.iter().find(|margin| margin.plan.is_some_and(|plan| plan.as_str() == "free")).unwrap();
    assert_eq!((free.per_mille(), free.margin(), free.below), (None, Some(usd("-0.25")), 1));
}

#[test]
fn plans_count_customers_who_pay_and_made_no_call_and_costs_of_nobody() {
    let (policy, groups) = (policy(), customers());
    let margins = plan_margins(&policy, &margins(&policy, &groups));
    let told: Vec<(Option<&str>, u64, u64, String)> = margins
        .iter()
        .map(|margin| {
            (
                margin.plan.map(|plan| plan.as_str()),
                margin.customers,
                margin.below,
                margin.totals.cost.to_string(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (Some("free"), 1, 1, "0.25".to_owned()),
            (Some("pro"), 3, 1, "22.000000000001".to_owned()),
            (None, 1, 0, "0.625".to_owned()),
        ]
    );
}

#[test]
fn rows_add_up_to_their_totals_also_when_customers_are_put_together() {
    let policy = policy();
    let many: Vec<Group> =
        (0..60).map(|n| group(&format!("c{n:02}"), n + 1, &format!("0.{n:02}1"))).collect();
    let before: Vec<Group> = (30..90).map(|n| group(&format!("c{n:02}"), n, "0.000000000007")).collect();
    let report = weekly(&figures(&policy, &many, &before, &[]));
    check_sums(&report);
    let customers = report.sections.iter().find(|section| section.key == "customers").unwrap();
    assert_eq!(customers.rows.len(), 21);
    assert_eq!(customers.rows[20][0], Cell::text("(70 others)"));
    for by in [By::Customer, By::Feature, By::Route, By::Workspace, By::Model] {
        check_sums(&breakdown(by, &many, week()));
    }
}

#[test]
fn json_and_csv_are_exact_and_unknown_is_null_not_zero() {
    let report = breakdown(By::Customer, &customers(), week());
    let json = report.to_json();
    assert_eq!(json["from"], "2026-11-16T00:00:00.000000000Z");
    assert_eq!(json["items"][0]["cost_usd"], "20.000000000001");
    assert_eq!(json["items"][0]["calls"], 1200);
    assert_eq!(json["total"]["cost_usd"], "22.875000000001");
    assert_eq!(json["total"]["calls_unpriced"], 2);
    assert_eq!(json["notes"][0], "2 calls unpriced: their cost is not in these totals.");
    let csv = report.render(Format::Csv);
    let mut lines = csv.lines();
    assert!(lines.next().unwrap().starts_with("customer,calls,refused,errors,input_tokens"));
    assert!(lines.next().unwrap().starts_with("acme,1200,200,0,120000,12000,20.000000000001,87.4,0,3"));
    let nothing = breakdown(By::Customer, &[group("acme", 1, "0")], week()).to_json();
    assert_eq!(nothing["items"][0]["share_percent"], serde_json::Value::Null);
}

#[test]
fn a_report_of_several_tables_is_one_long_csv_that_every_reader_takes() {
    let (policy, groups) = (policy(), customers());
    let csv = weekly(&figures(&policy, &groups, &[], &[])).render(Format::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let value = |section: &str, subject: &str, column: &str| {
        let found = records
            .iter()
            .find(|record| &record[0] == section && &record[1] == subject && &record[2] == column);
        found.map(|record| record[3].to_owned())
    };
    assert_eq!(value("customers", "acme", "cost_usd").as_deref(), Some("20.000000000001"));
    assert_eq!(value("plans", "pro", "revenue_usd").as_deref(), Some("208.709677419355"));
}

#[test]
fn programs_tell_parts_and_totals_whatever_names_there_are() {
    let workspace = |customer: &str, name: &str| Group {
        name: Some(format!("{customer}/{name}").into()),
        filters: vec![("customer", customer.into()), ("workspace", name.into())],
        ..group("", 1, "1")
    };
    let groups = [workspace("a/b", "c"), workspace("a", "b/c")];
    let report = breakdown(By::Workspace, &groups, week());
    let json = report.to_json();
    let parts = |row: &serde_json::Value| {
        ["workspace", "customer_name", "workspace_name"].map(|key| row[key].clone())
    };
    assert_eq!(parts(&json["items"][0]), ["a/b/c", "a/b", "c"]);
    assert_eq!(parts(&json["items"][1]), ["a/b/c", "a", "b/c"]);
    assert_eq!(json["total"]["workspace_name"], serde_json::Value::Null);
    let named = [group("total", 1, "3"), group("(none)", 1, "2"), group("", 1, "1"), group("=1", 1, "0")];
    let report = breakdown(By::Customer, &named, week());
    let told = |report: &Report, keys: [&str; 3]| {
        let csv = report.render(Format::Csv);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let header = reader.headers().unwrap().clone();
        let place = keys.map(|key| header.iter().position(|known| known == key).unwrap());
        let row = |record: csv::StringRecord| place.map(|at| record[at].to_owned()).join(" ");
        reader.records().map(|record| row(record.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(
        told(&report, ["customer", "customer_name", "is_total"]),
        ["total total false", "(none) (none) false", "(none)  false", "'=1 '=1 false", "total  true"]
    );
    assert_eq!(report.to_json()["items"][2]["customer_name"], serde_json::Value::Null);
    // As single values of several tables.
    let report = waste(&[(By::Customer, named.into())], week());
    let totals = told(&report, ["subject", "column", "is_total"]);
    let of_total = totals.iter().filter(|row| row.starts_with("total calls "));
    assert_eq!(of_total.collect::<Vec<_>>(), ["total calls false", "total calls true"]);
}

#[test]
fn names_cannot_break_out_of_a_table() {
    let groups = [group("=HYPERLINK(\"x\")", 1, "1"), group("a|b", 1, "1")];
    let report = breakdown(By::Feature, &groups, week());
    assert!(report.render(Format::Csv).contains("\"'=HYPERLINK(\"\"x\"\")\""));
    assert!(report.render(Format::Markdown).contains("| a\\|b |"));
    for (name, written) in [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("[x](https://evil.example)", r"\[x\](https://evil.example)"),
        ("![x](y)", r"!\[x\](y)"),
        ("*b* **c** ~~d~~", r"\*b\* \*\*c\*\* \~\~d\~\~"),
        (r"\|", r"\\\|"),
        ("`code`", r"\`code\`"),
        ("&lt;b&gt;", r"\&lt;b\&gt;"),
        ("_a_ b_c", r"\_a\_ b_c"),
        ("a\r\nb", "a\u{fffd}\u{fffd}b"),
    ] {
        let mut report = breakdown(By::Feature, &[group(name, 1, "1")], week());
        report.title = name.to_owned();
        let markdown = report.render(Format::Markdown);
        assert!(markdown.contains(&format!("\n| {written} |")), "{name}: {markdown}");
        assert!(markdown.starts_with(&format!("# {written}\n")), "{name}: {markdown}");
    }
    let mut report = breakdown(By::Feature, &[group("a\u{1b}[2J\r\n| b\u{202e}", 1, "1")], week());
    report.sections[0].notes.push("of \u{1b}]0;x\u{7}".to_owned());
    for format in [Format::Table, Format::Markdown] {
        let text = report.render(format);
        assert!(!text.contains(|character: char| character.is_control() && character != '\n'), "{text:?}");
        assert!(
            text.replace('\\', "").contains("a\u{fffd}[2J\u{fffd}\u{fffd}") && !text.contains('\u{202e}'),
            "{text:?}"
        );
    }
}

#[test]
fn amounts_are_rounded_half_to_even_for_people() {
    let shown = |text: &str| dollars(usd(text), 4);
    assert_eq!(shown("0.00005"), "0.0000");
    assert_eq!(shown("0.00015"), "0.0002");
    assert_eq!(shown("0.00025"), "0.0002");
    assert_eq!(shown("-1234567.5"), "-1,234,567.5000");
    assert_eq!(Cell::Count(1_234_567).shown(), "1,234,567");
    assert_eq!(Cell::Percent(Some(-5)).shown(), "-0.5 %");
    assert_eq!(Cell::Usd(None).shown(), "–");
    assert_eq!(quotient(1, 1_000, 3), Some(333));
    assert_eq!(quotient(1, 1_000, 16), Some(62));
    assert_eq!(quotient(3, 1_000, 16), Some(188));
    assert_eq!(quotient(1, 1, 0), None);
}

#[test]
fn an_empty_week_says_what_to_do() {
    let policy = Policy::default();
    let report = weekly(&figures(&policy, &[], &[], &[]));
    let text = report.render(Format::Table);
    assert!(text.contains("Write them under `plans`"), "{text}");
    assert!(text.contains("No calls in this week"), "{text}");
}
