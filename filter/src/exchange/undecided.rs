//! What becomes of a call that no cap is asked about.

use super::{Exchange, Phase, Step, naming};
use crate::admission::{Admitted, Refused};
use protocol::{UnixNanos, event::Refusal, ratio::TextRatios};

impl Exchange {
    /// Refuses a call for a reason that no cap knows.
    pub fn refuse(&mut self, reason: Refusal, now: UnixNanos) -> Option<Step> {
        match &self.phase {
            Phase::Reading(reader) => {
                let facts = reader.facts();
                naming::complete(&mut self.head, self.unasked.as_deref(), reader);
                self.take_facts(facts, &TextRatios::default());
            }
            Phase::Asking { .. } => {}
            Phase::Flowing(_) | Phase::Refused(_) | Phase::Over => return None,
        }
        Some(self.refused(Refused::because(reason), now))
    }

    /// Passes a call that Bursar has nothing to decide on with: no snapshot has come yet.
    pub fn pass_undecided(&mut self, now: UnixNanos) -> Option<Step> {
        let reader = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Reading(reader) => reader,
            other => {
                self.phase = other;
                return None;
            }
        };
        naming::complete(&mut self.head, self.unasked.as_deref(), &reader);
        let facts = reader.facts();
        if facts.retrieves {
            self.take_facts(facts, &TextRatios::default());
            return Some(self.pass(Admitted::default()));
        }
        self.late = Some(reader).filter(|_| !facts.whole);
        self.take_facts(facts, &TextRatios::default());
        if let Some(refused) = self.unnamed() {
            return Some(self.refused(refused, now));
        }
        Some(self.proceed(Admitted::default()))
    }
}
