//! The FOCUS 1.2 export: the ledger's charges as rows that FinOps tools read, in CSV or Parquet. Reads what the ledger
//! has counted, rates and rounds nothing. docs/FOCUS.md says of each column what it holds and why.

mod charge;
mod columns;
mod csv;
mod days;
mod left_out;
mod parquet;
mod read;

pub use charge::{Charge, Terms};
pub use columns::{COLUMNS, Column, Kind, Value};
pub use days::{Days, DaysError};
pub use left_out::LeftOut;

use crate::store::StoreError;
use rusqlite::Connection;
use std::{
    io::{self, Write},
    str::FromStr,
};

/// The version of the specification.
pub const VERSION: &str = "1.2";

/// What is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Of which days.
    pub days: Days,
    /// Of one customer only; empty: of what nobody is named for.
    pub customer: Option<String>,
    /// Of one provider only.
    pub provider: Option<String>,
    /// What `BillingAccountId` says instead of the provider's name.
    pub billing_account: Option<String>,
}

/// How it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, RFC 4180.
    #[default]
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The word in addresses and commands, and the end of a file's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// No format of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a format: csv or parquet")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        [Self::Csv, Self::Parquet].into_iter().find(|format| format.as_str() == text).ok_or(UnknownFormat)
    }
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot be written to where it goes.
    #[error("the export cannot be written: {0}")]
    Write(#[from] io::Error),
    /// No Parquet can be made of it.
    #[error("the export cannot be written as Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
}

impl From<::csv::Error> for ExportError {
    fn from(error: ::csv::Error) -> Self {
        Self::Write(error.into())
    }
}

/// Writes the rows of a selection as they are read: no more of them are held than one group of rows of a file.
pub fn export(
    store: &Connection,
    selection: &Selection,
    format: Format,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    match format {
        Format::Csv => {
            let mut rows = csv::Rows::new(out)?;
            read::charges(store, selection, &mut |charge| rows.write(&charge))?;
            rows.finish()
        }
        Format::Parquet => {
            let mut rows = parquet::Rows::new(out)?;
            read::charges(store, selection, &mut |charge| rows.write(charge))?;
            rows.finish()
        }
    }
}

/// What a file of it is called.
pub fn file_name(days: Days, format: Format) -> String {
    format!("focus-{VERSION}_{}_{}.{}", days.first(), days.end(), format.as_str())
}

#[cfg(test)]
pub(crate) mod tests;
