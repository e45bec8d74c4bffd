//! What the keys of a cap must fulfil among each other.

use super::LIMITS;
use crate::{
    instant::Instant,
    policy::{
        fault::Faults,
        tree::{Located, below},
    },
};

pub(super) fn check(cap: &Located, path: &str, faults: &mut Faults) {
    if let Some(meters) = cap.field("meters").filter(|_| cap.field("limit_tokens").is_none()) {
        let hint = Some("they say what limit_tokens counts".to_owned());
        faults.add(meters.place, &below(path, "meters"), "counts nothing".to_owned(), hint);
    }
    if let Some(action) = cap.field("action")
        && cap.field("overrun").and_then(Located::scalar).as_deref() == Some("stop")
        && action.field("downgrade").is_some()
    {
        let message = "`overrun: stop` and a downgrade contradict each other".to_owned();
        let hint =
            Some("a cap that lets calls pass on another model cannot end them for its limit".to_owned());
        faults.add(action.place, &below(path, "action"), message, hint);
    }
    let increases = cap.field("increases").map(Located::items).unwrap_or_default();
    for (index, increase) in increases.iter().enumerate() {
        raises_something(cap, increase, &format!("{path}.increases[{index}]"), faults);
        ends_after_it_begins(increase, &format!("{path}.increases[{index}]"), faults);
        is_for_counts_that_exist(cap, increase, &format!("{path}.increases[{index}]"), faults);
    }
}

fn raises_something(cap: &Located, increase: &Located, path: &str, faults: &mut Faults) {
    let written: Vec<_> = LIMITS.iter().filter_map(|limit| Some((*limit, increase.field(limit)?))).collect();
    if written.is_empty() {
        let hint = Some(format!("write one of: {}", LIMITS.join(", ")));
        faults.add(increase.place, path, "raises nothing".to_owned(), hint);
    }
    for (limit, value) in written {
        if cap.field(limit).is_none() {
            let message = format!("the cap has no `{limit}`");
            faults.add(value.place, &below(path, limit), message, None);
        }
    }
}

fn ends_after_it_begins(increase: &Located, path: &str, faults: &mut Faults) {
    let instant = |key: &str| increase.field(key)?.scalar()?.parse::<Instant>().ok();
    if let (Some(from), Some(until), Some(value)) =
        (instant("from"), instant("until"), increase.field("until"))
        && until <= from
    {
        let hint = Some("it holds from the one until before the other".to_owned());
        faults.add(value.place, &below(path, "until"), "is not after `from`".to_owned(), hint);
    }
}

fn is_for_counts_that_exist(cap: &Located, increase: &Located, path: &str, faults: &mut Faults) {
    let Some(only) = increase.field("for") else { return };
    let each = cap.field("each").map(Located::items).unwrap_or_default();
    let each: Vec<String> = each.iter().filter_map(Located::scalar).collect();
    let named: Vec<&str> = only.entries().map(|(key, _)| key.text.as_str()).collect();
    let is_complete = each.len() == named.len() && each.iter().all(|facet| named.contains(&&**facet));
    if !is_complete {
        let (message, hint) = match each.as_slice() {
            [] => ("the cap has one count".to_owned(), "leave `for` away".to_owned()),
            each => (
                "names another thing than what the cap has a count for each of".to_owned(),
                format!("write a value of: {}", each.join(", ")),
            ),
        };
        faults.add(only.place, &below(path, "for"), message, Some(hint));
    }
}
