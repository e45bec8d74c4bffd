//! `bursar policy`.

use super::{Answer, Failure, FormatArg, Target, policy_diff, remote::json};
use crate::{
    clock::Clock,
    instant::Instant,
    policy::{self, Policy},
    reports::{Cell, Column, Report, Section},
};
use clap::{Args, Subcommand};
use protocol::{
    UnixNanos,
    cap::{CapSpec, SubjectMatch, Unit},
    money::PicoUsd,
};
use serde_json::Value;
use std::{io::Write, path::PathBuf};

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Report every fault of a policy. Exit code 1 when there is one.
    Check(PathArgs),
    /// Show what a policy comes to: each cap's subject, window and what an Envoy may use before it asks.
    Explain(ExplainArgs),
    /// Print the JSON Schema that editors use.
    Schema,
    /// Compare a policy with the one in force. Exit code 1 when they differ.
    Diff(DiffArgs),
    /// Put a policy in force.
    Apply(ApplyArgs),
}

/// A policy on the disk.
#[derive(Debug, Args)]
pub struct PathArgs {
    /// A YAML file, or a directory of them.
    pub path: PathBuf,
}

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A YAML file, or a directory of them.
    pub path: PathBuf,
    /// How many Envoys there are, for what they may use together before any of them asks.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub envoys: u32,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
}

/// What to compare.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The new one: a YAML file, or a directory of them.
    pub path: PathBuf,
    /// Compare with this policy on the disk instead of the one in force.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["server", "data_dir"])]
    pub against: Option<PathBuf>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// What to put in force.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// A YAML file, or a directory of them.
    pub path: PathBuf,
    /// Let the control plane check it, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

pub(super) fn run(command: PolicyCommand, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    match command {
        PolicyCommand::Check(args) => {
            let policy = policy::load(&args.path)?;
            let caps = policy.cap_specs().len();
            let (plans, customers) = (policy.plans.len(), policy.customers.len());
            writeln!(out, "no fault: {plans} plans, {customers} customers, {caps} limits")?;
            Ok(Answer::Yes)
        }
        PolicyCommand::Explain(args) => {
            let report = explain(&policy::load(&args.path)?, args.envoys, clock.now());
            out.write_all(report.render(args.format.into()).as_bytes())?;
            Ok(Answer::Yes)
        }
        PolicyCommand::Schema => {
            writeln!(out, "{:#}", policy::schema())?;
            Ok(Answer::Yes)
        }
        PolicyCommand::Diff(args) => diff(&args, clock, out),
        PolicyCommand::Apply(args) => apply(&args, clock, out),
    }
}

fn diff(args: &DiffArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let new = policy::load(&args.path)?;
    let old = match &args.against {
        Some(path) => policy::load(path)?,
        None => in_force(&args.target, clock)?,
    };
    let report = policy_diff::report(&old.masked(), &new.masked());
    out.write_all(report.render(args.format.into()).as_bytes())?;
    let differs = report.sections.iter().any(|section| !section.rows.is_empty());
    Ok(if differs { Answer::No } else { Answer::Yes })
}

fn in_force(target: &Target, clock: &Clock) -> Result<Policy, Failure> {
    let mut answer = json(&target.reach(clock)?.get("/v1/policy", &[])?)?;
    let policy = answer.get_mut("policy").map(Value::take).unwrap_or_default();
    serde_json::from_value(policy)
        .map_err(|error| Failure::Unreachable(format!("the policy in force cannot be read: {error}")))
}

fn apply(args: &ApplyArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    // Checked here first: faults are shown with the file they are in.
    let policy = policy::load(&args.path)?;
    let body = serde_json::to_string(&policy)
        .map_err(|error| Failure::Usage(format!("the policy cannot be sent: {error}")))?;
    let query: &[(&str, &str)] = if args.dry_run { &[("dry_run", "true")] } else { &[] };
    let answer = json(&args.target.reach(clock)?.put("/v1/policy", query, &body)?)?;
    if args.dry_run {
        writeln!(out, "no fault; nothing was changed")?;
    } else {
        let version = answer.get("version").and_then(Value::as_i64).unwrap_or_default();
        writeln!(out, "in force: version {version}")?;
    }
    Ok(Answer::Yes)
}

fn explain(policy: &Policy, envoys: u32, now: UnixNanos) -> Report {
    let column = |key, title| Column { key, title };
    let specs = policy.cap_specs();
    let rows = specs.iter().map(|cap| {
        let subject = subject(cap);
        let (from, to) = policy.window_of(cap, &key(cap), now);
        let fleet = cap.initial.saturating_mul(i64::from(envoys)).min(cap.limit);
        vec![
            Cell::text(&*cap.id),
            Cell::text(subject),
            Cell::text(amount(cap, cap.limit)),
            Cell::text(cap.window.as_str()),
            Cell::text(Instant(from).to_string()),
            Cell::text(Instant(to).to_string()),
            Cell::text(if cap.shadow { "shadow" } else { "enforce" }),
            Cell::text(amount(cap, cap.initial)),
            Cell::text(amount(cap, fleet)),
        ]
    });
    let envoys_word = if envoys == 1 { "one Envoy".to_owned() } else { format!("{envoys} Envoys") };
    let section = Section {
        key: "caps",
        title: "Caps",
        columns: vec![
            column("cap", "cap"),
            column("subject", "about"),
            column("limit", "limit"),
            column("window", "window"),
            column("window_from", "now from"),
            column("window_to", "until"),
            column("mode", "mode"),
            column("initial", "one Envoy before it asks"),
            column("initial_fleet", "all before they ask"),
        ],
        rows: rows.collect(),
        total: None,
        notes: vec![
            format!(
                "With `admission: fast`, {envoys_word} may use the last column of a subject before the first answer. \
                 With `admission: strict` nothing is used before it."
            ),
            format!(
                "Control plane out of reach: {}. Model without a price: {}. Call without a customer: {}.",
                word(&policy.when_unreachable),
                word(&policy.unpriced.rule),
                word(&policy.unattributed.rule)
            ),
        ],
        empty: "The policy caps nothing.",
    };
    Report { title: "Policy".to_owned(), range: None, sections: vec![section] }
}

fn word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

fn subject(cap: &CapSpec) -> String {
    let parts = cap.subject.iter().map(|(dimension, matcher)| match matcher {
        SubjectMatch::Is(name) => format!("{dimension} {name}"),
        SubjectMatch::Each => format!("each {dimension}"),
        SubjectMatch::Absent => format!("no {dimension}"),
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "all traffic".to_owned() } else { parts.join(", ") }
}

/// A count's key, as far as the policy alone knows it: enough to find the customer's zone.
fn key(cap: &CapSpec) -> String {
    let parts = cap.subject.iter().filter_map(|(dimension, matcher)| match matcher {
        SubjectMatch::Is(name) => Some(format!("{dimension}={name}")),
        SubjectMatch::Each | SubjectMatch::Absent => None,
    });
    parts.collect::<Vec<_>>().join(" ")
}

fn amount(cap: &CapSpec, amount: i64) -> String {
    match cap.unit {
        Unit::Usd => format!("{} USD", PicoUsd::new(i128::from(amount))),
        Unit::Tokens => format!("{amount} tokens"),
        Unit::Calls => format!("{amount} calls"),
    }
}
