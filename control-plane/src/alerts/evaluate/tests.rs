use super::*;
use crate::{
    alerts::{
        observed::{Budget, Spend, Sum},
        standing::Margin,
    },
    policy,
};

const HOUR: u64 = HOUR_NS;
const DAY: u64 = DAY_NS;
/// 2026-11-01T00:00:00Z, and a month.
const START: u64 = 1_793_491_200_000_000_000;
const MONTH: (u64, u64) = (START, START + 30 * DAY);
const USD: i128 = 1_000_000_000_000;

fn plan(price: &str, margin: &str) -> policy::Plan {
    let text = format!("version: 1\nplans: {{p: {{price_usd: {price}, expected_margin_percent: {margin}}}}}");
    policy::parse(&text, "p").unwrap().plans.into_values().next().unwrap()
}

fn spend(pico: i128, budget: Budget) -> Spend {
    Spend {
        subject: Subject::of([("customer", "acme")]),
        customer: Some("acme".into()),
        plan: Some("pro".into()),
        period: MONTH,
        budget,
        sum: Sum { pico, unpriced: 0 },
    }
}

fn raised(observed: &Observed, now: u64) -> Vec<(Kind, u32)> {
    let standing = evaluate(&Alerts::default(), observed, now);
    standing.iter().map(|one| (one.key.kind, one.key.threshold)).collect()
}

fn margins(spend: Spend, now: u64) -> Vec<(Kind, u32)> {
    raised(&Observed { customers: vec![spend], ..Observed::default() }, now)
}

#[test]
fn a_budget_is_the_price_less_the_expected_margin_to_the_pico_dollar() {
    // 49.00 at 80 % leaves 9.80; half of that is 4.90.
    let budget = Budget::of_plan(&plan("\"49.00\"", "80")).unwrap();
    for (pico, expected) in [(4_900_000_000_000, true), (4_899_999_999_999, false)] {
        assert_eq!(passes(pico, budget, 50), expected, "{pico}");
    }
    // 0.000000000001 at 67 % leaves 0.33 pico-dollars, of which half is 0.165: one is more, none is less.
    let tiny = Budget::of_plan(&plan("\"0.000000000001\"", "67")).unwrap();
    assert!(passes(1, tiny, 50) && !passes(0, tiny, 50));
    for (price, margin) in [("\"0\"", "80"), ("\"49\"", "100")] {
        assert_eq!(Budget::of_plan(&plan(price, margin)), None, "nothing to measure against");
    }
    let all = Budget::of_plan(&plan("\"9000000\"", "0")).unwrap();
    assert!(passes(9_000_000 * USD, all, 100) && !passes(9_000_000 * USD - 1, all, 100));
}

#[test]
fn a_months_share_of_a_longer_or_shorter_budget_is_by_its_seconds_and_rounds_down() {
    let budget = Budget(365 * 100 * USD);
    assert_eq!(budget.share(30 * DAY, 365 * DAY), Budget(30 * 100 * USD));
    assert_eq!(budget.share(31 * DAY, 7 * DAY), Budget(365 * 100 * USD * 31 / 7));
    assert_eq!(budget.share(DAY, 0), Budget(0));
    assert_eq!(Budget(1).share(DAY, 2 * DAY), Budget(0));
}

#[test]
fn margin_thresholds_are_reached_or_foretold_and_never_both() {
    let budget = Budget::of_plan(&plan("\"50\"", "80")).unwrap(); // 10 USD
    let reached = Kind::MarginReached;
    let foretold = Kind::MarginProjected;
    let at = |days: u64| START + days * DAY;
    let table = [
        // spent in cents, on which day, what stands
        (499, 29, vec![(foretold, 50)]),
        (500, 29, vec![(reached, 50)]),
        (799, 29, vec![(reached, 50), (foretold, 80)]),
        (800, 29, vec![(reached, 50), (reached, 80)]),
        (2_000, 1, vec![(reached, 50), (reached, 80)]),
        // 1 USD in 6 days is 5 in 30.
        (100, 6, vec![(foretold, 50)]),
        (99, 6, vec![]),
        (160, 6, vec![(foretold, 50), (foretold, 80)]),
        // Too early to tell: less than a tenth of the period.
        (400, 2, vec![]),
        (400, 3, vec![(foretold, 50), (foretold, 80)]),
        (0, 20, vec![]),
    ];
    for (cents, days, expected) in table {
        let spent = spend(cents * USD / 100, budget);
        assert_eq!(margins(spent, at(days)), expected, "{cents} cents on day {days}");
    }
}

#[test]
fn a_short_period_is_not_foretold_before_a_day_has_passed() {
    let budget = Budget::of_plan(&plan("\"50\"", "80")).unwrap();
    let week = Spend { period: (START, START + 7 * DAY), ..spend(USD, budget) };
    assert_eq!(margins(week.clone(), START + 23 * HOUR), []);
    assert_eq!(margins(week, START + 24 * HOUR), [(Kind::MarginProjected, 50)]);
}

#[test]
fn a_workspace_is_told_of_what_it_has_spent_and_not_of_what_it_may() {
    let budget = Budget::of_plan(&plan("\"50\"", "80")).unwrap();
    let subject = Subject::of([("customer", "acme"), ("workspace", "w")]);
    let workspace = Spend { subject, ..spend(4 * USD, budget) };
    assert_eq!(margins(workspace, START + 10 * DAY), []);
}

#[test]
fn figures_say_how_much_of_what_and_what_is_not_known() {
    let budget = Budget::of_plan(&plan("\"50\"", "80")).unwrap();
    let mut spent = spend(6 * USD, budget);
    spent.sum.unpriced = 3;
    let observed = Observed { customers: vec![spent], ..Observed::default() };
    let standing = evaluate(&Alerts::default(), &observed, START + 15 * DAY);
    let Figures::Margin(Margin { projected_usd, projected_percent, used_percent, unpriced_calls, .. }) =
        &standing[0].figures
    else {
        panic!("{standing:?}")
    };
    assert_eq!((*used_percent, *unpriced_calls), (60, 3));
    assert_eq!((projected_usd.unwrap().to_string(), *projected_percent), ("12".to_owned(), Some(120)));
}

fn cap(limit: i64, spent: i64, held: i64) -> Observed {
    let count = CapCount {
        name: "day".into(),
        unit: Unit::Calls,
        subject: "customer=acme".into(),
        customer: Some("acme".into()),
        window: "day",
        period: (START, START + DAY),
        shadow: false,
        limit,
        spent,
        held,
    };
    Observed { caps: vec![count], ..Observed::default() }
}

#[test]
fn a_cap_counts_what_is_spent_and_not_what_is_held() {
    let table = [
        (100, 79, 21, vec![]),
        (100, 80, 0, vec![(Kind::Cap, 80)]),
        (100, 100, 0, vec![(Kind::Cap, 80), (Kind::Cap, 100)]),
        (3, 2, 1, vec![]),
        (3, 3, 0, vec![(Kind::Cap, 80), (Kind::Cap, 100)]),
        (0, 5, 0, vec![]),
        (i64::MAX, i64::MAX, i64::MAX, vec![(Kind::Cap, 80), (Kind::Cap, 100)]),
    ];
    for (limit, spent, held, expected) in table {
        assert_eq!(raised(&cap(limit, spent, held), START), expected, "{spent} and {held} of {limit}");
    }
}

#[test]
fn an_hour_is_abnormal_against_its_own_history() {
    let usd = |dollars: &[i128]| -> Vec<i128> { dollars.iter().map(|dollars| dollars * USD).collect() };
    let table: [(i128, Vec<i128>, bool, &str); 9] = [
        (100, usd(&[]), false, "nobody knows what is usual"),
        (100, usd(&[1, 1]), false, "nor after two days"),
        (4, usd(&[1, 1, 1]), true, "four times the usual"),
        (3, usd(&[1, 1, 1]), false, "three times"),
        (1, usd(&[0, 0, 0, 0]), true, "the first hour at night, at the minimum"),
        (0, usd(&[0, 0, 0, 0]), false, "nothing is not abnormal"),
        (40, usd(&[1, 30, 2, 25, 10, 18, 5]), false, "a customer who is wild by nature"),
        (80, usd(&[1, 30, 2, 25, 10, 18, 5]), true, "but not that wild"),
        (8, usd(&[2, 2, 2, 2, 2, 2, 500]), true, "one wild day is not what is usual"),
    ];
    for (dollars, before, expected, why) in table {
        let subject = Subject::of([("customer", "acme")]);
        let hour = START + 5 * DAY + 10 * HOUR;
        let spent = HourSpend { subject, customer: None, hour, pico: dollars * USD, before };
        let observed = Observed { hours: vec![spent], ..Observed::default() };
        assert_eq!(!raised(&observed, hour).is_empty(), expected, "{why}");
    }
}

#[test]
fn cents_page_nobody_however_many_times_the_usual() {
    let subject = Subject::of([("customer", "acme")]);
    let spent =
        HourSpend { subject, customer: None, hour: START, pico: USD - 1, before: vec![USD / 1_000; 14] };
    let observed = Observed { hours: vec![spent], ..Observed::default() };
    assert_eq!(raised(&observed, START), []);
}

#[test]
fn unpriced_traffic_is_a_model_without_a_price_or_half_of_one_with() {
    let told = [(Kind::Unpriced, 0)].as_slice();
    let table = [
        // unpriced, of, has a price
        (1, 1_000, false, told),
        (1, 1, true, &[]),
        (9, 9, true, &[]),
        (10, 21, true, &[]),
        (10, 20, true, told),
    ];
    for (unpriced, calls, has_price, expected) in table {
        let day = (START, START + DAY);
        let model =
            UnpricedModel { provider: "openai".into(), model: "x".into(), day, unpriced, calls, has_price };
        let observed = Observed { unpriced: vec![model], ..Observed::default() };
        assert_eq!(raised(&observed, START), expected, "{unpriced} of {calls}, {has_price}");
    }
}

#[test]
fn prices_are_stale_on_the_day_that_the_policy_says() {
    let age = PriceAge { provider: "openai".into(), imported_at: START };
    let observed = Observed { prices: vec![age], ..Observed::default() };
    assert_eq!(raised(&observed, START + 30 * DAY - 1), []);
    assert_eq!(raised(&observed, START + 30 * DAY), [(Kind::StalePrices, 30)]);
    let never = Alerts { stale_prices_days: 0, ..Alerts::default() };
    assert!(evaluate(&never, &observed, START + 1_000 * DAY).is_empty());
}

#[test]
fn an_envoy_is_missed_while_it_owes_the_end_of_a_call() {
    let node = |open_calls, lost, listening_since| {
        let silent = SilentNode { node: "n".into(), seen_at: START, listening_since, open_calls, lost };
        Observed { nodes: vec![silent], ..Observed::default() }
    };
    let minute = MINUTE_NS;
    let missed = [(Kind::UnreachableNode, 5)];
    assert_eq!(raised(&node(1, false, 0), START + 5 * minute), missed);
    assert_eq!(raised(&node(1, false, 0), START + 5 * minute - 1), []);
    assert_eq!(raised(&node(0, false, 0), START + 60 * minute), [], "it went and owes nothing");
    assert_eq!(
        raised(&node(0, true, 0), START + 60 * minute),
        missed,
        "its calls were closed, it is still gone"
    );
    let up = START + 50 * minute;
    assert_eq!(raised(&node(1, false, up), up + 4 * minute), [], "the control plane was away itself");
    assert_eq!(raised(&node(1, false, up), up + 5 * minute), missed);
    assert_eq!(raised(&node(1, true, 0), START + DAY), [], "after a day it is forgotten");
}
