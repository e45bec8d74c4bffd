//! `bursar calculate`.

use super::{Answer, Failure, FormatArg, Target};
use crate::clock::Clock;
use clap::Args;
use serde_json::{Map, Value};
use std::io::Write;

/// What to calculate. What is wrong with it, the control plane says, all at once.
#[derive(Debug, Args)]
pub struct CalculateArgs {
    /// A plan of the policy, whose terms --price, --period and --expected-margin replace
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<String>,
    /// What a customer pays for a period
    #[arg(long, value_name = "USD")]
    pub price: Option<String>,
    /// week, month or year
    #[arg(long, value_name = "PERIOD")]
    pub period: Option<String>,
    /// The share that shall be left
    #[arg(long, value_name = "PERCENT")]
    pub expected_margin: Option<String>,
    /// Who serves; without it, a measured usage is taken as it was booked
    #[arg(long, value_name = "PROVIDER/MODEL")]
    pub model: Option<String>,
    /// The service tier
    #[arg(long)]
    pub tier: Option<String>,
    /// The region that serves
    #[arg(long)]
    pub region: Option<String>,
    /// Our account at the provider
    #[arg(long)]
    pub account: Option<String>,
    /// Prices of this day or instant; by default of now
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Calls per customer and period, by percentile of the customers: p50=100,p90=500,p99=3000
    #[arg(long, value_name = "PERCENTILE=CALLS,…")]
    pub calls: Option<String>,
    /// Prompt tokens of a call, cached ones included
    #[arg(long, value_name = "TOKENS")]
    pub input_tokens: Option<String>,
    /// Generated tokens of a call
    #[arg(long, value_name = "TOKENS")]
    pub output_tokens: Option<String>,
    /// The share of the prompt that is read from a cache
    #[arg(long, value_name = "PERCENT")]
    pub cached: Option<String>,
    /// The share of the prompt that is written to a cache
    #[arg(long, value_name = "PERCENT")]
    pub cache_write: Option<String>,
    /// Take the usage of this plan's customers from the ledger
    #[arg(long, value_name = "plan=PLAN", conflicts_with_all = ["calls", "input_tokens", "output_tokens"])]
    pub measure: Option<String>,
    /// Measure so long a time: 30d, 2w or 12h; 30 days by default
    #[arg(long, value_name = "SPAN", conflicts_with = "from")]
    pub since: Option<String>,
    /// Measure from this day or instant on
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Measure until before this day or instant; by default until now
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Tries per call that are billed beside the one that counts, such as 0.05
    #[arg(long, value_name = "NUMBER")]
    pub retries: Option<String>,
    /// The share of calls that another model serves
    #[arg(long, value_name = "PERCENT", requires = "fallback_model")]
    pub fallback: Option<String>,
    /// Which one
    #[arg(long, value_name = "PROVIDER/MODEL", requires = "fallback")]
    pub fallback_model: Option<String>,
    /// The same on other models, side by side
    #[arg(long, value_name = "PROVIDER/MODEL,…")]
    pub compare: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

pub(super) fn run(args: &CalculateArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let measured = match &args.measure {
        None => None,
        Some(text) => Some(text.strip_prefix("plan=").map(str::to_owned).ok_or_else(|| {
            Failure::Usage(format!("--measure {text}: names no plan")).hint("write --measure plan=pro")
        })?),
    };
    let fields = [
        ("plan", &args.plan),
        ("price_usd", &args.price),
        ("period", &args.period),
        ("expected_margin_percent", &args.expected_margin),
        ("model", &args.model),
        ("tier", &args.tier),
        ("region", &args.region),
        ("account", &args.account),
        ("at", &args.at),
        ("calls", &args.calls),
        ("input_tokens", &args.input_tokens),
        ("output_tokens", &args.output_tokens),
        ("cached_percent", &args.cached),
        ("cache_write_percent", &args.cache_write),
        ("measure_plan", &measured),
        ("since", &args.since),
        ("from", &args.from),
        ("to", &args.to),
        ("retries_per_call", &args.retries),
        ("fallback_percent", &args.fallback),
        ("fallback_model", &args.fallback_model),
        ("compare", &args.compare),
    ];
    let given = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?.into())));
    let document = Value::Object(given.collect::<Map<String, Value>>()).to_string();
    let query = [("format", args.format.word())];
    let text = args.target.reach(clock)?.post("/v1/calculations", &query, &document)?;
    out.write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}
