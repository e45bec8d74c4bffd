//! The weekly founder report: what AI cost, for whom, what is left of what they pay, and what nobody knows.

mod changes;
mod runaway;

pub use changes::Changes;
pub use runaway::SPANS;

use super::{
    Behind, By, CapState, Cell, CustomerMargin, Filter, Group, Payers, Range, Report, Section, TaskGroup,
    TasksBy, Totals,
    breakdown::{CUSTOMER, MODEL, all_of_them, calls, column, plan_section, unknowns},
    channels, customer_margins, money, plan_margins, tasks, waste,
};
use protocol::{cap::Unit, money::PicoUsd};
use std::collections::BTreeMap;

/// So many customers are named; the others are one row, so that the rows add up.
const CUSTOMERS_MAX: usize = 20;
const DAY_NS: u64 = 86_400_000_000_000;
/// A cap is close from here on, where the policy's alerts name nothing lower.
const CLOSE_PERCENT: u8 = 80;

/// What is near to the truth and not all of it is said.
const CAPS_LEAD_TO: &str = "In the console the numbers lead to the calls of the subject that began in the cap's window: what the cap counted, but for calls from before it was there, and of models that were asked for by another name. A cap counts what was charged to it when a call ended: a ceiling where the cost is not known, and nothing of what re-ratings changed since.";

/// Everything the report reads.
#[derive(Clone, Debug)]
pub struct WeeklyFigures<'a> {
    /// The policy in force, and what was really paid.
    pub payers: Payers<'a>,
    /// The week.
    pub range: Range,
    /// Its calls by customer,
    pub customers: &'a [Group],
    /// and those of the week before.
    pub customers_before: &'a [Group],
    /// By feature.
    pub features: &'a [Group],
    /// By route.
    pub routes: &'a [Group],
    /// By provider and model.
    pub models: &'a [Group],
    /// Every cap that has a count.
    pub caps: &'a [CapState],
    /// Tasks by feature.
    pub tasks: &'a [TaskGroup],
    /// Workspaces of the week,
    pub workspaces: &'a [Group],
    /// and of the weeks before it.
    pub workspaces_before: &'a [Group],
    /// What changed.
    pub changes: &'a Changes,
}

/// The report.
pub fn weekly(figures: &WeeklyFigures<'_>) -> Report {
    let Payers { policy, .. } = figures.payers;
    let margins = customer_margins(figures.payers, figures.customers, figures.range, &Filter::default());
    let sections = vec![
        summary(figures),
        customers(figures),
        // Beside the features' cost, of which the key is `features`.
        Section { key: "tasks", ..tasks::section(TasksBy::Feature, figures.tasks) },
        features(figures),
        waste::table(By::Route, figures.routes),
        plan_section(&plan_margins(policy, &margins)),
        below(&margins),
        channels::section(policy, &margins),
        close_to_caps(figures),
        runaway::section(policy, figures.workspaces, figures.workspaces_before),
        unknown_models(figures),
        figures.changes.section(),
    ];
    Report { title: "Weekly report".to_owned(), range: Some(figures.range), sections }
}

/// The words for the time that is compared with.
struct Before {
    /// In a sentence.
    words: String,
    column: &'static str,
    nothing: &'static str,
}

impl Before {
    /// Before so long a time: a week, or so many days.
    fn of(range: Range) -> Self {
        match range.to.saturating_sub(range.from) / DAY_NS {
            7 => Self {
                words: "the week before".to_owned(),
                column: "week before, USD",
                nothing: "No calls in this week nor the one before.",
            },
            days => Self {
                words: if days == 1 {
                    "the day before".to_owned()
                } else {
                    format!("the {days} days before")
                },
                column: "time before, USD",
                nothing: "No calls in this time nor the one before.",
            },
        }
    }
}

fn summary(figures: &WeeklyFigures<'_>) -> Section {
    let Before { words, .. } = Before::of(figures.range);
    let total = Totals::of(figures.customers);
    let before = Totals::of(figures.customers_before);
    let nobody = Totals::of(figures.customers.iter().filter(|group| group.name.is_none()));
    let is_active = |group: &&Group| group.name.is_some() && group.totals.calls > 0;
    let active = figures.customers.iter().filter(is_active).count();
    let active = u64::try_from(active).unwrap_or(u64::MAX);
    let named_cost = total.cost.checked_sub(nobody.cost).unwrap_or(total.cost);
    let row = |what: &str, value: Cell, share: Cell| vec![Cell::text(what), value, share];
    let of_calls = |what: &str, behind: Behind, value: Cell, share: Cell| {
        vec![Cell::subject(what, behind.filters()), value, share]
    };
    let of_nobody = |what: &str, value: Cell, share: Cell| {
        let filters = Behind::CALLS.filters().into_iter().chain([("customer", Box::default())]);
        vec![Cell::subject(what, filters.collect()), value, share]
    };
    let percent = |part, whole| Cell::Percent(money::share(part, whole));
    let mut notes = unknowns(&total);
    if before.asked() == 0 {
        notes.push(format!("There are no calls in {words} to compare with."));
    }
    Section {
        key: "summary",
        title: "Summary",
        columns: vec![
            column("what", "what"),
            column("value", "value").of(Behind::OF_ROW),
            column("share_percent", "share or change"),
        ],
        rows: vec![
            of_calls(
                "AI cost, USD",
                Behind::CALLS,
                Cell::usd(total.cost),
                Cell::Change(change(total.cost, before.cost)),
            ),
            row(&format!("AI cost of {words}, USD"), Cell::usd(before.cost), Cell::Empty),
            of_calls("calls", Behind::CALLS, Cell::Count(total.calls), Cell::Empty),
            of_calls(
                "refused beside them",
                Behind::REFUSED,
                Cell::Count(total.refused),
                percent(total.refused, total.asked()),
            ),
            row("active customers", Cell::Count(active), Cell::Empty),
            row("cost per active customer, USD", Cell::Usd(money::each(named_cost, active)), Cell::Empty),
            of_calls(
                "calls unpriced",
                Behind::UNPRICED,
                Cell::Count(total.unpriced),
                percent(total.unpriced, total.calls),
            ),
            of_nobody("calls unattributed", Cell::Count(nobody.calls), percent(nobody.calls, total.calls)),
            of_nobody(
                "cost unattributed, USD",
                Cell::usd(nobody.cost),
                Cell::Percent(of(nobody.cost, total.cost)),
            ),
            of_calls(
                "calls estimated",
                Behind::ESTIMATED,
                Cell::Count(total.estimated),
                percent(total.estimated, total.calls),
            ),
        ],
        total: None,
        notes,
        empty: "",
    }
}

fn of(part: PicoUsd, whole: PicoUsd) -> Option<i64> {
    money::per_mille(part.pico(), whole.pico())
}

/// Against what was before; `None` where that was nothing.
fn change(now: PicoUsd, before: PicoUsd) -> Option<i64> {
    of(now.checked_sub(before)?, before)
}

fn customers(figures: &WeeklyFigures<'_>) -> Section {
    let Before { column: before_usd, nothing, .. } = Before::of(figures.range);
    let before: BTreeMap<Option<&str>, PicoUsd> =
        figures.customers_before.iter().map(|group| (group.name.as_deref(), group.totals.cost)).collect();
    let mut groups: Vec<(Option<&str>, Totals)> =
        figures.customers.iter().map(|group| (group.name.as_deref(), group.totals)).collect();
    // Who has gone is news too.
    let gone = before.keys().filter(|name| !groups.iter().any(|(known, _)| known == *name));
    let gone: Vec<_> = gone.map(|name| (*name, Totals::default())).collect();
    groups.extend(gone);
    groups.sort_by(|a, b| b.1.cost.cmp(&a.1.cost).then_with(|| a.0.cmp(&b.0)));
    let total = Totals::of(figures.customers);
    let cost_before = Totals::of(figures.customers_before).cost;
    let row = |customer: Cell, plan: &str, totals: &Totals, before: PicoUsd| {
        vec![
            customer,
            Cell::text(plan),
            Cell::Count(totals.calls),
            Cell::usd(totals.cost),
            Cell::usd(before),
            Cell::Usd(totals.cost.checked_sub(before)),
            Cell::Change(change(totals.cost, before)),
            Cell::Count(totals.unpriced),
        ]
    };
    let (named, others) = groups.split_at(groups.len().min(CUSTOMERS_MAX));
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    let mut rest_before = cost_before;
    for (name, totals) in named {
        let then = before.get(name).copied().unwrap_or_default();
        rest_before = rest_before.checked_sub(then).unwrap_or_default();
        let plan = name
            .and_then(|name| figures.payers.policy.plan_of(name))
            .map_or("–", |(plan, _)| plan.as_str());
        let customer = customer(*name, "(unattributed)");
        rows.push(row(customer, plan, totals, then));
    }
    if !others.is_empty() {
        let rest = others.iter().fold(Totals::default(), |rest, (_, totals)| rest.plus(*totals));
        rows.push(row(Cell::text(format!("({} others)", others.len())), "–", &rest, rest_before));
    }
    Section {
        key: "customers",
        title: "Customers by AI cost",
        columns: vec![
            column("customer", "customer").of_parts(CUSTOMER),
            column("plan", "plan"),
            column("calls", "calls").of(Behind::CALLS),
            column("cost_usd", "cost, USD").of(Behind::CALLS),
            column("cost_before_usd", before_usd),
            column("change_usd", "change, USD"),
            column("change_percent", "change"),
            column("calls_unpriced", "calls unpriced").of(Behind::UNPRICED),
        ],
        rows,
        total: Some(row(all_of_them(), "", &total, cost_before)),
        notes: unknowns(&total),
        empty: nothing,
    }
}

/// The first cell of a customer's row.
fn customer(name: Option<&str>, nobody: &str) -> Cell {
    Cell::subject(name.unwrap_or(nobody), vec![("customer", name.unwrap_or_default().into())])
}

fn features(figures: &WeeklyFigures<'_>) -> Section {
    let report = super::breakdown(By::Feature, figures.features, figures.range);
    let section = report.sections.into_iter().next();
    section.unwrap_or_else(|| empty("features", "Cost by feature"))
}

fn empty(key: &'static str, title: &'static str) -> Section {
    let (columns, rows, total, notes) = (Vec::new(), Vec::new(), None, Vec::new());
    Section { key, title, columns, rows, total, notes, empty: "No calls in this time." }
}

fn below(margins: &[CustomerMargin<'_>]) -> Section {
    let mut below: Vec<&CustomerMargin<'_>> = margins.iter().filter(|margin| margin.is_below()).collect();
    below.sort_by(|a, b| a.margin().cmp(&b.margin()).then_with(|| a.customer.cmp(&b.customer)));
    let row = |margin: &&CustomerMargin<'_>| {
        vec![
            customer(margin.customer, ""),
            Cell::text(margin.plan.map_or("", |plan| plan.as_str())),
            Cell::usd(margin.revenue),
            Cell::usd(margin.totals.cost),
            Cell::Usd(margin.margin()),
            Cell::Percent(margin.per_mille()),
            Cell::Percent(margin.expected_percent.map(|percent| i64::from(percent).saturating_mul(10))),
            Cell::Count(margin.totals.unpriced),
        ]
    };
    Section {
        key: "below_margin",
        title: "Customers below their plan's expected margin",
        columns: vec![
            column("customer", "customer").of_parts(CUSTOMER),
            column("plan", "plan"),
            column("revenue_usd", "revenue, USD"),
            column("cost_usd", "AI cost, USD").of(Behind::CALLS),
            column("margin_usd", "margin, USD"),
            column("margin_percent", "margin"),
            column("expected_margin_percent", "expected"),
            column("calls_unpriced", "calls unpriced").of(Behind::UNPRICED),
        ],
        rows: below.iter().map(row).collect(),
        total: None,
        notes: Vec::new(),
        empty: "Nobody is below.",
    }
}

fn close_to_caps(figures: &WeeklyFigures<'_>) -> Section {
    let from = figures.payers.policy.alerts.cap_percent.iter().copied().min().unwrap_or(CLOSE_PERCENT);
    let used = |cap: &CapState| money::per_mille(i128::from(cap.used()), i128::from(cap.limit));
    // A cap of 0 is reached, whatever was spent.
    let is_close = |cap: &&CapState| {
        cap.limit == 0 || used(cap).is_some_and(|used| used >= i64::from(from).saturating_mul(10))
    };
    let mut close: Vec<&CapState> = figures.caps.iter().filter(is_close).collect();
    close.sort_by(|a, b| {
        used(b).cmp(&used(a)).then_with(|| (&a.name, &a.subject).cmp(&(&b.name, &b.subject)))
    });
    let row = |cap: &&CapState| {
        vec![
            Cell::subject(&*cap.name, cap.behind.clone()),
            Cell::text(if cap.subject.is_empty() { "all traffic" } else { &*cap.subject }),
            Cell::text(&*cap.window),
            Cell::text(unit(cap.unit)),
            amount(cap.unit, cap.limit),
            amount(cap.unit, cap.spent),
            amount(cap.unit, cap.held),
            Cell::Percent(used(cap)),
            Cell::Moment(cap.resets_at),
        ]
    };
    Section {
        key: "close_to_caps",
        title: "Close to a cap",
        columns: vec![
            column("cap", "cap"),
            column("subject", "subject"),
            column("window", "window"),
            column("unit", "unit"),
            column("limit", "limit"),
            column("spent", "spent").of(Behind::CALLS),
            column("held", "held").of(Behind::OPEN),
            column("used_percent", "used"),
            column("resets_at", "resets at"),
        ],
        rows: close.iter().map(row).collect(),
        total: None,
        notes: vec![
            format!("From {from} % of a cap on, spent and held, when the report was made."),
            CAPS_LEAD_TO.to_owned(),
        ],
        empty: "No cap is close.",
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Usd => "USD",
        Unit::Tokens => "tokens",
        Unit::Calls => "calls",
    }
}

fn amount(unit: Unit, amount: i64) -> Cell {
    match unit {
        Unit::Usd => Cell::usd(PicoUsd::new(i128::from(amount))),
        Unit::Tokens | Unit::Calls => u64::try_from(amount).map_or(Cell::Empty, Cell::Count),
    }
}

fn unknown_models(figures: &WeeklyFigures<'_>) -> Section {
    let mut groups: Vec<&Group> = figures.models.iter().filter(|group| group.totals.unpriced > 0).collect();
    groups.sort_by(|a, b| b.totals.unpriced.cmp(&a.totals.unpriced).then_with(|| a.name.cmp(&b.name)));
    let row = |group: &&Group| {
        vec![
            group.subject(),
            Cell::Count(group.totals.unpriced),
            Cell::Count(group.totals.tokens_in),
            Cell::Count(group.totals.tokens_out),
        ]
    };
    let unpriced = groups.iter().fold(0, |sum: u64, group| sum.saturating_add(group.totals.unpriced));
    let note = format!("{} of these models have no known cost. Import a price for them.", calls(unpriced));
    Section {
        key: "unpriced_models",
        title: "Models with unpriced calls",
        columns: vec![
            column("model", "model").of_parts(MODEL),
            column("calls_unpriced", "calls unpriced").of(Behind::UNPRICED),
            column("input_tokens", "input tokens").of(Behind::CALLS),
            column("output_tokens", "output tokens").of(Behind::CALLS),
        ],
        rows: groups.iter().map(row).collect(),
        total: None,
        notes: if groups.is_empty() { Vec::new() } else { vec![note] },
        empty: "Every call has a price.",
    }
}
