//! Invariant 6: a price change never changes history; whoever wants that asks for it, sees what it would do, and gets
//! corrections.

use super::*;
use crate::ledger::{
    calls::WordColumn,
    rerate::{Change, Group, Rerated, Selection, rerate},
};

const LATER: UnixNanos = NOW + 3 * 24 * 60 * MINUTE;
/// 2026-11-27 in days since the epoch.
const LATER_DAY: i64 = 20_784;

impl Ledger {
    pub(super) fn repriced(self, prices: Vec<PriceRow>) -> Self {
        let stored = self.rules.stored.clone();
        let prices = PriceTable::new(prices, stored.policy.prices.clone());
        Self { rules: Arc::new(Rules::new(stored, prices)), ..self }
    }

    pub(super) async fn rerate(&self, words: &[(WordColumn, &str)], dry_run: bool) -> Rerated {
        let words = words.iter().map(|(column, text)| (*column, (*text).to_owned())).collect();
        let selection = Selection { from: NOW, to: NOW + MINUTE, words };
        rerate(&self.store, self.rules.clone(), selection, dry_run, LATER).await.unwrap()
    }
}

fn dearer() -> Vec<PriceRow> {
    vec![price(3, Meter::Input, 5_000_000), price(4, Meter::Output, 10_000_000)]
}

fn of_acme(change: Change) -> BTreeMap<Group, Change> {
    let group = Group {
        customer: Some("acme".to_owned()),
        provider: Some("openai".to_owned()),
        model: Some("gpt-4o".to_owned()),
    };
    [(group, change)].into()
}

fn usd(text: &str) -> PicoUsd {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_dry_run_says_what_would_change_and_changes_nothing() {
    let ledger = Ledger::new();
    ledger.book(vec![finished(1), finished(2), started(3)]).await;
    let ledger = ledger.repriced(dearer());
    let done = ledger.rerate(&[], true).await;
    let change = Change { calls: 2, priced: 0, before: usd("0.00015"), after: usd("0.0002") };
    assert_eq!(done, Rerated { id: None, calls: 2, changed: 2, kept: 0, groups: of_acme(change) });
    assert_eq!(ledger.number("SELECT count(*) FROM corrections").await, 0);
    assert_eq!(ledger.call(1).await.cost_usd, Some(usd("0.000075")));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn rerating_appends_corrections_edits_nothing_and_changes_nothing_the_second_time() {
    let ledger = Ledger::new();
    ledger.book(vec![finished(1), finished(2)]).await;
    let booked = "SELECT sum(cost_pico * 7 + length(lines)) FROM calls JOIN details USING (id)";
    let before = ledger.number(booked).await;
    let ledger = ledger.repriced(dearer());
    let done = ledger.rerate(&[], false).await;
    assert_eq!((done.id, done.changed), (Some(1), 2));
    assert_eq!(ledger.number(booked).await, before, "what was booked stays");
    let call = ledger.call(1).await;
    assert_eq!((call.cost_usd, call.original_cost_usd), (Some(usd("0.0001")), Some(usd("0.000075"))));
    assert_eq!(call.lines.iter().map(|line| line.price).collect::<Vec<_>>(), [Some(3), Some(4)]);
    let [correction] = &*call.corrections else { panic!("{:?}", call.corrections) };
    assert_eq!(correction.cause, "rerate");
    assert_eq!((correction.before_usd, correction.after_usd), (Some(usd("0.000075")), Some(usd("0.0001"))));
    let tables = aggregates::TABLES.iter().map(|table| table.name);
    // One length of spans after the other.
    let tables = tables
        .map(|table| if table.starts_with("by_span") { "by_span_workspace WHERE span = 4" } else { table });
    for table in tables.chain(["by_task"]) {
        let sums = |column: &str| format!("SELECT sum({column}) FROM {table}");
        assert_eq!(ledger.number(&sums("cost_pico")).await, 200_000_000, "{table}");
        assert_eq!(ledger.number(&sums("original_pico")).await, 150_000_000, "{table}");
        assert_eq!(ledger.number(&sums("calls")).await, 2, "{table}");
    }
    // Caps refused, or did not, by what was known then.
    assert_eq!(ledger.cap("acme-day/usd").await, (150_000_000, 0));
    ledger.assert_rebuild_equals_running().await;
    let again = ledger.rerate(&[], false).await;
    assert_eq!((again.id, again.calls, again.changed, again.groups), (None, 2, 0, BTreeMap::new()));
    assert_eq!(ledger.number("SELECT count(*) FROM rerates").await, 1);
    // And back: the correction is corrected.
    let ledger =
        ledger.repriced(vec![price(1, Meter::Input, 2_500_000), price(2, Meter::Output, 10_000_000)]);
    assert_eq!(ledger.rerate(&[], false).await.changed, 2);
    assert_eq!(ledger.call(1).await.cost_usd, Some(usd("0.000075")));
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn what_a_correction_takes_back_and_adds_are_lines_of_the_day_of_the_correction() {
    let ledger = Ledger::new();
    ledger.book(vec![finished(1)]).await;
    let ledger = ledger.repriced(dearer());
    ledger.rerate(&[], false).await;
    let rows = ledger.store.read(|connection| {
        let mut statement = connection.prepare(
            "SELECT corrected, text, price, rate, lines, units FROM by_day_charge JOIN words ON meter = words.id
             ORDER BY corrected, text, price",
        )?;
        let rows = statement.query_map([], |row| {
            let numbers: [i64; 3] = [row.get(2)?, row.get(4)?, row.get(5)?];
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, numbers))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    });
    let expected = [
        (0, "input", [1, 1, 10]),
        (0, "output", [2, 1, 5]),
        (LATER_DAY, "input", [1, -1, -10]),
        (LATER_DAY, "input", [3, 1, 10]),
        (LATER_DAY, "output", [2, -1, -5]),
        (LATER_DAY, "output", [4, 1, 5]),
    ];
    let expected = expected.map(|(corrected, meter, numbers)| (corrected, meter.to_owned(), numbers));
    assert_eq!(rows.await.unwrap(), expected);
    let cost = "SELECT sum(units * rate) FROM by_day_charge";
    assert_eq!(ledger.number(cost).await, ledger.number("SELECT cost_pico FROM by_day_customer").await);
}

#[tokio::test]
async fn a_price_that_was_missing_is_added_and_the_call_has_a_cost() {
    let ledger = Ledger::with(POLICY, vec![price(2, Meter::Output, 10_000_000)]);
    ledger.book(vec![finished(1), finished(2)]).await;
    assert_eq!(ledger.call(1).await.unpriced_reason.as_deref(), Some("no_rate:input"));
    let ledger = ledger.repriced(dearer());
    let done = ledger.rerate(&[(WordColumn::Model, "gpt-4o"), (WordColumn::Customer, "acme")], false).await;
    let change = Change { calls: 2, priced: 2, before: PicoUsd::ZERO, after: usd("0.0002") };
    assert_eq!(done.groups, of_acme(change));
    let call = ledger.call(2).await;
    assert_eq!(
        (call.cost_usd, call.pricing, call.unpriced_reason),
        (Some(usd("0.0001")), Some("priced"), None)
    );
    let unpriced = "SELECT unpriced * 10 + original_unpriced FROM by_day_model";
    assert_eq!(ledger.number(unpriced).await, 2);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn what_is_not_selected_stays_and_what_the_table_no_longer_prices_keeps_its_cost() {
    let ledger = Ledger::new();
    ledger.book(vec![finished(1)]).await;
    let ledger = ledger.repriced(dearer());
    assert_eq!(ledger.rerate(&[(WordColumn::Customer, "globex")], false).await, Rerated::default());
    let ledger = ledger.repriced(vec![]);
    let done = ledger.rerate(&[], false).await;
    assert_eq!((done.calls, done.changed, done.kept), (1, 0, 1));
    assert_eq!(ledger.call(1).await.cost_usd, Some(usd("0.000075")));
}

#[tokio::test]
async fn an_end_that_comes_late_takes_back_what_a_rerating_said_of_the_orphan() {
    let ledger = Ledger::with(POLICY, vec![]);
    ledger
        .book(vec![UsageEvent::Started { head: CallHead { hold_input: None, hold: None, ..head(1) } }])
        .await;
    assert_eq!(ledger.close_orphans(NOW + MINUTE).await, 1);
    assert_eq!(ledger.call(1).await.cost_usd, None);
    let ledger = ledger.repriced(dearer());
    ledger.rerate(&[], false).await;
    assert_eq!(ledger.call(1).await.cost_usd, Some(usd("0.0002")));
    ledger.assert_rebuild_equals_running().await;
    ledger
        .book(vec![UsageEvent::Finished {
            head: CallHead { hold_input: None, hold: None, ..head(1) },
            end: Box::new(end(10, 5)),
        }])
        .await;
    let call = ledger.call(1).await;
    assert_eq!((call.cost_usd, call.original_cost_usd), (Some(usd("0.0001")), Some(usd("0.0001"))));
    assert_eq!(ledger.number("SELECT sum(lines) FROM by_day_charge").await, 2);
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn other_rates_with_the_same_sum_are_a_correction_too() {
    let ledger = Ledger::with(POLICY, vec![price(1, Meter::Input, 1_000), price(2, Meter::Output, 3_000)]);
    ledger.book(vec![ended(1, end(5, 5))]).await;
    let ledger = ledger.repriced(vec![price(3, Meter::Input, 3_000), price(4, Meter::Output, 1_000)]);
    assert_eq!(ledger.rerate(&[], false).await.changed, 1);
    let call = ledger.call(1).await;
    assert_eq!(call.lines.iter().map(|line| line.price).collect::<Vec<_>>(), [Some(3), Some(4)]);
    assert_eq!(ledger.rerate(&[], false).await.changed, 0);
    // Another row that says the same is none.
    let ledger = ledger.repriced(vec![price(5, Meter::Input, 3_000), price(6, Meter::Output, 1_000)]);
    assert_eq!(ledger.rerate(&[], false).await, Rerated { calls: 1, ..Rerated::default() });
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn what_the_price_table_says_beside_the_provider_follows_a_rerating() {
    let says = |number| ended(number, CallEnd { provider_cost: "0.0002".parse().ok(), ..end(10, 5) });
    let sums = "SELECT calls * 100 + uncomputed * 10 + (reported_pico = computed_pico) FROM by_day_reported";
    for bills in ["", "prices: {provider_cost_bills: [openai]}\n"] {
        let ledger = Ledger::with(&format!("{POLICY}{bills}"), vec![]);
        ledger.book(vec![says(1)]).await;
        assert_eq!(ledger.number(sums).await, 111, "not in the price table");
        let ledger =
            ledger.repriced(vec![price(1, Meter::Input, 10_000_000), price(2, Meter::Output, 20_000_000)]);
        assert_eq!(ledger.rerate(&[], false).await.changed, 1);
        assert_eq!(ledger.number(sums).await, 101, "{bills}");
        assert_eq!(ledger.call(1).await.computed_cost_usd, Some(usd("0.0002")));
        assert_eq!(ledger.rerate(&[], false).await.changed, 0);
        ledger.assert_rebuild_equals_running().await;
    }
}

#[tokio::test]
async fn an_end_that_comes_while_its_call_is_rated_anew_is_left_to_the_next_run() {
    let ledger = Ledger::with(POLICY, Vec::new());
    ledger
        .book(vec![UsageEvent::Started { head: CallHead { hold_input: None, hold: None, ..head(1) } }])
        .await;
    assert_eq!(ledger.close_orphans(NOW + MINUTE).await, 1);
    let ledger = ledger.repriced(dearer());
    let selection = Selection { from: NOW, to: NOW + MINUTE, words: Vec::new() };
    let (of_page, rules) = (selection.clone(), ledger.rules.clone());
    let read = move |store: &rusqlite::Connection| {
        crate::ledger::rerate::page(store, &rules, &of_page, (0, [0; 16]))
    };
    let page = ledger.store.read(read).await.unwrap();
    assert_eq!(page.differing.len(), 1);
    // It used something else than what an orphan is taken for, and has no price for it either.
    let mut late = end(7_000, 5);
    late.usage.units.insert(Meter::WebSearch, 1);
    ledger
        .book(vec![UsageEvent::Finished {
            head: CallHead { hold_input: None, hold: None, ..head(1) },
            end: Box::new(late),
        }])
        .await;
    let write = move |write: &mut crate::store::Write<'_>| {
        crate::ledger::rerate::correct(write, &selection, None, page.differing, LATER)
    };
    let (id, corrected) = ledger.store.write(write).await.unwrap();
    assert_eq!((id, corrected.len()), (None, 0));
    assert_eq!(ledger.call(1).await.cost_usd, None);
    ledger.assert_rebuild_equals_running().await;
}
