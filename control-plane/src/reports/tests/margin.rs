//! What is left, by plan and by channel: the same sums, put together otherwise.

use super::*;
use crate::reports::{breakdown::plan_section, channels};

const POLICY: &str = r#"
version: 1
plans: {pro: {price_usd: "300"}, free: {price_usd: 0}, unused: {price_usd: "10"}}
customers:
  acme: {plan: pro, utm: {source: google, medium: cpc, campaign: q4}}
  globex: {plan: pro, utm: {source: google, medium: cpc, campaign: q4}}
  initech: {utm: {source: ads}}
  hooli: {plan: free}
"#;

fn november() -> Range {
    Range { from: at("2026-11-01T00:00:00Z"), to: at("2026-12-01T00:00:00Z") }
}

fn reported(said: &[(&str, &str)]) -> Reported {
    let paid = |amount: &str| vec![Paid { period: november(), amount: usd(amount) }];
    Reported(said.iter().map(|(customer, amount)| ((*customer).into(), paid(amount))).collect())
}

/// Some columns of every row and of the total, as programs get them.
fn told(section: &Section, keys: &[&str]) -> Vec<String> {
    let exact = |row: &Vec<Cell>| {
        let cells = section.columns.iter().zip(row).filter(|(column, _)| keys.contains(&column.key));
        cells.map(|(_, cell)| cell.exact().unwrap_or_default()).collect::<Vec<_>>().join(" ")
    };
    section.rows.iter().chain(&section.total).map(exact).collect()
}

#[test]
fn channels_add_up_what_their_customers_pay_and_cost() {
    let policy = policy::parse(POLICY, "p.yaml").unwrap();
    let reported = reported(&[("acme", "60")]);
    let payers = Payers { policy: &policy, reported: &reported };
    let costs = [group("acme", 1, "40"), group("globex", 1, "20"), group("umbrella", 1, "5")];
    let section =
        channels::section(&policy, &customer_margins(payers, &costs, november(), &Filter::default()));
    let keys = [
        "source",
        "medium",
        "campaign",
        "customers",
        "revenue_usd",
        "cost_usd",
        "margin_usd",
        "margin_percent",
    ];
    assert_eq!(
        told(&section, &keys),
        [
            "google cpc q4 2 360 60 300 83.3",
            "(none) (none) (none) 2 0 5 -5 ",
            "ads (none) (none) 1 0 0 0 ",
            "total   5 360 65 295 81.9"
        ]
    );
}

#[test]
fn plans_and_channels_agree_on_everybody_who_paid_or_called() {
    let policy = policy::parse(POLICY, "p.yaml").unwrap();
    let sums = ["customers", "revenue_usd", "cost_usd", "margin_usd", "calls_unpriced"];
    let reports: [&[(&str, &str)]; 4] = [
        &[],
        // Of a customer without a plan, and of two that the policy does not know any more, one of whom called.
        &[("acme", "60"), ("initech", "70"), ("umbrella", "500"), ("wayne", "25")],
        &[("acme", "-60"), ("umbrella", "-0.000000000001"), ("globex", "0")],
        &[("wayne", "25")],
    ];
    let called: [&[Group]; 3] = [
        &[],
        &[group("acme", 3, "40"), group("umbrella", 1, "5"), group("", 2, "0.5")],
        &[group("hooli", 1, "7"), group("initech", 2, "0.25")],
    ];
    let mut seen = 0;
    for (said, costs) in reports.iter().flat_map(|said| called.map(|costs| (*said, costs))) {
        let reported = reported(said);
        let payers = Payers { policy: &policy, reported: &reported };
        let margins = customer_margins(payers, costs, november(), &Filter::default());
        let sections = [plan_section(&plan_margins(&policy, &margins)), channels::section(&policy, &margins)];
        let [plans, channels] = sections.map(|section| {
            let report = Report { title: String::new(), range: None, sections: vec![section] };
            check_sums(&report);
            told(&report.sections[0], &sums).pop().unwrap()
        });
        assert_eq!(plans, channels, "{said:?} {costs:?}");
        // Who is not reported on pays the plan: 300 of acme and of globex.
        let is_reported = |name: &str| said.iter().any(|(known, _)| *known == name);
        let prices = ["acme", "globex"].into_iter().filter(|name| !is_reported(name)).map(|_| usd("300"));
        let revenue = said.iter().map(|(_, amount)| usd(amount)).chain(prices);
        let revenue = revenue.fold(PicoUsd::ZERO, |sum, amount| sum.checked_add(amount).unwrap());
        assert_eq!(plans.split(' ').nth(1), Some(&*revenue.to_string()), "{said:?} {costs:?}");
        seen += 1;
    }
    assert_eq!(seen, 12);
}

#[test]
fn a_customer_that_has_left_the_policy_keeps_what_it_paid_beside_what_it_cost() {
    let policy = policy::parse(POLICY, "p.yaml").unwrap();
    let reported = reported(&[("umbrella", "500"), ("initech", "70")]);
    let payers = Payers { policy: &policy, reported: &reported };
    let costs = [group("umbrella", 1, "5")];
    let margins = customer_margins(payers, &costs, november(), &Filter::default());
    let section = plan_section(&plan_margins(&policy, &margins));
    assert_eq!(
        told(&section, &["plan", "customers", "revenue_usd", "cost_usd"]),
        ["free 1 0 0", "pro 2 600 0", "unused 0 0 0", "(no plan) 2 570 5", "total 5 1170 5"]
    );
}
