//! `bursar export`.

use super::{Answer, Failure, Target};
use crate::{
    api::{COST_WITHOUT_METER, UNPRICED_CALLS},
    clock::Clock,
    focus::{Days, Format},
};
use clap::{Args, Subcommand, ValueEnum, builder::PossibleValue};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

/// What is exported.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Charges as FOCUS 1.2 rows, which FinOps tools read
    Focus(FocusArgs),
}

/// Which charges, from where, to where, how.
#[derive(Debug, Args)]
pub struct FocusArgs {
    /// The first day, UTC; by default the first of the last day's month
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// The day after the last one; by default tomorrow
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
    /// How they are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Only those of that customer
    #[arg(long)]
    pub customer: Option<String>,
    /// Only those of that provider
    #[arg(long)]
    pub provider: Option<String>,
    /// What BillingAccountId says; by default the provider's name
    #[arg(long, value_name = "ID")]
    pub billing_account: Option<String>,
    /// The file they are written to; by default standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Whom to ask
    #[command(flatten)]
    pub target: Target,
}

impl ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Csv, Self::Parquet]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

/// Runs one. What is left out is said on `aside`, so that what is exported stays alone on `out`.
pub(super) fn run(
    command: &ExportCommand,
    clock: &Clock,
    out: &mut dyn Write,
    aside: &mut dyn Write,
) -> Result<Answer, Failure> {
    let ExportCommand::Focus(args) = command;
    let days = Days::parse(args.from.as_deref(), args.to.as_deref(), clock.now())
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let (from, to) = (days.first().to_string(), days.end().to_string());
    let filters = [
        ("customer", &args.customer),
        ("provider", &args.provider),
        ("billing_account", &args.billing_account),
    ];
    let filters = filters.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let fixed = [("from", &*from), ("to", &*to), ("format", args.format.as_str())];
    let query: Vec<(&str, &str)> = fixed.into_iter().chain(filters).collect();
    let remote = args.target.reach(clock)?;
    let mut download = |out: &mut dyn Write| remote.download("/v1/exports/focus", &query, out);
    let headers = match &args.output {
        None => download(out)?,
        Some(path) => whole(path, &mut download)?,
    };
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(calls) = said(UNPRICED_CALLS).filter(|calls| *calls != "0") {
        let (calls, are) = if calls == "1" { ("1 call", "is") } else { (&*format!("{calls} calls"), "are") };
        writeln!(
            aside,
            "{calls} from {from} to before {to} {are} not in it: the cost is not known\n  \
             hint: `bursar report unpriced` says why; import the prices, then `bursar rerate`"
        )?;
    }
    match said(COST_WITHOUT_METER).filter(|cost| *cost != "0") {
        Some(cost) if cost.starts_with('-') => writeln!(
            aside,
            "the charges from {from} to before {to} are {cost} USD off what the ledger's totals say\n  \
             hint: `bursar rebuild --check` says which are wrong"
        )?,
        Some(cost) => writeln!(
            aside,
            "{cost} USD spent from {from} to before {to} are not in it: no meter is known of them, as of a call that \
             was never heard of again and costs what was held for it"
        )?,
        None => {}
    }
    Ok(Answer::Yes)
}

/// Writes a file that is there when it is whole and not before: a part of an export looks like all of a smaller one.
fn whole<T>(path: &Path, write: &mut dyn FnMut(&mut dyn Write) -> Result<T, Failure>) -> Result<T, Failure> {
    let cannot =
        |error: std::io::Error| Failure::Usage(format!("{}: cannot be written: {error}", path.display()));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let mut file = BufWriter::new(File::create(&part).map_err(cannot)?);
    let written = write(&mut file).and_then(|answer| {
        file.flush().map_err(cannot)?;
        fs::rename(&part, path).map_err(cannot)?;
        Ok(answer)
    });
    if written.is_err() {
        // What is left is of no use; if it cannot be removed, its name says so.
        fs::remove_file(&part).unwrap_or_default();
    }
    written
}
