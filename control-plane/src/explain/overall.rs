//! A policy as a whole.

use super::{about, amount, column, rules::word};
use crate::{
    instant::Instant,
    policy::Policy,
    reports::{Cell, Report, Section},
};
use protocol::{
    UnixNanos,
    cap::{CapSpec, SubjectMatch},
};

/// Each cap of a policy, with its window now and what Envoys may use before they ask.
pub fn overall(policy: &Policy, envoys: u32, now: UnixNanos) -> Report {
    let specs = policy.cap_specs();
    let rows = specs.iter().map(|cap| {
        let (from, to) = policy.window_of(cap, &key(cap), now);
        let fleet = cap.initial.saturating_mul(i64::from(envoys)).min(cap.limit);
        vec![
            Cell::text(&*cap.id),
            Cell::text(about(cap)),
            Cell::text(amount(cap, cap.limit)),
            Cell::text(cap.window.as_str()),
            Cell::text(Instant(from).to_string()),
            Cell::text(Instant(to).to_string()),
            Cell::text(if cap.shadow { "shadow" } else { "enforce" }),
            Cell::text(amount(cap, cap.initial)),
            Cell::text(amount(cap, fleet)),
        ]
    });
    let envoys_word = if envoys == 1 { "one Envoy".to_owned() } else { format!("{envoys} Envoys") };
    let section = Section {
        key: "caps",
        title: "Caps",
        columns: vec![
            column("cap", "cap"),
            column("subject", "about"),
            column("limit", "limit"),
            column("window", "window"),
            column("window_from", "now from"),
            column("window_to", "until"),
            column("mode", "mode"),
            column("initial", "one Envoy before it asks"),
            column("initial_fleet", "all before they ask"),
        ],
        rows: rows.collect(),
        total: None,
        notes: vec![
            format!(
                "With `admission: fast`, {envoys_word} may use the last column of a subject before the first answer. \
                 With `admission: strict` nothing is used before it."
            ),
            format!(
                "Control plane out of reach: {}. Model without a price: {}. Call without a customer: {}.",
                word(&policy.when_unreachable),
                word(&policy.unpriced.rule),
                word(&policy.unattributed.rule)
            ),
        ],
        empty: "The policy caps nothing.",
    };
    Report { title: "Policy".to_owned(), range: None, sections: vec![section] }
}

/// A count's key, as far as the policy alone knows it: enough to find the customer's zone.
fn key(cap: &CapSpec) -> String {
    let parts = cap.subject.iter().filter_map(|(dimension, matcher)| match matcher {
        SubjectMatch::Is(name) => Some(format!("{dimension}={name}")),
        SubjectMatch::Each | SubjectMatch::Absent => None,
    });
    parts.collect::<Vec<_>>().join(" ")
}
