use super::*;

const NOW: UnixNanos = 1_790_000_000_000_000_000;

/// In the form of the real file, with numbers of our own.
const FILE: &str = r#"[
  {"id": "x-ai", "name": "X", "models": [
    {"id": "grok-x", "match": {"or": [{"equals": "grok-x"}, {"equals": "grok-x-latest"}, {"starts_with": "grok-x-2"}, {"contains": "grok"}]},
     "prices": {"input_mtok": {"base": 2, "tiers": [{"start": 200000, "price": 4}]}, "output_mtok": 10, "cache_write_mtok": 3,
       "cache_write_5m_mtok": 2.5, "web_searches_kcount": 10, "requests_kcount": 12, "input_video_mtok": 1}}]},
  {"id": "deepseek", "models": [
    {"id": "ds", "match": {"equals": "ds"}, "prices": [
      {"prices": {"input_mtok": 0.135}},
      {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 0.27}}]},
    {"id": "moving", "match": {"equals": "moving"}, "prices": [
      {"prices": {"input_mtok": 10}},
      {"constraint": {"start_date": "2026-06-01"}, "prices": {"input_mtok": 8}},
      {"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 5}}]},
    {"id": "mixed", "match": {"equals": "mixed"}, "prices": [
      {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 1}},
      {"prices": {"input_mtok": 2}}]},
    {"id": "pattern", "match": {"regex": "^p.*"}, "prices": {"input_mtok": 1}}]}
]"#;

fn rows(import: &Import, model: &str) -> Vec<String> {
    let of_model = import.rows.iter().filter(|row| &*row.key.model == model && row.inherits.is_none());
    let tell = |row: &PriceRow| {
        let above = row.key.threshold.map(|at| format!(">{}", at.input_tokens)).unwrap_or_default();
        let hours = row.key.hours.as_ref().map(|hours| format!(" at {hours}")).unwrap_or_default();
        let day = |at| Instant(at).to_string().chars().take(10).collect::<String>();
        let from = if row.effective_from == NOW {
            String::new()
        } else {
            format!(" from {}", day(row.effective_from))
        };
        let to = row.effective_to.map(|to| format!(" to {}", day(to))).unwrap_or_default();
        format!("{}{above}{hours} {}{from}{to}", row.key.meter, row.rate.usd_per_mtok())
    };
    of_model.map(tell).collect()
}

#[test]
fn names_are_rows_to_the_letter_beginnings_are_prefixes_and_other_rules_are_listed() {
    let import = import(FILE, "genai-prices", NOW).unwrap();
    let expected = [
        "input 2",
        "input>200000 4",
        "cache_write_5m 2.5",
        "output 10",
        "web_search 10000",
        "requests 12000",
    ];
    for model in ["grok-x", "grok-x-latest", "grok-x-2"] {
        assert_eq!(rows(&import, model), expected, "{model}");
    }
    let kinds: Vec<Matching> = ["grok-x", "grok-x-2"]
        .iter()
        .map(|model| import.rows.iter().find(|row| &&*row.key.model == model).unwrap().key.matching)
        .collect();
    assert_eq!(kinds, [Matching::Exact, Matching::Prefix]);
    assert!(import.rows.iter().all(|row| matches!(&*row.key.provider, "xai" | "deepseek")));
    let unreadable: Vec<String> =
        import.unreadable.iter().map(|it| format!("{}: {}", it.entry, it.reason)).collect();
    assert_eq!(
        unreadable,
        [
            "x-ai/grok-x: `contains` is no name and no beginning of one",
            "deepseek/mixed: mix days and times of day",
            "deepseek/pattern: `regex` is no name and no beginning of one",
        ]
    );
    assert_eq!(import.unmapped.keys().collect::<Vec<_>>(), ["input_video_mtok"]);
}

#[test]
fn prices_by_the_hour_and_from_a_day_on_keep_their_hours_and_days() {
    let import = import(FILE, "genai-prices", NOW).unwrap();
    assert_eq!(rows(&import, "ds"), ["input 0.135", "input at UTC 00:30-16:30 0.27"]);
    assert_eq!(
        rows(&import, "moving"),
        ["input 8 from 2026-06-01 to 2027-01-01", "input 10 to 2026-06-01", "input 5 from 2027-01-01"]
    );
}
