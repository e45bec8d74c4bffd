//! What a call needs of its caps, from what its request asks for.

use super::Exchange;
use crate::{admission::Needs, request::RequestFacts};
use protocol::{cap::CapSpec, event::CapAnswer, ratio::TextRatios, snapshot::Snapshot};
use std::{rc::Rc, sync::Arc};

impl Exchange {
    pub(super) fn needs(&mut self, snapshot: &Snapshot, facts: RequestFacts) -> Needs {
        self.route(snapshot, &facts);
        let needs = Needs::of(snapshot, &self.head, &facts);
        self.take_facts(facts, &snapshot.ratios);
        let head = Rc::make_mut(&mut self.head);
        (head.hold, head.hold_input) = (needs.hold, needs.hold_input);
        needs
    }

    /// What is needed once another model is asked for.
    pub(super) fn downgraded(&mut self, snapshot: &Snapshot, before: &Needs, cap: Arc<CapSpec>) -> Needs {
        let mut asked = std::mem::take(&mut self.asked);
        asked.model.clone_from(&cap.downgrade);
        self.route(snapshot, &asked);
        self.asked = asked;
        let head = Rc::make_mut(&mut self.head);
        head.downgraded_to.clone_from(&cap.downgrade);
        let needs = Needs::of(snapshot, head, &self.asked);
        (head.hold, head.hold_input) = (needs.hold, needs.hold_input);
        head.input_tokens_estimate = self.asked.input_tokens_estimate(&head.provider, &snapshot.ratios);
        needs.giving_way(before.gave_way().iter().cloned().chain([cap]).collect())
    }

    /// Whether the call passed because the control plane could not be asked, and not because a cap had room.
    pub fn passed_unreachable(&self) -> bool {
        self.head.caps.iter().any(|cap| cap.decision == CapAnswer::AllowedUnreachable)
    }

    pub(super) fn take_facts(&mut self, facts: RequestFacts, ratios: &TextRatios) {
        let head = Rc::make_mut(&mut self.head);
        head.request_model.clone_from(&facts.model);
        head.stream = facts.stream;
        head.request_tier.clone_from(&facts.tier);
        head.output_tokens_max = facts.output_tokens_max;
        head.input_tokens_estimate = facts.input_tokens_estimate(&head.provider, ratios);
        head.request_text_bytes = Some(facts.text_bytes).filter(|_| facts.whole && facts.media_parts == 0);
        self.asked = facts;
    }
}
