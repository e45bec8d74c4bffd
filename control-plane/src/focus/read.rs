//! Reads charges from the ledger's sums, one at a time and always in the same order.

use super::{Charge, ExportError, Selection, Terms, charge::Amounts};
use crate::store::{self, NO_WORD, StoreError};
use protocol::meters::Meter;
use rusqlite::{Connection, Row, params};
use std::{collections::BTreeMap, sync::Arc};

/// The most texts that are kept at hand.
const REMEMBERED_MAX: usize = 100_000;

/// The key leads, so rows come in its order without being sorted.
const CHARGES: &str = "SELECT c.day, c.corrected, c.customer, c.provider, c.model, c.meter, c.tier, c.region,
        c.price, c.rate, c.list_price, c.list_rate, c.lines, c.units,
        p.id AS list_row, p.tier AS list_tier, p.threshold, p.inclusive, p.marginal, p.region AS list_region, p.hours
    FROM by_day_charge c LEFT JOIN prices p ON p.id = c.list_price";

const ORDER: &str =
    "ORDER BY c.day, c.corrected, c.customer, c.provider, c.model, c.meter, c.tier, c.region, c.price,
    c.rate, c.list_price, c.list_rate";

/// What was used on those days and booked so; then what was corrected on those days, of whichever day it is. So the
/// exports of two months have no row in common, and what was exported of a month stays true when a later one corrects it.
pub(super) const PARTS: [&str; 2] = [
    // The sign keeps SQLite from taking the column for a constant, and out of the order that the key has.
    "+c.corrected = 0 AND c.day >= ?1 AND c.day < ?2",
    "c.corrected <> 0 AND c.corrected >= ?1 AND c.corrected < ?2",
];

pub(super) fn statement(part: &str) -> String {
    format!(
        "{CHARGES} WHERE {part} AND (?3 IS NULL OR c.customer = ?3) AND (?4 IS NULL OR c.provider = ?4) {ORDER}"
    )
}

/// Hands each charge of a selection over.
pub(super) fn charges(
    store: &Connection,
    selection: &Selection,
    each: &mut dyn FnMut(Charge) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let Some(chosen) = Chosen::find(store, selection)? else { return Ok(()) };
    let mut reader = Reader {
        words: Words { store, known: BTreeMap::new() },
        billing_account: selection.billing_account.as_deref().map(Arc::from),
        terms: BTreeMap::new(),
    };
    for part in PARTS {
        let mut statement = store.prepare(&statement(part)).map_err(StoreError::from)?;
        let range = (selection.days.from, selection.days.to);
        let rows = statement.query(params![range.0, range.1, chosen.customer, chosen.provider]);
        let mut rows = rows.map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            each(reader.charge(row)?)?;
        }
    }
    Ok(())
}

/// The words of a selection; `None` for a dimension: all of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    pub(super) customer: Option<i64>,
    pub(super) provider: Option<i64>,
}

impl Chosen {
    /// `None`: nothing was ever booked for that customer or provider.
    pub(super) fn find(store: &Connection, selection: &Selection) -> Result<Option<Self>, StoreError> {
        let word = |text: &Option<String>| match text.as_deref() {
            None => Ok(Some(None)),
            Some("") => Ok(Some(Some(NO_WORD))),
            Some(text) => Ok::<_, StoreError>(store::word_id(store, text)?.map(Some)),
        };
        let (customer, provider) = (word(&selection.customer)?, word(&selection.provider)?);
        Ok(customer.zip(provider).map(|(customer, provider)| Self { customer, provider }))
    }
}

/// What reading a row needs beside the row.
struct Reader<'a> {
    words: Words<'a>,
    billing_account: Option<Arc<str>>,
    /// By the list price's row.
    terms: BTreeMap<i64, Arc<Terms>>,
}

impl Reader<'_> {
    fn charge(&mut self, row: &Row<'_>) -> Result<Charge, StoreError> {
        let number = |column: &str| row.get::<_, i64>(column);
        let [customer, provider, model, meter, tier, region] =
            ["customer", "provider", "model", "meter", "tier", "region"]
                .map(|column| row.get::<_, i64>(column));
        let missing = |what: &'static str| StoreError::corrupt("a charge", format!("has no {what}"));
        let meter = self.words.text(meter?)?.ok_or_else(|| missing("meter"))?;
        let meter: Meter = meter.parse().map_err(|error| {
            StoreError::corrupt("a charge", format!("`{meter}` {error} that this version knows"))
        })?;
        let tier = self.words.text(tier?)?;
        let amounts = Amounts::new(meter, number("units")?, number("rate")?, number("list_rate")?)?;
        Ok(Charge {
            day: number("day")?,
            corrected: Some(number("corrected")?).filter(|day| *day != 0),
            customer: self.words.text(customer?)?,
            provider: self.words.text(provider?)?.ok_or_else(|| missing("provider"))?,
            model: self.words.text(model?)?,
            meter,
            terms: self.terms(row, tier.as_deref())?,
            tier,
            region: self.words.text(region?)?,
            price: Some(number("price")?).filter(|price| *price != 0),
            list_price: Some(number("list_price")?).filter(|price| *price != 0),
            lines: number("lines")?,
            billing_account: self.billing_account.clone(),
            amounts,
        })
    }

    /// The terms of the list price; where it has no row, those that are known of the call.
    fn terms(&mut self, row: &Row<'_>, tier: Option<&str>) -> Result<Arc<Terms>, StoreError> {
        let Some(price) = row.get::<_, Option<i64>>("list_row")? else {
            return Ok(Arc::new(Terms { tier: tier.map(Into::into), ..Terms::default() }));
        };
        if let Some(terms) = self.terms.get(&price) {
            return Ok(terms.clone());
        }
        let text = |column: &str| Ok::<_, StoreError>(row.get::<_, Option<Box<str>>>(column)?);
        let flag = |column: &str| Ok::<_, StoreError>(row.get::<_, Option<bool>>(column)?.unwrap_or(false));
        let terms = Arc::new(Terms {
            tier: text("list_tier")?.filter(|tier| **tier != *"standard"),
            threshold: row.get("threshold")?,
            inclusive: flag("inclusive")?,
            marginal: flag("marginal")?,
            region: text("list_region")?,
            hours: text("hours")?,
        });
        if self.terms.len() >= REMEMBERED_MAX {
            self.terms.clear();
        }
        self.terms.insert(price, terms.clone());
        Ok(terms)
    }
}

/// The dictionary, with what was looked up before.
struct Words<'a> {
    store: &'a Connection,
    known: BTreeMap<i64, Arc<str>>,
}

impl Words<'_> {
    fn text(&mut self, id: i64) -> Result<Option<Arc<str>>, StoreError> {
        if id == NO_WORD {
            return Ok(None);
        }
        if let Some(text) = self.known.get(&id) {
            return Ok(Some(text.clone()));
        }
        let Some(text) = store::word_text(self.store, id)? else {
            return Err(StoreError::corrupt("a charge", format!("names the word {id}, which is none")));
        };
        let text: Arc<str> = text.into();
        if self.known.len() >= REMEMBERED_MAX {
            self.known.clear();
        }
        self.known.insert(id, text.clone());
        Ok(Some(text))
    }
}
