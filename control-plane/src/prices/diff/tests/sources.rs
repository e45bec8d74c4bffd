//! What sources do: cannot be read, are cut, contradict themselves, speak of days to come.

use super::*;

#[test]
fn a_value_that_cannot_be_read_ends_nothing_and_leaves_what_inherits_from_it() {
    let mut rows = Vec::new();
    let import = litellm;
    let good = r#"{"gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06,
        "cache_read_input_token_cost": 6e-07, "output_cost_per_token": 4e-06,
        "regional_processing_uplift_multiplier_eu": 1.1,
        "off_peak_pricing": {"hours_utc": "16:30-00:30", "output_cost_per_token": 2e-06}}}"#;
    take(&mut rows, import(good, MONDAY), &guarded(MONDAY));
    let in_force = rows.len();
    for (from, to) in [
        (r#""input_cost_per_token": 1e-06"#, r#""input_cost_per_token": "soon""#),
        // Without its own rate, a cached token would count as input.
        (r#"cost": 6e-07"#, r#"cost": "half""#),
        (r#"multiplier_eu": 1.1"#, r#"multiplier_eu": "a bit""#),
        ("16:30-00:30", "at night"),
        (r#""openai""#, "7"),
        (good.get(10..).unwrap(), "7}"),
    ] {
        let bad = import(&good.replace(from, to), TUESDAY);
        assert!(!bad.unreadable.is_empty(), "{to}");
        let diff = take(&mut rows, bad, &guarded(TUESDAY));
        assert!(diff.is_empty(), "{to}: {diff:#?}");
        assert_eq!(diff.unchanged, u64::try_from(in_force).unwrap(), "{to}");
    }
    // What the catalogue does not have any more ends as ever.
    let diff = take(
        &mut rows,
        import(&good.replace(r#"multiplier_eu": 1.1"#, r#"x": 1"#), WEDNESDAY),
        &guarded(WEDNESDAY),
    );
    assert!(!diff.removed.is_empty() && diff.removed.iter().all(|row| row.key.region.is_some()), "{diff:#?}");
}

#[test]
fn what_another_entry_contradicts_is_not_gone() {
    let mut rows = Vec::new();
    take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let mut import = says("litellm", TUESDAY, &[(110, 0, None)]);
    import.contradicted = says("litellm", TUESDAY, &[(120, 0, None)]).rows;
    let mut elsewhere = import.clone();
    let diff = take(&mut rows.clone(), import, &guarded(TUESDAY));
    assert_eq!((diff.held.len(), diff.ends.len()), (1, 0));
    elsewhere.rows[0].key.model = "gpt-y".into();
    let diff = take(&mut rows, elsewhere, &guarded(TUESDAY));
    assert_eq!((diff.ends.len(), pays(&rows, TUESDAY)), (0, Some(100)));
}

#[test]
fn a_catalogue_that_was_cut_ends_nothing_until_somebody_says_so() {
    let entry = |number: u32| {
        format!(r#""m-{number}": {{"litellm_provider": "openai", "input_cost_per_token": 1e-06}}"#)
    };
    let catalogue = |count: u32| format!("{{{}}}", (0..count).map(entry).collect::<Vec<_>>().join(","));
    let import = |count, at| crate::prices::litellm::import(&catalogue(count), at).unwrap();
    let mut rows = Vec::new();
    take(&mut rows, import(300, MONDAY), &guarded(MONDAY));
    let in_use = rows.len();
    let cut = take(&mut rows, import(200, TUESDAY), &guarded(TUESDAY));
    assert_eq!((cut.removed.len(), cut.ends.len(), cut.leaving.len() * 3), (0, 0, in_use));
    let cleaned = take(&mut rows, import(290, TUESDAY), &guarded(TUESDAY));
    assert_eq!((cleaned.leaving.len(), cleaned.removed.len() * 30), (0, in_use));
}

fn litellm(text: &str, at: UnixNanos) -> Import {
    crate::prices::litellm::import(text, at).unwrap()
}

#[test]
fn a_price_that_is_told_for_a_day_to_come_leaves_the_one_before_until_then() {
    let mut rows = Vec::new();
    take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let from = |at, since, backdate| Taking { since: Some(since), backdate, ..guarded(at) };
    take(&mut rows, litellm_of(150, TUESDAY), &from(TUESDAY, WEDNESDAY, false));
    assert_eq!((pays(&rows, WEDNESDAY - 1), pays(&rows, WEDNESDAY)), (Some(100), Some(150)));
    // And one for the past, where somebody says that it was wrong.
    let later = WEDNESDAY + DAY;
    take(&mut rows, litellm_of(160, later), &from(later, TUESDAY, true));
    assert_eq!((pays(&rows, TUESDAY), pays(&rows, later)), (Some(160), Some(160)));
}

/// A catalogue that says nothing of when.
fn litellm_of(pico: u64, at: UnixNanos) -> Import {
    says("litellm", at, &[(pico, at, None)])
}

#[test]
fn what_was_gone_for_a_day_or_has_a_condition_is_guarded_too() {
    let mut rows = Vec::new();
    let entry = |more: &str| {
        format!(r#"{{"gpt-x": {{"litellm_provider": "openai", "output_cost_per_token": 2e-06{more}}}}}"#)
    };
    take(&mut rows, litellm(&entry(r#", "input_cost_per_token": 1e-06"#), MONDAY), &guarded(MONDAY));
    take(&mut rows, litellm(&entry(""), TUESDAY), &guarded(TUESDAY));
    let diff = take(
        &mut rows,
        litellm(&entry(r#", "input_cost_per_token": 1e-04"#), WEDNESDAY),
        &guarded(WEDNESDAY),
    );
    assert!(diff.held.iter().any(|held| held.reason == HoldReason::Moves), "{diff:?}");
    let tier = entry(r#", "output_cost_per_token_flex": 1e-06, "output_cost_per_token_priority": 5e-04"#);
    let diff = take(&mut rows, litellm(&tier, WEDNESDAY + DAY), &guarded(WEDNESDAY + DAY));
    let held: Vec<_> = diff.held.iter().map(|held| (held.row.key.meter, held.reason)).collect();
    assert!(held.contains(&(Meter::Output, HoldReason::Apart)), "{held:?}");
    assert!(diff.added.iter().any(|row| row.key.tier.as_deref() == Some("flex")));
}

#[test]
fn what_a_newer_import_no_longer_proposes_is_withdrawn_whole() {
    let mut rows = Vec::new();
    let nothing = |at| Taking { apply: Apply::Nothing, ..guarded(at) };
    let two = |first, second, at| says("own", at, &[(first, 0, Some(WEDNESDAY)), (second, WEDNESDAY, None)]);
    take(&mut rows, two(10, 20, MONDAY), &nothing(MONDAY));
    take(&mut rows, two(11, 21, TUESDAY), &nothing(TUESDAY));
    let waiting = rows.iter().filter(|row| row.status == Status::Proposed);
    let mut waiting: Vec<u64> = waiting.map(|row| row.rate.pico()).collect();
    waiting.sort_unstable();
    assert_eq!(waiting, [11, 21]);
}

#[test]
fn the_same_import_for_a_day_to_come_changes_nothing_the_second_time() {
    let mut rows = Vec::new();
    take(&mut rows, says("litellm", MONDAY, &[(100, 0, None)]), &guarded(MONDAY));
    let from_wednesday = |at| Taking { since: Some(WEDNESDAY), ..guarded(at) };
    take(&mut rows, litellm_of(150, MONDAY), &from_wednesday(MONDAY));
    let again = take(&mut rows, litellm_of(150, TUESDAY), &from_wednesday(TUESDAY));
    assert!(again.is_empty() && again.removed.is_empty(), "{again:#?}");
    // What costs the same now does not have to begin again, and what is gone is so from that day on.
    let same = take(&mut rows.clone(), litellm_of(150, WEDNESDAY), &from_wednesday(WEDNESDAY));
    assert!(same.is_empty(), "{same:#?}");
    let gone = Import { rows: Vec::new(), ..litellm_of(0, TUESDAY) };
    take(&mut rows, gone, &from_wednesday(TUESDAY));
    assert_eq!((pays(&rows, WEDNESDAY - 1), pays(&rows, WEDNESDAY)), (Some(100), None));
}

#[test]
fn a_catalogue_that_is_wrong_throughout_does_not_vouch_for_itself() {
    let entry = |rate: &str, more: &str| {
        format!(r#"{{"gpt-x": {{"litellm_provider": "openai", "output_cost_per_token": {rate}{more}}}}}"#)
    };
    let mut rows = Vec::new();
    take(&mut rows, litellm(&entry("2e-06", ""), MONDAY), &guarded(MONDAY));
    let wrong = entry("0.2", r#", "output_cost_per_token_flex": 0.1"#);
    let diff = take(&mut rows, litellm(&wrong, TUESDAY), &guarded(TUESDAY));
    assert_eq!((diff.added.len(), diff.changed.len()), (0, 0), "{diff:#?}");
    assert!(diff.held.iter().any(|held| held.row.key.tier.as_deref() == Some("flex")), "{diff:#?}");
}
