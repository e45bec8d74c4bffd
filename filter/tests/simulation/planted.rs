//! Bugs that are planted to see that the simulation finds them. Each is put in from outside, by changing what the real
//! code is given or what it left behind.

use crate::plan::{CLOCK_ERROR, Plan, SECOND};
use protocol::{
    UnixNanos,
    allowance::{Counter, DEAD_AFTER_NS, GRANT_MARGIN_NS, GRANT_TTL_MS, Grant, Share},
    cap::Amount,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// A settled call keeps its hold.
    SettleKeepsTheHold,
    /// A settled call gives its hold back and costs nothing.
    SettleForgetsTheCost,
    /// What a call cost above its hold is not counted.
    DebtForgotten,
    /// A grant does not look at what others have.
    GrantIgnoresOthers,
    /// What others hold is not counted once their grants are over.
    HoldsOfOthersIgnored,
    /// A node goes on when its grant is over.
    ExpiredGrantUsed,
    /// A grant lives from its arrival instead of from the question.
    GrantLivesFromArrival,
    /// An older answer takes the place of a newer one, for as long as that lives.
    OlderAnswerWins,
    /// An older report takes the place of a newer one.
    OlderReportWins,
    /// The control plane restarts without the shares.
    SharesLostAtRestart,
    /// It hands out at once what was over meanwhile.
    DecidesAtOnceAfterRestart,
    /// What a node said counts no more as soon as its grant is over.
    DeadAtOnce,
    /// Shares end without a margin.
    NoMargin,
    /// The ledger is not looked at.
    LedgerIgnored,
    /// A repeated event is booked again.
    RepeatedEventBooked,
    /// A window that is over goes on.
    WindowNeverTurns,
    /// Clocks err by ten times what is allowed.
    ClocksBeyondTheBound,
    /// An answer to the process before is taken.
    AnswerToAnotherBoot,
    /// A booked grant is reported like a change.
    GrantIsNews,
    /// A lowered allowance is stored before the node is known to have it.
    LoweredAtOnce,
    /// A counter that has begun anew overwrites what is known of it.
    ForgottenIsForgotten,
    /// What was handed out never comes back.
    AllowanceNeverEnds,
    /// What a dead process said it spent is forgotten.
    SpentDiesWithTheProcess,
}

impl Planted {
    pub(crate) const ALL: [Self; 23] = [
        Self::SettleKeepsTheHold,
        Self::SettleForgetsTheCost,
        Self::DebtForgotten,
        Self::GrantIgnoresOthers,
        Self::HoldsOfOthersIgnored,
        Self::ExpiredGrantUsed,
        Self::GrantLivesFromArrival,
        Self::OlderAnswerWins,
        Self::OlderReportWins,
        Self::SharesLostAtRestart,
        Self::DecidesAtOnceAfterRestart,
        Self::DeadAtOnce,
        Self::NoMargin,
        Self::LedgerIgnored,
        Self::RepeatedEventBooked,
        Self::WindowNeverTurns,
        Self::ClocksBeyondTheBound,
        Self::AnswerToAnotherBoot,
        Self::GrantIsNews,
        Self::LoweredAtOnce,
        Self::ForgottenIsForgotten,
        Self::AllowanceNeverEnds,
        Self::SpentDiesWithTheProcess,
    ];

    /// Makes sure of the trouble without which the bug does no harm.
    pub(crate) fn ensure_trouble(self, plan: &mut Plan) {
        match self {
            Self::ClocksBeyondTheBound => plan.clock_error = 10 * CLOCK_ERROR,
            Self::ForgottenIsForgotten => {
                // Only a count whose grant is over makes room.
                (plan.crowded, plan.gap_max, plan.call_max) = (true, 40 * SECOND, 2 * SECOND);
                plan.need_max = 60;
            }
            Self::AnswerToAnotherBoot => {
                // Only what is slower than a restart comes to another process.
                (plan.node_crashes, plan.delay_max, plan.gap_max) = (true, 4 * SECOND, SECOND);
            }
            Self::LoweredAtOnce => plan.policy_changes = true,
            Self::OlderAnswerWins => {
                (plan.policy_changes, plan.lost, plan.late) = (true, 150, 10);
            }
            Self::SharesLostAtRestart | Self::DecidesAtOnceAfterRestart => plan.control_plane_crashes = true,
            Self::GrantLivesFromArrival => plan.delay_max = 4 * SECOND,
            Self::RepeatedEventBooked => plan.repeated = 150,
            _ => {}
        }
    }

    pub(crate) fn before_hold(self, counter: &mut Counter) {
        match self {
            Self::ExpiredGrantUsed if counter.allowance > 0 => counter.expires_at = u64::MAX,
            Self::WindowNeverTurns if counter.window_end != 0 => counter.window_end = u64::MAX,
            _ => {}
        }
    }

    pub(crate) fn after_settle(self, counter: &mut Counter, held: Amount, cost: Amount) {
        match self {
            Self::SettleKeepsTheHold => counter.held += held,
            Self::SettleForgetsTheCost => counter.spent -= cost,
            Self::DebtForgotten => counter.spent -= (cost - held).max(0),
            _ => {}
        }
    }

    /// Wrong ways to take an answer.
    pub(crate) fn apply(self, counter: &mut Counter, grant: &Grant, asked_at: UnixNanos) {
        let before = *counter;
        match self {
            Self::OlderAnswerWins => {
                counter.expires_at = 0;
                counter.apply(grant, asked_at);
                counter.expires_at = counter.expires_at.max(before.expires_at);
            }
            Self::AnswerToAnotherBoot => counter.apply(&Grant { since: 0, ..grant.clone() }, asked_at),
            Self::GrantIsNews => {
                counter.apply(grant, asked_at);
                counter.revision += 1;
            }
            _ => counter.apply(grant, asked_at),
        }
    }

    /// Wrong ways to keep what was decided.
    pub(crate) fn after_grant(self, own: &mut Share, grant: &Grant, now: UnixNanos) {
        if self == Self::AllowanceNeverEnds {
            own.expires_at = now + 1_000 * SECOND;
        }
        if self == Self::LoweredAtOnce && grant.allowance < own.allowance {
            (own.allowance, own.expires_at) = (grant.allowance, now + GRANT_TTL_MS * 1_000_000);
        }
    }

    pub(crate) fn before_grant(self, own: &mut Share, others: &mut Vec<Share>, now: UnixNanos) {
        match self {
            Self::GrantIgnoresOthers => others.clear(),
            Self::HoldsOfOthersIgnored => {
                others.iter_mut().for_each(|share| (share.held, share.ledger) = (0, 0));
            }
            Self::OlderReportWins => own.revision = 0,
            Self::DeadAtOnce => {
                let over = |share: &&mut Share| now >= share.expires_at;
                others.iter_mut().filter(over).for_each(|share| (share.spent, share.held) = (0, 0));
            }
            Self::SpentDiesWithTheProcess => {
                let dead = |share: &&mut Share| now >= share.expires_at + DEAD_AFTER_NS;
                others.iter_mut().filter(dead).for_each(|share| (share.spent, share.held) = (0, 0));
            }
            Self::NoMargin => {
                for share in others {
                    share.expires_at = share.expires_at.saturating_sub(GRANT_MARGIN_NS);
                }
            }
            Self::LedgerIgnored => {
                own.ledger = 0;
                others.iter_mut().for_each(|share| share.ledger = 0);
            }
            _ => {}
        }
    }
}
