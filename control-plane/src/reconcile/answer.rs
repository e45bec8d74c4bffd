//! A reconciliation from files to what is compared.

use super::{
    compare::{Compared, compare},
    formats::{self, Provider},
    names::Names,
    ours::{self, CALLS_MAX, ours},
    propose::{Correction, corrections},
    theirs::{Day, Fault, Place, Theirs},
};
use crate::{prices::Query, reports::Range, rules::Rules, store::StoreError};
use jiff::tz::TimeZone;
use protocol::{
    meters::{Meter, Usage},
    money::PicoUsd,
    price::Terms,
};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// So many files are read at once.
const FILES_MAX: usize = 200;

/// A file and its name.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// As faults call it.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose exports.
    pub provider: Provider,
    /// Them.
    pub files: Vec<TextFile>,
    /// In which zone their days are.
    pub zone: TimeZone,
    /// What their names of models mean, where it cannot be seen.
    pub models: BTreeMap<Box<str>, Box<str>>,
    /// How much of their total may differ, in millionths.
    pub tolerance: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Model by model.
    pub compared: Compared,
    /// Their total,
    pub theirs: PicoUsd,
    /// and ours.
    pub ours: PicoUsd,
    /// Whether they differ by no more than is tolerated.
    pub is_within: bool,
    /// How much of their total may differ, in millionths.
    pub tolerance: u64,
    /// Prices that explain what they charge.
    pub corrections: Vec<Correction>,
    /// From the first day to the last.
    pub range: Range,
    /// The days that were compared.
    pub days: BTreeSet<Day>,
    /// Calls of ours that were looked at.
    pub calls: u64,
    /// Rows of theirs that are no charge for the use of models.
    pub left_out: u64,
    /// Whether an amount of theirs was rounded to a pico-dollar.
    pub is_rounded: bool,
    /// Whose exports.
    pub provider: Provider,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The files are faulty.
    #[error("the files have {} faults", .0.len())]
    Faulty(Vec<Fault>),
    /// The store says no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads the files, all that is wrong with them at once; then compares.
pub fn answer(store: &Connection, rules: &Rules, request: &Request) -> Result<Answer, Failure> {
    let theirs = read(request)?;
    let days = theirs.days();
    let provider = request.provider.in_ledger();
    let fault = |message: String| Failure::Faulty(vec![Fault { path: "files".to_owned(), message }]);
    let too_large = || fault("have sums that are too large to count".to_owned());
    let found = ours(store, provider, &days, &request.zone, theirs.is_by_side)?.ok_or_else(|| {
        fault(format!("cover more than {CALLS_MAX} calls of the ledger; take fewer days at once"))
    })?;
    let models: BTreeSet<&str> = found.cells.keys().map(|(_, model)| &**model).collect();
    let described = models.into_iter().filter(|_| request.provider.describes_models());
    let names = Names::new(request.models.clone(), described);
    let (left_out, is_rounded) = (theirs.left_out, theirs.is_rounded);
    let theirs = theirs.renamed(|text| names.find(text)).ok_or_else(too_large)?;
    let rates = |day: Day, model: &str, meter: Meter, place: &Place| {
        // At noon, so that a price that begins with a day in another zone holds for most of it.
        let noon = ours::start_of(day, &request.zone).saturating_add(43_200_000_000_000);
        let asked = found.asked.get(model);
        let query = Query {
            provider,
            account: asked.and_then(|asked| asked.account.as_deref()),
            served: Some(model),
            requested: asked.and_then(|asked| asked.model.as_deref()),
            at: noon,
        };
        let terms =
            Terms { tier: place.tier.as_deref(), region: place.region.as_deref(), ..Terms::default() };
        let usage = Usage { units: [(meter, 1)].into(), complete: true, ..Usage::default() };
        let lines = rules.prices.quote(&usage, &query, &terms).ok()?.lines;
        lines.into_iter().find(|line| line.meter == meter).map(|line| line.rate)
    };
    let compared = compare(&theirs, &found, &rates).ok_or_else(too_large)?;
    let (their_sum, our_sum) = compared.theirs().zip(compared.ours()).ok_or_else(too_large)?;
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Err(fault("tell of no day".to_owned()));
    };
    let from = ours::start_of(*first, &request.zone);
    let to = ours::start_of(last.saturating_add(1), &request.zone);
    Ok(Answer {
        is_within: is_within(their_sum, our_sum, request.tolerance).ok_or_else(too_large)?,
        corrections: corrections(&compared),
        compared,
        theirs: their_sum,
        ours: our_sum,
        tolerance: request.tolerance,
        range: Range { from, to },
        days,
        calls: found.calls,
        left_out,
        is_rounded,
        provider: request.provider,
    })
}

fn read(request: &Request) -> Result<Theirs, Failure> {
    let mut faults = Vec::new();
    let mut theirs = Theirs::default();
    if request.files.is_empty() || request.files.len() > FILES_MAX {
        faults
            .push(Fault { path: "files".to_owned(), message: format!("are not between 1 and {FILES_MAX}") });
    } else {
        for file in &request.files {
            let read = formats::read(request.provider, (&file.name, &file.text), &request.zone, &mut theirs);
            faults.extend(read.err());
        }
        let cut = theirs.cut().map(|kind| {
            let message =
                format!("end with a page of {kind} that says that more follow; add the last one, too");
            Fault { path: "files".to_owned(), message }
        });
        faults.extend(cut);
    }
    if faults.is_empty() { Ok(theirs) } else { Err(Failure::Faulty(faults)) }
}

/// Whether the difference is no more than so many millionths of theirs.
fn is_within(theirs: PicoUsd, ours: PicoUsd, tolerance: u64) -> Option<bool> {
    let off = theirs.checked_sub(ours)?.pico().checked_abs()?.checked_mul(1_000_000)?;
    Some(off <= theirs.pico().checked_abs()?.checked_mul(i128::from(tolerance))?)
}
