//! Streams that come to cost more than they hold, of caps that end them. Each event costs one comparison: how many bytes
//! of text may be delivered is worked out once, when the first text has come, and again whenever that is passed. Then
//! more is held; where there is none, the control plane is asked while the stream flows on; where it has none, the
//! stream ends.

use crate::{
    admission::{Held, Pace, Recourse},
    counters::{self, SharedData},
};
use protocol::{
    UnixNanos,
    allowance::{CounterReport, HoldAnswer},
    cap::{Amount, Unit, counted},
    meters::Units,
    ratio::TextRatios,
    snapshot::Allow,
};

/// The part of its first hold by which a hold grows where that much again does not fit.
const SMALLER_PART: Amount = 16;

/// One stream that a cap may end.
#[derive(Debug)]
pub struct Overrun {
    /// What may be done about a counter that does not reach.
    recourse: Recourse,
    /// What each cap held at first.
    first: Vec<Amount>,
    /// The control plane is being asked.
    asking: bool,
    /// The cap that ended it.
    pub stopped_by: Option<Box<str>>,
}

/// What the stream has come to.
#[derive(Clone, Debug, Default)]
pub struct SoFar<'a> {
    /// Who serves.
    pub provider: &'a str,
    /// The models by whose text tokens are estimated.
    pub models: [Option<&'a str>; 2],
    /// The prompt, where it was counted,
    pub prompt: Option<Units>,
    /// and what that costs.
    pub prompt_cost: Option<Amount>,
    /// Bytes of text that were delivered.
    pub text_bytes: u64,
}

/// Where caps are kept, and what they go by.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// Bytes per token.
    pub ratios: &'a TextRatios,
    /// What the policy says where nobody can be asked.
    pub when_unreachable: Allow,
    /// Whether a cap may be used before its first grant.
    pub fast: bool,
    /// The control plane is known to be away.
    pub away: bool,
}

/// What becomes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// It goes on, for so many bytes of text in all.
    GoOn(u64),
    /// It goes on until the control plane was asked.
    Ask(Vec<CounterReport>),
    /// It ends, because of this cap.
    Stop(Box<str>),
}

enum Grown {
    Held(Amount),
    /// Nothing holds it back any more.
    Free,
    Short(CounterReport),
    Refused,
}

impl Overrun {
    /// Of what a call holds, if one of the caps ends streams.
    pub fn of(held: &[Held]) -> Option<Self> {
        held.iter().any(|hold| hold.pace.is_some()).then(|| Self {
            recourse: Recourse::Ask,
            first: held.iter().map(|hold| hold.amount).collect(),
            asking: false,
            stopped_by: None,
        })
    }

    /// Whether the control plane is being asked.
    pub fn is_asking(&self) -> bool {
        self.asking
    }

    /// It answered, or did not.
    pub fn answered(&mut self, reached: bool) {
        self.asking = false;
        self.recourse = if reached { Recourse::Asked } else { Recourse::Unreachable };
    }

    /// Works out how far the stream may go, and holds more where it has gone that far.
    pub fn review(
        &mut self,
        held: &mut [Held],
        so_far: &SoFar<'_>,
        bounds: &Bounds<'_>,
        shared: &impl SharedData,
        now: UnixNanos,
    ) -> Review {
        let recourse = std::mem::replace(&mut self.recourse, Recourse::Ask);
        let recourse =
            if recourse == Recourse::Ask && bounds.away { Recourse::Unreachable } else { recourse };
        let (mut bytes_max, mut short) = (u64::MAX, Vec::new());
        for (hold, first) in held.iter_mut().zip(&self.first) {
            while let Some(pace) = hold.pace {
                let input = input(hold, &pace, so_far);
                let reach = reach(hold.amount, input, &pace, so_far, bounds.ratios);
                if reach.is_some_and(|reach| so_far.text_bytes <= reach) {
                    bytes_max = bytes_max.min(reach.unwrap_or(0));
                    break;
                }
                let needed = cost(input, &pace, so_far, bounds.ratios).saturating_sub(hold.amount).max(1);
                match grow(hold, *first, needed, recourse, bounds, shared, now) {
                    Grown::Held(more) => hold.amount = hold.amount.saturating_add(more),
                    Grown::Free => hold.pace = None,
                    Grown::Short(report) => {
                        short.push(report);
                        break;
                    }
                    Grown::Refused => {
                        self.stopped_by = Some(hold.cap.id.clone());
                        return Review::Stop(hold.cap.id.clone());
                    }
                }
            }
        }
        if short.is_empty() {
            return Review::GoOn(bytes_max);
        }
        self.asking = true;
        Review::Ask(short)
    }
}

/// The prompt in the cap's unit: as it was counted, else as the hold has it.
fn input(hold: &Held, pace: &Pace, so_far: &SoFar<'_>) -> Amount {
    let told = match hold.cap.unit {
        Unit::Usd => so_far.prompt_cost,
        Unit::Tokens => so_far.prompt.as_ref().map(|units| counted(&hold.cap.meters, units)),
        Unit::Calls => None,
    };
    told.unwrap_or(pace.input)
}

/// With how many bytes of text a hold and its grace are used up; `None` where the prompt alone does that.
fn reach(held: Amount, input: Amount, pace: &Pace, so_far: &SoFar<'_>, ratios: &TextRatios) -> Option<u64> {
    let percent = i128::from(pace.grace_percent).saturating_add(100);
    let most = i128::from(held).saturating_mul(percent).checked_div(100)?;
    let left = most.checked_sub(i128::from(input)).filter(|left| *left >= 0)?;
    // Text that costs nothing may go on for ever.
    let Some(tokens) = left.checked_div(i128::from(pace.per_token)) else { return Some(u64::MAX) };
    let tokens = u64::try_from(tokens).unwrap_or(u64::MAX);
    Some(ratios.generated_bytes(so_far.provider, &so_far.models, tokens))
}

/// What the stream costs by now.
fn cost(input: Amount, pace: &Pace, so_far: &SoFar<'_>, ratios: &TextRatios) -> Amount {
    let tokens = ratios.generated_tokens(so_far.provider, &so_far.models, so_far.text_bytes);
    let tokens = Amount::try_from(tokens).unwrap_or(Amount::MAX);
    input.saturating_add(tokens.saturating_mul(pace.per_token))
}

/// Holds as much again as at first, or less where that does not fit, but what is needed.
fn grow(
    hold: &Held,
    first: Amount,
    needed: Amount,
    recourse: Recourse,
    bounds: &Bounds<'_>,
    shared: &impl SharedData,
    now: UnixNanos,
) -> Grown {
    // What could hold nothing when it began is counted where it ends.
    let Some(held_at) = hold.held_at else { return Grown::Free };
    let initial = if bounds.fast { hold.cap.initial } else { 0 };
    let less = needed.max(first.checked_div(SMALLER_PART).unwrap_or(0));
    let tried = counters::update(shared, &hold.cap.id, &hold.subject, now, |counter| {
        let mut answer = None;
        for more in [first.max(needed), less, needed] {
            answer = counter.hold_more(held_at, more, now, initial);
            if answer.is_none_or(|answer| answer == HoldAnswer::Held) {
                return (answer, more, *counter);
            }
        }
        (answer, less, *counter)
    });
    match (tried, recourse) {
        // The window is over in which it was held; or the counter cannot be kept, which must not stop a call.
        (Ok((None, ..)) | Err(_), _) => Grown::Free,
        (Ok((Some(HoldAnswer::Held), more, _)), _) => Grown::Held(more),
        (Ok((Some(HoldAnswer::Denied), ..)), _) => Grown::Refused,
        (Ok((Some(HoldAnswer::Short), more, counter)), Recourse::Ask) => {
            Grown::Short(counter.report(&hold.cap.id, &hold.subject, more))
        }
        (_, Recourse::Unreachable) if bounds.when_unreachable == Allow::Allow => Grown::Free,
        _ => Grown::Refused,
    }
}
