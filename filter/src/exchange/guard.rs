//! What the loop guard says of a call.

use super::{Exchange, Phase};
use crate::{
    admission::{Looped, Refused},
    counters::SharedData,
    fingerprint::Fingerprint,
    loop_guard,
};
use protocol::{
    UnixNanos,
    attribution::Dimension,
    event::Refusal,
    loop_guard::{LoopAction, LoopVerdict},
    snapshot::Snapshot,
};
use std::rc::Rc;

impl Exchange {
    /// Asks the loop guard, before any cap.
    pub(super) fn guard(
        &mut self,
        snapshot: &Snapshot,
        shared: &impl SharedData,
        now: UnixNanos,
    ) -> Option<Refused> {
        let spec = snapshot.loop_guard.as_ref()?;
        let task = self.head.attribution.name(Dimension::Task)?;
        let model = self.asked.model.as_deref().map_or(0, |model| Fingerprint::of(model.as_bytes()));
        let request = self.asked.last_message.map(|message| message ^ model.rotate_left(17));
        // A guard that cannot count must not stop a call.
        let tripped = loop_guard::begin(shared, spec, task.as_str(), request, now).ok()??;
        Rc::make_mut(&mut self.head).loop_guard =
            Some(LoopVerdict { rule: tripped.rule, action: spec.action });
        let throttled = match spec.action {
            LoopAction::Refuse => false,
            LoopAction::Throttle => true,
            LoopAction::Warn | LoopAction::Shadow => return None,
        };
        let looped = Some(Looped { rule: tripped.rule, until: tripped.until, throttled });
        Some(Refused { looped, ..Refused::because(Refusal::LoopGuard) })
    }

    /// Asks for the fingerprint of the request. Before its first piece.
    pub fn watch(&mut self) {
        if let Phase::Reading(reader) = &mut self.phase {
            reader.fingerprint();
        }
    }

    /// What the client is told of the loop guard, where it only warns.
    pub fn loop_warning(&self) -> Option<&'static str> {
        let verdict = self.head.loop_guard.filter(|verdict| verdict.action == LoopAction::Warn)?;
        Some(verdict.rule.as_str())
    }
}
