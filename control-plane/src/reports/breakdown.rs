//! The simple reports: one row per customer, feature, plan, route, workspace or model.

use super::{Behind, Cell, Column, Group, PlanMargin, Range, Report, Section, Totals, dollars, money};

/// What a simple report is broken down by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Who pays.
    Customer,
    /// Part of the product.
    Feature,
    /// Envoy's route.
    Route,
    /// Inside what.
    Workspace,
    /// Provider and model.
    Model,
}

impl By {
    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Customer => ("customers", "customer", "Cost by customer"),
            Self::Feature => ("features", "feature", "Cost by feature"),
            Self::Route => ("routes", "route", "Cost by route"),
            Self::Workspace => ("workspaces", "workspace", "Cost by workspace"),
            Self::Model => ("models", "model", "Cost by model"),
        }
    }
}

/// What names are made of, by filter and key.
pub(super) type Parts = &'static [(&'static str, &'static str)];
pub(super) const CUSTOMER: Parts = &[("customer", "customer_name")];
pub(super) const WORKSPACE: Parts = &[("customer", "customer_name"), ("workspace", "workspace_name")];
pub(super) const MODEL: Parts = &[("provider", "provider_name"), ("model", "model_name")];

impl By {
    /// What its names are made of.
    pub(super) fn parts(self) -> Parts {
        match self {
            Self::Customer => CUSTOMER,
            Self::Feature => &[("feature", "feature_name")],
            Self::Route => &[("route", "route_name")],
            Self::Workspace => WORKSPACE,
            Self::Model => MODEL,
        }
    }
}

/// What stands for calls that name none of the dimension.
pub(super) const NONE: &str = "(none)";
/// The first cell of a total.
pub(super) const TOTAL: &str = "total";

pub(super) const fn column(key: &'static str, title: &'static str) -> Column {
    Column::new(key, title)
}

/// The first cell of a total of all there is.
pub(super) fn all_of_them() -> Cell {
    Cell::subject(TOTAL, Vec::new())
}

impl Group {
    /// The first cell of its row.
    pub(super) fn subject(&self) -> Cell {
        Cell::subject(self.name.as_deref().unwrap_or(NONE), self.filters.clone())
    }
}

/// One row per group, the dearest first.
pub fn breakdown(by: By, groups: &[Group], range: Range) -> Report {
    let (key, word, title) = by.words();
    let mut groups: Vec<&Group> = groups.iter().collect();
    groups.sort_by(|a, b| b.totals.cost.cmp(&a.totals.cost).then_with(|| a.name.cmp(&b.name)));
    let total = Totals::of(groups.iter().copied());
    let section = Section {
        key,
        title,
        columns: vec![
            column(word, word).of_parts(by.parts()),
            column("calls", "calls").of(Behind::CALLS),
            column("refused", "refused").of(Behind::REFUSED),
            column("errors", "errors").of(Behind::ERRORS),
            column("input_tokens", "input tokens").of(Behind::CALLS),
            column("output_tokens", "output tokens").of(Behind::CALLS),
            column("cost_usd", "cost, USD").of(Behind::CALLS),
            column("share_percent", "share"),
            column("calls_unpriced", "calls unpriced").of(Behind::UNPRICED),
            column("calls_estimated", "calls estimated").of(Behind::ESTIMATED),
        ],
        rows: groups.iter().map(|group| row(group.subject(), &group.totals, &total)).collect(),
        total: Some(row(all_of_them(), &total, &total)),
        notes: unknowns(&total),
        empty: "No calls in this time.",
    };
    Report { title: title.to_owned(), range: Some(range), sections: vec![section] }
}

fn row(subject: Cell, totals: &Totals, all: &Totals) -> Vec<Cell> {
    vec![
        subject,
        Cell::Count(totals.calls),
        Cell::Count(totals.refused),
        Cell::Count(totals.errors),
        Cell::Count(totals.tokens_in),
        Cell::Count(totals.tokens_out),
        Cell::usd(totals.cost),
        Cell::Percent(money::per_mille(totals.cost.pico(), all.cost.pico())),
        Cell::Count(totals.unpriced),
        Cell::Count(totals.estimated),
    ]
}

/// What stands beside a total that does not cover everything.
pub(super) fn unknowns(total: &Totals) -> Vec<String> {
    let mut notes = Vec::new();
    if total.unpriced > 0 {
        notes.push(format!("{} unpriced: their cost is not in these totals.", calls(total.unpriced)));
    }
    if (total.original_cost, total.original_unpriced) != (total.cost, total.unpriced) {
        let (cost, unpriced) = (dollars(total.original_cost, money::PLACES), calls(total.original_unpriced));
        notes.push(format!("Rated anew since: booked at first at {cost} USD with {unpriced} unpriced."));
    }
    if total.estimated > 0 {
        notes.push(format!("{} estimated: their usage was not reported whole.", calls(total.estimated)));
    }
    notes
}

pub(super) fn calls(count: u64) -> String {
    if count == 1 { "1 call".to_owned() } else { format!("{count} calls") }
}

/// Where revenue comes from.
pub(super) const REVENUE: &str = "Revenue is what was reported as paid, else the price of the plan that the policy gives the customer \
    today, for the part of each period that lies in this time.";

/// Gross margin by plan: what is paid for the time, less what the calls cost.
pub(super) fn plan_section(margins: &[PlanMargin<'_>]) -> Section {
    let cells = |name: Cell, margin: &PlanMargin<'_>| {
        vec![
            name,
            Cell::Count(margin.customers),
            Cell::usd(margin.revenue),
            Cell::usd(margin.totals.cost),
            Cell::Usd(margin.margin()),
            Cell::Percent(margin.per_mille()),
            Cell::Percent(margin.expected_percent.map(|percent| i64::from(percent).saturating_mul(10))),
            Cell::Count(margin.below),
            Cell::Count(margin.totals.unpriced),
        ]
    };
    let rows: Vec<Vec<Cell>> = margins
        .iter()
        .map(|margin| {
            let plan = margin.plan.map(|plan| plan.as_str());
            // A customer counts with its plan of today, whatever its calls were made on.
            let filters = vec![("plan_now", plan.unwrap_or_default().into())];
            cells(Cell::subject(plan.unwrap_or("(no plan)"), filters), margin)
        })
        .collect();
    let all = margins.iter().fold(None::<PlanMargin<'_>>, |all, margin| {
        Some(all.map_or_else(|| margin.clone(), |all| all.plus(margin)))
    });
    let mut notes = vec![REVENUE.to_owned()];
    notes.extend(all.as_ref().map(|all| unknowns(&all.totals)).unwrap_or_default());
    Section {
        key: "plans",
        title: "Gross margin by plan",
        columns: vec![
            column("plan", "plan").of_parts(&[("plan_now", "plan_name")]),
            column("customers", "customers"),
            column("revenue_usd", "revenue, USD"),
            column("cost_usd", "AI cost, USD").of(Behind::CALLS),
            column("margin_usd", "margin, USD"),
            column("margin_percent", "margin"),
            column("expected_margin_percent", "expected"),
            column("customers_below", "customers below"),
            column("calls_unpriced", "calls unpriced").of(Behind::UNPRICED),
        ],
        rows,
        total: all.map(|all| cells(all_of_them(), &all)),
        notes,
        empty: "The policy has no plans. Write them under `plans` to see gross margin.",
    }
}
