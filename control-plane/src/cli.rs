//! The commands of `bursar`: what people type, what they get, and which exit code. A command asks a running control
//! plane over HTTP, or reads a data directory itself; what it prints comes from the same functions either way.

mod alerts;
mod calculate;
mod export;
mod failure;
mod import;
mod keys;
mod loops;
mod policy;
mod policy_explain;
mod policy_replay;
mod prices;
mod rebuild;
mod reconcile;
mod remote;
mod report;
mod rerate;
mod target;

pub use alerts::AlertsCommand;
pub use calculate::CalculateArgs;
pub use export::{ExportCommand, FocusArgs};
pub use failure::{Answer, Failure};
pub use import::ImportCommand;
pub use keys::KeysCommand;
pub use loops::LoopCommand;
pub use policy::PolicyCommand;
pub use prices::PricesCommand;
pub use rebuild::RebuildArgs;
pub use reconcile::ReconcileArgs;
pub use report::ReportArgs;
pub use rerate::RerateArgs;
pub use target::Target;

use crate::{clock::Clock, config, printable::printable, reports::Format, serve};
use clap::{Parser, Subcommand, ValueEnum};
use std::{io::Write, process::ExitCode};

/// Cost, caps and attribution for LLM calls through Envoy.
#[derive(Debug, Parser)]
#[command(name = "bursar", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What `bursar` can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the control plane
    Serve(config::Serve),
    /// Check, explain, compare and apply policies
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Import, compare, approve and show prices
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Release tasks from the loop guard
    #[command(subcommand)]
    Loop(LoopCommand),
    /// Print a report
    Report(ReportArgs),
    /// Calculate what a plan leaves at some usage, typed in or measured
    Calculate(Box<CalculateArgs>),
    /// Set a provider's usage and cost exports beside the ledger. Exit code 1 when they differ by more than is tolerated
    Reconcile(ReconcileArgs),
    /// List alerts, send them again, test where they go
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Rate calls anew with the prices that the table has now
    Rerate(RerateArgs),
    /// Write charges for other tools to read
    #[command(subcommand)]
    Export(ExportCommand),
    /// Book calls that were written down elsewhere
    #[command(subcommand)]
    Import(ImportCommand),
    /// Make, list and revoke keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Recompute the aggregates from the ledger
    Rebuild(RebuildArgs),
}

/// How tables are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For a terminal.
    #[default]
    Table,
    /// JSON, exact.
    Json,
    /// Comma-separated values, exact.
    Csv,
    /// Markdown.
    Md,
}

impl FormatArg {
    /// The word in an address.
    fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Md => "md",
        }
    }
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Table => Self::Table,
            FormatArg::Json => Self::Json,
            FormatArg::Csv => Self::Csv,
            FormatArg::Md => Self::Markdown,
        }
    }
}

/// Runs the command of this process's arguments: answers on standard output, failures on standard error.
pub fn run() -> ExitCode {
    // clap prints its own errors, and ends with 2 on wrong usage.
    let Cli { command } = Cli::parse();
    match execute(command, &Clock::system(), &mut std::io::stdout().lock()) {
        Ok(answer) => ExitCode::from(answer.code()),
        Err(failure) => {
            complain(&failure);
            ExitCode::from(failure.code())
        }
    }
}

/// Runs a command and writes what it prints.
pub fn execute(command: Command, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    match command {
        Command::Serve(config) => serve::run(config).map(|()| Answer::Yes),
        Command::Policy(command) => policy::run(command, clock, out),
        Command::Prices(command) => prices::run(command, clock, out),
        Command::Loop(command) => loops::run(command, clock, out),
        Command::Report(args) => report::run(&args, clock, out),
        Command::Calculate(args) => calculate::run(&args, clock, out),
        Command::Reconcile(args) => reconcile::run(&args, clock, out),
        Command::Alerts(command) => alerts::run(command, clock, out),
        Command::Rerate(args) => rerate::run(&args, clock, out),
        Command::Export(command) => export::run(&command, clock, out, &mut std::io::stderr()),
        Command::Import(command) => import::run(command, clock, out),
        Command::Keys(command) => keys::run(command, clock, out),
        Command::Rebuild(args) => rebuild::run(&args, out),
    }
}

#[expect(clippy::print_stderr, reason = "this is how a command says what went wrong")]
fn complain(failure: &Failure) {
    // Names of others may stand in it, and a terminal obeys what cannot be printed.
    for line in failure.to_string().lines() {
        eprintln!("{}", printable(line));
    }
}

#[cfg(test)]
mod tests;
