//! The caps that a call meets.

use super::{Meeting, about, amount, column, mode};
use crate::{
    allowances::CapState,
    instant::Instant,
    prices::PriceTable,
    reports::{Cell, Section},
    rules::Rules,
    store::policies::StoredPolicy,
};
use protocol::cap::{CapSpec, Unit};

impl Meeting<'_> {
    pub(super) fn caps(&self) -> Section {
        let stored = StoredPolicy { version: 0, at: 0, policy: self.policy.clone() };
        let rules = Rules::new(stored, PriceTable::default());
        let met = rules.caps_of(&self.facets());
        let rows =
            (1_u64..).zip(&met).map(|(number, (cap, subject))| self.row(number, cap, subject)).collect();
        let mut notes = vec![
            "Asked in this order, the shortest window first; the first one without room refuses, and nothing is held \
             then. A rule that refuses comes before all of them."
                .to_owned(),
        ];
        if self.question.max_tokens.is_none() {
            notes.push(
                "Without an output limit of its own, a call holds no more than a tenth of a cap in money or tokens, \
                 unless its prompt alone needs more."
                    .to_owned(),
            );
        }
        if self.most.cost.is_none() && met.iter().any(|(cap, _)| cap.unit == Unit::Usd) {
            notes.push("Without a price, nothing is held of caps in money.".to_owned());
        }
        Section {
            key: "caps",
            title: "Caps",
            columns: vec![
                column("order", "order"),
                column("cap", "cap"),
                column("about", "about"),
                column("subject", "subject"),
                column("window", "window"),
                column("window_from", "from"),
                column("window_to", "until"),
                column("limit", "limit"),
                column("holds", "would hold at most"),
                column("larger_than_cap", "larger than the cap"),
                column("mode", "mode"),
                column("spent", "spent"),
                column("held", "held"),
                column("room", "room"),
            ],
            rows,
            total: None,
            notes,
            empty: "No cap is about this call.",
        }
    }

    fn row(&self, number: u64, cap: &CapSpec, subject: &str) -> Vec<Cell> {
        let at = self.question.at;
        let (from, to) = self.policy.window_of(cap, subject, at);
        let limit = cap.limit_at(subject, at);
        let holds = self.most.of_cap(cap, limit);
        let is_it = |state: &&CapState| state.cap.id == cap.id && *state.subject == *subject;
        let state = self.known.caps.map(|states| states.iter().find(is_it));
        // Nobody has called yet: nothing is spent.
        let used = state.map(|state| state.map_or((0, 0), |state| (state.spent, state.held)));
        let shown =
            |of: fn((i64, i64)) -> i64| used.map_or(Cell::Empty, |used| Cell::text(amount(cap, of(used))));
        let room = used.map(|(spent, held)| limit.saturating_sub(spent).saturating_sub(held).max(0));
        vec![
            Cell::Count(number),
            Cell::text(&*cap.id),
            Cell::text(about(cap)),
            Cell::text(if subject.is_empty() { "all traffic" } else { subject }),
            Cell::text(cap.window.as_str()),
            Cell::text(Instant(from).to_string()),
            Cell::text(Instant(to).to_string()),
            Cell::text(amount(cap, limit)),
            Cell::text(amount(cap, holds)),
            Cell::text(if holds > limit { "yes" } else { "no" }),
            Cell::text(mode(cap)),
            shown(|(spent, _)| spent),
            shown(|(_, held)| held),
            room.map_or(Cell::Empty, |room| Cell::text(amount(cap, room))),
        ]
    }
}
