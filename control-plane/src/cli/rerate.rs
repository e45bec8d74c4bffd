//! `bursar rerate`.

use super::{Answer, Failure, FormatArg, Target, remote::json};
use crate::{
    clock::Clock,
    reports::{Cell, Column, Report, Section},
};
use clap::Args;
use protocol::money::PicoUsd;
use serde_json::{Value, json};
use std::{collections::BTreeMap, io::Write};

/// Which calls to rate anew.
#[derive(Debug, Args)]
pub struct RerateArgs {
    /// Calls that started at this day or instant or later
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// Calls that started before this day or instant
    #[arg(long, value_name = "TIME")]
    pub to: String,
    /// Only calls of this customer, provider, model, …; all of several must hold. Nothing behind the `=` is absence
    #[arg(long = "where", value_name = "DIMENSION=NAME", value_delimiter = ',')]
    pub selected: Vec<String>,
    /// Say what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

pub(super) fn run(args: &RerateArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let pair = |text: &String| {
        let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        pair.ok_or_else(|| {
            Failure::Usage(format!("--where {text}: has no `=`")).hint("write --where customer=acme")
        })
    };
    let selected: BTreeMap<String, String> =
        args.selected.iter().map(pair).collect::<Result<_, Failure>>()?;
    let request =
        json!({"from": args.from, "to": args.to, "where": selected, "dry_run": args.dry_run}).to_string();
    let answer = json(&args.target.reach(clock)?.post_patiently("/v1/rerates", &[], &request)?)?;
    out.write_all(report(&answer, args.dry_run).render(args.format.into()).as_bytes())?;
    Ok(Answer::Yes)
}

fn report(answer: &Value, dry_run: bool) -> Report {
    let count = |key: &str| answer.get(key).and_then(Value::as_u64).unwrap_or_default();
    let rows = answer.get("changes").and_then(Value::as_array).into_iter().flatten();
    let mut notes =
        vec![format!("{} calls looked at, {} cost something else.", count("calls"), count("changed"))];
    if count("kept") > 0 {
        notes.push(format!(
            "{} calls are not priced by the table any more and keep the cost they have.",
            count("kept")
        ));
    }
    if dry_run && count("changed") > 0 {
        notes.push("Nothing was changed. Without --dry-run, each of them gets a correction.".to_owned());
    }
    let column = |key, title| Column::new(key, title);
    let section = Section {
        key: "changes",
        title: if dry_run { "What would change" } else { "What changed" },
        columns: vec![
            column("customer", "customer"),
            column("provider", "provider"),
            column("model", "model"),
            column("calls", "calls"),
            column("calls_priced", "without a cost before"),
            column("before_usd", "before, USD"),
            column("after_usd", "since, USD"),
            column("difference_usd", "difference, USD"),
        ],
        rows: rows.map(row).collect(),
        total: None,
        notes,
        empty: "No call costs anything else.",
    };
    Report { title: "Re-rating".to_owned(), range: None, sections: vec![section] }
}

fn row(change: &Value) -> Vec<Cell> {
    let text = |key: &str| Cell::text(change.get(key).and_then(Value::as_str).unwrap_or("–"));
    let count = |key: &str| Cell::Count(change.get(key).and_then(Value::as_u64).unwrap_or_default());
    let money = |key: &str| {
        Cell::Usd(change.get(key).and_then(Value::as_str).and_then(|text| text.parse::<PicoUsd>().ok()))
    };
    vec![
        text("customer"),
        text("provider"),
        text("model"),
        count("calls"),
        count("priced"),
        money("before_usd"),
        money("after_usd"),
        money("difference_usd"),
    ]
}
