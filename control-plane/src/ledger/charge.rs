//! What a call does to caps, as the ledger counts it. The filter counts too, to decide in time; this is the count
//! that stands.

use crate::rules::Rules;
use protocol::{
    UnixNanos,
    cap::{self, Amount, CapSpec, Facets, Unit},
    event::CallHead,
    meters::{Meter, Units},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One cap's charge for one call, in the cap's unit. Kept with the call, so that a later policy moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The cap's id.
    pub cap: Box<str>,
    /// The key of the count.
    pub subject: Box<str>,
    /// The window that the call started in.
    pub window_start: UnixNanos,
    /// What the cap counts.
    pub unit: Unit,
    /// While the call is open.
    pub held: Amount,
    /// What a cap in tokens counts, where it says so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub meters: BTreeSet<Meter>,
}

impl Charge {
    /// What is charged when the call has ended.
    pub fn settled(&self, settled_pico: Amount, units: &Units) -> Amount {
        match self.unit {
            Unit::Usd => settled_pico,
            Unit::Tokens => cap::counted(&self.meters, units),
            Unit::Calls => 1,
        }
    }
}

/// The charges of an admitted call: one for each cap of the policy in force that is about it, whether or not the
/// filter knew that cap already.
pub(super) fn charges(head: &CallHead, rules: &Rules) -> Vec<Charge> {
    let customer = head.attribution.customer.as_ref().map(|customer| &customer.value);
    let facets = Facets {
        attribution: &head.attribution,
        plan: rules.plan_of(customer),
        provider: &head.provider,
        model: head.asked_model(),
        route: head.route.as_deref(),
    };
    let caps = rules.caps_of(&facets).into_iter();
    let charge = |(cap, subject): (&CapSpec, Box<str>)| {
        let (window_start, _) = rules.window(cap, &subject, head.started_at);
        let (id, meters) = (cap.id.clone(), cap.meters.clone());
        Charge { held: held(head, cap, &subject), cap: id, subject, window_start, unit: cap.unit, meters }
    };
    caps.map(charge).collect()
}

/// What the filter says it holds; where it did not know the cap, what it would have held.
fn held(head: &CallHead, cap: &CapSpec, subject: &str) -> Amount {
    let said = head.caps.iter().find(|said| said.cap == cap.id && &*said.subject == subject);
    let amount = said.map(|said| said.held).unwrap_or_else(|| match cap.unit {
        Unit::Usd => head.hold.and_then(|hold| Amount::try_from(hold.pico()).ok()).unwrap_or(0),
        Unit::Tokens => {
            let tokens = head.input_tokens_estimate.saturating_add(head.output_tokens_max.unwrap_or(0));
            Amount::try_from(tokens).unwrap_or(0)
        }
        Unit::Calls => 1,
    });
    amount.clamp(0, HELD_MAX)
}

/// No hold is larger: a million dollars, a trillion tokens. It keeps every sum of holds far from the end of i64.
const HELD_MAX: Amount = 1_000_000_000_000_000_000;
