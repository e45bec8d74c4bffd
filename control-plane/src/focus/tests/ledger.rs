//! A store with charges in it, entered as the ledger counts them.

use crate::store::Store;
use protocol::meters::Meter;
use rusqlite::{Connection, params};
use std::path::Path;

/// A store of a test's own.
pub(crate) struct Ledger {
    pub(crate) connection: Connection,
    _directory: Option<tempfile::TempDir>,
}

/// A row of `by_day_charge`.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) day: &'static str,
    pub(crate) corrected: Option<&'static str>,
    pub(crate) customer: Option<&'static str>,
    pub(crate) provider: &'static str,
    pub(crate) model: Option<&'static str>,
    pub(crate) meter: Meter,
    pub(crate) tier: Option<&'static str>,
    pub(crate) region: Option<&'static str>,
    pub(crate) price: i64,
    pub(crate) rate: i64,
    /// Price row and rate; `None`: as paid.
    pub(crate) list: Option<(i64, i64)>,
    pub(crate) lines: i64,
    pub(crate) units: i64,
}

/// 1,234,567 tokens of input to gpt-4o for acme at 2.50 USD a million.
pub(crate) const INPUT: Entry = Entry {
    day: "2026-11-03",
    corrected: None,
    customer: Some("acme"),
    provider: "openai",
    model: Some("gpt-4o"),
    meter: Meter::Input,
    tier: None,
    region: None,
    price: 1,
    rate: 2_500_000,
    list: None,
    lines: 10,
    units: 1_234_567,
};

/// A day since 1970-01-01.
pub(crate) fn day(text: &str) -> i64 {
    let at: jiff::Timestamp = format!("{text}T00:00:00Z").parse().unwrap();
    at.as_second() / 86_400
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The store makes the tables; the writer of the test is another connection.
        drop(Store::open(directory.path()).unwrap());
        let ledger = Self::at(directory.path());
        Self { _directory: Some(directory), ..ledger }
    }

    /// One that somebody else holds open.
    pub(crate) fn at(directory: &Path) -> Self {
        let connection = Connection::open(directory.join("bursar.sqlite3")).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        Self { connection, _directory: None }
    }

    pub(crate) fn with(entries: &[Entry]) -> Self {
        let ledger = Self::new();
        ledger.enter(entries);
        ledger
    }

    pub(crate) fn enter(&self, entries: &[Entry]) {
        for entry in entries {
            let (list_price, list_rate) = entry.list.unwrap_or((entry.price, entry.rate));
            let words = [entry.customer, Some(entry.provider), entry.model, Some(entry.meter.as_str())];
            let [customer, provider, model, meter] = words.map(|text| self.word(text));
            let (tier, region) = (self.word(entry.tier), self.word(entry.region));
            let numbers = [
                day(entry.day),
                entry.corrected.map_or(0, day),
                customer,
                provider,
                model,
                meter,
                tier,
                region,
                entry.price,
                entry.rate,
                list_price,
                list_rate,
                entry.lines,
                entry.units,
            ];
            let sql = "INSERT INTO by_day_charge VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
            self.connection.execute(sql, numbers).unwrap();
        }
    }

    pub(crate) fn word(&self, text: Option<&str>) -> i64 {
        let Some(text) = text else { return 0 };
        self.connection.execute("INSERT OR IGNORE INTO words (text) VALUES (?)", [text]).unwrap();
        crate::store::word_id(&self.connection, text).unwrap().unwrap()
    }

    /// A price row on other terms than for everybody always: tier, threshold, inclusive, region, hours.
    pub(crate) fn price(
        &self,
        id: i64,
        (tier, threshold, inclusive): (Option<&str>, Option<i64>, bool),
        (region, hours): (Option<&str>, Option<&str>),
    ) {
        let sql = "INSERT INTO prices (id, provider, model, prefix, meter, rate_pico, effective_from, status, source,
            source_at, source_key, source_text, source_rounded, tier, threshold, inclusive, region, hours)
            VALUES (?, 'openai', 'gpt-4o', 0, 'input', 1, 0, 'active', 's', 0, 'k', 't', 0, ?, ?, ?, ?, ?)";
        self.connection.execute(sql, params![id, tier, threshold, inclusive, region, hours]).unwrap();
    }

    /// Counts calls of a day as the aggregates do: so many, of them so many unpriced, at so many pico-dollars.
    pub(crate) fn count(
        &self,
        on: &str,
        customer: Option<&str>,
        provider: &str,
        (calls, unpriced, cost): (i64, i64, i64),
    ) {
        let sums =
            "calls, refused, errors, unpriced, estimated, unattributed, tokens_in, tokens_out, cost_pico";
        let (on, customer, provider) = (day(on), self.word(customer), self.word(Some(provider)));
        let sql = format!(
            "INSERT INTO by_day_customer (day, customer, plan, {sums}) VALUES (?, ?, ?, ?, 0, 0, ?, 0, 0, 0, 0, ?)"
        );
        self.connection.execute(&sql, [on, customer, provider, calls, unpriced, cost]).unwrap();
        let sql = format!(
            "INSERT INTO by_day_model (day, plan, provider, model, {sums})
             VALUES (?, ?, ?, 0, ?, 0, 0, ?, 0, 0, 0, 0, ?)"
        );
        self.connection.execute(&sql, [on, customer, provider, calls, unpriced, cost]).unwrap();
        for number in 0..unpriced {
            let sql = "INSERT INTO calls (id, state, day, started_at, customer, workspace, user, feature, task, plan,
                provider, model, route, node, boot, ending, outcome, refused, usage_source, tokens_in, tokens_out,
                pricing, unpriced, head_hash)
                VALUES (randomblob(16), 1, ?1, ?1 * 86400000000000 + ?2, ?3, 0, 0, 0, 0, 0, ?4, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 1, 0, 0)";
            self.connection.execute(sql, [on, number, customer, provider]).unwrap();
        }
    }
}
