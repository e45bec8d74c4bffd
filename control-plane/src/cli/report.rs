//! `bursar report`.

use super::{Answer, Failure, FormatArg, Target};
use crate::{
    clock::Clock,
    instant::Instant,
    reports::{Kind, Range},
};
use clap::{Args, ValueEnum, builder::PossibleValue};
use std::io::Write;

/// Which report, about when, from where, how.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Which one.
    pub report: Kind,
    /// From this day or instant on; by default the last seven days.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Until before this day or instant.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only what it is about
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Costs as they were booked at first, without re-ratings; not for weekly, drift, waste and tasks.
    #[arg(long)]
    pub original: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

/// What a report is filtered by. Which reports can take which: `GET /v1/reports/…` says.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// Only this customer; empty: calls of none. So for all filters, as far as the report can take them.
    #[arg(long, value_name = "NAME")]
    pub customer: Option<String>,
    /// Only this workspace.
    #[arg(long, value_name = "NAME")]
    pub workspace: Option<String>,
    /// Only calls booked on this plan.
    #[arg(long, value_name = "NAME")]
    pub plan: Option<String>,
    /// Only this feature.
    #[arg(long, value_name = "NAME")]
    pub feature: Option<String>,
    /// Only this route.
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
    /// Only this provider.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Only this model.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
}

impl FilterArgs {
    fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { customer, workspace, plan, feature, route, provider, model } = self;
        let all = [
            ("customer", customer),
            ("workspace", workspace),
            ("plan", plan),
            ("feature", feature),
            ("route", route),
            ("provider", provider),
            ("model", model),
        ];
        all.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)))
    }
}

impl ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

pub(super) fn run(args: &ReportArgs, clock: &Clock, out: &mut dyn Write) -> Result<Answer, Failure> {
    let range = Range::parse(args.from.as_deref(), args.to.as_deref(), clock.now())
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let (from, to) = (Instant(range.from).to_string(), Instant(range.to).to_string());
    let costs = if args.original { "original" } else { "corrected" };
    let path = format!("/v1/reports/{}", args.report.as_str());
    let own = [("from", &*from), ("to", &*to), ("format", args.format.word()), ("costs", costs)];
    let query: Vec<(&str, &str)> = own.into_iter().chain(args.filter.pairs()).collect();
    let text = args.target.reach(clock)?.get(&path, &query)?;
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(Answer::Yes)
}
