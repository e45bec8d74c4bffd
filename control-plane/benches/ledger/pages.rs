//! What is asked: every page, every report over a week, a month and a quarter, lists with filters that many calls pass and
//! that few do, and what somebody looks for by its name.

use crate::traffic::{self, DAY_NS, DAYS, FEATURES, MODELS, RARE, UNPRICED};
use control_plane::{instant::Instant, reports::Kind};

/// A name for the table, and an address.
pub(crate) type Page = (String, String);

/// A call and a task of a ledger, to be asked for by name.
pub(crate) struct Known {
    pub(crate) call: String,
    pub(crate) request: String,
    pub(crate) task: String,
}

pub(crate) fn pages(now: u64, known: &Known) -> Vec<Page> {
    let mut pages = console(known);
    pages.extend(reports(now));
    pages.extend(lists(now, known));
    pages
}

fn page(address: impl Into<String>) -> Page {
    let address = address.into();
    (address.clone(), address)
}

fn console(known: &Known) -> Vec<Page> {
    let (largest, small) = (traffic::customer(0), traffic::customer(traffic::CUSTOMERS / 2));
    let (provider, model) = MODELS[0];
    let named = |name: &str, address: String| (name.to_owned(), address);
    let mut pages = vec![
        page("/"),
        page("/?span=day"),
        page("/?span=week"),
        page("/?span=month"),
        named("/console/customers/… (largest)", format!("/console/customers/{largest}")),
        named("/console/customers/… (small)", format!("/console/customers/{small}")),
        page("/console/tasks"),
        named("/console/tasks?customer=… (largest)", format!("/console/tasks?customer={largest}")),
        named("/console/tasks?customer=… (small)", format!("/console/tasks?customer={small}")),
        page(format!("/console/tasks?feature={}", FEATURES[0])),
        page(format!("/console/tasks?feature={RARE}")),
        page("/console/tasks?plan=pro"),
        named("/console/tasks/…", format!("/console/tasks/{}", known.task)),
        named("/console/calls/…", format!("/console/calls/{}", known.call)),
        page("/console/reports"),
        page("/console/calculator"),
        page("/console/reconciliation"),
        page("/console/alerts"),
        page("/console/prices"),
        page("/console/prices/proposals"),
        page(format!("/console/prices/{provider}/{model}")),
        named("find a call", format!("/console/find?q={}", known.call)),
        named("find a request id", format!("/console/find?q={}", known.request)),
        named("find a task", format!("/console/find?q={}", known.task)),
        named("find a customer", format!("/console/find?q={small}")),
        named("find what is not there", "/console/find?q=never-heard-of".to_owned()),
    ];
    for (plan, since) in [("free", "7d"), ("scale", "1d"), ("scale", "30d")] {
        let query = format!("measure_plan={plan}&since={since}&compare=openai%2Fgpt-4o");
        pages.push(named(
            &format!("calculator, {plan} measured over {since}"),
            format!("/console/calculator?{query}"),
        ));
    }
    pages
}

fn day(now: u64, days: u64) -> String {
    Instant(now - days * DAY_NS).to_string().chars().take(10).collect()
}

fn reports(now: u64) -> Vec<Page> {
    let mut pages = Vec::new();
    // Until today, which is the last of the days.
    let span = |days: u64| format!("from={}", day(now, days - 1)) + &format!("&to={}", day(now + DAY_NS, 0));
    for kind in Kind::ALL {
        for days in [7, 30, DAYS] {
            let address = format!("/console/reports/{}?{}", kind.as_str(), span(days));
            pages.push((format!("report {}, {days} days", kind.as_str()), address));
        }
    }
    let filters = [
        ("customer=customer-0000", "largest customer"),
        ("customer=customer-0500", "small customer"),
        ("feature=chat", "feature"),
        ("plan=pro", "plan"),
        ("provider=openai&model=gpt-4o", "model"),
    ];
    for kind in [
        Kind::Customers,
        Kind::Features,
        Kind::Models,
        Kind::Plans,
        Kind::Waste,
        Kind::Unpriced,
        Kind::Tasks,
        Kind::Workspaces,
    ] {
        for (filter, name) in filters {
            let column = filter.split('=').next().unwrap_or_default();
            if kind.filters().iter().any(|known| known.as_str() == column) {
                let address = format!("/console/reports/{}?{}&{filter}", kind.as_str(), span(30));
                pages.push((format!("report {}, 30 days, of a {name}", kind.as_str()), address));
            }
        }
    }
    pages
}

fn lists(now: u64, known: &Known) -> Vec<Page> {
    let month = format!("from={}", day(now, 30));
    let calls = [
        String::new(),
        "customer=customer-0000".to_owned(),
        "customer=customer-0500&feature=chat".to_owned(),
        format!("customer=customer-0000&feature={RARE}"),
        "feature=chat".to_owned(),
        format!("feature={RARE}"),
        format!("model={RARE}"),
        format!("model={UNPRICED}"),
        format!("route={RARE}"),
        "provider=mistral".to_owned(),
        "plan=free".to_owned(),
        "workspace=workspace-3".to_owned(),
        "user=customer-0500-user-3".to_owned(),
        "outcome=timed_out".to_owned(),
        "outcome=refused_by_model".to_owned(),
        "refused=cap".to_owned(),
        "refused=loop_guard".to_owned(),
        "state=open".to_owned(),
        "state=orphaned".to_owned(),
        "state=refused".to_owned(),
        format!("feature=chat&model={RARE}&outcome=ok"),
        format!("{month}&feature={RARE}"),
        format!("task={}", known.task),
        format!("request_id={}", known.request),
    ];
    let tasks = [
        "",
        "customer=customer-0000",
        "customer=customer-0999",
        "feature=chat",
        "feature=retired",
        "plan=free",
        "workspace=workspace-3",
    ];
    let list = |name: &str, query: &str| {
        let shown = if query.contains("request_id") { "request_id=…" } else { query };
        (format!("/v1/{name}?{shown}"), format!("/v1/{name}?{query}"))
    };
    let mut pages: Vec<Page> = calls.iter().map(|query| list("calls", query)).collect();
    pages.extend(tasks.iter().map(|query| list("tasks", query)));
    pages
        .extend(["/v1/caps", "/v1/alerts", "/v1/prices", "/v1/policy", "/v1/snapshot", "/metrics"].map(page));
    pages
}
