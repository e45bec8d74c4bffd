//! The parts of a difference, each by itself, and that they always add up.

use super::*;

/// 1 USD per million of anything; batches half.
fn rates(_: Day, model: &str, _: Meter, place: &Place) -> Option<PicoUsdPerUnit> {
    let rate = if place.tier.as_deref() == Some("batch") { 500_000 } else { 1_000_000 };
    (model != "nobody-knows").then_some(PicoUsdPerUnit::new(rate))
}

fn theirs(units: &[(Meter, Place, u64)], costs: &[(Option<Meter>, &str)]) -> Theirs {
    let mut theirs = Theirs::default();
    theirs.token_days.insert(DAY);
    theirs.money_days.insert(DAY);
    for (meter, place, units) in units {
        theirs.cell(DAY, "m").add_units(*meter, place, *units).unwrap();
    }
    for (meter, cost) in costs {
        theirs.cell(DAY, "m").add_cost(*meter, usd(cost)).unwrap();
    }
    theirs
}

fn ours(cell: OursCell) -> Ours {
    let cells = BTreeMap::from([((DAY, "m".into()), BTreeMap::from([(Meter::Input, cell)]))]);
    Ours { cells, calls: 1, ..Ours::default() }
}

/// Priced tokens at 1 USD per million.
fn priced(tokens: u64) -> OursCell {
    let cost = PicoUsd::new(i128::from(tokens) * 1_000_000);
    OursCell { cost, units: BTreeMap::from([(home(), tokens)]), ..OursCell::default() }
}

fn check(theirs: &Theirs, ours: &Ours, expected: &[(Cause, &str)]) {
    let compared = compare(theirs, ours, &rates).unwrap();
    adds_up(&compared);
    let mut causes = compared.causes().unwrap();
    causes.retain(|_, amount| *amount != PicoUsd::ZERO);
    assert_eq!(
        causes,
        expected.iter().map(|(cause, amount)| (*cause, usd(amount))).collect(),
        "{compared:?}"
    );
}

fn adds_up(compared: &Compared) {
    for group in &compared.groups {
        let parts = PicoUsd::total(group.causes.values().copied()).unwrap();
        assert_eq!(Some(parts), group.theirs.checked_sub(group.ours), "{group:?}");
    }
    let parts = PicoUsd::total(compared.causes().unwrap().into_values()).unwrap();
    assert_eq!(Some(parts), compared.theirs().unwrap().checked_sub(compared.ours().unwrap()));
}

const IN: Option<Meter> = Some(Meter::Input);

#[test]
fn what_agrees_has_no_parts() {
    check(&theirs(&[(Meter::Input, home(), 1_000_000)], &[(IN, "1")]), &ours(priced(1_000_000)), &[]);
}

#[test]
fn the_same_tokens_at_another_rate_are_drift() {
    let theirs = theirs(&[(Meter::Input, home(), 1_000_000)], &[(IN, "1.25")]);
    check(&theirs, &ours(priced(1_000_000)), &[(Cause::PriceDrift, "0.25")]);
}

#[test]
fn tokens_that_never_came_by_are_rated_and_what_they_cost_more_is_drift() {
    let theirs = theirs(&[(Meter::Input, home(), 3_000_000)], &[(IN, "6")]);
    check(&theirs, &ours(priced(1_000_000)), &[(Cause::PriceDrift, "3"), (Cause::OutsideMesh, "2")]);
}

#[test]
fn a_model_that_never_came_by_is_outside_with_all_its_cost() {
    let theirs = theirs(&[], &[(IN, "6"), (None, "1")]);
    check(&theirs, &Ours::default(), &[(Cause::OutsideMesh, "7")]);
}

#[test]
fn more_tokens_are_first_the_unpriced_then_of_the_edge_then_estimated_then_cut() {
    let more =
        |tokens| theirs(&[(Meter::Input, home(), tokens)], &[(IN, &format!("{}", tokens / 1_000_000))]);
    let cell = OursCell {
        unpriced: 1_000_000,
        around: 2_000_000,
        estimated: 3_000_000,
        unseen: 4_000_000,
        ..priced(10_000_000)
    };
    check(&more(11_000_000), &ours(cell.clone()), &[(Cause::Unpriced, "1")]);
    check(&more(12_000_000), &ours(cell.clone()), &[(Cause::Unpriced, "1"), (Cause::TimeZoneEdge, "1")]);
    let all = [
        (Cause::Unpriced, "1"),
        (Cause::TimeZoneEdge, "2"),
        (Cause::EstimatedUsage, "3"),
        (Cause::AbortedStreams, "4"),
        (Cause::OutsideMesh, "5"),
    ];
    check(&more(25_000_000), &ours(cell), &all);
}

#[test]
fn fewer_tokens_are_of_the_edge_then_estimated_and_the_rest_nobody_can_explain() {
    let cell = OursCell { edge: 1_000_000, estimated: 2_000_000, ..priced(10_000_000) };
    let theirs = theirs(&[(Meter::Input, home(), 5_000_000)], &[(IN, "5")]);
    let parts = [(Cause::TimeZoneEdge, "-1"), (Cause::EstimatedUsage, "-2"), (Cause::Unexplained, "-2")];
    check(&theirs, &ours(cell), &parts);
}

#[test]
fn a_model_without_a_price_is_unpriced_with_all_it_costs() {
    let mut theirs = Theirs::default();
    theirs.token_days.insert(DAY);
    theirs.money_days.insert(DAY);
    theirs.cell(DAY, "nobody-knows").add_units(Meter::Input, &home(), 1_000).unwrap();
    theirs.cell(DAY, "nobody-knows").add_cost(IN, usd("0.5")).unwrap();
    let cell = OursCell { unpriced: 1_000, ..OursCell::default() };
    let ours = Ours {
        cells: BTreeMap::from([((DAY, "nobody-knows".into()), BTreeMap::from([(Meter::Input, cell)]))]),
        calls: 1,
        ..Ours::default()
    };
    check(&theirs, &ours, &[(Cause::Unpriced, "0.5")]);
}

#[test]
fn tokens_in_another_tier_cost_what_that_tier_does() {
    let units = [(Meter::Input, home(), 1_000_000), (Meter::Input, tier("batch"), 1_000_000)];
    let mut theirs = theirs(&units, &[(IN, "1.5")]);
    theirs.has_places = true;
    check(&theirs, &ours(priced(2_000_000)), &[(Cause::TierOrRegion, "-0.5")]);
    // The ledger has them all as batches, which they did not become.
    let batched = OursCell {
        cost: usd("1"),
        units: BTreeMap::from([(tier("batch"), 2_000_000)]),
        ..OursCell::default()
    };
    check(&theirs, &ours(batched), &[(Cause::TierOrRegion, "0.5")]);
    // An export that tells no tiers says nothing of them.
    theirs.has_places = false;
    check(&theirs, &ours(priced(2_000_000)), &[(Cause::PriceDrift, "-0.5")]);
}

#[test]
fn money_that_is_not_told_by_meter_is_compared_as_a_whole() {
    let theirs =
        theirs(&[(Meter::Input, home(), 1_000_000), (Meter::Output, home(), 500_000)], &[(None, "2")]);
    check(&theirs, &ours(priced(1_000_000)), &[(Cause::PriceDrift, "0.5"), (Cause::OutsideMesh, "0.5")]);
}

#[test]
fn without_money_their_tokens_are_rated_by_us_and_show_no_drift() {
    let mut theirs = theirs(&[(Meter::Input, home(), 3_000_000)], &[]);
    theirs.money_days.clear();
    check(&theirs, &ours(priced(1_000_000)), &[(Cause::OutsideMesh, "2")]);
    assert!(compare(&theirs, &ours(priced(1)), &rates).unwrap().groups[0].is_rated);
}

#[test]
fn without_tokens_a_difference_of_money_has_no_name() {
    let mut theirs = theirs(&[], &[(IN, "1.2")]);
    theirs.token_days.clear();
    check(&theirs, &ours(priced(1_000_000)), &[(Cause::Unexplained, "0.2")]);
}

/// A sequence of numbers that is the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(u64::try_from(all.len()).unwrap())).unwrap()].clone()
    }
}

#[test]
fn the_parts_add_up_to_the_difference_whatever_the_sides_say() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let meters = [Meter::Input, Meter::CacheRead, Meter::Output, Meter::WebSearch, Meter::ReportedCost];
    let places = [home(), tier("batch"), tier("priority")];
    let models = ["m", "n", "nobody-knows"];
    for _ in 0..20_000 {
        let mut theirs = Theirs::default();
        theirs.has_places = numbers.below(2) == 0;
        let mut ours = Ours::default();
        for day in DAY..DAY + 2 {
            if numbers.below(4) > 0 {
                theirs.token_days.insert(day);
            }
            if numbers.below(4) > 0 {
                theirs.money_days.insert(day);
            }
        }
        for _ in 0..numbers.below(8) {
            let (day, model) = (DAY + i64::try_from(numbers.below(2)).unwrap(), numbers.one_of(&models));
            let (meter, place) = (numbers.one_of(&meters), numbers.one_of(&places));
            let cell = theirs.cell(day, model);
            if numbers.below(2) == 0 {
                cell.add_units(meter, &place, numbers.below(10_000_000)).unwrap();
            }
            let told = [None, Some(meter)];
            let cost = i128::from(numbers.below(20_000_000_000_000)) - 1_000_000_000_000;
            if numbers.below(2) == 0 {
                cell.add_cost(numbers.one_of(&told), PicoUsd::new(cost)).unwrap();
            }
        }
        for _ in 0..numbers.below(8) {
            let key = (DAY + i64::try_from(numbers.below(2)).unwrap(), numbers.one_of(&models).into());
            let cell = ours.cells.entry(key).or_default().entry(numbers.one_of(&meters)).or_default();
            cell.cost = PicoUsd::new(i128::from(numbers.below(20_000_000_000_000)));
            cell.units.insert(numbers.one_of(&places), numbers.below(10_000_000));
            let parts =
                [&mut cell.unpriced, &mut cell.estimated, &mut cell.unseen, &mut cell.edge, &mut cell.around];
            for part in parts {
                *part = numbers.below(2) * numbers.below(3_000_000);
            }
        }
        adds_up(&compare(&theirs, &ours, &rates).unwrap());
    }
}

#[test]
fn sums_that_do_not_fit_are_none() {
    let mut theirs = theirs(&[(Meter::Input, home(), 1)], &[]);
    theirs.cell(DAY, "m").add_cost(IN, PicoUsd::new(i128::MAX)).unwrap();
    let cell = OursCell { cost: PicoUsd::new(-5_000_000), ..OursCell::default() };
    assert_eq!(compare(&theirs, &ours(cell), &rates), None);
}
