//! What a policy must fulfil and a schema cannot say: names that exist, limits that limit, dimensions used once.

mod capping;
mod reports;
mod routing;

use super::{
    fault::{Faults, did_you_mean},
    tree::{Key, Located, Node, below},
};
use crate::instant::Instant;
use std::collections::BTreeMap;

/// The cap that `unattributed.limit_usd` becomes.
pub(super) const UNATTRIBUTED: &str = "unattributed";

/// What a cap can limit.
const LIMITS: [&str; 3] = ["limit_usd", "limit_calls", "limit_tokens"];

/// Checks every rule, whatever the others found.
pub(super) fn check(root: &Located, faults: &mut Faults) {
    plans_exist(root, faults);
    caps(root, faults);
    destinations_exist(root, faults);
    secrets(root, faults);
    rules_are_whole(root, faults);
    prices(root, faults);
    reports::check(root, faults);
    routing::check(root, faults);
}

fn keys<'a>(root: &'a Located, key: &str) -> Vec<&'a str> {
    let entries = root.field(key).into_iter().flat_map(Located::entries);
    entries.map(|(Key { text, .. }, _)| text.as_str()).collect()
}

fn plans_exist(root: &Located, faults: &mut Faults) {
    let plans = keys(root, "plans");
    for (customer, value) in root.field("customers").into_iter().flat_map(Located::entries) {
        let Some(plan) = value.field("plan") else { continue };
        let Some(name) = plan.scalar() else { continue };
        if !plans.contains(&&*name) {
            let path = format!("customers.{}.plan", customer.text);
            let hint = did_you_mean(&name, plans.iter().copied())
                .unwrap_or_else(|| "write it under `plans`".to_owned());
            faults.add(plan.place, &path, format!("there is no plan `{name}`"), Some(hint));
        }
    }
}

fn caps(root: &Located, faults: &mut Faults) {
    let Some(caps) = root.field("caps") else { return };
    let mut names = BTreeMap::new();
    for (index, cap) in caps.items().iter().enumerate() {
        if !matches!(cap.node, Node::Map(_)) {
            continue; // the schema has said so
        }
        let path = format!("caps[{index}]");
        if let Some((name, value)) = cap.field("name").and_then(|value| Some((value.scalar()?, value))) {
            let path = below(&path, "name");
            if name == UNATTRIBUTED {
                let hint = "that is the cap of `unattributed.limit_usd`".to_owned();
                faults.add(value.place, &path, format!("`{name}` is taken"), Some(hint));
            } else if let Some(twin) = names.insert(name.clone(), value.place) {
                let message = format!("`{name}` is the name of another cap, at {}", faults.name(twin));
                faults.add(value.place, &path, message, Some("refusals name the cap".to_owned()));
            }
        }
        if LIMITS.iter().all(|limit| cap.field(limit).is_none()) {
            let hint = "write limit_usd, limit_calls or limit_tokens".to_owned();
            faults.add(cap.place, &path, "limits nothing".to_owned(), Some(hint));
        }
        dimensions(cap, &path, faults);
        capping::check(cap, &path, faults);
    }
}

fn dimensions(cap: &Located, path: &str, faults: &mut Faults) {
    let mut used: Vec<String> = cap
        .field("subject")
        .into_iter()
        .flat_map(Located::entries)
        .map(|(key, _)| key.text.clone())
        .collect();
    for each in cap.field("each").map(Located::items).unwrap_or_default() {
        let Some(dimension) = each.scalar() else { continue };
        if used.contains(&dimension) {
            let message = format!("`{dimension}` is named twice");
            let hint = "a dimension is either in `subject`, with one value, or in `each`".to_owned();
            faults.add(each.place, &below(path, "each"), message, Some(hint));
        } else {
            used.push(dimension);
        }
    }
    let window = cap.field("window");
    let billing = window.and_then(Located::scalar).is_some_and(|window| window == "billing_period");
    if let Some(window) = window.filter(|_| billing && !used.iter().any(|dimension| dimension == "customer"))
    {
        let message = "`billing_period` needs to know whose".to_owned();
        let hint = "name a customer in `subject`, or write `each: customer`".to_owned();
        faults.add(window.place, &below(path, "window"), message, Some(hint));
    }
}

fn destinations_exist(root: &Located, faults: &mut Faults) {
    let known = keys(root, "destinations");
    for who in ["alerts", "reports.weekly"] {
        let named = who.split('.').chain(["to"]).try_fold(root, |at, key| at.field(key));
        for (index, item) in named.map(Located::items).into_iter().flatten().enumerate() {
            let Some(name) = item.scalar().filter(|name| !known.contains(&&**name)) else { continue };
            let hint = did_you_mean(&name, known.iter().copied())
                .unwrap_or_else(|| "write it under `destinations`".to_owned());
            let path = format!("{who}.to[{index}]");
            faults.add(item.place, &path, format!("there is no destination `{name}`"), Some(hint));
        }
    }
}

fn secrets(root: &Located, faults: &mut Faults) {
    for (name, destination) in root.field("destinations").into_iter().flat_map(Located::entries) {
        let path = format!("destinations.{}", name.text);
        let named: Vec<&Located> =
            ["secret_env", "secret_file"].iter().filter_map(|key| destination.field(key)).collect();
        let is_slack =
            destination.field("kind").and_then(Located::scalar).is_some_and(|kind| kind == "slack");
        let fault = match named.as_slice() {
            [secret, ..] if is_slack => {
                (secret.place, "slack takes no signature", "its address is its secret")
            }
            [_, second] => (second.place, "has two secrets", "write either secret_env or secret_file"),
            _ => continue,
        };
        faults.add(fault.0, &path, fault.1.to_owned(), Some(fault.2.to_owned()));
    }
}

fn rules_are_whole(root: &Located, faults: &mut Faults) {
    if let Some(unpriced) = root.field("unpriced") {
        let ceiling = unpriced.field("rule").filter(|rule| rule.scalar().as_deref() == Some("ceiling"));
        if let Some(rule) = ceiling.filter(|_| unpriced.field("ceiling_usd_per_mtok").is_none()) {
            let message = "`ceiling` needs a ceiling".to_owned();
            let hint = "write ceiling_usd_per_mtok, for example \"20.00\"".to_owned();
            faults.add(rule.place, "unpriced.rule", message, Some(hint));
        }
    }
    if let Some(guard) = root.field("loop_guard").filter(|guard| matches!(guard.node, Node::Map(_))) {
        let limits = [
            "identical_requests",
            "identical_tool_calls",
            "calls_per_task_per_minute",
            "calls_per_task",
            "cost_per_task_usd",
            "consecutive_failures",
        ];
        if limits.iter().all(|limit| guard.field(limit).is_none()) {
            let hint = format!("write one of: {}", limits.join(", "));
            faults.add(guard.place, "loop_guard", "limits nothing".to_owned(), Some(hint));
        }
    }
}

fn prices(root: &Located, faults: &mut Faults) {
    let Some(prices) = root.field("prices") else { return };
    let mut names = BTreeMap::new();
    for (index, contract) in
        prices.field("discounts").map(Located::items).unwrap_or_default().iter().enumerate()
    {
        let path = format!("prices.discounts[{index}]");
        if let Some((name, value)) = contract.field("name").and_then(|value| Some((value.scalar()?, value)))
            && let Some(twin) = names.insert(name.clone(), value.place)
        {
            let message = format!("`{name}` is the name of another discount, at {}", faults.name(twin));
            let hint = Some("the ledger's lines name the discount".to_owned());
            faults.add(value.place, &below(&path, "name"), message, hint);
        }
        let instant = |key: &str| contract.field(key)?.scalar()?.parse::<Instant>().ok();
        if let (Some(from), Some(to), Some(value)) = (instant("from"), instant("to"), contract.field("to"))
            && to <= from
        {
            let hint = Some("it holds from the one until before the other".to_owned());
            faults.add(value.place, &below(&path, "to"), "is not after `from`".to_owned(), hint);
        }
    }
    for (index, refresh) in prices.field("refresh").map(Located::items).unwrap_or_default().iter().enumerate()
    {
        if refresh.field("url").is_some() == refresh.field("file").is_some() {
            let message = "needs one place to read from".to_owned();
            let hint = Some("write either url or file".to_owned());
            faults.add(refresh.place, &format!("prices.refresh[{index}]"), message, hint);
        }
    }
}
