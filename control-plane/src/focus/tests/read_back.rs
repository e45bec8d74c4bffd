//! Reads an export back as a consumer does: by the names and types that the file itself gives.

use super::*;
use ::parquet::{
    basic::{LogicalType, Repetition},
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use protocol::money::PicoUsd;
use std::collections::BTreeMap;

/// Columns in their order, and rows of texts; a null is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<BTreeMap<String, Option<String>>>,
}

impl Table {
    /// One column of all rows; a null is `null`.
    pub(super) fn column(&self, name: &str) -> Vec<&str> {
        self.rows.iter().map(|row| row[name].as_deref().unwrap_or("null")).collect()
    }

    /// The sum of a column, in units of the twelfth decimal place.
    pub(super) fn sum(&self, name: &str) -> i128 {
        self.column(name).into_iter().map(|text| text.parse::<PicoUsd>().unwrap().pico()).sum()
    }
}

pub(super) fn csv_table(bytes: &[u8]) -> Table {
    let mut reader = ::csv::Reader::from_reader(bytes);
    let columns: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|record| {
        let record = record.unwrap();
        let values = record.iter().map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
        columns.iter().cloned().zip(values).collect()
    });
    Table { rows: rows.collect(), columns: columns.clone() }
}

pub(super) fn parquet_table(bytes: Vec<u8>) -> Table {
    let reader = SerializedFileReader::new(axum::body::Bytes::from(bytes)).unwrap();
    let metadata = reader.metadata().file_metadata().clone();
    let said = metadata.key_value_metadata().unwrap();
    assert!(said.iter().any(|said| said.key == "FocusVersion" && said.value.as_deref() == Some("1.2")));
    let schema = metadata.schema_descr();
    let columns: Vec<String> = schema.columns().iter().map(|column| column.name().to_owned()).collect();
    for (column, ours) in schema.columns().iter().zip(COLUMNS) {
        let info = column.self_type().get_basic_info();
        assert_eq!(info.repetition() == Repetition::OPTIONAL, ours.nullable, "{}", ours.name);
        let logical = match ours.kind {
            Kind::Text | Kind::Json => LogicalType::String,
            Kind::Decimal => LogicalType::decimal(12, 38),
            Kind::Midnight => LogicalType::timestamp(true, ::parquet::basic::TimeUnit::MICROS),
            Kind::Integer => LogicalType::integer(64, true),
        };
        assert_eq!(info.logical_type_ref(), Some(&logical), "{}", ours.name);
    }
    let rows = reader.get_row_iter(None).unwrap().map(|row| {
        let fields = row.unwrap().into_columns().into_iter();
        fields.map(|(name, field)| (name, text(field))).collect()
    });
    Table { rows: rows.collect(), columns }
}

fn text(field: Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Str(text) => Some(text),
        Field::Long(number) => Some(number.to_string()),
        Field::TimestampMicros(at) => Some(jiff::Timestamp::from_microsecond(at).unwrap().to_string()),
        Field::Decimal(number) => {
            assert_eq!((number.precision(), number.scale()), (38, 12));
            let bytes: [u8; 16] = number.data().try_into().unwrap();
            Some(PicoUsd::new(i128::from_be_bytes(bytes)).to_string())
        }
        other => panic!("{other:?}"),
    }
}
