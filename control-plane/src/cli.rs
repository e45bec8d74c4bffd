//! The command line: which command, and with which exit code it ends.
//!
//! 0 done; 1 the answer is no; 2 wrong usage or bad input; 3 something could not be reached.

use crate::{config, serve};
use clap::{Parser, Subcommand};
use std::{fmt, process::ExitCode};

/// Cost, caps and attribution for LLM calls through Envoy.
#[derive(Debug, Parser)]
#[command(name = "bursar", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the control plane
    Serve(config::Serve),
}

/// Why a command did not end well. Its text goes to standard error.
#[derive(Debug)]
pub enum Failure {
    /// The answer is no.
    No(String),
    /// Wrong usage or bad input.
    Usage(String),
    /// Something could not be reached.
    Unreachable(String),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Self::No(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No(text) | Self::Usage(text) | Self::Unreachable(text) => f.write_str(text),
        }
    }
}

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    // clap prints its own errors, and ends with 2 on wrong usage.
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(config) => serve::run(config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                complain(&text);
            }
            ExitCode::from(failure.code())
        }
    }
}

#[expect(clippy::print_stderr, reason = "this is how a command says what went wrong")]
fn complain(text: &str) {
    eprintln!("{text}");
}
