//! A filtered report says what the list of calls with the same filter adds up to.

use super::*;
use crate::{
    ledger::calls::WordColumn,
    reports::{self, Cell, Costs, Filter, Kind, Question, Range, Report, Section},
};

const SPAN: Range = Range { from: NOW - 10 * 60 * MINUTE, to: NOW + 14 * 60 * MINUTE };
const BOTH: [Costs; 2] = [Costs::Corrected, Costs::Original];
const CUSTOMERS: [&str; 3] = ["acme", "globex", ""];
const POLICY: &str = "
version: 1
plans: {pro: {price_usd: 50}, free: {price_usd: 0}}
customers: {acme: {plan: pro, utm: {source: ads}}, globex: {plan: free}}
";

/// Calls of every customer, workspace, feature, route and model, some refused, failed, unpriced or open.
fn event(number: u64) -> UsageEvent {
    let pick = |names: &[&'static str], by: u64| names[usize::try_from(number / by).unwrap() % names.len()];
    let mut head = head(number);
    head.attribution = Attribution::default();
    for (dimension, name) in [
        (Dimension::Customer, pick(&CUSTOMERS, 1)),
        (Dimension::Workspace, pick(&["red", "blue", ""], 2)),
        (Dimension::Feature, pick(&["chat", "search"], 3)),
        (Dimension::Task, pick(&["t-1", "t-2", "t-3", "t-4", ""], 5)),
    ] {
        if !name.is_empty() {
            let from = Source::Header;
            head.attribution.set(dimension, Attributed { value: name.parse().unwrap(), from });
        }
    }
    head.route = Some(pick(&["fast", "cheap"], 7).into());
    let model = pick(&["gpt-4o", "gpt-4o-mini"], 11);
    head.request_model = Some(model.into());
    head.provider = pick(&["openai", "azure"], 13).into();
    if number % 10 == 9 {
        return UsageEvent::Started { head };
    }
    let refused = (number % 10 == 8).then_some(protocol::event::Refusal::Cap);
    let outcome = match number % 10 {
        8 => Outcome::RefusedByCap,
        7 => Outcome::Error,
        _ => Outcome::Ok,
    };
    let end = CallEnd { response_model: Some(model.into()), refused, outcome, ..end(10 + number, number) };
    UsageEvent::Finished { head, end: Box::new(end) }
}

async fn ledger() -> Ledger {
    let ledger =
        Ledger::with(POLICY, vec![price(1, Meter::Input, 2_500_000), price(2, Meter::Output, 10_000_000)]);
    ledger.book((0..240).map(event).collect()).await;
    // Sums move with a re-rating.
    let ledger =
        ledger.repriced(vec![price(1, Meter::Input, 3_000_000), price(2, Meter::Output, 10_000_000)]);
    assert!(ledger.rerate(&[], false).await.changed > 0);
    ledger
}

fn filters() -> Vec<Vec<(WordColumn, &'static str)>> {
    use WordColumn::{Customer, Feature, Model, Plan, Provider, Route, Workspace};
    let one = [
        (Customer, "acme"),
        (Customer, ""),
        (Workspace, "red"),
        (Workspace, ""),
        (Plan, "pro"),
        (Plan, ""),
        (Feature, "chat"),
        (Route, "cheap"),
        (Provider, "azure"),
        (Model, "gpt-4o-mini"),
        (Model, "never-heard-of"),
    ];
    let mut filters: Vec<_> = one.into_iter().map(|filter| vec![filter]).collect();
    filters.push(vec![(Customer, "acme"), (Feature, "chat")]);
    filters.push(vec![(Customer, "globex"), (Workspace, "blue")]);
    filters.push(vec![(Plan, "free"), (Feature, "search"), (Model, "gpt-4o")]);
    filters.push(vec![(Route, "fast"), (Provider, "openai"), (Model, "gpt-4o")]);
    filters
}

impl Ledger {
    async fn report_of(&self, kind: Kind, costs: Costs, filter: &[(WordColumn, &'static str)]) -> Report {
        let said = filter.to_vec();
        let find =
            move |name: &str| said.iter().find(|(column, _)| column.as_str() == name).map(|(_, text)| *text);
        let question = Question::new(kind, SPAN, Filter::of(kind, find)).with(costs).unwrap();
        let rules = self.rules.clone();
        let read = move |store: &rusqlite::Connection| {
            reports::answer(store, rules.policy(), &[], &question, NOW + 60 * MINUTE)
        };
        self.store.read(read).await.unwrap()
    }

    async fn calls_of(&self, filter: &[(WordColumn, &'static str)]) -> Vec<Call> {
        let words = filter.iter().map(|(column, text)| (*column, (*text).to_owned())).collect();
        let filter = calls::Filter { words, ..calls::Filter::default() };
        let list = self.store.read(move |connection| calls::list(connection, &filter, 1_000)).await.unwrap();
        list.0.into_iter().filter(|call| call.state != "open").collect()
    }
}

/// Of some calls: those that went to a provider, those refused, those without a known cost, and what the others cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    calls: u64,
    refused: u64,
    unpriced: u64,
    cost: i128,
}

impl Sums {
    fn of<'a>(calls: impl IntoIterator<Item = &'a Call>, costs: Costs) -> Self {
        let mut sums = Self::default();
        for call in calls {
            if call.state == "refused" {
                sums.refused += 1;
                continue;
            }
            sums.calls += 1;
            let cost = match costs {
                Costs::Corrected => call.cost_usd,
                Costs::Original => call.original_cost_usd,
            };
            match cost {
                Some(cost) => sums.cost += cost.pico(),
                None => sums.unpriced += 1,
            }
        }
        sums
    }
}

fn cell<'a>(section: &'a Section, row: &'a [Cell], key: &str) -> &'a Cell {
    section.columns.iter().zip(row).find(|(column, _)| column.key == key).unwrap().1
}

fn count(section: &Section, row: &[Cell], key: &str) -> u64 {
    let Cell::Count(count) = cell(section, row, key) else { panic!("{key}") };
    *count
}

fn cost(section: &Section, row: &[Cell]) -> i128 {
    let Cell::Usd(Some(cost)) = cell(section, row, "cost_usd") else { panic!("cost_usd") };
    cost.pico()
}

fn sums(section: &Section, row: &[Cell]) -> Sums {
    let count = |key| count(section, row, key);
    Sums {
        calls: count("calls"),
        refused: count("refused"),
        unpriced: count("calls_unpriced"),
        cost: cost(section, row),
    }
}

fn name(kind: Kind, call: &Call) -> String {
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "(none)".to_owned());
    match kind {
        Kind::Customers => or_none(&call.customer),
        Kind::Features => or_none(&call.feature),
        Kind::Routes => call.route.as_deref().unwrap_or("(none)").to_owned(),
        Kind::Models => format!("{}/{}", call.provider, call.response_model.as_deref().unwrap()),
        Kind::Workspaces => match &call.workspace {
            Some(workspace) => format!("{}/{workspace}", call.customer.as_deref().unwrap_or("–")),
            None => "(none)".to_owned(),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_filtered_report_is_the_sum_of_the_calls_that_the_filter_lists() {
    let ledger = ledger().await;
    let mut compared = 0;
    for kind in [Kind::Customers, Kind::Features, Kind::Routes, Kind::Models, Kind::Workspaces] {
        let can =
            |filter: &Vec<(WordColumn, _)>| filter.iter().all(|(column, _)| kind.filters().contains(column));
        let of_all = filters().into_iter().filter(can).chain([Vec::new()]);
        for (filter, costs) in of_all.flat_map(|filter| BOTH.map(|costs| (filter.clone(), costs))) {
            let calls = ledger.calls_of(&filter).await;
            let mut expected: BTreeMap<String, Vec<&Call>> = BTreeMap::new();
            for call in &calls {
                expected.entry(name(kind, call)).or_default().push(call);
            }
            let report = ledger.report_of(kind, costs, &filter).await;
            let [section] = &*report.sections else { panic!("one table") };
            let name = |row: &[Cell]| row[0].exact().unwrap();
            let found: BTreeMap<String, Sums> =
                section.rows.iter().map(|row| (name(row), sums(section, row))).collect();
            let expected: BTreeMap<String, Sums> =
                expected.into_iter().map(|(name, calls)| (name, Sums::of(calls, costs))).collect();
            assert_eq!(found, expected, "{kind:?} {costs:?} {filter:?}");
            let total = sums(section, section.total.as_ref().unwrap());
            assert_eq!(total, Sums::of(&calls, costs), "{kind:?} {costs:?} {filter:?}");
            compared += calls.len();
        }
    }
    assert!(compared > 1_000, "{compared}");
    ledger.assert_rebuild_equals_running().await;
}

#[tokio::test]
async fn what_is_left_and_what_was_for_nothing_are_of_the_filtered_calls_alone() {
    let ledger = ledger().await;
    for filter in filters() {
        let known = Kind::Waste.filters();
        if !filter.iter().all(|(column, _)| known.contains(column)) {
            continue;
        }
        let calls = ledger.calls_of(&filter).await;
        let reports = [Kind::Plans, Kind::Channels, Kind::Waste].map(|kind| (kind, Costs::Corrected));
        let original = [Kind::Plans, Kind::Channels].map(|kind| (kind, Costs::Original));
        for (kind, costs) in reports.into_iter().chain(original) {
            let expected = Sums::of(&calls, costs);
            for section in ledger.report_of(kind, costs, &filter).await.sections {
                let total = section.total.as_deref().map_or(0, |total| cost(&section, total));
                assert_eq!(total, expected.cost, "{kind:?} {costs:?} {} {filter:?}", section.key);
                let rows: i128 = section.rows.iter().map(|row| cost(&section, row)).sum();
                assert_eq!(rows, total, "{kind:?} {costs:?} {} {filter:?}", section.key);
            }
        }
    }
}

#[tokio::test]
async fn a_margin_of_one_customer_counts_what_that_one_pays() {
    let ledger = ledger().await;
    let filter = [(WordColumn::Customer, "acme"), (WordColumn::Feature, "chat")];
    let report = ledger.report_of(Kind::Plans, Costs::Corrected, &filter).await;
    let [section] = &*report.sections else { panic!("one table") };
    let [row] = &*section.rows else { panic!("one plan: {:?}", section.rows) };
    assert_eq!((row[0].exact().as_deref(), count(section, row, "customers")), (Some("pro"), 1));
    assert_eq!(report.title, "Gross margin by plan: customer acme, feature chat");
    assert!(
        section.notes.iter().any(|note| note.contains("calls of this feature alone")),
        "{:?}",
        section.notes
    );
}

#[tokio::test]
async fn unpriced_calls_and_tasks_are_filtered_too() {
    let ledger = ledger().await;
    for filter in filters() {
        let can = |kind: Kind| filter.iter().all(|(column, _)| kind.filters().contains(column));
        let section = |report: Report| report.sections.into_iter().next().unwrap();
        let total =
            |section: &Section, key| section.total.as_deref().map_or(0, |row| count(section, row, key));
        if can(Kind::Unpriced) {
            let calls = ledger.calls_of(&filter).await;
            for costs in BOTH {
                let section = section(ledger.report_of(Kind::Unpriced, costs, &filter).await);
                let expected = Sums::of(&calls, costs).unpriced;
                assert_eq!(total(&section, "calls"), expected, "{costs:?} {filter:?}");
            }
        }
        if can(Kind::Tasks) {
            let expected = ledger.tasks_that_began_so(&filter).await;
            let section = section(ledger.report_of(Kind::Tasks, Costs::Corrected, &filter).await);
            assert_eq!(total(&section, "tasks"), expected, "{filter:?}");
        }
    }
}

impl Ledger {
    /// A task is filtered by its first call.
    async fn tasks_that_began_so(&self, filter: &[(WordColumn, &'static str)]) -> u64 {
        let matching: Vec<CallId> = self.calls_of(filter).await.iter().map(|call| call.id).collect();
        let mut firsts: BTreeMap<String, CallId> = BTreeMap::new();
        for call in self.calls_of(&[]).await {
            if let Some(task) = call.task {
                let first = firsts.entry(task).or_insert(call.id);
                *first = (*first).min(call.id);
            }
        }
        u64::try_from(firsts.values().filter(|id| matching.contains(id)).count()).unwrap()
    }
}

#[tokio::test]
async fn a_list_by_any_column_is_what_a_look_through_all_calls_finds() {
    let ledger = ledger().await;
    let all = ledger.list(calls::Filter::default()).await;
    assert_eq!(all.len(), 240);
    let value = |call: &Call, column: WordColumn| -> Option<String> {
        match column {
            WordColumn::Customer => call.customer.clone(),
            WordColumn::Workspace => call.workspace.clone(),
            WordColumn::User => call.user.clone(),
            WordColumn::Feature => call.feature.clone(),
            WordColumn::Task => call.task.clone(),
            WordColumn::Plan => call.plan.clone(),
            WordColumn::Provider => Some(call.provider.to_string()),
            WordColumn::Model => call.request_model.as_deref().map(str::to_owned),
            WordColumn::Route => call.route.as_deref().map(str::to_owned),
            WordColumn::Outcome => call.outcome.map(str::to_owned),
            WordColumn::Refused => call.refused.map(str::to_owned),
            WordColumn::UsageSource => call.usage_source.clone(),
            WordColumn::UnpricedReason => call.unpriced_reason.clone(),
        }
    };
    let ids = |calls: &[Call]| calls.iter().map(|call| call.id).collect::<Vec<_>>();
    for column in WordColumn::ALL {
        let mut values: Vec<String> =
            all.iter().map(|call| value(call, column).unwrap_or_default()).collect();
        values.sort();
        values.dedup();
        for text in values {
            let is_so = |call: &&Call| value(call, column).unwrap_or_default() == text;
            let expected: Vec<Call> = all.iter().filter(is_so).cloned().collect();
            let words = vec![(column, text.clone())];
            let found = ledger.list(calls::Filter { words, ..calls::Filter::default() }).await;
            assert_eq!(ids(&found), ids(&expected), "{column:?} `{text}`");
            let words = vec![(column, text.clone()), (WordColumn::Customer, "acme".to_owned())];
            let found = ledger.list(calls::Filter { words, ..calls::Filter::default() }).await;
            let of_acme = expected.iter().filter(|call| call.customer.as_deref() == Some("acme"));
            assert_eq!(
                ids(&found),
                of_acme.map(|call| call.id).collect::<Vec<_>>(),
                "{column:?} `{text}`, acme"
            );
        }
    }
    for state in [State::Open, State::Finished, State::Orphaned, State::Refused] {
        let found = ledger.list(calls::Filter { states: vec![state], ..calls::Filter::default() }).await;
        let expected: Vec<Call> = all.iter().filter(|call| call.state == state.as_str()).cloned().collect();
        assert_eq!(ids(&found), ids(&expected), "{state:?}");
    }
}

impl Ledger {
    async fn list(&self, filter: calls::Filter) -> Vec<Call> {
        self.store.read(move |connection| calls::list(connection, &filter, 1_000)).await.unwrap().0
    }
}
