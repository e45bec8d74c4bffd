//! Rows as Apache Parquet, a group of rows at a time.
//!
//! | kind | physical | logical |
//! |---|---|---|
//! | text, JSON | BYTE_ARRAY | STRING |
//! | decimal | FIXED_LEN_BYTE_ARRAY(16) | DECIMAL(38, 12) |
//! | midnight | INT64 | TIMESTAMP(MICROS, UTC) |
//! | integer | INT64 | INTEGER(64, signed) |
//!
//! Twelve places are a pico-dollar's; 38 digits are the most that readers take for a decimal of 128 bits, and more than
//! two factors of 64 bits can make.

use super::{COLUMNS, Charge, Column, ExportError, Kind, VERSION, Value, charge::PLACES, days};
use parquet::{
    basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedColumnWriter, SerializedFileWriter},
    },
    schema::types::{Type, TypePtr},
};
use std::{io::Write, mem, sync::Arc};

/// Some ten megabytes of rows at a time: enough for dictionaries to pay, and little enough to hold.
const ROWS_IN_GROUP: usize = 16_384;
const DECIMAL_BYTES: i32 = 16;
const DECIMAL_DIGITS: i32 = 38;

/// A file that is being written.
pub(super) struct Rows<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    group: Vec<Charge>,
}

impl<W: Write + Send> Rows<W> {
    pub(super) fn new(out: W) -> Result<Self, ExportError> {
        let said = [("FocusVersion", VERSION), ("DataGenerator", "Bursar")];
        let said = said.map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
        let properties = WriterProperties::builder()
            .set_created_by(concat!("bursar version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(said.to_vec()))
            .build();
        let writer = SerializedFileWriter::new(out, schema()?, Arc::new(properties))?;
        Ok(Self { writer, group: Vec::new() })
    }

    pub(super) fn write(&mut self, charge: Charge) -> Result<(), ExportError> {
        self.group.push(charge);
        if self.group.len() < ROWS_IN_GROUP { Ok(()) } else { self.flush() }
    }

    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        if !self.group.is_empty() {
            self.flush()?;
        }
        self.writer.close()?;
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ExportError> {
        let charges = mem::take(&mut self.group);
        let mut group = self.writer.next_row_group()?;
        for column in COLUMNS {
            let Some(mut writer) = group.next_column()? else {
                return Err(ParquetError::General("a column without a place".to_owned()).into());
            };
            match column.kind {
                Kind::Text | Kind::Json => write::<ByteArrayType>(&mut writer, column, &charges, text)?,
                Kind::Decimal => write::<FixedLenByteArrayType>(&mut writer, column, &charges, decimal)?,
                Kind::Midnight | Kind::Integer => write::<Int64Type>(&mut writer, column, &charges, integer)?,
            }
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }
}

/// Writes one column of a group. A null is no value and a definition level of 0.
fn write<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    charges: &[Charge],
    physical: fn(Value<'_>) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let all: Vec<Option<T::T>> = charges.iter().map(|charge| physical(column.value(charge))).collect();
    let levels: Vec<i16> = all.iter().map(|value| i16::from(value.is_some())).collect();
    let levels = column.nullable.then_some(&*levels);
    let values: Vec<T::T> = all.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, levels, None)?;
    Ok(())
}

fn text(value: Value<'_>) -> Option<ByteArray> {
    match value {
        Value::Text(text) => Some(ByteArray::from(text.into_owned().into_bytes())),
        Value::Null | Value::Decimal(_) | Value::Midnight(_) | Value::Integer(_) => None,
    }
}

fn decimal(value: Value<'_>) -> Option<FixedLenByteArray> {
    match value {
        Value::Decimal(number) => Some(FixedLenByteArray::from(number.to_be_bytes().to_vec())),
        Value::Null | Value::Text(_) | Value::Midnight(_) | Value::Integer(_) => None,
    }
}

fn integer(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Midnight(day) => Some(days::micros(day)),
        Value::Integer(number) => Some(number),
        Value::Null | Value::Text(_) | Value::Decimal(_) => None,
    }
}

fn schema() -> Result<TypePtr, ParquetError> {
    let fields = COLUMNS.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Type::group_type_builder("focus").with_fields(fields).build()?))
}

fn field(column: &Column) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Text | Kind::Json => (Physical::BYTE_ARRAY, LogicalType::String),
        Kind::Decimal => {
            (Physical::FIXED_LEN_BYTE_ARRAY, LogicalType::decimal(i32::from(PLACES), DECIMAL_DIGITS))
        }
        Kind::Midnight => (Physical::INT64, LogicalType::timestamp(true, TimeUnit::MICROS)),
        Kind::Integer => (Physical::INT64, LogicalType::integer(64, true)),
    };
    let repetition = if column.nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let field = Type::primitive_type_builder(column.name, physical)
        .with_repetition(repetition)
        .with_logical_type(Some(logical));
    let field = match column.kind {
        Kind::Decimal => {
            field.with_length(DECIMAL_BYTES).with_precision(DECIMAL_DIGITS).with_scale(i32::from(PLACES))
        }
        Kind::Text | Kind::Json | Kind::Midnight | Kind::Integer => field,
    };
    Ok(Arc::new(field.build()?))
}
