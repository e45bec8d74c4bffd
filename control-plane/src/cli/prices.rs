//! `bursar prices`. What it prints is put together in `cli/prices/tables.rs`.

mod tables;

use super::{Answer, Failure, FormatArg, Target, remote::json};
use crate::{
    catalogue::refresh::file_name, clock::Clock, policy::CatalogueFormat, prices::detect, reports::Report,
};
use clap::{Args, Subcommand};
use serde_json::{Value, json as document};
use std::{fs, io::Write, path::PathBuf};

/// What can be done with prices.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// Take a catalogue or a file of prices in; what looks wrong waits for approval
    Import(ImportArgs),
    /// Show what an import would change. Exit code 1 when it is anything
    Diff(DiffArgs),
    /// List imports, or show what of one waits for approval
    Imports(ImportsArgs),
    /// Put the waiting rows of an import in force
    Approve(ReviewArgs),
    /// Put the waiting rows of an import aside
    Reject(ReviewArgs),
    /// List price rows
    List(ListArgs),
    /// Show the rates of one model, and where each comes from
    Show(ShowArgs),
}

/// What is read.
#[derive(Debug, Args)]
pub struct Catalogue {
    /// A file: LiteLLM's, OpenRouter's, models.dev's or genai-prices' catalogue, or prices of your own in YAML or CSV
    pub file: PathBuf,
    /// What it is; by default what it looks like: litellm, openrouter, models-dev, genai-prices, yaml or csv
    #[arg(long, value_name = "FORMAT")]
    pub from: Option<CatalogueFormat>,
    /// The name under which its rows are kept, and replaced by its next import; by default the catalogue's own, and for
    /// a file of your own the file's
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Let everything wait for approval
    #[arg(long)]
    pub propose: bool,
    /// Let rows that begin in the past hold from then on, whatever held; `bursar rerate` books what that changes
    #[arg(long)]
    pub backdate: bool,
    /// From when on rows hold that say nothing of it; by default from now on, and since ever where nobody priced the same before
    #[arg(long, value_name = "TIME")]
    pub effective_from: Option<String>,
}

/// What to import.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What is read
    #[command(flatten)]
    pub catalogue: Catalogue,
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
    /// What is read
    #[command(flatten)]
    pub catalogue: Catalogue,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// Which import to show.
#[derive(Debug, Args)]
pub struct ImportsArgs {
    /// The import's number; without one, all imports are listed
    pub import: Option<i64>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// What to decide on.
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// The import's number
    pub import: i64,
    /// Only these rows, by their numbers
    #[arg(long, value_name = "ROWS", value_delimiter = ',')]
    pub rows: Vec<u64>,
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
            let answer = post(&args.catalogue, &args.target, clock, false)?;
            print(&tables::changes("Price import", &answer), args.format, out)?;
            Ok(Answer::Yes)
        }
        PricesCommand::Diff(args) => {
            let answer = post(&args.catalogue, &args.target, clock, true)?;
            print(&tables::changes("Price diff", &answer), args.format, out)?;
            Ok(if would_change(&answer) { Answer::No } else { Answer::Yes })
        }
        PricesCommand::Imports(args) => {
            let remote = args.target.reach(clock)?;
            let report = match args.import {
                Some(import) => tables::waiting(&json(&remote.get(&format!("{IMPORTS}/{import}"), &[])?)?),
                None => tables::imports(&remote.all(IMPORTS, &[("limit", "1000")])?),
            };
            print(&report, args.format, out)?;
            Ok(Answer::Yes)
        }
        PricesCommand::Approve(args) => decide(&args, "approve", "approved", clock, out),
        PricesCommand::Reject(args) => decide(&args, "reject", "rejected", clock, out),
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
            print(&tables::listed(&rows), args.format, out)?;
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
            print(&tables::shown(&rows), args.format, out)?;
            Ok(Answer::Yes)
        }
    }
}

fn post(catalogue: &Catalogue, target: &Target, clock: &Clock, dry_run: bool) -> Result<Value, Failure> {
    let text = fs::read_to_string(&catalogue.file)
        .map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", catalogue.file.display())))?;
    let format = catalogue.from.or_else(|| detect(&text));
    // Two files of one's own are two sources: the second must not take the rows of the first away.
    let file = format
        .filter(|format| format.is_own())
        .and_then(|_| file_name(&catalogue.file.display().to_string()));
    let source = catalogue.source.clone().or(file);
    let mut query = Vec::new();
    query.extend(format.map(|format| ("format", format.as_str())));
    query.extend(source.as_deref().map(|source| ("source", source)));
    query.extend(catalogue.effective_from.as_deref().map(|from| ("effective_from", from)));
    query.extend(catalogue.propose.then_some(("apply", "nothing")));
    query.extend(catalogue.backdate.then_some(("backdate", "true")));
    query.extend(dry_run.then_some(("dry_run", "true")));
    json(&target.reach(clock)?.post(IMPORTS, &query, &text)?)
}

fn decide(
    args: &ReviewArgs,
    verb: &str,
    word: &str,
    clock: &Clock,
    out: &mut dyn Write,
) -> Result<Answer, Failure> {
    let path = format!("{IMPORTS}/{}/{verb}", args.import);
    let body = if args.rows.is_empty() { String::new() } else { document!({"rows": args.rows}).to_string() };
    let answer = json(&args.target.reach(clock)?.post(&path, &[], &body)?)?;
    write!(out, "{word}: {} rows", count(&answer, word))?;
    match count(&answer, "waiting_rows") {
        0 => writeln!(out)?,
        waiting => writeln!(out, ", still waiting: {waiting}")?,
    }
    Ok(Answer::Yes)
}

fn print(report: &Report, format: FormatArg, out: &mut dyn Write) -> Result<(), Failure> {
    Ok(out.write_all(report.render(format.into()).as_bytes())?)
}

fn count(answer: &Value, key: &str) -> u64 {
    answer.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn would_change(answer: &Value) -> bool {
    let summary = answer.get("summary").unwrap_or(&Value::Null);
    let keys = ["added", "changed", "removed", "leaving", "withdrawn"];
    // A row that waits already is nothing new; one without an id is.
    let held = answer.get("held").and_then(Value::as_array).into_iter().flatten();
    let mut waiting = held.filter_map(|held| held.get("price")).map(|price| count(price, "id"));
    keys.iter().any(|key| count(summary, key) > 0) || waiting.any(|id| id == 0)
}
