//! `bursar keys`.

use super::{Answer, Failure, FormatArg, Target, remote::json};
use crate::{
    access::Role,
    clock::Clock,
    instant::Instant,
    percent,
    reports::{Cell, Column, Report, Section},
};
use clap::{Args, Subcommand};
use serde_json::Value;
use std::io::Write;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, once. The first one must be of role admin, and closes API and console to all without
    Create(CreateArgs),
    /// List the keys there are
    List(ListArgs),
    /// Revoke a key, and end all sessions that were begun with it. The last one goes with --data-dir alone
    Revoke(RevokeArgs),
}

/// Which key to make.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Who or what is to have it
    pub name: String,
    /// ingest (filters and backends: what happened), read, operate (prices, alerts, loops, revenue), admin (policy, keys)
    #[arg(long, value_name = "ROLE")]
    pub role: Role,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// How to list them.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// Which key to revoke.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Whose
    pub name: String,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

pub(super) fn run(command: KeysCommand, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    match command {
        KeysCommand::Create(args) => {
            let wish = serde_json::json!({"name": args.name, "role": args.role.as_str()}).to_string();
            let made = json(&args.target.reach(clock)?.post("/v1/keys", &[], &wish)?)?;
            // Nothing else, so that it can be piped to where it is kept.
            writeln!(out, "{}", made.get("key").and_then(Value::as_str).unwrap_or_default())?;
        }
        KeysCommand::List(args) => {
            let keys = args.target.reach(clock)?.all("/v1/keys", &[])?;
            out.write_all(list(&keys).render(args.format.into()).as_bytes())?;
        }
        KeysCommand::Revoke(args) => {
            let path = format!("/v1/keys/{}", percent::encoded(&args.name));
            let remote = args.target.reach(clock)?;
            remote.delete(&path)?;
            writeln!(out, "revoked: {}", args.name)?;
            if args.target.data_dir.is_some() && remote.all("/v1/keys", &[])?.is_empty() {
                writeln!(
                    out,
                    "warning: no key is left; whoever reaches the control plane may do everything"
                )?;
            }
        }
    }
    Ok(Answer::Yes)
}

fn list(keys: &[Value]) -> Report {
    let row = |key: &Value| {
        let text = |field: &str| key.get(field).and_then(Value::as_str).unwrap_or_default();
        let at = text("made_at").parse().map_or(Cell::Empty, |Instant(at)| Cell::Moment(at));
        vec![Cell::text(text("name")), Cell::text(text("role")), at]
    };
    let section = Section {
        key: "keys",
        title: "Keys",
        columns: vec![
            Column::new("name", "name"),
            Column::new("role", "role"),
            Column::new("made_at", "made, UTC"),
        ],
        rows: keys.iter().map(row).collect(),
        total: None,
        notes: Vec::new(),
        empty: "No key: whoever reaches the control plane may do everything.",
    };
    Report { title: "Keys".to_owned(), range: None, sections: vec![section] }
}
