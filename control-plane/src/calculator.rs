//! The margin calculator: what a plan leaves at some usage, before anybody uses it so, or measured from those who do. Pure
//! arithmetic on integers and ratios of them, by the price table and the one rating function. `measure` alone reads the
//! store; only `report` rounds.

mod calculate;
mod fields;
mod input;
mod measure;
mod percentile;
mod ratio;
mod report;

pub use calculate::{Calculation, Demand, ModelOutcome, PercentileOutcome, calculate};
pub use fields::Fault;
pub use input::{Assumptions, Input, KEYS, Pick, Usage, read};
pub use measure::{CustomerUse, Measured, measure};
pub use percentile::Percentile;
pub use ratio::Ratio;
pub use report::report;

use crate::{reports::Report, rules::Rules, store::StoreError};
use protocol::UnixNanos;
use rusqlite::Connection;
use serde_json::{Map, Value};

/// Answers a calculation from its fields, or says everything that is wrong with them.
pub fn answer(
    store: &Connection,
    rules: &Rules,
    document: &Map<String, Value>,
    now: UnixNanos,
) -> Result<Result<Report, Vec<Fault>>, StoreError> {
    let fault = |path: &str, message: String| Ok(Err(vec![Fault { path: path.to_owned(), message }]));
    let input = match read(document, rules.policy(), now) {
        Ok(input) => input,
        Err(faults) => return Ok(Err(faults)),
    };
    let measured = match &input.usage {
        Usage::Typed { .. } => None,
        Usage::Measured { plan, range } => Some(measure(store, rules.policy(), plan.as_str(), *range, now)?),
    };
    let Some(demand) = Demand::of(&input.usage, measured.as_ref()) else {
        return fault("measure_plan", "was not measured".to_owned());
    };
    match calculate(&input, demand, &rules.prices) {
        Some(done) => Ok(Ok(report(&input, demand, &done))),
        None => fault("calls", "with these prices are more money than can be counted".to_owned()),
    }
}

#[cfg(test)]
mod tests;
