//! `bursar reconcile`.

use super::{Answer, Failure, FormatArg, Target};
use crate::{api::WITHIN_TOLERANCE, clock::Clock, reconcile::Provider};
use clap::{Args, ValueEnum, builder::PossibleValue};
use serde_json::{Map, Value, json};
use std::{fs, io::Write, path::PathBuf};

/// All files together: what the route takes.
const BYTES_MAX: usize = 30 * 1024 * 1024;

/// Which exports.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// Usage and cost exports of the same days: JSON pages of OpenAI's or Anthropic's organization API, OpenRouter's
    /// activity, AWS CUR or FOCUS
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Whose exports they are
    #[arg(long)]
    pub provider: Provider,
    /// How much of their total may differ; beyond that the exit code is 1
    #[arg(long, value_name = "PERCENT", default_value = "1%")]
    pub tolerance: String,
    /// The IANA zone of the export's days
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub time_zone: String,
    /// What a description in the export means: `Claude3.5Sonnet=anthropic.claude-3-5-sonnet-20240620-v1:0`
    #[arg(long = "model", value_name = "PART=MODEL")]
    pub models: Vec<String>,
    /// Put prices that explain three days or more among those that wait for approval
    #[arg(long)]
    pub propose: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

impl ValueEnum for Provider {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

pub(super) fn run(args: &ReconcileArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let mut files = Vec::new();
    let mut bytes = 0_usize;
    for path in &args.files {
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", path.display())))?;
        bytes = bytes.saturating_add(text.len());
        if bytes > BYTES_MAX {
            let text = format!("{}: the files are larger than {BYTES_MAX} bytes together", path.display());
            return Err(Failure::Usage(text).hint("reconcile fewer days at once"));
        }
        files.push(json!({"name": path.display().to_string(), "text": text}));
    }
    let mut models = Map::new();
    for pair in &args.models {
        let (part, model) = pair.split_once('=').ok_or_else(|| {
            Failure::Usage(format!("--model {pair}: has no `=`"))
                .hint("write --model 'Claude3.5Sonnet=claude-3-5-sonnet'")
        })?;
        models.insert(part.to_owned(), Value::from(model));
    }
    let request = json!({
        "provider": args.provider.as_str(), "files": files, "tolerance_percent": args.tolerance,
        "time_zone": args.time_zone, "models": models, "propose": args.propose,
    });
    let query = [("format", args.format.word())];
    let remote = args.target.reach(clock)?;
    let (text, headers) = remote.post_for_headers("/v1/reconciliations", &query, &request.to_string())?;
    out.write_all(text.as_bytes())?;
    let is_within = headers.get(WITHIN_TOLERANCE).is_some_and(|within| within.as_bytes() == b"true");
    Ok(if is_within { Answer::Yes } else { Answer::No })
}
