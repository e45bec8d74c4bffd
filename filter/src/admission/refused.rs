//! What is told of a call that may not happen.

use protocol::{
    UnixNanos,
    attribution::Dimension,
    cap::{Amount, Unit, Window},
    event::{CapDecision, Refusal},
    loop_guard::LoopRule,
};

/// A call that may not happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Refusal,
    /// The cap, where one is the reason.
    pub cap: Option<RefusingCap>,
    /// What the loop guard found, where that is the reason.
    pub looped: Option<Looped>,
    /// What is not named and has to be, where that is the reason.
    pub missing: Option<Dimension>,
    /// What the caps said.
    pub decisions: Vec<CapDecision>,
}

impl Refused {
    /// For a reason that no cap knows.
    pub fn because(reason: Refusal) -> Self {
        Self { reason, cap: None, looped: None, missing: None, decisions: Vec::new() }
    }
}

/// What the loop guard found of a call that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looped {
    /// Which limit it is above.
    pub rule: LoopRule,
    /// When the next call of its task may pass.
    pub until: UnixNanos,
    /// The task is only slowed down.
    pub throttled: bool,
}

/// What a refusal tells about its cap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusingCap {
    /// Its name in the policy.
    pub name: Box<str>,
    /// What it limits.
    pub unit: Unit,
    /// How much.
    pub limit: Amount,
    /// For how long.
    pub window: Window,
    /// When its window ends, where that is known.
    pub resets_at: Option<UnixNanos>,
    /// The call alone needs more than the cap ever allows.
    pub larger_than_cap: bool,
    /// There would be room if the calls that are open cost nothing: trying again soon may work.
    pub waiting_helps: bool,
    /// How full it is, in hundredths.
    pub fullness_percent: Amount,
}
