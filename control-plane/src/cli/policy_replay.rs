//! `bursar policy replay`.

use super::{Answer, Failure, FormatArg, Target};
use crate::{clock::Clock, policy};
use clap::Args;
use std::{io::Write, path::PathBuf};

/// What to replay.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A YAML file, or a directory of them
    pub path: PathBuf,
    /// Calls that started then or later: so long before now (12h, 7d, 2w), an instant or a day
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub since: String,
    /// Calls that started before then; by default now
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

pub(super) fn run(args: &ReplayArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    // Checked here first: faults are shown with the file they are in.
    let policy = policy::load(&args.path)?;
    let body = serde_json::to_string(&policy)
        .map_err(|error| Failure::Usage(format!("the policy cannot be sent: {error}")))?;
    let mut query = vec![("since", &*args.since), ("format", args.format.word())];
    query.extend(args.until.as_deref().map(|until| ("until", until)));
    let text = args.target.reach(clock)?.post_patiently("/v1/policy/replays", &query, &body)?;
    out.write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}
