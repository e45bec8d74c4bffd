//! What a seed decides beforehand: the fleet, its caps and their windows, and what kinds of trouble there are. Most
//! kinds are absent in half of the seeds, so that what they excuse is not excused everywhere.

use crate::chance::Chance;
use protocol::{
    UnixNanos,
    cap::{Amount, CapSpec, Facet, SubjectMatch, Unit, Window},
    snapshot::Allow,
};

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
/// Simulated time begins here; 0 means "unknown" to the protocol.
pub(crate) const BEGIN: UnixNanos = 1_800_000_000 * SECOND;
/// Who calls are for.
pub(crate) const CUSTOMERS: [&str; 2] = ["acme", "globex"];
/// Every clock stays this close to the true time.
pub(crate) const CLOCK_ERROR: u64 = 250 * MS;

/// One count: a cap and one of its subjects.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    pub(crate) cap: Box<str>,
    pub(crate) subject: Box<str>,
    pub(crate) unit: Unit,
    /// Of which customer; `None` counts all.
    pub(crate) customer: Option<usize>,
    /// The starts of its windows. The last has no end.
    pub(crate) windows: Vec<UnixNanos>,
}

impl Count {
    /// The window of an instant.
    pub(crate) fn window_of(&self, at: UnixNanos) -> (UnixNanos, UnixNanos) {
        let next = self.windows.partition_point(|start| *start <= at).max(1);
        let end = self.windows.get(next).copied().unwrap_or(i64::MAX.unsigned_abs());
        (self.windows[next - 1], end)
    }
}

/// What a seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) nodes: usize,
    pub(crate) workers: usize,
    pub(crate) fast: bool,
    pub(crate) when_unreachable: Allow,
    pub(crate) caps: Vec<CapSpec>,
    pub(crate) counts: Vec<Count>,
    /// Calls begin so far apart at a node, at most.
    pub(crate) gap_max: u64,
    pub(crate) need_max: u64,
    pub(crate) call_max: u64,
    /// In thousand messages.
    pub(crate) lost: u64,
    /// In thousand messages: arrive up to forty seconds late.
    pub(crate) late: u64,
    pub(crate) repeated: u64,
    pub(crate) delay_max: u64,
    /// In thousand calls: cost more than they hold.
    pub(crate) dear: u64,
    pub(crate) late_body: bool,
    pub(crate) clock_error: u64,
    pub(crate) node_crashes: bool,
    pub(crate) control_plane_crashes: bool,
    pub(crate) cuts: bool,
    pub(crate) policy_changes: bool,
    pub(crate) crowded: bool,
    pub(crate) until: UnixNanos,
    /// Calls of which nobody heard more are closed after so long.
    pub(crate) orphan_after: u64,
}

impl Plan {
    pub(crate) fn of(chance: &mut Chance) -> Self {
        let until = BEGIN + chance.between(60, 600) * SECOND;
        let need_max = chance.one_of(&[5, 20, 60]);
        let fast = chance.in_thousand(500);
        let mut caps = vec![cap("all", Unit::Tokens, None, chance, fast)];
        let mut counts = vec![count(&caps[0], None, windows(chance, until))];
        if chance.in_thousand(600) {
            let unit = chance.one_of(&[Unit::Tokens, Unit::Calls]);
            caps.push(cap("each", unit, Some(Facet::Customer), chance, fast));
            let windows = windows(chance, until);
            counts.push(count(&caps[1], Some(0), windows.clone()));
            counts.push(count(&caps[1], Some(1), windows));
        }
        let mut half = |times: u64| if chance.in_thousand(500) { times } else { 0 };
        let (lost, repeated, dear) = (half(150), half(150), half(100));
        let [late_body, jumps, node_crashes, control_plane_crashes, cuts, policy_changes, crowded] =
            [(); 7].map(|()| half(1) == 1);
        Self {
            nodes: usize::try_from(chance.between(1, 4)).unwrap(),
            workers: usize::try_from(chance.between(1, 3)).unwrap(),
            fast,
            when_unreachable: chance.one_of(&[Allow::Allow, Allow::Refuse, Allow::Refuse]),
            caps,
            counts,
            gap_max: chance.one_of(&[1, 4, 15]) * SECOND,
            need_max,
            call_max: chance.one_of(&[2, 10, 60]) * SECOND,
            lost,
            late: if lost > 0 { 10 } else { 0 },
            repeated,
            delay_max: chance.one_of(&[20, 300, 1_500]) * MS,
            dear,
            late_body,
            clock_error: if jumps { CLOCK_ERROR } else { 0 },
            node_crashes,
            control_plane_crashes,
            cuts,
            policy_changes,
            crowded,
            until,
            orphan_after: 130 * SECOND,
        }
    }
}

fn cap(name: &str, unit: Unit, each: Option<Facet>, chance: &mut Chance, fast: bool) -> CapSpec {
    let limit = Amount::try_from(chance.between(20, 600)).unwrap();
    CapSpec {
        subject: each.into_iter().map(|facet| (facet, SubjectMatch::Each)).collect(),
        initial: if fast { limit / 10 } else { 0 },
        ..CapSpec::plain(name, unit, limit, Window::Day)
    }
}

fn count(cap: &CapSpec, customer: Option<usize>, windows: Vec<UnixNanos>) -> Count {
    let subject = customer.map_or(String::new(), |customer| format!("customer={}", CUSTOMERS[customer]));
    Count { cap: cap.id.clone(), subject: subject.into(), unit: cap.unit, customer, windows }
}

/// Windows of lengths that differ, as days do where clocks change, and calendar months do anyway.
fn windows(chance: &mut Chance, until: UnixNanos) -> Vec<UnixNanos> {
    let length = chance.one_of(&[20, 90, 300, 10_000]) * SECOND;
    let mut starts = vec![BEGIN - chance.between(1, length / 2)];
    loop {
        let next = starts[starts.len() - 1] + length + chance.between(0, length / 12) - length / 24;
        if next >= until {
            return starts;
        }
        starts.push(next);
    }
}
