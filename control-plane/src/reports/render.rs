//! A report as JSON, CSV, Markdown or text. JSON and CSV are exact; what people read is rounded, and says so.

use super::{Cell, Range, Report, Section, money::PLACES, table::minute};
use crate::{
    instant::Instant,
    printable::printable,
    sheet::{self, Sheet},
};
use comfy_table::{LineStyle, TableStyle};
use serde_json::{Map, Value, json};
use std::{collections::BTreeSet, str::FromStr};

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A table for a terminal.
    #[default]
    Table,
    /// JSON.
    Json,
    /// Comma-separated values.
    Csv,
    /// Markdown.
    Markdown,
}

/// No format of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a format: table, json, csv or md")]
pub struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "table" => Ok(Self::Table),
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            "md" => Ok(Self::Markdown),
            _ => Err(UnknownFormat),
        }
    }
}

impl Format {
    /// The media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Csv => sheet::MEDIA_TYPE,
            Self::Markdown => "text/markdown; charset=utf-8",
        }
    }
}

impl Report {
    /// Writes it.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Table => self.for_people(terminal_table, ToOwned::to_owned),
            Format::Json => format!("{:#}\n", self.to_json()),
            Format::Csv => self.to_csv(),
            Format::Markdown => self.for_people(markdown_table, escaped),
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let sections = self.sections.iter().map(|section| (section.key.to_owned(), section_json(section)));
        let mut report = Map::new();
        report.insert("report".to_owned(), json!(self.title));
        if let Some(range) = self.range {
            report.insert("from".to_owned(), json!(Instant(range.from)));
            report.insert("to".to_owned(), json!(Instant(range.to)));
        }
        match &*self.sections {
            // A report of one table is that table, as lists are elsewhere in the API.
            [only] => {
                if let Value::Object(section) = section_json(only) {
                    report.extend(section);
                }
            }
            _ => report.extend(sections),
        }
        Value::Object(report)
    }

    /// One table is written as it is; several, whose columns differ, as one long table of single values.
    fn to_csv(&self) -> String {
        match &*self.sections {
            [only] => plain_csv(only),
            sections => long_csv(sections),
        }
    }

    fn for_people(&self, table: fn(&Section) -> String, title: fn(&str) -> String) -> String {
        let mut text = format!("# {}\n", title(&printable(&self.title)));
        if let Some(Range { from, to }) = self.range {
            text.push_str(&format!("\n{} to {}, UTC\n", minute(from), minute(to)));
        }
        for section in &self.sections {
            if self.sections.len() > 1 {
                text.push_str(&format!("\n## {}\n", section.title));
            }
            text.push('\n');
            if section.rows.is_empty() {
                text.push_str(section.empty);
                text.push('\n');
            } else {
                text.push_str(&table(section));
            }
            for note in &section.notes {
                text.push_str(&format!("\n{}\n", printable(note)));
            }
        }
        let cells = self.sections.iter().flat_map(|section| section.rows.iter().flatten());
        if !cells.into_iter().any(Cell::is_rounded) {
            return text;
        }
        text.push_str(&format!(
            "\nUSD and percentages are rounded half to even (USD to {PLACES} places); totals are sums of the exact \
             amounts.\n"
        ));
        text
    }
}

fn section_json(section: &Section) -> Value {
    let mut json = Map::new();
    json.insert("items".to_owned(), section.rows.iter().map(|row| row_json(section, row)).collect());
    if let Some(total) = &section.total {
        json.insert("total".to_owned(), row_json(section, total));
    }
    json.insert("notes".to_owned(), json!(section.notes));
    Value::Object(json)
}

fn row_json(section: &Section, row: &[Cell]) -> Value {
    let cells = section.columns.iter().zip(row).map(|(column, cell)| {
        let value = match cell {
            Cell::Count(count) => json!(count),
            Cell::Text(_)
            | Cell::Subject { .. }
            | Cell::Usd(_)
            | Cell::Percent(_)
            | Cell::Change(_)
            | Cell::Moment(_)
            | Cell::Empty => {
                json!(cell.exact())
            }
        };
        (column.key.to_owned(), value)
    });
    let parts = section.parts(row).map(|(key, text)| (key.to_owned(), json!(text)));
    Value::Object(cells.chain(parts).collect())
}

/// The last column of tables whose names people give, one of which may be that of the total.
const IS_TOTAL: &str = "is_total";

/// Every row, and whether it is the total.
fn all_rows(section: &Section) -> impl Iterator<Item = (&[Cell], bool)> {
    let rows = section.rows.iter().map(|row| (&**row, false));
    rows.chain(section.total.iter().map(|row| (&**row, true)))
}

fn has_parts(section: &Section) -> bool {
    section.columns.iter().any(|column| !column.parts.is_empty())
}

fn plain_csv(section: &Section) -> String {
    let keys = section.columns.iter().map(|column| column.key);
    let parts = section.columns.iter().flat_map(|column| column.parts).map(|(_, key)| *key);
    let last = has_parts(section).then_some(IS_TOTAL);
    let mut sheet = Sheet::new(keys.chain(parts).chain(last));
    for (row, is_total) in all_rows(section) {
        let parts = section.parts(row).map(|(_, text)| text.unwrap_or_default().to_owned());
        sheet.row(row.iter().map(written).chain(parts).chain(last.map(|_| is_total.to_string())));
    }
    sheet.text()
}

fn long_csv(sections: &[Section]) -> String {
    let last = sections.iter().any(has_parts).then_some(IS_TOTAL);
    let mut sheet = Sheet::new(["section", "subject", "column", "value"].into_iter().chain(last));
    for section in sections {
        let firsts: BTreeSet<String> =
            section.rows.iter().filter_map(|row| row.first()).map(written).collect();
        let is_named = firsts.len() == section.rows.len();
        for (row, is_total) in all_rows(section) {
            let subject =
                if is_named { row.first().map(written).unwrap_or_default() } else { whole_name(row) };
            let cells =
                section.columns.iter().zip(row).skip(1).map(|(column, cell)| (column.key, written(cell)));
            let parts = section.parts(row).map(|(key, text)| (key, text.unwrap_or_default().to_owned()));
            let is_total = last.map(|_| is_total.to_string());
            for (key, value) in cells.chain(parts) {
                sheet.row([section.key, &subject, key, &value].into_iter().chain(is_total.as_deref()));
            }
        }
    }
    sheet.text()
}

/// What a row is about, where its first cell is not enough to tell it from others: the texts before its first number.
fn whole_name(row: &[Cell]) -> String {
    let texts = row.iter().take_while(|cell| !cell.is_number()).map(written).filter(|text| !text.is_empty());
    texts.collect::<Vec<_>>().join(" ")
}

fn written(cell: &Cell) -> String {
    cell.exact().unwrap_or_default()
}

/// A line below the headings and around the table, none between rows.
const RULED: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

fn terminal_table(section: &Section) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(RULED);
    table.set_header(section.columns.iter().map(|column| column.title));
    for row in section.rows.iter().chain(&section.total) {
        table.add_row(row.iter().map(printed));
    }
    for (index, first) in section.rows.first().into_iter().flatten().enumerate() {
        if let Some(column) = table.column_mut(index).filter(|_| first.is_number()) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    format!("{table}\n")
}

/// As people are shown it, with nothing in it that a terminal would obey or that would end the line.
fn printed(cell: &Cell) -> String {
    printable(&cell.shown()).into_owned()
}

/// A text as itself in Markdown, also within a table: no name is markup, a link or HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut is_in_word = false;
    while let Some(letter) = letters.next() {
        let goes_on = letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            // Within a word it is nothing else.
            '_' if is_in_word && goes_on => escaped.push(letter),
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' => {
                escaped.extend(['\\', letter]);
            }
            letter => escaped.push(letter),
        }
        is_in_word = letter.is_alphanumeric();
    }
    escaped
}

fn markdown_table(section: &Section) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(section.columns.iter().map(|column| escaped(column.title)).collect());
    let numbers = section.rows.first().into_iter().flatten().map(Cell::is_number);
    text.push_str(&line(numbers.map(|number| (if number { "---:" } else { "---" }).to_owned()).collect()));
    for row in &section.rows {
        text.push_str(&line(row.iter().map(|cell| escaped(&printed(cell))).collect()));
    }
    if let Some(row) = &section.total {
        let bold = |cell: &Cell| match escaped(&printed(cell)) {
            empty if empty.is_empty() => empty,
            shown => format!("**{shown}**"),
        };
        text.push_str(&line(row.iter().map(bold).collect()));
    }
    text
}
