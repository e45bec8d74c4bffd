//! Which rows there are, that they keep the rules, and that their sums are the ledger's.

use super::{ledger::INPUT, *};
use protocol::money::PicoUsd;
use std::collections::BTreeMap;

/// Charges of every kind that there is.
fn of_every_kind() -> Vec<Entry> {
    let of_each_meter = Meter::ALL.into_iter().map(|meter| match meter {
        Meter::ReportedCost => {
            Entry { meter, provider: "openrouter", price: 0, rate: 1, units: 1_234_567_890_123, ..INPUT }
        }
        _ => Entry { meter, ..INPUT },
    });
    let mut all: Vec<Entry> = of_each_meter.collect();
    all.extend([
        Entry { customer: None, ..INPUT },
        Entry { customer: Some("Müller, \"Söhne\"\n=1+1"), ..INPUT },
        Entry { tier: Some("batch"), region: Some("eu-west-1"), price: 3, rate: 1_250_000, ..INPUT },
        // Under a contract, of a list price that is another row, and at a rate of many digits.
        Entry { customer: Some("globex"), price: 4, rate: 1_999_999, list: Some((1, 2_500_000)), ..INPUT },
        Entry { model: None, meter: Meter::ReportedCost, price: 0, rate: 1, units: 1, ..INPUT },
        // The last day of the month and the first of the next.
        Entry { day: "2026-11-30", ..INPUT },
        Entry { day: "2026-12-01", ..INPUT },
        // October, corrected in November: taken back, and at another price.
        Entry { day: "2026-10-31", ..INPUT },
        Entry { day: "2026-10-31", corrected: Some("2026-11-02"), lines: -10, units: -1_234_567, ..INPUT },
        Entry { day: "2026-10-31", corrected: Some("2026-11-02"), price: 5, rate: 3_000_000, ..INPUT },
        // November, corrected in November.
        Entry { corrected: Some("2026-11-20"), lines: -10, units: -1_234_567, ..INPUT },
        Entry { corrected: Some("2026-11-20"), price: 5, rate: 3_000_000, ..INPUT },
        // November, corrected in December.
        Entry { corrected: Some("2026-12-02"), price: 5, rate: 3_000_000, ..INPUT },
    ]);
    all
}

#[test]
fn charges_of_every_kind_keep_the_rules_of_the_specification_in_both_formats() {
    let ledger = Ledger::with(&of_every_kind());
    let rows = exported(&ledger, &all_of(november()));
    assert_eq!(rows.rows.len(), Meter::ALL.len() + 6 + 2 + 2);
    assert_eq!(rows.columns, COLUMNS.iter().map(|column| column.name).collect::<Vec<_>>());
}

#[test]
fn what_breaks_a_rule_is_found() {
    let ledger = Ledger::with(&of_every_kind());
    let good = exported(&ledger, &all_of(november()));
    let mutations = [
        ("BilledCost", None),
        ("ListCost", Some("3.0864175000001")),
        ("ContractedCost", Some("1e3")),
        ("EffectiveCost", Some("+1")),
        ("PricingQuantity", Some("2")),
        ("ChargeClass", Some("Corrected")),
        ("ChargePeriodEnd", Some("2026-11-03T00:00:00Z")),
        ("BillingPeriodEnd", Some("2026-11-30T23:59:59Z")),
        ("BillingCurrency", Some("US$")),
        ("ConsumedUnit", Some("tokens")),
        ("ConsumedUnit", None),
        ("ServiceCategory", Some("AI")),
        ("SkuId", None),
        ("SkuMeter", Some("other")),
        ("Tags", Some("{\"team\":\"a\"}")),
        ("SubAccountName", None),
        ("ProviderName", Some(" ")),
    ];
    for (name, value) in mutations {
        let mut bad = good.clone();
        let is_plain = |row: &&mut BTreeMap<String, Option<String>>| {
            row["SubAccountId"].as_deref() == Some("acme") && row["SkuMeter"].as_deref() == Some("input")
        };
        let row = bad.rows.iter_mut().find(is_plain);
        row.unwrap().insert(name.to_owned(), value.map(str::to_owned));
        assert!(!rules::faults(&bad).is_empty(), "{name} {value:?}");
    }
    for name in ["BilledCost", "x_model", "Model", "x_TokenType"] {
        let mut bad = good.clone();
        bad.columns.insert(0, name.to_owned());
        assert!(!rules::faults(&bad).is_empty(), "{name}");
    }
    let mut bad = good.clone();
    bad.columns.retain(|name| name != "ChargeClass");
    assert_eq!(rules::faults(&bad), ["ChargeClass is mandatory and not there"]);
}

#[test]
fn costs_are_exactly_what_the_ledger_has() {
    let entries = of_every_kind();
    let ledger = Ledger::with(&entries);
    let whole = Days { from: day("2026-10-01"), to: day("2027-01-01") };
    let rows = exported(&ledger, &all_of(whole));
    let cost: i128 = entries.iter().map(|entry| i128::from(entry.units) * i128::from(entry.rate)).sum();
    for name in ["BilledCost", "EffectiveCost", "ContractedCost"] {
        assert_eq!(rows.sum(name), cost, "{name}");
    }
    let listed = |entry: &Entry| entry.list.map_or(entry.rate, |(_, rate)| rate);
    let list: i128 = entries.iter().map(|entry| i128::from(entry.units) * i128::from(listed(entry))).sum();
    assert_eq!(rows.sum("ListCost"), list);
    // Month by month, every row is in one export and in no other.
    let months = [("2026-10-01", "2026-11-01"), ("2026-11-01", "2026-12-01"), ("2026-12-01", "2027-01-01")];
    let months = months.map(|(from, to)| exported(&ledger, &all_of(Days { from: day(from), to: day(to) })));
    assert_eq!(months.iter().map(|month| month.rows.len()).sum::<usize>(), entries.len());
    assert_eq!(months.iter().map(|month| month.sum("BilledCost")).sum::<i128>(), cost);
    for (month, start) in months.iter().zip(["2026-10-01", "2026-11-01", "2026-12-01"]) {
        let start = format!("{start}T00:00:00Z");
        assert!(month.column("BillingPeriodStart").iter().all(|period| *period == start));
    }
}

#[test]
fn the_largest_numbers_of_the_ledger_fit() {
    let largest = Entry { units: i64::MAX, rate: i64::MAX, ..INPUT };
    let other = Entry { meter: Meter::WebSearch, units: i64::MIN, rate: i64::MAX, ..INPUT };
    let ledger = Ledger::with(&[largest, other]);
    let csv = csv_table(&bytes(&ledger, &all_of(november()), Format::Csv));
    let parquet = parquet_table(bytes(&ledger, &all_of(november()), Format::Parquet));
    assert_eq!(csv, parquet);
    let largest = i128::from(i64::MAX).pow(2);
    assert_eq!(csv.rows[0]["BilledCost"].as_deref(), Some(&*PicoUsd::new(largest).to_string()));
    // 38 digits, as the Parquet type says.
    assert!(largest < 10_i128.pow(38));
}

#[test]
fn a_sku_keeps_its_price_id_when_its_price_changes() {
    let dearer = Entry { day: "2026-11-04", price: 9, rate: 3_000_000, ..INPUT };
    let contract =
        Entry { day: "2026-11-05", price: 8, rate: 2_000_000, list: Some((9, 3_000_000)), ..INPUT };
    let table = exported(&Ledger::with(&[INPUT, dearer, contract]), &all_of(november()));
    assert_eq!(table.column("SkuPriceId"), ["openai/gpt-4o/input"; 3]);
    assert_eq!(table.column("ListUnitPrice"), ["2.5", "3", "3"]);
    assert_eq!(table.column("ContractedUnitPrice"), ["2.5", "3", "2"]);
    assert_eq!(table.column("x_BursarListPriceId"), ["1", "9", "9"]);
}

#[test]
fn a_correction_within_the_month_is_no_correction_to_the_specification() {
    let again = Entry { corrected: Some("2026-11-20"), price: 5, rate: 3_000_000, ..INPUT };
    let table = exported(&Ledger::with(&[again]), &all_of(november()));
    assert_eq!(table.column("ChargeClass"), ["null"]);
    assert_eq!(table.column("x_CorrectedOn"), ["2026-11-20T00:00:00Z"]);
    assert_eq!(table.column("ChargePeriodStart"), ["2026-11-03T00:00:00Z"]);
}

#[test]
fn one_customer_or_provider_can_be_asked_for() {
    let ledger = Ledger::with(&of_every_kind());
    let ask = |customer: Option<&str>, provider: Option<&str>| {
        let (customer, provider) = (customer.map(str::to_owned), provider.map(str::to_owned));
        exported(&ledger, &Selection { customer, provider, ..all_of(november()) })
    };
    assert!(ask(Some("acme"), None).column("SubAccountId").iter().all(|customer| *customer == "acme"));
    assert_eq!(ask(Some("acme"), Some("openrouter")).column("SkuMeter"), ["reported_cost"]);
    assert_eq!(ask(Some(""), None).column("SubAccountId"), ["null"]);
    assert_eq!(ask(Some("nobody"), None).rows.len(), 0);
    let named = Selection { billing_account: Some("org-1".to_owned()), ..all_of(november()) };
    assert!(exported(&ledger, &named).column("BillingAccountId").iter().all(|account| *account == "org-1"));
}

#[test]
fn an_export_without_rows_is_a_file_with_columns() {
    let table = exported(&Ledger::new(), &all_of(november()));
    assert_eq!((table.columns.len(), table.rows.len()), (COLUMNS.len(), 0));
}

#[test]
fn many_rows_are_many_groups_of_rows() {
    let ledger = Ledger::new();
    ledger.enter(&[INPUT]);
    // Each of another rate, so that each is a row.
    ledger
        .connection
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 17000)
             INSERT INTO by_day_charge
                SELECT day, 0, customer, provider, model, meter, 0, 0, 1, 1000 + i, 1, 1000 + i, 1, i
                FROM by_day_charge, n;",
        )
        .unwrap();
    let table = exported(&ledger, &all_of(november()));
    assert_eq!(table.rows.len(), 17_001);
    let expected: i128 = (1..=17_000).map(|i: i128| i * (1_000 + i)).sum();
    assert_eq!(table.sum("BilledCost"), expected + 1_234_567 * 2_500_000);
}

#[test]
fn rows_are_read_in_the_order_of_the_key_without_being_sorted() {
    let ledger = Ledger::new();
    for part in read::PARTS {
        let sql = format!("EXPLAIN QUERY PLAN {}", read::statement(part));
        let mut statement = ledger.connection.prepare(&sql).unwrap();
        let none = rusqlite::params![0, 1, None::<i64>, None::<i64>];
        let plan = statement.query_map(none, |row| row.get::<_, String>("detail")).unwrap();
        let plan: Vec<String> = plan.map(Result::unwrap).collect();
        assert!(plan.iter().all(|step| !step.contains("TEMP B-TREE")), "{plan:?}");
    }
}

#[test]
fn a_row_that_no_version_writes_is_an_error_and_not_half_an_export() {
    for wrong in
        ["UPDATE by_day_charge SET rate = -1", "UPDATE by_day_charge SET provider = 0", "DELETE FROM words"]
    {
        let ledger = Ledger::with(&[INPUT]);
        ledger.connection.execute_batch(wrong).unwrap();
        let mut out = Vec::new();
        let answer = export(&ledger.connection, &all_of(november()), Format::Csv, &mut out);
        assert!(matches!(answer, Err(ExportError::Store(StoreError::Corrupt { .. }))), "{wrong}: {answer:?}");
    }
}

#[test]
fn what_is_left_out_is_counted() {
    let ledger = Ledger::with(&[INPUT]);
    let cost = INPUT.units * INPUT.rate;
    // Two calls without a price, and 0.5 USD of an orphaned call.
    ledger.count("2026-11-03", Some("acme"), "openai", (13, 2, cost + 500_000_000_000));
    ledger.count("2026-11-04", None, "anthropic", (1, 1, 0));
    ledger.count("2026-12-01", Some("acme"), "openai", (1, 1, 7));
    let count = |customer: Option<&str>, provider: Option<&str>| {
        let (customer, provider) = (customer.map(str::to_owned), provider.map(str::to_owned));
        let selection = Selection { customer, provider, ..all_of(november()) };
        let left_out = LeftOut::count(&ledger.connection, &selection).unwrap();
        (left_out.unpriced_calls, left_out.without_meter.map(|cost| cost.to_string()))
    };
    let known = |calls: u64, cost: &str| (calls, Some(cost.to_owned()));
    assert_eq!(count(None, None), known(3, "0.5"));
    assert_eq!(count(Some("acme"), None), known(2, "0.5"));
    assert_eq!(count(Some(""), None), known(1, "0"));
    assert_eq!(count(None, Some("anthropic")), known(1, "0"));
    assert_eq!(count(Some("acme"), Some("openai")), (2, None));
    assert_eq!(count(Some("acme"), Some("anthropic")), (0, None));
    assert_eq!(count(Some("nobody"), None), (0, None));
}

#[test]
fn the_document_on_focus_names_every_column_and_no_other() {
    let document = include_str!("../../../../docs/FOCUS.md");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let named: Vec<&str> = rows.map(|(name, _)| name).collect();
    let columns: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
    assert_eq!(named, columns);
}
