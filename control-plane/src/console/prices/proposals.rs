//! Rows that wait for approval, by the import that holds them back, beside what is in force instead.

use super::{address, meter_words, rate_words, reason_words, terms};
use crate::{
    console::page::{Page, count, moment},
    prices::{PriceKey, PriceRow, PriceTable},
    store::{StoreError, unix},
};
use askama::Template;
use axum::http::StatusCode;
use protocol::{UnixNanos, price::PriceId};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// So many rows of each import stand on the page of all imports,
const ROWS: usize = 50;
/// and so many where one is asked for.
const ROWS_MAX: usize = 2_000;
/// So many imports stand on the page.
const IMPORTS: usize = 20;

/// A row that waits, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::console) struct Waiting {
    row: PriceId,
    pub(super) import: Option<i64>,
    pub(super) reason: String,
    pub(super) imported_at: UnixNanos,
    /// It is in force, and waits to end.
    pub(super) ends: bool,
}

/// Every row that waits, those of the newest import first.
pub(in crate::console) fn waiting(store: &Connection) -> Result<Vec<Waiting>, StoreError> {
    let mut statement = store.prepare_cached(
        "SELECT prices.id, prices.import, coalesce(prices.reason, ''), coalesce(price_imports.at, prices.source_at), 0
         FROM prices LEFT JOIN price_imports ON price_imports.id = prices.import WHERE prices.status = 'proposed'
         UNION ALL
         SELECT price, import, 'removed', price_imports.at, 1
         FROM price_removals JOIN price_imports ON price_imports.id = import
         ORDER BY 2 DESC, 5, 1",
    )?;
    let found = statement.query_map([], |row| {
        let (row_id, import, reason) = (unix(row.get(0)?), row.get(1)?, row.get(2)?);
        let (imported_at, ends) = (unix(row.get(3)?), row.get(4)?);
        Ok(Waiting { row: row_id, import, reason, imported_at, ends })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// What was done, to be said on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Notice {
    /// So many rows are in force.
    Approved(usize),
    /// So many never will be.
    Rejected(usize),
    /// No row was selected.
    Nothing,
}

impl Notice {
    /// From the address that a decision leads to.
    pub(in crate::console) fn parse(done: &str, rows: usize) -> Option<Self> {
        match done {
            "approved" => Some(Self::Approved(rows)),
            "rejected" => Some(Self::Rejected(rows)),
            "nothing" => Some(Self::Nothing),
            _ => None,
        }
    }

    /// The address that says it.
    pub(in crate::console) fn address(self) -> String {
        let (done, rows) = match self {
            Self::Approved(rows) => ("approved", rows),
            Self::Rejected(rows) => ("rejected", rows),
            Self::Nothing => ("nothing", 0),
        };
        format!("/console/prices/proposals?done={done}&rows={rows}")
    }

    fn words(self) -> String {
        let of = |rows: usize| if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        match self {
            Self::Approved(0) | Self::Rejected(0) => {
                "Nothing was changed: these rows no longer wait.".to_owned()
            }
            Self::Approved(rows) => {
                format!(
                    "Approved: {}, in force from now on. What was rated until now stays as it is.",
                    of(rows)
                )
            }
            Self::Rejected(rows) => format!("Rejected: {}. What is in force stays so.", of(rows)),
            Self::Nothing => "No row was selected, and nothing was changed.".to_owned(),
        }
    }
}

/// Everything the page shows.
#[derive(Clone, Debug)]
pub(in crate::console) struct Proposals<'a> {
    pub(in crate::console) table: &'a PriceTable,
    pub(in crate::console) now: UnixNanos,
    pub(in crate::console) waiting: &'a [Waiting],
    /// Only this import's.
    pub(in crate::console) import: Option<i64>,
    pub(in crate::console) notice: Option<Notice>,
    /// Whether who asks may approve and reject.
    pub(in crate::console) may_decide: bool,
}

#[derive(Template)]
#[template(path = "proposals.html")]
struct ProposalsTemplate {
    section: &'static str,
    waiting: usize,
    notice: String,
    imports: Vec<Import>,
    imports_left: usize,
    only_one: bool,
    may_decide: bool,
}

/// What waits of one import.
struct Import {
    /// `None`: entered by hand.
    id: Option<i64>,
    source: String,
    at: String,
    count: usize,
    left: usize,
    rows: Vec<Row>,
}

struct Row {
    id: PriceId,
    provider: String,
    model: String,
    address: String,
    meter: String,
    terms: Vec<String>,
    rate: String,
    per: &'static str,
    /// The meter whose rate it is, where that is another one.
    inherits: String,
    before: String,
    factor: String,
    reason: String,
    written: String,
}

impl Proposals<'_> {
    /// Renders it.
    pub(in crate::console) fn page(&self) -> Page {
        let mut imports: BTreeMap<std::cmp::Reverse<Option<i64>>, Vec<(&Waiting, &PriceRow)>> =
            BTreeMap::new();
        for (waiting, row) in self.asked_for() {
            imports.entry(std::cmp::Reverse(waiting.import)).or_default().push((waiting, row));
        }
        let keys: Vec<&PriceKey> = imports.values().flatten().map(|(_, row)| &row.key).collect();
        let in_force = self.in_force(keys);
        // What would end a price in force comes first.
        for rows in imports.values_mut() {
            rows.sort_by_key(|(_, row)| !in_force.contains_key(&row.key));
        }
        let (left, most) =
            (imports.len().saturating_sub(IMPORTS), if self.import.is_some() { ROWS_MAX } else { ROWS });
        let imports = imports.into_iter().take(IMPORTS).map(|(std::cmp::Reverse(id), rows)| Import {
            id,
            source: rows.first().map(|(_, row)| row.source.name.to_string()).unwrap_or_default(),
            at: rows.first().map(|(waiting, _)| moment(waiting.imported_at)).unwrap_or_default(),
            count: rows.len(),
            left: rows.len().saturating_sub(most),
            rows: rows
                .iter()
                .take(most)
                .map(|(waiting, row)| view(row, waiting, in_force.get(&row.key).copied()))
                .collect(),
        });
        let template = ProposalsTemplate {
            section: "prices",
            waiting: self.waiting.len(),
            notice: self.notice.map(Notice::words).unwrap_or_default(),
            imports: imports.collect(),
            imports_left: left,
            only_one: self.import.is_some(),
            may_decide: self.may_decide,
        };
        Page::of(StatusCode::OK, &template)
    }

    /// What waits of the import, or of all.
    pub(super) fn asked_for(&self) -> impl Iterator<Item = (&Waiting, &PriceRow)> {
        let is_asked_for = |waiting: &&Waiting| self.import.is_none() || waiting.import == self.import;
        // A row that came or went a moment ago stands on the page when it is loaded again.
        let asked = self.waiting.iter().filter(is_asked_for);
        asked.filter_map(|waiting| Some((waiting, self.table.row(waiting.row)?)))
    }

    /// What approving would end.
    pub(super) fn in_force<'a>(&'a self, keys: Vec<&'a PriceKey>) -> BTreeMap<&'a PriceKey, &'a PriceRow> {
        let mut found: BTreeMap<&PriceKey, Option<&PriceRow>> =
            keys.into_iter().map(|key| (key, None)).collect();
        for row in self.table.rows().filter(|row| row.is_in_force(self.now)) {
            if let Some(known) = found.get_mut(&row.key) {
                let is_later = known.is_none_or(|known| known.effective_from <= row.effective_from);
                *known = if is_later { Some(row) } else { *known };
            }
        }
        found.into_iter().filter_map(|(key, row)| Some((key, row?))).collect()
    }
}

fn view(row: &PriceRow, waiting: &Waiting, before: Option<&PriceRow>) -> Row {
    let (rate, per) = rate_words(row.key.meter, row.rate);
    let (rate, before) = if waiting.ends { ("no price".to_owned(), Some(row)) } else { (rate, before) };
    Row {
        id: row.id,
        provider: row.key.provider.to_string(),
        model: row.key.model.to_string(),
        address: address(&row.key.provider, &row.key.model),
        meter: meter_words(row.key.meter),
        terms: terms(&row.key),
        rate,
        per,
        inherits: row.inherits.map(meter_words).unwrap_or_default(),
        before: before.map(|before| rate_words(before.key.meter, before.rate).0).unwrap_or_default(),
        factor: before
            .filter(|_| !waiting.ends)
            .map(|before| factor(before.rate.pico(), row.rate.pico()))
            .unwrap_or_default(),
        reason: reason_words(&waiting.reason),
        written: format!("{} = {}", row.source.key, row.source.text),
    }
}

/// How much dearer or cheaper, to a tenth; in whole numbers from a hundred on.
fn factor(old: u64, new: u64) -> String {
    let (sign, large, small) = if new >= old { ('×', new, old) } else { ('÷', old, new) };
    match (old, new) {
        (0, 0) => return "× 1".to_owned(),
        (0, _) => return "from nothing".to_owned(),
        (_, 0) => return "to nothing".to_owned(),
        _ => {}
    }
    let small = u128::from(small);
    let tenths =
        u128::from(large).saturating_mul(10).saturating_add(small / 2).checked_div(small).unwrap_or(0);
    let (whole, tenth) = (u64::try_from(tenths / 10).unwrap_or(u64::MAX), tenths % 10);
    match tenth {
        0 => format!("{sign} {}", count(whole)),
        _ if whole >= 100 => format!("{sign} {}", count(whole)),
        tenth => format!("{sign} {}.{tenth}", count(whole)),
    }
}

#[cfg(test)]
mod tests {
    use super::factor;

    #[test]
    fn a_factor_is_said_so_that_its_size_is_seen_at_once() {
        for (old, new, said) in [
            (150_000, 150_000_000_000, "× 1,000,000"),
            (2_500_000, 600_000, "÷ 4.2"),
            (10, 10, "× 1"),
            (3, 1_000, "× 333"),
            (0, 5, "from nothing"),
            (5, 0, "to nothing"),
        ] {
            assert_eq!(factor(old, new), said);
        }
    }
}
