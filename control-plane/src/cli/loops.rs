//! `bursar loop`.

use super::{Answer, Failure, Target, remote::json};
use crate::clock::Clock;
use clap::{Args, Subcommand};
use serde_json::Value;
use std::io::Write;

/// What can be done about tasks that repeat themselves.
#[derive(Debug, Subcommand)]
pub enum LoopCommand {
    /// Let a task that the loop guard stopped begin anew
    Release(ReleaseArgs),
}

/// Which task.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// As the application names it
    pub task: String,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

pub(super) fn run(command: LoopCommand, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let LoopCommand::Release(args) = command;
    let request = serde_json::json!({"task": args.task}).to_string();
    let answer = json(&args.target.reach(clock)?.post("/v1/loops/release", &[], &request)?)?;
    let at = answer.get("released_at").and_then(Value::as_str).unwrap_or_default();
    writeln!(out, "released: {} at {at}", args.task)?;
    Ok(Answer::Yes)
}
