//! Rows as comma-separated values. What is null is empty. Texts are as they are: a program reads this, and the
//! specification wants every one unchanged, so nothing is escaped for spreadsheets.

use super::{COLUMNS, Charge, ExportError, Value, days};
use csv::Writer;
use protocol::money::PicoUsd;
use std::{borrow::Cow, io::Write};

/// A file that is being written.
pub(super) struct Rows<W: Write>(Writer<W>);

impl<W: Write> Rows<W> {
    pub(super) fn new(out: W) -> Result<Self, ExportError> {
        let mut writer = Writer::from_writer(out);
        writer.write_record(COLUMNS.iter().map(|column| column.name))?;
        Ok(Self(writer))
    }

    pub(super) fn write(&mut self, charge: &Charge) -> Result<(), ExportError> {
        for column in COLUMNS {
            self.0.write_field(text(column.value(charge)).as_bytes())?;
        }
        self.0.write_record(None::<&[u8]>)?;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        Ok(self.0.flush()?)
    }
}

fn text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Text(text) => text,
        // The same places as money, so the same digits: exact, without an exponent.
        Value::Decimal(number) => PicoUsd::new(number).to_string().into(),
        Value::Midnight(day) => days::instant(day).into(),
        Value::Integer(number) => number.to_string().into(),
    }
}
