//! `bursar policy`.

use super::{
    Answer, Failure, FormatArg, Target,
    policy_explain::{self, ExplainArgs},
    policy_replay::{self, ReplayArgs},
    remote::json,
};
use crate::{
    clock::Clock,
    policy::{self, Policy},
    policy_diff,
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::{io::Write, path::PathBuf};

/// What can be done with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Report every fault of a policy. Exit code 1 when there is one.
    Check(PathArgs),
    /// Show what a policy comes to: each cap's subject, window and what an Envoy may use before it asks; or, with what
    /// a call is like, which caps, prices and rules it meets.
    Explain(Box<ExplainArgs>),
    /// Run a policy over the calls of the ledger: what it would have refused, and what they had cost.
    Replay(ReplayArgs),
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
    /// Put it in the place of this version, and of no other: where another one is in force, nothing is changed.
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i64).range(0..))]
    pub if_version: Option<i64>,
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
        PolicyCommand::Explain(args) => policy_explain::run(&args, clock, out),
        PolicyCommand::Replay(args) => policy_replay::run(&args, clock, out),
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
    let report = policy_diff::report(&old, &new);
    out.write_all(report.render(args.format.into()).as_bytes())?;
    let differs = report.sections.iter().any(|section| !section.rows.is_empty());
    Ok(if differs { Answer::No } else { Answer::Yes })
}

pub(super) fn in_force(target: &Target, clock: &Clock) -> Result<Policy, Failure> {
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
    let version = args.if_version.map(|version| version.to_string());
    let only_that = version.iter().map(|version| ("if_version", version.as_str()));
    let query: Vec<(&str, &str)> =
        args.dry_run.then_some(("dry_run", "true")).into_iter().chain(only_that).collect();
    let answer = json(&args.target.reach(clock)?.put("/v1/policy", &query, &body)?)?;
    if args.dry_run {
        writeln!(out, "no fault; nothing was changed")?;
    } else {
        let version = answer.get("version").and_then(Value::as_i64).unwrap_or_default();
        writeln!(out, "in force: version {version}")?;
    }
    Ok(Answer::Yes)
}
