use super::*;
use crate::{
    instant::Instant,
    prices::{Import, PriceRow},
};
use protocol::UnixNanos;

const NOW: UnixNanos = 1_790_000_000_000_000_000;
/// The one in the manual.
const EXAMPLE: &str = include_str!("../../../../docs/examples/prices.yaml");

fn rows(import: &Import, model: &str) -> Vec<String> {
    let of_model = import.rows.iter().filter(|row| &*row.key.model == model && row.inherits.is_none());
    of_model.map(tell).collect()
}

fn tell(row: &PriceRow) -> String {
    let part =
        |mark: &str, text: Option<String>| text.map(|text| format!("{mark}{text}")).unwrap_or_default();
    let tier = part("@", row.key.tier.as_deref().map(Into::into));
    let threshold = row.key.threshold.map(|at| {
        let (from, marginal) =
            (if at.inclusive { ">=" } else { ">" }, if at.marginal { " marginal" } else { "" });
        format!("{from}{}{marginal}", at.input_tokens)
    });
    let region = part(" in ", row.key.region.as_deref().map(Into::into));
    let hours = part(" at ", row.key.hours.as_ref().map(ToString::to_string));
    let contract = part(" for ", row.key.contract.as_deref().map(Into::into));
    let day = |at| Instant(at).to_string().chars().take(10).collect::<String>();
    let from = part(" from ", (row.effective_from != NOW).then(|| day(row.effective_from)));
    let to = part(" to ", row.effective_to.map(day));
    let (meter, threshold) = (row.key.meter, threshold.unwrap_or_default());
    format!("{meter}{tier}{threshold}{region}{hours}{contract} {}{from}{to}", row.rate.usd_per_mtok())
}

fn faults(text: &str) -> Vec<String> {
    let faults = import_yaml(text, "file:p.yaml", NOW).unwrap_err();
    faults.iter().map(|it| format!("{}:{} {}: {}", it.line, it.column, it.path, it.message)).collect()
}

#[test]
fn the_example_of_the_manual_says_every_rule() {
    let import = import_yaml(EXAMPLE, "file:prices.yaml", NOW).unwrap();
    assert_eq!(
        rows(&import, "house-model"),
        [
            "input 2.5",
            "input>200000 5",
            "input in eu 2.75",
            "input@fast 5",
            "input@fast in eu 5.5",
            "cache_read 0.25",
            "cache_read in eu 0.275",
            "cache_read@fast 0.5",
            "cache_read@fast in eu 0.55",
            "output 10",
            "output>200000 15",
            "output in eu 11",
            "output@fast 20",
            "output@fast in eu 22",
            "web_search 10000",
        ]
    );
    assert_eq!(rows(&import, "house-model-mini"), ["input 1", "input>=128000 marginal 1.5", "output 4"]);
    let hours = "Asia/Shanghai mon tue wed thu fri 16:30-00:30, sat sun 00:00-24:00";
    assert_eq!(
        rows(&import, "deepseek-"),
        [format!("input@flex at {hours} 0.1"), format!("output@flex at {hours} 0.4")]
    );
    assert_eq!(
        rows(&import, "gpt-4o"),
        [
            "input in eu for prod 2 from 2027-01-01 to 2028-01-01",
            "output in eu for prod 8 from 2027-01-01 to 2028-01-01",
        ]
    );
    // Cached tokens that have a rate of their own do not inherit another above the threshold of another entry.
    let inherited =
        import.rows.iter().filter(|row| &*row.key.model == "house-model" && row.inherits.is_some());
    assert!(inherited.map(|row| row.key.meter.as_str()).all(|meter| meter == "reasoning"));
    let source =
        &import.rows.iter().find(|row| row.key.region.is_some() && row.key.tier.is_some()).unwrap().source;
    assert_eq!((&*source.name, &*source.text), ("file:prices.yaml", "2.50 × 2 × 1.1"));
}

#[test]
fn mistakes_are_told_with_their_places_and_all_at_once() {
    let text = "\
prices:
  - provider: openai
    modle: gpt-x
    rates: {input: 2.5, outptu: {usd_per_mtok: 1}}
  - provider: openai
    model: gpt-x
    threshold: {above_input_tokens: 1, from_input_tokens: 2}
    hours: {zone: Mars/Base, windows: [noon]}
    rates: {input: {eur_per_mtok: 1}, output: {usd_per_mtok: cheap}}
";
    let told = faults(text);
    for expected in [
        "3:5 prices[0].modle: is no key that belongs here",
        "2:5 prices[0]: lacks the key `model`",
        "4:20 prices[0].rates.input: is a number without a unit",
        "4:25 prices[0].rates.outptu: is no key that belongs here",
        "8:19 prices[1].hours.zone: `Mars/Base` is no time zone of the IANA database",
        "9:21 prices[1].rates.input.eur_per_mtok: is in EUR, and only USD is known",
        "9:62 prices[1].rates.output.usd_per_mtok: `cheap` is not a decimal number",
    ] {
        assert!(told.iter().any(|fault| fault == expected), "{expected} in {told:#?}");
    }
}

#[test]
fn what_cannot_be_is_told_where_it_is_written() {
    let entry = |more: &str| format!("prices:\n  - provider: p\n    model: m\n{more}");
    let cases = [
        ("    rates: {web_search: {usd_per_mtok: 1}}\n", "web_search is counted by the search"),
        ("    rates: {input: {usd_per_mtok: 1, usd_per_unit: 1}}\n", "needs one rate, in one unit"),
        ("    rates: {reported_cost: {usd_per_unit: 1}}\n", "is the provider's own word, which has no rate"),
        (
            "    threshold: {above_input_tokens: 1, marginal: true}\n    rates: {output: {usd_per_mtok: 1}}\n",
            "output is no part of the prompt",
        ),
        (
            "    threshold: {marginal: true}\n    rates: {input: {usd_per_mtok: 1}}\n",
            "is marginal above nothing",
        ),
        (
            "    multipliers: [{factor: 2}]\n    rates: {input: {usd_per_mtok: 1}}\n",
            "needs either a region or a tier",
        ),
        (
            "    from: 2026-02-01\n    to: 2026-01-01\n    rates: {input: {usd_per_mtok: 1}}\n",
            "ends at 2026-01-01, before it begins",
        ),
    ];
    for (more, message) in cases {
        let told = faults(&entry(more));
        assert!(told.iter().any(|fault| fault.contains(message)), "{message} in {told:?}");
    }
    assert!(faults("currency: EUR\nprices: []\n")[0].contains("`EUR` is not known here"));
    assert!(!faults("prices: {}\n").is_empty() && !faults("prices: [\n").is_empty());
}

#[test]
fn one_key_has_one_price_at_one_instant_and_may_have_others_at_others() {
    let twice = "prices:\n  - {provider: p, model: m, rates: {input: {usd_per_mtok: 1}}}\n  - {provider: p, model: m, FROM rates: {input: {usd_per_mtok: 2}}}\n";
    assert!(
        faults(&twice.replace("FROM ", ""))[0]
            .contains("prices input once more; the first time at file:p.yaml:2")
    );
    assert!(faults(&twice.replace("FROM", "from: 2026-01-01,"))[0].contains("once more"));
    let follows = twice
        .replace("model: m, rates", "model: m, to: 2026-01-01, rates")
        .replace("FROM", "from: 2026-01-01,");
    let import = import_yaml(&follows, "own", NOW).unwrap();
    assert_eq!(rows(&import, "m"), ["input 2 from 2026-01-01", "input 1 to 2026-01-01"]);
}

#[test]
fn numbers_are_taken_as_they_are_written() {
    let text = "prices:\n  - provider: p\n    model: 4\n    rates: {input: {usd_per_mtok: 0.1234567}, images: {usd_per_unit: 1e-3}}\n";
    let import = import_yaml(text, "own", NOW).unwrap();
    let told: Vec<(String, bool)> =
        import.rows.iter().map(|row| (row.source.text.to_string(), row.source.rounded)).collect();
    assert!(
        told.contains(&("0.1234567".to_owned(), true)) && told.contains(&("1e-3".to_owned(), false)),
        "{told:?}"
    );
}

#[test]
fn csv_says_the_same_with_a_row_per_meter() {
    let text = "\
provider,model,match,meter,usd_per_mtok,usd_per_unit,tier,region,above_input_tokens,hours_zone,hours_windows,contract_account,from,to,output_tokens_max
openai,gpt-x,,input,2.50,,,,,,,,,,
openai,gpt-x,,output,10,,,,,,,,,,16384
openai,gpt-x,,input,5,,flex,eu,200000,Asia/Shanghai,mon-fri 16:30-00:30; sat 00:00-24:00,prod,2026-01-01,2027-01-01,
openai,gpt-,prefix,web_search,,0.01,,,,,,*,,,
";
    let import = import_csv(text, "file:p.csv", NOW).unwrap();
    let hours = "Asia/Shanghai mon tue wed thu fri 16:30-00:30, sat 00:00-24:00";
    assert_eq!(
        rows(&import, "gpt-x"),
        [
            "input 2.5".to_owned(),
            format!("input@flex>200000 in eu at {hours} for prod 5 from 2026-01-01 to 2027-01-01"),
            "output 10".to_owned(),
        ]
    );
    assert_eq!(rows(&import, "gpt-"), ["web_search for  10000"]);
}

#[test]
fn a_tier_is_read_in_any_case_and_standard_is_none() {
    let csv = "provider,model,meter,usd_per_mtok,tier\no,m,input,2,Standard\no,m,input,1,Flex\n";
    assert_eq!(rows(&import_csv(csv, "f", NOW).unwrap(), "m"), ["input 2", "input@flex 1"]);
    let entry = |tier| {
        format!("- provider: o\n  model: m\n  tier: {tier}\n  rates: {{input: {{usd_per_mtok: 2}}}}\n")
    };
    let yaml = format!("prices:\n{}{}", entry("on_demand"), entry("Flex"));
    assert_eq!(rows(&import_yaml(&yaml, "f", NOW).unwrap(), "m"), ["input 2", "input@flex 2"]);
}

#[test]
fn mistakes_in_csv_are_told_with_row_and_column() {
    let told = |text: &str| -> Vec<String> {
        let faults = import_csv(text, "f", NOW).unwrap_err();
        faults.iter().map(|it| format!("{}:{} {}: {}", it.line, it.column, it.path, it.message)).collect()
    };
    assert_eq!(
        told("provider,modle,meter,usd_per_mtok\n"),
        ["1:1 : lacks the column `model`", "1:2 modle: is no column that is known here"]
    );
    let header = "provider,model,meter,usd_per_mtok,currency,match\n";
    for (row, fault) in [
        ("p,m,inptu,1,,\n", "2:3 meter: `inptu` is not a meter"),
        ("p,m,input,,,\n", "2:1 : needs one rate, in usd_per_mtok or usd_per_unit"),
        ("p,m,input,1,EUR,\n", "2:5 currency: only USD is known"),
        ("p,m,input,x,,\n", "2:4 row 1.usd_per_mtok: `x` is not a decimal number"),
        ("p,m,input,1,,regex\n", "2:6 match: is neither exact nor prefix"),
        (",m,input,1,,\n", "2:1 provider: is empty"),
    ] {
        assert_eq!(told(&format!("{header}{row}")), [fault]);
    }
}

#[test]
fn windows_of_two_entries_may_touch_and_not_overlap() {
    let two = |second: &str| {
        let entry = |window: &str| {
            format!(
                "  - {{provider: p, model: m, hours: {{zone: UTC, windows: [\"{window}\"]}}, rates: {{input: {{usd_per_mtok: 1}}}}}}\n"
            )
        };
        format!("prices:\n{}{}", entry("08:00-17:00"), entry(second))
    };
    assert_eq!(import_yaml(&two("17:00-20:00"), "own", NOW).unwrap().rows.len(), 4);
    assert!(faults(&two("mon 16:00-18:00"))[0].contains("prices input at hours of another entry once more"));
}
