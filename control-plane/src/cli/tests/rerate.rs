//! Prices that come too late, and what asking for a re-rating does.

use super::*;

const NEWCOMER: &str = r#"{"nobody-knows": {"litellm_provider": "openai", "input_cost_per_token": 1e-06,
    "output_cost_per_token": 2e-06}}"#;

#[test]
fn unpriced_traffic_gets_its_price_afterwards_by_corrections_that_reports_can_leave_out() {
    let desk = Desk::new();
    desk.done("prices import @catalogue.json --data-dir @data");
    desk.book(vec![
        call(1, Some("acme"), "gpt-x", 1_000, false),
        call(2, Some("globex"), "nobody-knows", 1_000, false),
    ]);
    desk.write("newcomer.json", NEWCOMER);
    desk.done("prices import @newcomer.json --effective-from 2026-11-01 --data-dir @data");
    let rerate = "rerate --from 2026-11-24 --to 2026-11-25 --data-dir @data --format csv";
    let row = "globex,openai,nobody-knows,1,1,0,0.003,0.003";
    let would = desk.done(&format!("{rerate} --dry-run"));
    assert_eq!(would.lines().nth(1), Some(row), "{would}");
    let cost = |more: &str| {
        let csv = desk.done(&format!("report customers --data-dir @data --format csv {more}"));
        csv.lines().last().unwrap().to_owned()
    };
    assert_eq!(cost(""), "total,2,0,0,2000,2000,0.0125,100.0,1,0,,true", "a dry run changes nothing");
    assert_eq!(desk.done(&format!("{rerate} --where customer=acme")).lines().count(), 1);
    assert_eq!(
        desk.done(&format!("{rerate} --where provider=openai,model=nobody-knows")).lines().nth(1),
        Some(row)
    );
    assert_eq!(cost(""), "total,2,0,0,2000,2000,0.0155,100.0,0,0,,true");
    assert_eq!(cost("--original"), "total,2,0,0,2000,2000,0.0125,100.0,1,0,,true");
    let table = desk.done("report customers --data-dir @data");
    assert!(table.contains("booked at first at 0.0125 USD with 1 call unpriced"), "{table}");
    assert_eq!(desk.done(rerate).lines().count(), 1, "a second time changes nothing");
    desk.done("rebuild --check --data-dir @data");
    for (wrong, why) in [("--where acme", "has no `=`"), ("--where shoe=42", "`where.shoe` is none of")] {
        let (code, said) = desk.bursar(&format!("{rerate} {wrong}"));
        assert!(code == 2 && said.contains(why), "{said}");
    }
    let (code, said) = desk.bursar("report waste --original --data-dir @data");
    assert!(code == 2 && said.contains("`waste` has no costs as they were booked at first"), "{said}");
    let (code, said) = desk.bursar("rerate --from 2026-11-25 --to 2026-11-24 --data-dir @data");
    assert!(code == 2 && said.contains("does not lie before"), "{said}");
}
