//! Own prices in CSV: a header with the names of the columns, then a row per meter.

use super::entry::{self, Entry, Rate, Unit};
use crate::{
    policy::{
        Fault, When,
        fault::{Faults, Place, did_you_mean},
    },
    prices::{Import, Matching},
};
use protocol::{UnixNanos, meters::Meter};
use std::collections::BTreeMap;

const COLUMNS: [&str; 18] = [
    "provider",
    "model",
    "match",
    "meter",
    Unit::MTOK,
    Unit::ONE,
    "tier",
    "region",
    "above_input_tokens",
    "from_input_tokens",
    "marginal",
    "hours_zone",
    "hours_windows",
    "contract_account",
    "from",
    "to",
    "output_tokens_max",
    "currency",
];
/// The account of a contract that is for all accounts.
const ALL_ACCOUNTS: &str = "*";

/// Reads a file. On failure, every fault in it.
pub(in crate::prices) fn import(text: &str, source: &str, at: UnixNanos) -> Result<Import, Vec<Fault>> {
    let mut faults = Faults::new(vec![source.to_owned()]);
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).comment(Some(b'#')).from_reader(text.as_bytes());
    let place =
        |line: u64, column: usize| Place { file: 0, line, column: u64::try_from(column).unwrap_or(1) };
    let columns: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => {
            faults.add(place(1, 1), "", format!("is no CSV that can be read: {error}"), None);
            return Err(faults.sorted());
        }
    };
    for (index, column) in columns.iter().enumerate() {
        let place = place(1, index.saturating_add(1));
        if columns.iter().take(index).any(|other| other == column) {
            faults.add(place, column, "is a column that is there already".to_owned(), None);
        } else if !COLUMNS.contains(&&**column) {
            let hint = did_you_mean(column, COLUMNS);
            faults.add(place, column, "is no column that is known here".to_owned(), hint);
        }
    }
    for needed in ["provider", "model", "meter"] {
        if !columns.iter().any(|column| column == needed) {
            faults.add(place(1, 1), "", format!("lacks the column `{needed}`"), None);
        }
    }
    let mut entries = Vec::new();
    for (number, record) in reader.records().enumerate() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                let cells = columns.iter().zip(record.iter()).enumerate();
                let cells = cells.filter(|(_, (_, text))| !text.is_empty());
                let cells = cells
                    .map(|(index, (column, text))| (&**column, (text, place(line, index.saturating_add(1)))));
                let row = Row {
                    cells: cells.collect(),
                    start: place(line, 1),
                    path: format!("row {}", number.saturating_add(1)),
                };
                entries.extend(row.entry(&mut faults));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                faults.add(place(line, 1), "", format!("is no row that can be read: {error}"), None);
            }
        }
    }
    let import = if faults.is_empty() { entry::take(entries, source, at, &mut faults) } else { None };
    import.ok_or_else(|| faults.sorted())
}

struct Row<'a> {
    cells: BTreeMap<&'a str, (&'a str, Place)>,
    start: Place,
    path: String,
}

impl Row<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        self.cells.get(column).map(|(text, _)| *text)
    }

    fn place(&self, column: &str) -> Place {
        self.cells.get(column).map_or(self.start, |(_, place)| *place)
    }

    fn fault(&self, column: &str, message: impl ToString, faults: &mut Faults) {
        faults.add(self.place(column), column, message.to_string(), None);
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        column: &str,
        faults: &mut Faults,
    ) -> Option<T> {
        let text = self.text(column)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(column, format!("`{text}` {error}"), faults);
                None
            }
        }
    }

    fn needed(&self, column: &str, faults: &mut Faults) -> Option<&str> {
        let text = self.text(column);
        if text.is_none() {
            faults.add(self.start, column, "is empty".to_owned(), None);
        }
        text
    }

    fn entry(&self, faults: &mut Faults) -> Option<Entry> {
        let (provider, model) = (self.needed("provider", faults), self.needed("model", faults));
        let meter: Option<Meter> = self.needed("meter", faults).and_then(|_| self.parsed("meter", faults));
        let matching = match self.text("match") {
            None | Some("exact") => Matching::Exact,
            Some("prefix") => Matching::Prefix,
            Some(_) => {
                self.fault("match", "is neither exact nor prefix", faults);
                return None;
            }
        };
        if self.text("currency").is_some_and(|currency| !currency.eq_ignore_ascii_case("usd")) {
            self.fault("currency", "only USD is known", faults);
        }
        let rate = match (self.text(Unit::MTOK), self.text(Unit::ONE)) {
            (Some(text), None) => (Unit::Mtok, Unit::MTOK, text),
            (None, Some(text)) => (Unit::One, Unit::ONE, text),
            _ => {
                let message = "needs one rate, in usd_per_mtok or usd_per_unit";
                faults.add(self.start, "", message.to_owned(), None);
                return None;
            }
        };
        let mut key = entry::key(provider?, model?, matching);
        let marginal = self.parsed::<bool>("marginal", faults).unwrap_or(false);
        let (above, from) =
            (self.parsed("above_input_tokens", faults), self.parsed("from_input_tokens", faults));
        match entry::threshold(above, from, marginal) {
            Ok(threshold) => key.threshold = threshold,
            Err(message) => self.fault("above_input_tokens", message, faults),
        }
        if self.text("hours_zone").or(self.text("hours_windows")).is_some() {
            let windows = self.text("hours_windows").unwrap_or_default().split(';').map(str::to_owned);
            match entry::hours(self.text("hours_zone").unwrap_or("UTC"), &windows.collect::<Vec<_>>()) {
                Ok(hours) => key.hours = Some(hours),
                Err(message) => self.fault("hours_windows", message, faults),
            }
        }
        key.tier = entry::tier(self.text("tier"));
        key.region = self.text("region").map(Into::into);
        let account = self.text("contract_account");
        key.contract =
            account.map(|account| if account == ALL_ACCOUNTS { "".into() } else { account.into() });
        let (unit, column, text) = rate;
        let rate = Rate {
            path: column.to_owned(),
            place: self.place(column),
            meter: meter?,
            unit,
            text: text.to_owned(),
        };
        Some(Entry {
            path: self.path.clone(),
            place: self.start,
            key,
            from: self.parsed::<When>("from", faults),
            to: self.parsed::<When>("to", faults),
            output_tokens_max: self.parsed("output_tokens_max", faults),
            rates: vec![rate],
            factors: Vec::new(),
        })
    }
}
