//! Comma-separated values, as spreadsheets and programs read them: the one way in which lists, reports and tables of the
//! console are written. Numbers stand as they are. A text that a spreadsheet would take for a formula has a `'` before
//! it. (The FOCUS export is another matter: its specification wants every text unchanged.)

use std::borrow::Cow;

/// The media type.
pub const MEDIA_TYPE: &str = "text/csv; charset=utf-8";

/// A table that is being written.
#[derive(Debug)]
pub struct Sheet(csv::Writer<Vec<u8>>);

impl Sheet {
    /// With the names of its columns.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sheet = Self(csv::WriterBuilder::new().flexible(true).from_writer(Vec::new()));
        sheet.row(columns);
        sheet
    }

    /// Adds a row, as wide as the columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item: AsRef<str>>) {
        let cells: Vec<_> = cells.into_iter().collect();
        let safe = cells.iter().map(|cell| safe(cell.as_ref()).into_owned().into_bytes());
        // Memory takes every byte.
        self.0.write_record(safe).unwrap_or_default();
    }

    /// The whole of it.
    pub fn text(self) -> String {
        String::from_utf8(self.0.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

/// A text that is kept from being a formula.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(text) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A plain decimal number, as all numbers here are written: a negative margin is no formula.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_as_they_are_and_formulas_as_texts() {
        for text in ["", "acme", "-0.5", "-12", "0.000000000001", "a=b", "-0", "1.5"] {
            assert_eq!(safe(text), text);
        }
        for text in
            ["=1+1", "+1", "-1+1", "-", "-.5", "-1.", "-1.5.2", "@SUM(A1)", "\t=1", "\r=1", "--1", "-1e5"]
        {
            assert_eq!(safe(text), format!("'{text}"));
        }
    }

    #[test]
    fn a_sheet_has_its_columns_and_quotes_what_must_be() {
        let mut sheet = Sheet::new(["a", "b"]);
        sheet.row(["x,\"y\"\nz", "=1"]);
        assert_eq!(sheet.text(), "a,b\n\"x,\"\"y\"\"\nz\",'=1\n");
    }
}
