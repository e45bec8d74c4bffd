//! `bursar policy explain`.

use super::{Answer, Failure, FormatArg, Target, policy::in_force};
use crate::{
    clock::Clock,
    explain::{self, Known, Question},
    policy::{self, Policy},
    reports::Report,
};
use clap::Args;
use std::{io::Write, path::PathBuf};

/// What to explain.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A YAML file, or a directory of them; without it, the policy in force
    pub path: Option<PathBuf>,
    /// How many Envoys there are, for what they may use together before any of them asks
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub envoys: u32,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask: for the policy in force, for prices, and for how full caps are
    #[command(flatten)]
    pub target: Target,
    // Behind all others, because its heading is for what follows too.
    /// The call
    #[command(flatten)]
    pub call: CallArgs,
}

/// A call to explain; its plan is the customer's.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "The call to explain")]
pub struct CallArgs {
    /// Who pays
    #[arg(long, value_name = "NAME")]
    pub customer: Option<String>,
    /// Inside what
    #[arg(long, value_name = "NAME")]
    pub workspace: Option<String>,
    /// Who acts
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// For which part of the product
    #[arg(long, value_name = "NAME")]
    pub feature: Option<String>,
    /// For which unit of work
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
    /// Who serves, as prices name it
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// The model that the request names
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Envoy's route
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
    /// The account at the provider
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// The region that serves
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// The service tier that the request names
    #[arg(long, value_name = "NAME")]
    pub tier: Option<String>,
    /// The prompt's size
    #[arg(long, value_name = "N")]
    pub input_tokens: Option<String>,
    /// The output limit that the request sets
    #[arg(long, value_name = "N")]
    pub max_tokens: Option<String>,
    /// When it starts: an instant or a day; by default now
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
}

impl CallArgs {
    /// What was said of the call, by key.
    fn said(&self) -> Vec<(&'static str, &str)> {
        let values = [
            &self.customer,
            &self.workspace,
            &self.user,
            &self.feature,
            &self.task,
            &self.provider,
            &self.model,
            &self.route,
            &self.account,
            &self.region,
            &self.tier,
            &self.input_tokens,
            &self.max_tokens,
            &self.at,
        ];
        Question::KEYS
            .into_iter()
            .zip(values)
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
            .collect()
    }
}

pub(super) fn run(args: &ExplainArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let policy = args.path.as_deref().map(policy::load).transpose()?;
    let said = args.call.said();
    // What cannot be meant is told here, whoever is asked.
    let question = question(&said, clock)?;
    let text = match policy {
        _ if said.is_empty() => {
            let policy = policy.map_or_else(|| in_force(&args.target, clock), Ok)?;
            render(&explain::overall(&policy, args.envoys, clock.now()), args)
        }
        Some(policy) if args.target.is_nobody() => {
            render(&explain::call(&policy, &question, Known::default()), args)
        }
        policy => ask(args, policy.as_ref(), &said, clock)?,
    };
    out.write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}

fn question(said: &[(&'static str, &str)], clock: &Clock) -> Result<Question, Failure> {
    let text = |key: &str| said.iter().find(|(known, _)| *known == key).map(|(_, text)| *text);
    Question::parse(text, clock.now()).map_err(|error| Failure::Usage(error.to_string()))
}

fn render(report: &Report, args: &ExplainArgs) -> String {
    report.render(args.format.into())
}

/// Lets a control plane explain: it has prices and counts.
fn ask(
    args: &ExplainArgs,
    policy: Option<&Policy>,
    said: &[(&str, &str)],
    clock: &Clock,
) -> Result<String, Failure> {
    let body = policy.map(serde_json::to_string).transpose();
    let body = body.map_err(|error| Failure::Usage(format!("the policy cannot be sent: {error}")))?;
    let query: Vec<(&str, &str)> = said.iter().copied().chain([("format", args.format.word())]).collect();
    args.target.reach(clock)?.post("/v1/policy/explanations", &query, &body.unwrap_or_default())
}
