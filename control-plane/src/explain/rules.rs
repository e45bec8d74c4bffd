//! What is decided about a call without a count.

use super::{Meeting, column};
use crate::reports::{Cell, Section};
use protocol::{
    attribution::Dimension,
    cap::Unit,
    snapshot::{Allow, UnpricedRule},
};
use serde_json::Value;

impl Meeting<'_> {
    pub(super) fn rules(&self) -> Section {
        let has = |dimension| self.question.attribution.name(dimension).is_some();
        let policy = self.policy;
        let unattributed = match policy.unattributed.rule {
            _ if has(Dimension::Customer) => "has a customer",
            Allow::Allow => "has no customer, and passes",
            Allow::Refuse => "has no customer, and is refused",
        };
        let mut rows = vec![
            row("unattributed.rule", word(&policy.unattributed.rule), unattributed),
            row("unpriced.rule", word(&policy.unpriced.rule), self.unpriced()),
            row(
                "when_unreachable",
                word(&policy.when_unreachable),
                "matters where an allowance is used up and the control plane cannot be asked",
            ),
        ];
        let guard = policy.loop_guard.as_ref().map(serde_json::to_value).and_then(Result::ok);
        let this =
            if has(Dimension::Task) { "counts for its task" } else { "has no task, and is not guarded" };
        match guard {
            Some(Value::Object(guard)) => {
                let of_guard = guard.iter().filter(|(_, value)| !value.is_null());
                rows.extend(of_guard.map(|(key, value)| {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    row(&format!("loop_guard.{key}"), value, this)
                }));
            }
            _ => rows.push(row("loop_guard", "none".to_owned(), "is not guarded")),
        }
        Section {
            key: "rules",
            title: "Rules",
            columns: vec![column("rule", "rule"), column("says", "says"), column("call", "this call")],
            rows,
            total: None,
            notes: Vec::new(),
            empty: "",
        }
    }

    fn unpriced(&self) -> &'static str {
        let of_money = self.policy.cap_specs().into_iter().filter(|cap| cap.unit == Unit::Usd && !cap.shadow);
        let meets_money = of_money.into_iter().any(|cap| cap.subject_of(&self.facets()).is_some());
        match self.policy.unpriced_rule() {
            _ if self.known.prices.is_none() => "is priced or not: no price table was asked",
            _ if self.is_priced => "has a price",
            _ if !meets_money => "has no price, and no cap in money is about it",
            UnpricedRule::Allow => "has no price, passes, and holds nothing of caps in money",
            UnpricedRule::Refuse => "has no price, and is refused",
            UnpricedRule::Ceiling(_) => "has no price, and holds at the ceiling",
        }
    }
}

fn row(rule: &str, says: String, call: &str) -> Vec<Cell> {
    vec![Cell::text(rule), Cell::Text(says), Cell::text(call)]
}

pub(super) fn word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}
