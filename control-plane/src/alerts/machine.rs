//! When an alert fires: once per kind, subject, threshold and period. Pure: what is on record and what stands go in,
//! what changes comes out. The caller writes the changes and queues the messages in one transaction.
//!
//! | on record | stands | becomes |
//! |---|---|---|
//! | nothing | yes | fired; seeded where its rule has just appeared |
//! | fired, stands | yes | – |
//! | fired, ended | yes | stands again, in silence: it has been said once |
//! | seeded, stands | yes | – |
//! | seeded, ended | yes | fired: it was passed anew, and nobody was told; seeded where its rule has just appeared |
//! | stands | no | ended |

use super::standing::{Key, Standing};
use std::collections::{BTreeMap, BTreeSet};

/// What the store knows of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) id: i64,
    /// It was not there when its rule appeared, and somebody was told.
    pub(super) fired: bool,
    /// It stands no longer.
    pub(super) ended: bool,
}

/// Which of the standing ones are news.
#[derive(Clone, Debug)]
pub(super) enum Before {
    /// The rules are those of the evaluation before: what stands has come to stand.
    SameRules,
    /// Other rules: of what stands, only these stood under the rules before as well.
    OtherRules(BTreeSet<Key>),
    /// There was no evaluation before: all that stands has stood already.
    Nothing,
}

/// What changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// With the id of the record that is taken up again, where there is one.
    pub(super) fire: Vec<(Option<i64>, Standing)>,
    /// The same for what is only noted.
    pub(super) seed: Vec<(Option<i64>, Standing)>,
    /// Stand again.
    pub(super) again: Vec<i64>,
    /// Stand no longer.
    pub(super) end: Vec<i64>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.fire.is_empty() && self.seed.is_empty() && self.again.is_empty() && self.end.is_empty()
    }

    /// Leaves what is above a bound to the next step, which finds it as it is. What is about one subject stays
    /// together.
    pub(super) fn put_off(&mut self, bound: usize) {
        let mut kept = self.fire.iter().take(bound).count();
        while let [(_, last), next, ..] = self.fire.get(kept.saturating_sub(1)..).unwrap_or_default()
            && last.key.subject == next.1.key.subject
        {
            kept = kept.saturating_add(1);
        }
        self.fire.truncate(kept);
    }
}

/// One step.
pub(super) fn step(recorded: &BTreeMap<Key, Recorded>, standing: Vec<Standing>, before: &Before) -> Changes {
    let mut changes = Changes::default();
    let mut stands: BTreeSet<Key> = BTreeSet::new();
    for one in standing {
        // Two figures of one key (two hours of a day) are one alert.
        if !stands.insert(one.key.clone()) {
            continue;
        }
        let news = match before {
            Before::SameRules => true,
            Before::OtherRules(stood) => stood.contains(&one.key),
            Before::Nothing => false,
        };
        let record = recorded.get(&one.key);
        match record {
            Some(Recorded { ended: false, .. }) => {}
            Some(Recorded { id, fired: true, ended: true }) => changes.again.push(*id),
            Some(Recorded { fired: false, ended: true, .. }) | None => {
                let to = if news { &mut changes.fire } else { &mut changes.seed };
                to.push((record.map(|record| record.id), one));
            }
        }
    }
    let ended = recorded.iter().filter(|(key, record)| !record.ended && !stands.contains(key));
    changes.end = ended.map(|(_, record)| record.id).collect();
    changes
}

#[cfg(test)]
mod tests;
