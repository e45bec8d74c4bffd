use super::*;
use crate::policy::Pricing;
use protocol::{
    meters::Units,
    price::{MatchedBy, ModelPrices, Terms},
    rating,
};

/// In the form of the real catalogue, with numbers of our own.
const CATALOGUE: &str = r#"{
  "sample_spec": {"litellm_provider": "one of many", "input_cost_per_token": 0.0, "mode": "chat"},
  "gpt-x": {
    "litellm_provider": "openai", "mode": "chat", "max_input_tokens": 1000000, "max_output_tokens": 16384,
    "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-06,
    "input_cost_per_token_above_272k_tokens": 5e-06, "output_cost_per_token_above_272k_tokens": 2.25e-05,
    "input_cost_per_token_flex": 1.25e-06, "output_cost_per_token_flex": 5e-06,
    "input_cost_per_token_priority": 4.25e-06, "output_cost_per_token_priority": 1.7e-05,
    "cache_read_input_token_cost_priority": 2.125e-06,
    "input_cost_per_token_batches": 1.25e-06, "output_cost_per_token_batches": 5e-06,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.02},
    "regional_processing_uplift_multiplier_eu": 1.1, "supports_vision": true, "source": "https://example.com"
  },
  "claude-x": {
    "litellm_provider": "anthropic", "max_output_tokens": 64000,
    "input_cost_per_token": 0.000003, "output_cost_per_token": 0.000015,
    "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
    "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05, "cache_read_input_token_cost": 3e-07,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.01}
  },
  "xai/grok-x": {
    "litellm_provider": "xai", "input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05,
    "input_cost_per_token_above_200k_tokens": 4e-06, "output_cost_per_token_above_200k_tokens": 2e-05
  },
  "vertex_ai/gem-x": {
    "litellm_provider": "vertex_ai-language-models", "input_cost_per_token": 5.0000000000000004E-8,
    "output_cost_per_token": 1.23456789012345e-07, "input_cost_per_audio_token": 7e-07,
    "output_cost_per_second": 0.002, "off_peak_pricing": {"windows": []}
  },
  "deepseek/ds-x": {"litellm_provider": "deepseek", "input_cost_per_token": 2.8e-07, "output_cost_per_token": 4.2e-07,
    "input_cost_per_token_cache_hit": 9e-08, "cache_read_input_token_cost": 2.8e-08},
  "ds-x": {"litellm_provider": "deepseek", "input_cost_per_token": 2.7e-07, "output_cost_per_token": 4.2e-07},
  "absurd/model": {"litellm_provider": "absurd", "input_cost_per_token": 0.0032, "output_cost_per_token": 3e-06},
  "nobody": {"input_cost_per_token": 1e-06},
  "broken": 7,
  "half-broken": {"litellm_provider": "openai", "input_cost_per_token": "free", "output_cost_per_token": -1e-06,
    "cache_read_input_token_cost": null, "max_output_tokens": "many"},
  "dotted.model-v1": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
}"#;

fn find(
    table: &PriceTable,
    provider: &str,
    served: Option<&str>,
    requested: Option<&str>,
    at: UnixNanos,
) -> Option<Found> {
    table.find(&Query { provider, account: None, served, requested, at }).found()
}

const MONDAY: UnixNanos = 1_800_000_000_000_000_000;
const TUESDAY: UnixNanos = MONDAY + 86_400_000_000_000;

fn imported() -> Import {
    read_at(CATALOGUE, MONDAY)
}

fn read_at(catalogue: &str, at: UnixNanos) -> Import {
    litellm::import(catalogue, at).unwrap()
}

/// Writes a diff into rows as the store does.
fn apply(rows: &mut Vec<PriceRow>, diff: &Diff) {
    for row in rows.iter_mut() {
        row.effective_to = diff.ends.get(&row.id).copied().or(row.effective_to);
    }
    for row in rows.iter_mut().filter(|row| diff.withdrawn.contains(&row.id)) {
        row.status = Status::Retired;
    }
    for row in diff.opened() {
        let id = u64::try_from(rows.len()).unwrap() + 1;
        rows.push(PriceRow { id, ..row.clone() });
    }
}

fn table_of(catalogue: &str) -> (Vec<PriceRow>, PriceTable) {
    let mut rows = Vec::new();
    let diff = compare(&rows, read_at(catalogue, MONDAY), MONDAY);
    apply(&mut rows, &diff);
    (rows.clone(), PriceTable::new(rows, Pricing::default()))
}

/// The rates of one model wherever it is served, as `meter[@tier][>n] rate [<- parent]`.
fn rates(import: &Import, provider: &str, model: &str) -> Vec<String> {
    let rows = import.rows.iter().filter(|row| &*row.key.provider == provider && &*row.key.model == model);
    let rows = rows.filter(|row| row.key.region.is_none());
    let tell = |row: &PriceRow| {
        let tier = row.key.tier.as_deref().map(|tier| format!("@{tier}")).unwrap_or_default();
        let above = row
            .key
            .threshold
            .map(|at| format!("{}{}", if at.inclusive { ">=" } else { ">" }, at.input_tokens));
        let parent = row.inherits.map(|meter| format!(" <- {meter}")).unwrap_or_default();
        format!("{}{tier}{} {}{parent}", row.key.meter, above.unwrap_or_default(), row.rate.usd_per_mtok())
    };
    rows.map(tell).collect()
}

fn cost(
    table: &PriceTable,
    provider: &str,
    model: &str,
    units: &[(Meter, u64)],
    tier: Option<&str>,
) -> String {
    let found = find(table, provider, Some(model), None, MONDAY).unwrap();
    let units: Units = units.iter().copied().collect();
    match rating::rate(&units, &Terms { tier, ..Terms::default() }, &found.offer()) {
        Ok(lines) => rating::cost(&lines).unwrap().to_string(),
        Err(unpriced) => format!("{unpriced:?}"),
    }
}

#[test]
fn an_entry_becomes_one_row_per_meter_tier_and_threshold() {
    assert_eq!(
        rates(&imported(), "openai", "gpt-x"),
        [
            "input 2.5",
            "input>272000 5",
            "input@batch 1.25",
            "input@flex 1.25",
            "input@priority 4.25",
            "cache_read 1.25",
            "cache_read@batch 1.25 <- cache_read",
            "cache_read@flex 1.25 <- cache_read",
            "cache_read@priority 2.125",
            "output 10",
            "output>272000 22.5",
            "output@batch 5",
            "output@flex 5",
            "output@priority 17",
            "reasoning 10 <- output",
            "reasoning>272000 22.5 <- output",
            "reasoning@batch 5 <- output",
            "reasoning@flex 5 <- output",
            "reasoning@priority 17 <- output",
            "image_in 2.5 <- input",
            "image_in>272000 5 <- input",
            "image_in@batch 1.25 <- input",
            "image_in@flex 1.25 <- input",
            "image_in@priority 4.25 <- input",
        ]
    );
    assert_eq!(
        rates(&imported(), "anthropic", "claude-x"),
        [
            "input 3",
            "cache_read 0.3",
            "cache_write_5m 3.75",
            "cache_write_1h 6",
            "cache_write_1h>200000 12",
            "output 15",
            "reasoning 15 <- output",
            "web_search 10000",
        ]
    );
}

#[test]
fn a_rate_that_is_inherited_names_the_text_it_was_read_from() {
    let import = imported();
    let source = |meter, tier: Option<&str>| {
        let wanted = |row: &&PriceRow| {
            &*row.key.model == "gpt-x" && row.key.meter == meter && row.key.tier.as_deref() == tier
        };
        import.rows.iter().find(wanted).map(|row| row.source.key.to_string()).unwrap()
    };
    assert_eq!(source(Meter::CacheRead, Some("flex")), "gpt-x: cache_read_input_token_cost");
    assert_eq!(source(Meter::Reasoning, Some("flex")), "gpt-x: output_cost_per_token_flex");
}

#[test]
fn a_prefix_of_the_provider_is_no_part_of_the_model() {
    let import = imported();
    assert!(!rates(&import, "xai", "grok-x").is_empty());
    assert!(!rates(&import, "vertex_ai", "gem-x").is_empty());
    assert!(!rates(&import, "openai", "dotted.model-v1").is_empty());
}

#[test]
fn rates_are_exact_and_say_where_they_were_rounded() {
    let import = imported();
    let row = |meter| {
        let found = import.rows.iter().find(|row| &*row.key.model == "gem-x" && row.key.meter == meter);
        found.map(|row| (row.rate.pico(), row.source.rounded, row.source.text.to_string())).unwrap()
    };
    assert_eq!(row(Meter::Input), (50_000, true, "5.0000000000000004E-8".to_owned()));
    assert_eq!(row(Meter::Output), (123_457, true, "1.23456789012345e-07".to_owned()));
    assert_eq!(row(Meter::AudioIn), (700_000, false, "7e-07".to_owned()));
}

#[test]
fn what_bursar_has_no_meter_for_is_listed_by_name_and_never_dropped() {
    let import = imported();
    let unmapped: Vec<(&str, u64)> = import.unmapped.iter().map(|(key, count)| (&**key, *count)).collect();
    assert_eq!(unmapped, [("output_cost_per_second", 1), ("search_context_cost_per_query", 1),]);
    let unreadable: Vec<String> = import
        .unreadable
        .iter()
        .map(|item| format!("{}/{}: {}", item.entry, item.key, item.reason))
        .collect();
    assert_eq!(
        unreadable,
        [
            "vertex_ai/gem-x/off_peak_pricing: names no window",
            "nobody/litellm_provider: names no provider",
            "broken/: is no object",
            "half-broken/input_cost_per_token: is not a decimal number",
            "half-broken/output_cost_per_token: is not a decimal number",
        ]
    );
    assert_eq!(import.entries, 11);
}

#[test]
fn the_whole_request_moves_above_a_threshold_and_xai_begins_at_it() {
    use Meter::{CacheRead, Input, Output};
    let (_, table) = table_of(CATALOGUE);
    let at = |model, provider, input, cached| {
        cost(&table, provider, model, &[(Input, input), (CacheRead, cached), (Output, 1_000)], None)
    };
    // 200,000 × 2.50 + 72,000 × 1.25 + 1,000 × 10 per million; one token more moves input and output.
    assert_eq!(at("gpt-x", "openai", 200_000, 72_000), "0.6");
    assert_eq!(at("gpt-x", "openai", 200_001, 72_000), "1.112505");
    assert_eq!(at("grok-x", "xai", 199_999, 0), "0.409998");
    assert_eq!(at("grok-x", "xai", 200_000, 0), "0.82");
}

#[test]
fn a_tier_has_prices_of_its_own_and_an_unknown_one_has_none() {
    use Meter::{CacheRead, Input, Output};
    let (_, table) = table_of(CATALOGUE);
    let units = [(Input, 100_000), (CacheRead, 100_000), (Output, 100_000)];
    let at = |tier| cost(&table, "openai", "gpt-x", &units, tier);
    assert_eq!(at(None), "1.375");
    assert_eq!(at(Some("default")), "1.375");
    assert_eq!(at(Some("flex")), "0.75");
    assert_eq!(at(Some("priority")), "2.3375");
    assert_eq!(at(Some("ludicrous")), "NoRate(Input)");
}

#[test]
fn the_price_is_the_one_of_the_instant_and_history_stays() {
    let (mut rows, _) = table_of(CATALOGUE);
    let dearer = CATALOGUE.replace("2.5e-06", "3e-06");
    let diff = compare(&rows, read_at(&dearer, TUESDAY), TUESDAY);
    // The input rate and what inherits it, here and in the region that has a factor.
    let changed: Vec<String> = diff.changed.iter().map(|change| change.after.key.meter.to_string()).collect();
    assert_eq!(changed, ["input", "input", "image_in", "image_in"]);
    assert_eq!((diff.added.len(), diff.removed.len()), (0, 0));
    let before = rows.clone();
    apply(&mut rows, &diff);
    let table = PriceTable::new(rows.clone(), Pricing::default());
    let input = |at| {
        let list = find(&table, "openai", None, Some("gpt-x"), at).unwrap().prices;
        list.rate(Meter::Input, &Terms::default()).unwrap().clone()
    };
    assert_eq!(input(MONDAY).rate.usd_per_mtok(), "2.5");
    assert_eq!(input(TUESDAY - 1).rate.usd_per_mtok(), "2.5");
    assert_eq!(input(TUESDAY).rate.usd_per_mtok(), "3");
    assert_ne!(input(MONDAY).price, input(TUESDAY).price);
    assert!(find(&table, "openai", None, Some("gpt-x"), MONDAY - 1).is_none());
    // No row was edited but for its end.
    for (old, new) in before.iter().zip(&rows) {
        assert_eq!(&PriceRow { effective_to: old.effective_to, ..new.clone() }, old);
    }
}

#[test]
fn importing_the_same_catalogue_again_changes_nothing() {
    let (rows, _) = table_of(CATALOGUE);
    let diff = compare(&rows, read_at(CATALOGUE, TUESDAY), TUESDAY);
    assert!(diff.is_empty(), "{diff:?}");
    let in_force = rows.iter().filter(|row| row.is_in_force(TUESDAY)).count();
    assert_eq!(usize::try_from(diff.unchanged).unwrap(), in_force);
    assert!(!diff.held.is_empty() && diff.held.iter().all(|held| held.row.id != 0));
}

#[test]
fn a_row_that_the_catalogue_no_longer_has_ends_and_others_are_left_alone() {
    let (mut rows, _) = table_of(CATALOGUE);
    let mut own = rows[0].clone();
    own.id = 9_000;
    own.key.model = "ours".into();
    own.source.name = "contract".into();
    rows.push(own);
    let smaller = CATALOGUE.replace("dotted.model-v1", "dotted.model-v2");
    let diff = compare(&rows, read_at(&smaller, TUESDAY), TUESDAY);
    assert!(!diff.removed.is_empty() && diff.removed.iter().all(|row| &*row.key.model == "dotted.model-v1"));
    assert!(!diff.added.is_empty() && diff.added.iter().all(|row| &*row.key.model == "dotted.model-v2"));
    apply(&mut rows, &diff);
    let table = PriceTable::new(rows, Pricing::default());
    assert!(find(&table, "openai", Some("dotted.model-v1"), None, TUESDAY).is_none());
    assert!(find(&table, "openai", Some("dotted.model-v1"), None, MONDAY).is_some());
    assert!(table.book(TUESDAY).exact.values().any(|models| models.contains_key("ours")));
}

#[test]
fn absurd_rows_wait_for_approval_and_price_nothing_until_then() {
    let (mut rows, table) = table_of(CATALOGUE);
    let units = [(Meter::Input, 10), (Meter::Output, 10)];
    assert_eq!(cost(&table, "absurd", "model", &units, None), "NoRate(Input)");
    let proposal =
        rows.iter().find(|row| row.status == Status::Proposed && &*row.key.provider == "absurd").unwrap();
    assert_eq!(guard::hold(proposal, None, None), Some(HoldReason::Magnitude));
    let approval = approve(proposal, &rows, TUESDAY).unwrap();
    assert!(approval.closed.is_empty());
    let position = rows.iter().position(|row| row.id == approval.opened.id).unwrap();
    rows[position] = approval.opened.clone();
    assert_eq!(approve(&approval.opened, &rows, TUESDAY), None);
    let table = PriceTable::new(rows, Pricing::default());
    let rate = |at| {
        let list = find(&table, "absurd", Some("model"), None, at).unwrap().prices;
        list.rate(Meter::Input, &Terms::default()).is_some()
    };
    assert!(!rate(TUESDAY - 1) && rate(TUESDAY));
}

#[test]
fn a_price_that_moves_by_more_than_three_waits_and_the_old_one_stays() {
    let (mut rows, _) = table_of(CATALOGUE);
    let wrong = CATALOGUE.replace("3.75e-06", "0.00375");
    let zero = CATALOGUE.replace("3.75e-06", "0.0");
    for (catalogue, reason) in [(wrong, HoldReason::Magnitude), (zero, HoldReason::Moves)] {
        let diff = compare(&rows, read_at(&catalogue, TUESDAY), TUESDAY);
        let held: Vec<(&str, HoldReason)> = diff
            .held
            .iter()
            .filter(|held| held.row.id == 0)
            .map(|held| (&*held.row.key.model, held.reason))
            .collect();
        assert_eq!(held, [("claude-x", reason)]);
        assert!(diff.changed.is_empty());
        apply(&mut rows, &diff);
        let table = PriceTable::new(rows.clone(), Pricing::default());
        let prices = find(&table, "anthropic", Some("claude-x"), None, TUESDAY).unwrap().prices;
        assert_eq!(prices.rate(Meter::CacheWrite5m, &Terms::default()).unwrap().rate.usd_per_mtok(), "3.75");
    }
    // The second proposal took the place of the first.
    let waiting =
        rows.iter().filter(|row| row.status == Status::Proposed && &*row.key.model == "claude-x").count();
    assert_eq!(waiting, 1);
}

#[test]
fn two_entries_that_contradict_each_other_wait() {
    let import = imported();
    assert_eq!(import.contradicted.len(), 1);
    let diff = compare(&[], import, MONDAY);
    let held: Vec<(&str, Meter)> = diff
        .held
        .iter()
        .filter(|held| held.reason == HoldReason::Contradicted)
        .map(|held| (&*held.row.key.model, held.row.key.meter))
        .collect();
    assert_eq!(held, [("ds-x", Meter::Input)]);
}

#[test]
fn the_newer_name_of_a_key_wins_in_any_order() {
    assert!(rates(&imported(), "deepseek", "ds-x").contains(&"cache_read 0.028".to_owned()));
}

#[test]
fn a_model_is_found_to_the_letter_before_a_prefix_and_served_before_requested() {
    let (mut rows, _) = table_of(CATALOGUE);
    let mut prefix = rows.iter().find(|row| &*row.key.model == "gpt-x").unwrap().clone();
    prefix.id = 9_001;
    prefix.key.model = "gpt-".into();
    prefix.key.matching = Matching::Prefix;
    rows.push(prefix);
    let table = PriceTable::new(rows, Pricing::default());
    let found = |served, requested| {
        let table_says = find(&table, "openai", served, requested, MONDAY);
        let book = table.book(MONDAY);
        let book_says = book.find("openai", None, served, requested);
        let listed = table_says.as_ref().map(|found| &*found.prices);
        let rate = |prices: &ModelPrices| prices.rate(Meter::Input, &Terms::default()).map(|rate| rate.rate);
        assert_eq!(
            listed.map(rate),
            book_says.map(rate),
            "service and filter must not find different prices"
        );
        table_says.map(|found| found.matched)
    };
    assert_eq!(found(Some("gpt-x"), None), Some(MatchedBy::ServedModel));
    assert_eq!(found(Some("gpt-y"), Some("gpt-x")), Some(MatchedBy::ServedPrefix));
    assert_eq!(found(Some("other"), Some("gpt-x")), Some(MatchedBy::RequestedModel));
    assert_eq!(found(Some("other"), None), None);
}
