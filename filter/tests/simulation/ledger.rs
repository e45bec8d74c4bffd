//! What the ledger does to caps: which calls are booked, at what, in which window, as `control-plane/src/ledger` does
//! it (`charge.rs`, `book.rs`, `orphans.rs`; that its sums equal a recount is tested there).

use crate::{envoy::Note, plan::Count};
use protocol::{
    UnixNanos,
    cap::{Amount, Unit},
};
use std::collections::BTreeMap;

/// What a call tells about itself with each event.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) boot: u32,
    pub(crate) started_at: UnixNanos,
    pub(crate) customer: usize,
    pub(crate) need: Amount,
    /// What it says it holds, by count.
    pub(crate) held: Vec<(usize, Amount)>,
    /// What it will have cost when it ends.
    pub(crate) cost: Amount,
}

/// Settled and held, by boot.
pub(crate) type Usage = BTreeMap<u32, (Amount, Amount)>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Orphaned,
    Finished,
}

#[derive(Debug)]
struct Booked {
    state: State,
    charges: Vec<Charge>,
}

/// What one call does to one count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    pub(crate) count: usize,
    pub(crate) window: UnixNanos,
    pub(crate) unit: Unit,
    pub(crate) held: Amount,
}

impl Charge {
    pub(crate) fn settled(&self, tokens: Amount) -> Amount {
        if self.unit == Unit::Calls { 1 } else { tokens }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: BTreeMap<u64, Booked>,
    usage: BTreeMap<(usize, UnixNanos), Usage>,
    pub(crate) orphans: u64,
}

/// The input's part of what a call needs: what an orphan is booked at.
fn input_part(need: Amount) -> Amount {
    need / 4
}

impl Ledger {
    pub(crate) fn usage(&self, count: usize, window: UnixNanos) -> Option<&Usage> {
        self.usage.get(&(count, window))
    }

    /// Books an event. Gives the charges of a call that was not known before.
    pub(crate) fn book(
        &mut self,
        note: Note,
        head: &Head,
        counts: &[Count],
        in_force: impl Fn(&Count) -> bool,
        repeats_count: bool,
    ) -> Option<Vec<Charge>> {
        let (Note::Started(id) | Note::Finished(id)) = note;
        let mut new = None;
        if !self.calls.contains_key(&id) || (repeats_count && note == Note::Started(id)) {
            let about = counts.iter().enumerate().filter(|(_, count)| {
                count.customer.is_none_or(|customer| customer == head.customer) && in_force(count)
            });
            let charge = |(index, count): (usize, &Count)| {
                let said = head.held.iter().find(|(said, _)| *said == index).map(|(_, held)| *held);
                let guessed = if count.unit == Unit::Calls { 1 } else { head.need };
                let (window, _) = count.window_of(head.started_at);
                Charge { count: index, window, unit: count.unit, held: said.unwrap_or(guessed) }
            };
            let charges: Vec<Charge> = about.map(charge).collect();
            charges.iter().for_each(|charge| self.add(charge, head.boot, 0, charge.held));
            new = Some(charges.clone());
            self.calls.insert(id, Booked { state: State::Open, charges });
        }
        if note == Note::Finished(id) {
            self.end(id, head, State::Finished);
        }
        new
    }

    fn end(&mut self, id: u64, head: &Head, state: State) {
        let Some(booked) = self.calls.get_mut(&id).filter(|booked| booked.state != State::Finished) else {
            return;
        };
        let was = std::mem::replace(&mut booked.state, state);
        let tokens = match state {
            State::Finished => head.cost,
            State::Open | State::Orphaned => input_part(head.need),
        };
        for charge in booked.charges.clone() {
            if was == State::Orphaned {
                self.add(&charge, head.boot, -charge.settled(input_part(head.need)), charge.held);
            }
            self.add(&charge, head.boot, charge.settled(tokens), -charge.held);
        }
    }

    /// Closes what nobody told the end of.
    pub(crate) fn close(&mut self, heads: &BTreeMap<u64, Head>, before: UnixNanos) {
        let open = self.calls.iter().filter(|(_, booked)| booked.state == State::Open).map(|(id, _)| *id);
        let old: Vec<u64> = open.filter(|id| heads[id].started_at < before).collect();
        for id in old {
            self.orphans += 1;
            self.end(id, &heads[&id], State::Orphaned);
        }
    }

    fn add(&mut self, charge: &Charge, boot: u32, settled: Amount, held: Amount) {
        let usage = self.usage.entry((charge.count, charge.window)).or_default().entry(boot).or_default();
        usage.0 += settled;
        usage.1 += held;
    }
}
