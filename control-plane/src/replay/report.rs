//! What a replay found, as tables.

use super::{Replay, Sum, counts::Count};
use crate::{
    explain::{about, amount, mode},
    instant::Instant,
    reports::{Cell, Column, Report, Section},
};
use protocol::{UnixNanos, event::Refusal};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// So many subjects of a cap are listed, those first for whom the most calls found no room.
const SUBJECTS_SHOWN: usize = 10;
/// So many in all.
const ROWS_MAX: usize = 1_000;

/// What became of a cap.
#[derive(Default)]
struct OfCap<'a> {
    sum: Sum,
    first_at: Option<UnixNanos>,
    counts: Vec<&'a Count>,
}

impl Replay {
    pub(super) fn report(&self) -> Report {
        let mut caps: BTreeMap<usize, OfCap<'_>> = BTreeMap::new();
        for count in self.counts.reached() {
            let of_cap = caps.entry(count.cap).or_default();
            of_cap.sum.merge(&count.reached);
            of_cap.first_at = of_cap.first_at.into_iter().chain(count.first_at).min();
            of_cap.counts.push(count);
        }
        let sections = vec![self.in_all(), self.by_cap(&caps), self.by_subject(caps)];
        Report { title: "What the policy would have refused".to_owned(), range: Some(self.range), sections }
    }

    fn in_all(&self) -> Section {
        let saved =
            |sum: &Sum| if sum.unpriced < sum.calls || sum.calls == 0 { Some(sum.cost) } else { None };
        let row = vec![
            Cell::Count(self.all.calls),
            Cell::Usd(saved(&self.all)),
            Cell::Count(self.refused.calls),
            Cell::Usd(saved(&self.refused)),
            Cell::Count(self.refused_then),
            Cell::Count(self.let_through),
        ];
        Section {
            key: "in_all",
            title: "In all",
            columns: vec![
                column("calls", "calls let through then"),
                column("cost_usd", "their cost, USD"),
                column("refused", "of them: would be refused"),
                column("saved_usd", "their cost: saved, USD"),
                column("refused_then", "calls refused then"),
                column("let_through", "of them: would be let through"),
            ],
            rows: vec![row],
            total: None,
            notes: self.notes(),
            empty: "",
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut count = |calls: u64, one: &str, many: &str| match calls {
            0 => {}
            1 => notes.push(format!("1 call {one}.")),
            _ => notes.push(format!("{calls} calls {many}.")),
        };
        count(
            self.all.unpriced,
            "has no known cost and is in no sum",
            "have no known cost and are in no sum",
        );
        count(self.open, "has not ended, and holds what it held", "have not ended, and hold what they held");
        notes.push(
            "A call is let through by what was settled and held at the instant it started: it holds what its filter \
             recorded until it ended, and is then charged what the ledger charged. Windows that had begun before count \
             from their beginning, lifetimes of tasks from two days before."
                .to_owned(),
        );
        notes.push(
            "Not in it: what clients would have done after a refusal; allowances, by which an Envoy may refuse a little \
             earlier; the loop guard; streams that would have been ended early; other prices. What a cap sends to a \
             cheaper model is counted at what it did cost. Calls refused then that would be let through count as \
             calls, and for nothing in tokens and money: nobody knows what they would have cost."
                .to_owned(),
        );
        notes
    }

    fn by_cap(&self, caps: &BTreeMap<usize, OfCap<'_>>) -> Section {
        let rules = self.by_rule.iter().map(|(rule, sum)| {
            let what = match *rule {
                rule if rule == Refusal::Unpriced.as_str() => "model without a price",
                _ => "no customer",
            };
            vec![
                Cell::text(*rule),
                Cell::text(what),
                Cell::Empty,
                Cell::Empty,
                Cell::text("rule"),
                Cell::Count(sum.calls),
                Cell::usd(sum.cost),
                Cell::Count(sum.unpriced),
                Cell::Empty,
                Cell::Empty,
            ]
        });
        let of_cap = caps.iter().filter_map(|(index, of)| {
            let cap = self.rules.caps().get(*index)?;
            Some(vec![
                Cell::text(&*cap.id),
                Cell::text(about(cap)),
                Cell::text(amount(cap, cap.limit)),
                Cell::text(cap.window.as_str()),
                Cell::text(mode(cap)),
                Cell::Count(of.sum.calls),
                Cell::usd(of.sum.cost),
                Cell::Count(of.sum.unpriced),
                of.first_at.map_or(Cell::Empty, |at| Cell::text(Instant(at).to_string())),
                Cell::Count(u64::try_from(of.counts.len()).unwrap_or(u64::MAX)),
            ])
        });
        let rows: Vec<Vec<Cell>> = rules.chain(of_cap).collect();
        let never = self.rules.caps().len().saturating_sub(caps.len());
        let mut notes = Vec::new();
        if never > 0 && !rows.is_empty() {
            notes.push(format!("{never} other limits of the policy always had room."));
        }
        if caps.keys().filter_map(|index| self.rules.caps().get(*index)).any(|cap| mode(cap) != "enforce") {
            notes.push(
                "In mode shadow and downgrade, calls without room pass: nothing of it is saved.".to_owned(),
            );
        }
        Section {
            key: "caps",
            title: "What had no room",
            columns: vec![
                column("cap", "cap"),
                column("subject", "about"),
                column("limit", "limit"),
                column("window", "window"),
                column("mode", "mode"),
                column("calls", "calls without room"),
                column("cost_usd", "their cost, USD"),
                column("calls_unpriced", "without a known cost"),
                column("first_at", "for the first time"),
                column("subjects", "subjects"),
            ],
            rows,
            total: None,
            notes,
            empty: "Every limit always had room.",
        }
    }

    fn by_subject(&self, caps: BTreeMap<usize, OfCap<'_>>) -> Section {
        let mut rows = Vec::new();
        let mut cut = BTreeSet::new();
        for (index, mut of) in caps {
            let Some(cap) = self.rules.caps().get(index) else { continue };
            of.counts.sort_by_key(|count| (Reverse(count.reached.calls), &count.subject));
            if of.counts.len() > SUBJECTS_SHOWN || rows.len() >= ROWS_MAX {
                cut.insert(&*cap.id);
            }
            let left = ROWS_MAX.saturating_sub(rows.len()).min(SUBJECTS_SHOWN);
            rows.extend(of.counts.iter().take(left).map(|count| {
                let subject = if count.subject.is_empty() { "all traffic" } else { &count.subject };
                vec![
                    Cell::text(&*cap.id),
                    Cell::text(subject),
                    Cell::Count(count.reached.calls),
                    Cell::usd(count.reached.cost),
                    Cell::Count(count.reached.unpriced),
                    count.first_at.map_or(Cell::Empty, |at| Cell::text(Instant(at).to_string())),
                ]
            }));
        }
        let note = format!("Of {} limits only the first {SUBJECTS_SHOWN} subjects are listed.", cut.len());
        Section {
            key: "subjects",
            title: "Whose calls",
            columns: vec![
                column("cap", "cap"),
                column("subject", "subject"),
                column("calls", "calls without room"),
                column("cost_usd", "their cost, USD"),
                column("calls_unpriced", "without a known cost"),
                column("first_at", "for the first time"),
            ],
            rows,
            total: None,
            notes: if cut.is_empty() { Vec::new() } else { vec![note] },
            empty: "Nobody's.",
        }
    }
}

impl Sum {
    fn merge(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.unpriced = self.unpriced.saturating_add(other.unpriced);
        self.cost = self.cost.checked_add(other.cost).unwrap_or(self.cost);
    }
}

fn column(key: &'static str, title: &'static str) -> Column {
    Column::new(key, title)
}
