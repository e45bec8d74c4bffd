//! `bursar rebuild`: the aggregates against the ledger.

use super::{Answer, Failure};
use crate::{
    ledger::rebuild::rebuild_check,
    store::{self, StoreError},
};
use clap::Args;
use std::{io::Write, path::PathBuf};

/// What to recompute.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// Compare and change nothing. Exit code 0 only when all are equal.
    #[arg(long, required = true)]
    pub check: bool,
    /// The data directory; a running control plane may be using it.
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
}

pub(super) fn run(args: &RebuildArgs, out: &mut dyn Write) -> Result<Answer, Failure> {
    let connection = store::open_reader(&args.data_dir)?;
    store::is_current(&connection)?;
    // One transaction: aggregates and ledger of the same instant.
    let view = connection.unchecked_transaction().map_err(StoreError::from)?;
    let check = rebuild_check(&view)?;
    writeln!(out, "{} calls, {} aggregate rows", check.calls, check.rows)?;
    if check.is_equal() {
        writeln!(out, "the aggregates equal the ledger")?;
        return Ok(Answer::Yes);
    }
    if check.unbalanced > 0 {
        writeln!(out, "{} calls whose lines do not add up to their cost", check.unbalanced)?;
    }
    for difference in &check.differences {
        let (table, missing, extra) = (&difference.table, difference.missing, difference.extra);
        writeln!(out, "{table}: {missing} rows are missing or differ, {extra} rows belong to nothing")?;
    }
    Ok(Answer::No)
}
