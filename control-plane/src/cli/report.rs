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
    /// Costs as they were booked at first, without re-ratings.
    #[arg(long)]
    pub original: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
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
    let query = [("from", &*from), ("to", &*to), ("format", args.format.word()), ("costs", costs)];
    let text = args.target.reach(clock)?.get(&path, &query)?;
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(Answer::Yes)
}
