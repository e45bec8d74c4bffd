mod sources;

use super::*;
use crate::{
    policy::Pricing,
    prices::{Matching, PriceTable, Provenance, Query},
};
use protocol::{
    meters::Meter,
    money::PicoUsdPerUnit,
    price::{ModelPrices, Terms},
};

const DAY: UnixNanos = 86_400_000_000_000;
const MONDAY: UnixNanos = 1_800_000_000_000_000_000;
const TUESDAY: UnixNanos = MONDAY + DAY;
const WEDNESDAY: UnixNanos = TUESDAY + DAY;

/// A catalogue that prices input of one model; without a beginning where that is 0.
fn says(source: &str, at: UnixNanos, rates: &[(u64, UnixNanos, Option<UnixNanos>)]) -> Import {
    let row = |(rate, from, to): &(u64, UnixNanos, Option<UnixNanos>)| PriceRow {
        id: 0,
        key: PriceKey { matching: Matching::Exact, ..PriceKey::plain("openai", "gpt-x", Meter::Input) },
        rate: PicoUsdPerUnit::new(*rate),
        inherits: None,
        output_tokens_max: None,
        effective_from: if *from == 0 { at } else { *from },
        effective_to: *to,
        source: Provenance {
            name: source.into(),
            imported_at: at,
            key: "k".into(),
            text: "t".into(),
            rounded: false,
        },
        status: Status::Active,
    };
    Import { source: source.into(), at, rows: rates.iter().map(row).collect(), ..Import::default() }
}

fn guarded(at: UnixNanos) -> Taking {
    Taking { at, since: Some(at), apply: Apply::Guarded, backdate: false }
}

/// Compares, writes what comes of it as the store does, and gives it back.
fn take(rows: &mut Vec<PriceRow>, import: Import, taking: &Taking) -> Diff {
    let diff = compare_as(&*rows, import, taking);
    for row in rows.iter_mut() {
        row.effective_to = diff.ends.get(&row.id).copied().or(row.effective_to);
        if diff.withdrawn.contains(&row.id) {
            row.status = Status::Retired;
        }
    }
    for row in diff.opened() {
        let id = u64::try_from(rows.len()).unwrap() + 1;
        rows.push(PriceRow { id, ..row.clone() });
    }
    diff
}

fn decide(rows: &mut [PriceRow], at: UnixNanos) {
    let proposal = rows.iter().find(|row| row.status == Status::Proposed).unwrap().clone();
    let approval = approve(&proposal, &*rows, at).unwrap();
    for row in rows.iter_mut() {
        if let Some((_, at)) = approval.closed.iter().find(|(id, _)| *id == row.id) {
            row.effective_to = Some(*at);
        }
        if row.id == approval.opened.id {
            *row = approval.opened.clone();
        }
    }
}

/// What a call pays per token.
fn pays(rows: &[PriceRow], at: UnixNanos) -> Option<u64> {
    let table = PriceTable::new(rows.to_vec(), Pricing::default());
    let query = Query { provider: "openai", served: Some("gpt-x"), at, ..Query::default() };
    let found = table.find(&query).found()?;
    let book = table.book(at);
    let of_filter = book.find("openai", None, Some("gpt-x"), None);
    let rate = |prices: &ModelPrices| Some(prices.rate(Meter::Input, &Terms::default())?.rate.pico());
    let paid = rate(&found.prices);
    assert_eq!(paid, of_filter.and_then(rate), "filters pay the same");
    paid
}

#[test]
fn the_source_that_was_first_keeps_a_key_and_another_is_held_or_agrees() {
    let mut rows = Vec::new();
    take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let diff = take(&mut rows, says("models-dev", TUESDAY, &[(100, 0, None)]), &guarded(TUESDAY));
    assert_eq!((diff.unchanged, diff.is_empty(), rows.len()), (1, true, 1));
    let diff = take(&mut rows, says("models-dev", TUESDAY, &[(120, 0, None)]), &guarded(TUESDAY));
    assert_eq!(
        (diff.held[0].reason, diff.held[0].before.as_ref().map(|row| row.id)),
        (HoldReason::OtherSource, Some(1))
    );
    assert_eq!(pays(&rows, TUESDAY), Some(100));
    // Approved, the key is the other's, and the first is held from then on.
    decide(&mut rows, WEDNESDAY);
    assert_eq!((pays(&rows, WEDNESDAY - 1), pays(&rows, WEDNESDAY)), (Some(100), Some(120)));
    let later = WEDNESDAY + DAY;
    let diff = take(&mut rows, says("litellm", later, &[(100, 0, None)]), &guarded(later));
    assert_eq!(diff.held[0].reason, HoldReason::OtherSource);
    assert_eq!(pays(&rows, later), Some(120));
}

#[test]
fn an_own_file_lies_over_catalogues_and_takes_nothing_away_from_them() {
    let mut rows = Vec::new();
    take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let own = says("file:ours", TUESDAY, &[(80, 0, None)]);
    let diff = take(&mut rows, own, &Taking { since: Some(0), ..guarded(TUESDAY) });
    assert_eq!((diff.added.len(), diff.ends.len()), (1, 0));
    // What calls of Monday were rated by is what they would be rated by again.
    assert_eq!((pays(&rows, TUESDAY - 1), pays(&rows, TUESDAY)), (Some(100), Some(80)));
    // The catalogue goes on underneath, without anybody's approval.
    let diff = take(&mut rows, says("litellm", WEDNESDAY, &[(110, 0, None)]), &guarded(WEDNESDAY));
    assert_eq!((diff.changed.len(), diff.held.len(), pays(&rows, WEDNESDAY)), (1, 0, Some(80)));
    let later = WEDNESDAY + DAY;
    let diff = take(&mut rows, says("file:ours", later, &[]), &guarded(later));
    assert_eq!((diff.removed.len(), pays(&rows, later)), (1, Some(110)));
    // Two own files are two sources.
    let (mut rows, first) = (Vec::new(), says("own", MONDAY, &[(100, 0, None)]));
    take(&mut rows, first, &guarded(MONDAY));
    let diff = take(&mut rows, says("file:b", TUESDAY, &[(90, 0, None)]), &guarded(TUESDAY));
    assert_eq!(diff.held[0].reason, HoldReason::OtherSource);
}

#[test]
fn what_an_own_file_only_inherits_does_not_win_over_what_a_catalogue_says() {
    let mut rows = Vec::new();
    take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let mut own = says("own", MONDAY, &[(80, 0, None)]);
    own.rows[0].inherits = Some(Meter::Output);
    take(&mut rows, own, &guarded(MONDAY));
    assert_eq!(pays(&rows, MONDAY), Some(100));
}

#[test]
fn a_row_that_begins_in_the_past_fills_only_what_nothing_priced() {
    let mut rows = Vec::new();
    let own = says("own", WEDNESDAY, &[(80, MONDAY, None)]);
    take(&mut rows, own, &guarded(WEDNESDAY));
    assert_eq!((pays(&rows, MONDAY - 1), pays(&rows, MONDAY)), (None, Some(80)));
    // Where something was in force, it begins now …
    let mut rows = Vec::new();
    take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let own = || says("own", WEDNESDAY, &[(80, MONDAY, None)]);
    let mut unasked = rows.clone();
    take(&mut unasked, own(), &guarded(WEDNESDAY));
    assert_eq!((pays(&unasked, TUESDAY), pays(&unasked, WEDNESDAY)), (Some(100), Some(80)));
    let again =
        take(&mut unasked, says("own", WEDNESDAY + 5, &[(80, MONDAY, None)]), &guarded(WEDNESDAY + 5));
    assert!(again.is_empty(), "{again:?}");
    // … unless somebody says so.
    let backdate = Taking { backdate: true, ..guarded(WEDNESDAY) };
    take(&mut rows, own(), &backdate);
    assert_eq!((pays(&rows, MONDAY), pays(&rows, TUESDAY)), (Some(80), Some(80)));
}

#[test]
fn backdating_ends_the_rows_of_the_same_file_where_the_new_one_begins() {
    let mut rows = Vec::new();
    take(&mut rows, says("own", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let backdate = Taking { backdate: true, ..guarded(WEDNESDAY) };
    let diff = take(&mut rows, says("own", WEDNESDAY, &[(110, TUESDAY, None)]), &backdate);
    assert_eq!(diff.ends.values().copied().collect::<Vec<_>>(), [TUESDAY]);
    assert_eq!((pays(&rows, TUESDAY - 1), pays(&rows, TUESDAY)), (Some(100), Some(110)));
}

#[test]
fn prices_that_are_told_ahead_come_on_their_day_and_may_change_until_then() {
    let mut rows = Vec::new();
    let ahead = |at, next| says("genai-prices", at, &[(100, 0, Some(WEDNESDAY)), (next, WEDNESDAY, None)]);
    take(&mut rows, ahead(MONDAY, 150), &Taking { since: Some(0), ..guarded(MONDAY) });
    assert_eq!(
        (pays(&rows, 5), pays(&rows, WEDNESDAY - 1), pays(&rows, WEDNESDAY)),
        (Some(100), Some(100), Some(150))
    );
    let diff = take(&mut rows, ahead(TUESDAY, 150), &guarded(TUESDAY));
    assert!(diff.is_empty() && diff.unchanged == 2, "{diff:?}");
    let diff = take(&mut rows, ahead(TUESDAY, 200), &guarded(TUESDAY));
    assert_eq!((diff.unchanged, diff.added.len()), (1, 1));
    assert_eq!((pays(&rows, WEDNESDAY - 1), pays(&rows, WEDNESDAY)), (Some(100), Some(200)));
    // When the day has come, the catalogue tells the same as history.
    let later = WEDNESDAY + DAY;
    assert!(take(&mut rows, ahead(later, 200), &guarded(later)).is_empty());
    // A jump that is told ahead waits, and takes nothing away meanwhile.
    let diff = take(
        &mut rows,
        says("genai-prices", later, &[(200, 0, Some(later + DAY)), (900, later + DAY, None)]),
        &guarded(later),
    );
    assert_eq!(
        diff.held.iter().map(|held| held.reason).collect::<Vec<_>>(),
        [HoldReason::Moves, HoldReason::Moves]
    );
    assert_eq!(pays(&rows, later + 2 * DAY), Some(200));
}

#[test]
fn where_nothing_is_taken_without_approval_everything_waits_and_nothing_ends() {
    let nothing = |at| Taking { apply: Apply::Nothing, since: Some(0), ..guarded(at) };
    let mut rows = Vec::new();
    let diff = take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &nothing(MONDAY));
    assert_eq!((diff.held[0].reason, pays(&rows, MONDAY)), (HoldReason::Approval, None));
    // The same again is the same proposal.
    let diff = take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &nothing(MONDAY));
    assert_eq!((diff.is_empty(), diff.held[0].row.id, rows.len()), (true, 1, 1));
    // Nothing was in force before, so it holds since ever.
    decide(&mut rows, TUESDAY);
    assert_eq!((pays(&rows, 5), pays(&rows, TUESDAY)), (Some(100), Some(100)));
    let diff = take(&mut rows, says("litellm", TUESDAY, &[(120, 0, None)]), &nothing(TUESDAY));
    assert_eq!((diff.held[0].reason, diff.ends.len()), (HoldReason::Approval, 0));
    decide(&mut rows, WEDNESDAY);
    assert_eq!((pays(&rows, WEDNESDAY - 1), pays(&rows, WEDNESDAY)), (Some(100), Some(120)));
    let diff = take(&mut rows, says("litellm", WEDNESDAY, &[]), &nothing(WEDNESDAY));
    assert_eq!((diff.leaving.len(), diff.removed.len(), diff.ends.len()), (1, 0, 0));
    assert_eq!(pays(&rows, WEDNESDAY), Some(120));
}

#[test]
fn what_an_hour_costs_is_the_same_whoever_asked_before() {
    let mut rows = Vec::new();
    let mut import = says("litellm", MONDAY, &[(100, 0, None)]);
    let mut cheap = import.rows[0].clone();
    cheap.key.hours = Some("UTC 08:00-17:00, mon 20:00-22:00".parse().unwrap());
    cheap.rate = PicoUsdPerUnit::new(50);
    import.rows.push(cheap);
    take(&mut rows, import, &Taking { since: Some(0), ..guarded(MONDAY) });
    let table = PriceTable::new(rows.clone(), Pricing::default());
    let pays = |table: &PriceTable, at| {
        let query = Query { provider: "openai", served: Some("gpt-x"), at, ..Query::default() };
        let list = table.find(&query).found().unwrap().prices;
        list.rate(Meter::Input, &Terms { at, ..Terms::default() }).unwrap().rate.pico()
    };
    // Forwards and backwards over a week, by a step that hits no window's border twice the same way.
    let steps = (0..400_u64).chain((0..400).rev()).map(|step| MONDAY + step * 1_517_000_000_000);
    let mut seen = BTreeSet::new();
    for at in steps {
        let fresh = PriceTable::new(rows.clone(), Pricing::default());
        assert_eq!(pays(&table, at), pays(&fresh, at), "{at}");
        seen.insert(pays(&table, at));
    }
    assert_eq!(seen.len(), 2);
}

#[test]
fn what_nobody_priced_before_holds_since_ever_and_what_somebody_did_from_now_on() {
    let mut rows = Vec::new();
    let since_ever = |at| Taking { at, since: None, ..guarded(at) };
    let import = |text: &str, at| crate::prices::litellm::import(text, at).unwrap();
    let one = r#"{"gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}}"#;
    take(&mut rows, import(one, MONDAY), &since_ever(MONDAY));
    let two = r#"{"gpt-x": {"litellm_provider": "openai", "input_cost_per_token": 1e-06,
        "input_cost_per_token_above_200k_tokens": 2e-06, "input_cost_per_token_flex": 5e-07, "output_cost_per_token": 4e-06},
        "gpt-y": {"litellm_provider": "openai", "input_cost_per_token": 3e-06}}"#;
    let diff = take(&mut rows, import(two, TUESDAY), &since_ever(TUESDAY));
    let begins = |model: &str, meter, tier: Option<&str>, above: bool| {
        let is_it = |row: &&PriceRow| {
            let key = &row.key;
            &*key.model == model
                && key.meter == meter
                && key.tier.as_deref() == tier
                && key.threshold.is_some() == above
        };
        diff.added.iter().find(is_it).unwrap().effective_from
    };
    assert_eq!(begins("gpt-x", Meter::Input, None, true), TUESDAY, "input was priced without a threshold");
    assert_eq!(begins("gpt-x", Meter::Input, Some("flex"), false), 0);
    assert_eq!(begins("gpt-x", Meter::Output, None, false), 0);
    assert_eq!(begins("gpt-y", Meter::Input, None, false), 0);
}
