use super::*;
use ledger::{Entry, Ledger, day};
use protocol::{UnixNanos, meters::Meter};
use read_back::{Table, csv_table, parquet_table};

mod days;
pub(crate) mod ledger;
mod read_back;
mod rows;
mod rules;
mod shapes;
mod specification;

/// November.
fn november() -> Days {
    Days { from: day("2026-11-01"), to: day("2026-12-01") }
}

fn all_of(days: Days) -> Selection {
    Selection { days, customer: None, provider: None, billing_account: None }
}

fn bytes(ledger: &Ledger, selection: &Selection, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    export(&ledger.connection, selection, format, &mut bytes).unwrap();
    bytes
}

/// The rows of a selection, which are the same in both formats and keep the specification's rules.
fn exported(ledger: &Ledger, selection: &Selection) -> Table {
    let csv = csv_table(&bytes(ledger, selection, Format::Csv));
    let parquet = parquet_table(bytes(ledger, selection, Format::Parquet));
    assert_eq!(csv, parquet);
    let faults = rules::faults(&csv);
    assert!(faults.is_empty(), "{faults:#?}");
    csv
}
