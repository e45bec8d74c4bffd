//! `bursar prices`.

use super::{Answer, Failure, FormatArg, Target, remote::json};
use crate::{
    clock::Clock,
    reports::{Cell, Column, Report, Section},
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::{fs, io::Write, path::PathBuf};

/// What can be done with prices.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// Take LiteLLM's catalogue in; what looks wrong waits for approval
    Import(ImportArgs),
    /// Show what an import would change. Exit code 1 when it is anything
    Diff(DiffArgs),
    /// Put the waiting rows of an import in force
    Approve(ApproveArgs),
    /// List price rows
    List(ListArgs),
    /// Show the rates of one model, and where each comes from
    Show(ShowArgs),
}

/// What to import.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The catalogue's JSON file
    pub file: PathBuf,
    /// From when on new rows hold; by default from now on, and since ever for a catalogue's first import
    #[arg(long, value_name = "TIME")]
    pub effective_from: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// What to compare.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The catalogue's JSON file
    pub file: PathBuf,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// What to approve.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The import's number
    pub import: i64,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// What to list.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only of this provider
    #[arg(long)]
    pub provider: Option<String>,
    /// Only of this model
    #[arg(long)]
    pub model: Option<String>,
    /// In force at this day or instant; by default now
    #[arg(long, value_name = "TIME", conflicts_with = "status")]
    pub at: Option<String>,
    /// Rows of all times in this state: proposed, active or retired
    #[arg(long, value_parser = ["proposed", "active", "retired"])]
    pub status: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// What to show.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// As in `openai`
    pub provider: String,
    /// As in `gpt-4o-mini`
    pub model: String,
    /// In force at this day or instant; by default now
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

const IMPORTS: &str = "/v1/prices/imports";

pub(super) fn run(command: PricesCommand, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    match command {
        PricesCommand::Import(args) => {
            let text = read(&args.file)?;
            let query: Vec<(&str, &str)> =
                args.effective_from.as_deref().map(|from| ("effective_from", from)).into_iter().collect();
            let answer = json(&args.target.reach(clock)?.post(IMPORTS, &query, &text)?)?;
            print(&changes("Price import", &answer), args.format, out)?;
            Ok(Answer::Yes)
        }
        PricesCommand::Diff(args) => {
            let text = read(&args.file)?;
            let answer = json(&args.target.reach(clock)?.post(IMPORTS, &[("dry_run", "true")], &text)?)?;
            print(&changes("Price diff", &answer), args.format, out)?;
            Ok(if would_change(&answer) { Answer::No } else { Answer::Yes })
        }
        PricesCommand::Approve(args) => {
            let path = format!("{IMPORTS}/{}/approve", args.import);
            let answer = json(&args.target.reach(clock)?.post(&path, &[], "")?)?;
            writeln!(out, "approved: {} rows", count(&answer, "approved"))?;
            Ok(Answer::Yes)
        }
        PricesCommand::List(args) => {
            let mut query = vec![("limit", "1000")];
            let filters = [
                ("provider", &args.provider),
                ("model", &args.model),
                ("at", &args.at),
                ("status", &args.status),
            ];
            query.extend(filters.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))));
            let rows = args.target.reach(clock)?.all("/v1/prices", &query)?;
            print(&listed(&rows), args.format, out)?;
            Ok(Answer::Yes)
        }
        PricesCommand::Show(args) => {
            let mut query = vec![("limit", "1000"), ("provider", &*args.provider), ("model", &*args.model)];
            query.extend(args.at.as_deref().map(|at| ("at", at)));
            let rows = args.target.reach(clock)?.all("/v1/prices", &query)?;
            if rows.is_empty() {
                let text = format!("nobody has priced {} at {}", args.model, args.provider);
                return Err(Failure::No(text).hint("`bursar prices list --provider` shows what there is"));
            }
            print(&shown(&rows), args.format, out)?;
            Ok(Answer::Yes)
        }
    }
}

fn read(file: &PathBuf) -> Result<String, Failure> {
    fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", file.display())))
}

fn print(report: &Report, format: FormatArg, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(out.write_all(report.render(format.into()).as_bytes())?)
}

fn count(answer: &Value, key: &str) -> u64 {
    answer.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn would_change(answer: &Value) -> bool {
    let summary = answer.get("summary").unwrap_or(&Value::Null);
    let keys = ["added", "changed", "removed", "withdrawn"];
    // A row that waits already is nothing new; one without an id is.
    let held = answer.get("held").and_then(Value::as_array).into_iter().flatten();
    let mut waiting = held.filter_map(|held| held.get("price")).map(|price| count(price, "id"));
    keys.iter().any(|key| count(summary, key) > 0) || waiting.any(|id| id == 0)
}

const fn column(key: &'static str, title: &'static str) -> Column {
    Column { key, title }
}

fn text(value: &Value, key: &str) -> Cell {
    match value.get(key) {
        Some(Value::String(text)) => Cell::text(text),
        Some(Value::Null) | None => Cell::Empty,
        Some(other) => Cell::text(other.to_string()),
    }
}

/// The words by which people know a row: `openai/gpt-x input, flex, above 200000`.
fn row_name(price: &Value) -> String {
    let part = |key: &str| price.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut name = format!("{}/{} {}", part("provider"), part("model"), part("meter"));
    if !part("tier").is_empty() {
        name.push_str(&format!(", {}", part("tier")));
    }
    if let Some(above) = price.get("threshold_input_tokens").and_then(Value::as_u64) {
        name.push_str(&format!(", above {above}"));
    }
    name
}

fn changes(title: &str, answer: &Value) -> Report {
    let summary = answer.get("summary").unwrap_or(&Value::Null);
    let words = ["entries", "added", "changed", "removed", "unchanged", "held", "withdrawn"];
    let counts = words.map(|word| vec![Cell::text(word), Cell::Count(count(summary, word))]);
    let items = |key: &str| answer.get(key).and_then(Value::as_array).into_iter().flatten();
    let rate = |price: Option<&Value>| price.map_or(Cell::Empty, |price| text(price, "rate_usd_per_mtok"));
    let null = &Value::Null;
    let changed = items("changed").map(|change| {
        let after = change.get("after").unwrap_or(null);
        vec![Cell::text(row_name(after)), rate(change.get("before")), rate(Some(after))]
    });
    let held = items("held").map(|held| {
        let price = held.get("price").unwrap_or(null);
        vec![Cell::text(row_name(price)), rate(held.get("before")), rate(Some(price)), text(held, "reason")]
    });
    let removed = items("removed").map(|price| vec![Cell::text(row_name(price)), rate(Some(price))]);
    let unmapped = summary.get("unmapped").and_then(Value::as_object).into_iter().flatten();
    let unmapped =
        unmapped.map(|(key, count)| vec![Cell::text(key), Cell::Count(count.as_u64().unwrap_or(0))]);
    let unreadable = summary.get("unreadable").and_then(Value::as_array).into_iter().flatten();
    let unreadable =
        unreadable.map(|value| vec![text(value, "entry"), text(value, "key"), text(value, "reason")]);
    let price = column("price", "price");
    let (before, after) =
        (column("before_usd_per_mtok", "before, USD/M"), column("usd_per_mtok", "now, USD/M"));
    let approve = answer.get("id").and_then(Value::as_i64).map(|id| {
        format!("Look at the rows that wait; `bursar prices approve {id}` puts all of them in force.")
    });
    let section = |key, title, columns: &[Column], rows: Vec<Vec<Cell>>| Section {
        key,
        title,
        columns: columns.to_vec(),
        rows,
        total: None,
        notes: Vec::new(),
        empty: "None.",
    };
    let (rows, key) = (column("rows", "rows"), column("key", "key"));
    let mut sections = vec![
        section("summary", "Summary", &[column("what", "what"), rows], counts.to_vec()),
        section("changed", "Changed", &[price, before, after], changed.collect()),
        section(
            "held",
            "Waiting for approval",
            &[price, before, after, column("reason", "why")],
            held.collect(),
        ),
        section("removed", "No longer in the catalogue", &[price, after], removed.collect()),
        section("unmapped", "Keys without a meter", &[key, column("entries", "entries")], unmapped.collect()),
        section(
            "unreadable",
            "Values that cannot be read",
            &[column("entry", "entry"), key, column("reason", "why")],
            unreadable.collect(),
        ),
    ];
    for section in sections.iter_mut().filter(|section| section.key == "held" && !section.rows.is_empty()) {
        section.notes.extend(approve.clone());
    }
    Report { title: title.to_owned(), range: None, sections }
}

fn listed(rows: &[Value]) -> Report {
    let cells = |price: &Value| {
        let mut cells: Vec<Cell> = ["id", "provider", "model", "meter", "tier", "threshold_input_tokens"]
            .into_iter()
            .map(|key| text(price, key))
            .collect();
        let more = ["rate_usd_per_mtok", "inherits", "status", "effective_from", "effective_to"];
        cells.extend(more.into_iter().map(|key| text(price, key)));
        cells
    };
    let section = Section {
        key: "prices",
        title: "Prices",
        columns: vec![
            column("id", "row"),
            column("provider", "provider"),
            column("model", "model"),
            column("meter", "meter"),
            column("tier", "tier"),
            column("threshold_input_tokens", "above tokens"),
            column("rate_usd_per_mtok", "USD per million"),
            column("inherits", "as"),
            column("status", "status"),
            column("effective_from", "from"),
            column("effective_to", "until"),
        ],
        rows: rows.iter().map(cells).collect(),
        total: None,
        notes: Vec::new(),
        empty: "No rows. `bursar prices import` takes a catalogue in.",
    };
    Report { title: "Prices".to_owned(), range: None, sections: vec![section] }
}

fn shown(rows: &[Value]) -> Report {
    let cells = |price: &Value| {
        let mut cells: Vec<Cell> = [
            "id",
            "meter",
            "tier",
            "threshold_input_tokens",
            "rate_usd_per_mtok",
            "inherits",
            "effective_from",
        ]
        .into_iter()
        .map(|key| text(price, key))
        .collect();
        let source = price.get("source").unwrap_or(&Value::Null);
        cells.extend(["name", "key", "text"].into_iter().map(|key| text(source, key)));
        cells
    };
    let section = Section {
        key: "rates",
        title: "Rates",
        columns: vec![
            column("id", "row"),
            column("meter", "meter"),
            column("tier", "tier"),
            column("threshold_input_tokens", "above tokens"),
            column("rate_usd_per_mtok", "USD per million"),
            column("inherits", "as"),
            column("effective_from", "from"),
            column("source", "source"),
            column("source_key", "its key"),
            column("source_text", "its value"),
        ],
        rows: rows.iter().map(cells).collect(),
        total: None,
        notes: Vec::new(),
        empty: "",
    };
    Report { title: "Rates of a model".to_owned(), range: None, sections: vec![section] }
}
