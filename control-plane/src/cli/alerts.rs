//! `bursar alerts`.

use super::{Answer, Failure, FormatArg, Target, remote::json};
use crate::{
    clock::Clock,
    percent,
    reports::{Cell, Column, Report, Section},
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::io::Write;

/// What can be asked of alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    /// List alerts, the newest first
    List(ListArgs),
    /// Send the message of an alert again
    Resend(ResendArgs),
    /// Send a test message to a destination of the policy, and say what it answers
    Test(TestArgs),
}

/// Which alerts.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Raised at this day or instant or later
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Raised before this day or instant
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only one kind, such as margin_reached or cap
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only those of one customer
    #[arg(long, value_name = "NAME")]
    pub customer: Option<String>,
    /// Only standing, resolved or seeded ones
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// Which one.
#[derive(Debug, Args)]
pub struct ResendArgs {
    /// The alert's id
    pub id: u64,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// Where to.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The destination's name in the policy
    pub destination: String,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

pub(super) fn run(command: AlertsCommand, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    match command {
        AlertsCommand::List(args) => list(&args, clock, out),
        AlertsCommand::Resend(args) => {
            let path = format!("/v1/alerts/{}/resend", args.id);
            let answer = json(&args.target.reach(clock)?.post(&path, &[], "")?)?;
            let queued = answer.get("queued").and_then(Value::as_array).into_iter().flatten();
            let queued: Vec<&str> = queued.filter_map(Value::as_str).collect();
            writeln!(out, "on its way again to {}", queued.join(", "))?;
            Ok(Answer::Yes)
        }
        AlertsCommand::Test(args) => test(&args, clock, out),
    }
}

fn test(args: &TestArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let name = &args.destination;
    let path = format!("/v1/destinations/{}/test", percent::encoded(name));
    let answer = json(&args.target.reach(clock)?.post(&path, &[], "")?)?;
    let error = answer.get("error").and_then(Value::as_str);
    let signed = answer.get("signed").and_then(Value::as_bool).unwrap_or_default();
    match (answer.get("status").and_then(Value::as_u64), error) {
        (Some(status), None) => {
            let how = if signed { "a signed" } else { "an unsigned" };
            writeln!(out, "{name} took {how} test message: {status}")?;
            Ok(Answer::Yes)
        }
        (Some(_), Some(error)) => Err(Failure::No(format!("{name} {error}"))),
        (None, error) => Err(Failure::Unreachable(format!("{name}: {}", error.unwrap_or("no answer")))),
    }
}

fn list(args: &ListArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let asked = [
        ("from", &args.from),
        ("to", &args.to),
        ("kind", &args.kind),
        ("customer", &args.customer),
        ("state", &args.state),
    ];
    let mut query: Vec<(&str, &str)> =
        asked.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))).collect();
    query.push(("limit", "1000"));
    let alerts = args.target.reach(clock)?.all("/v1/alerts", &query)?;
    let column = |key, title| Column::new(key, title);
    let section = Section {
        key: "alerts",
        title: "Alerts",
        columns: vec![
            column("id", "id"),
            column("at", "at"),
            column("kind", "kind"),
            column("threshold", "threshold"),
            column("state", "state"),
            column("delivery", "delivery"),
            column("text", "what"),
        ],
        rows: alerts.iter().map(row).collect(),
        total: None,
        notes: Vec::new(),
        empty: "Nothing was raised.",
    };
    let report = Report { title: "Alerts".to_owned(), range: None, sections: vec![section] };
    out.write_all(report.render(args.format.into()).as_bytes())?;
    Ok(Answer::Yes)
}

fn row(alert: &Value) -> Vec<Cell> {
    let text = |key: &str| Cell::text(alert.get(key).and_then(Value::as_str).unwrap_or("–"));
    let count = |key: &str| Cell::Count(alert.get(key).and_then(Value::as_u64).unwrap_or_default());
    let deliveries = alert.get("deliveries").and_then(Value::as_array).into_iter().flatten();
    let delivery = |delivery: &Value| {
        let part = |key: &str| delivery.get(key).and_then(Value::as_str);
        let state = part("state").unwrap_or_default();
        let attempts = delivery.get("attempts").and_then(Value::as_u64).unwrap_or_default();
        let error = part("last_error").map(|error| format!(" ({error})")).unwrap_or_default();
        format!("{}: {state} after {attempts}{error}", part("destination").unwrap_or_default())
    };
    let deliveries: Vec<String> = deliveries.map(delivery).collect();
    vec![
        // A key, not a quantity: no separators between its digits.
        Cell::text(alert.get("id").map(Value::to_string).unwrap_or_default()),
        text("at"),
        text("kind"),
        count("threshold"),
        text("state"),
        Cell::text(if deliveries.is_empty() { "–".to_owned() } else { deliveries.join("; ") }),
        text("text"),
    ]
}
