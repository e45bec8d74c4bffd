//! Why a call was refused, in plain words, and where what refused it stands now.

use crate::{
    console::{
        meter::{Meter, subject},
        page::{count, moment, usd},
    },
    reports::CapState,
    rules::Rules,
};
use protocol::{
    UnixNanos,
    cap::{Amount, Unit, Window},
    event::{CallEnd, CallHead, CapAnswer, CapDecision, Refusal},
    loop_guard::LoopVerdict,
    money::PicoUsd,
};

/// One reason.
pub(in crate::console) struct Reason {
    /// What refused it, and what for.
    pub(in crate::console) text: String,
    /// What else there is to know, a sentence each.
    pub(in crate::console) more: Vec<String>,
    /// How full the cap is now, where it counts anything.
    pub(in crate::console) now: Option<Meter>,
}

/// Every reason; none of a call that was not refused.
pub(in crate::console) fn reasons(
    head: &CallHead,
    end: Option<&CallEnd>,
    rules: &Rules,
    caps: &[CapState],
    now: UnixNanos,
) -> Vec<Reason> {
    let Some(refused) = end.and_then(|end| end.refused) else { return Vec::new() };
    let only = |text: String, more: &str| vec![Reason { text, more: vec![more.to_owned()], now: None }];
    match refused {
        Refusal::Cap => {
            let refused = head.caps.iter().filter(|decision| decision.decision == CapAnswer::Refused);
            refused.map(|decision| cap(decision, head, rules, caps, now)).collect()
        }
        Refusal::LoopGuard => {
            let what =
                head.loop_guard.map_or_else(|| "no rule is recorded".to_owned(), |verdict| rule(&verdict));
            only(
                format!("The loop guard stopped its task: {what}."),
                "A stopped task begins anew after the policy's loop_guard.release_after_s, or once somebody releases it \
                 with `bursar loop release`.",
            )
        }
        Refusal::Unattributed => only(
            "The policy refuses calls that name nobody who pays, and this one named none.".to_owned(),
            "What a call is attributed by is in the filter's configuration, under identity.",
        ),
        Refusal::Unpriced => only(
            format!(
                "The policy refuses calls whose cost nobody can know, and {} at {} had no price.",
                head.model().unwrap_or("a request without a model"),
                head.provider
            ),
            "A price for it, or `unpriced: {rule: allow}`, lets such calls pass.",
        ),
        Refusal::Unreachable => only(
            "The control plane did not answer, and the caps of this call fail closed.".to_owned(),
            "The bursar_* metrics of that Envoy say since when it was away.",
        ),
    }
}

fn cap(decision: &CapDecision, head: &CallHead, rules: &Rules, caps: &[CapState], now: UnixNanos) -> Reason {
    let (name, unit) = decision.cap.rsplit_once('/').unwrap_or((&decision.cap, ""));
    // A refused call holds nothing; what it asked for is recorded in money alone.
    let asked = match (unit, head.hold) {
        ("usd", Some(hold)) => format!("the {}", usd(hold)),
        ("calls", _) => "one more call".to_owned(),
        _ => "the units".to_owned(),
    };
    let whose = subject(&decision.subject);
    let text = match &*asked {
        "one more call" => format!("The cap {name} on {whose} had no room for one more call."),
        asked => format!("The cap {name} on {whose} had no room for {asked} that the call asked to hold."),
    };
    let mut more = vec!["What was spent and held at that instant is not recorded.".to_owned()];
    let Some(spec) = rules.cap(&decision.cap) else {
        more.push("The policy in force has no such cap any more.".to_owned());
        return Reason { text, more, now: None };
    };
    let limit = amount(spec.unit, spec.limit_at(&decision.subject, head.started_at));
    let (start, end) = rules.window(spec, &decision.subject, head.started_at);
    more.insert(0, match spec.window {
        Window::Lifetime => format!("It allows {limit} in all, and never resets."),
        window => format!(
            "By the policy in force it allows {limit} per {}; the window of that time ran from {} to {} UTC.",
            window.as_str().replace('_', " "),
            moment(start),
            moment(end)
        ),
    });
    let state = caps.iter().find(|state| {
        state.name == spec.name && state.unit == spec.unit && state.subject == decision.subject
    });
    if state.is_none() {
        more.push("In its current window it has counted nothing: such a call finds room now.".to_owned());
    }
    Reason { text, more, now: state.map(|state| Meter::new(state, now)) }
}

fn amount(unit: Unit, amount: Amount) -> String {
    let number = || count(u64::try_from(amount).unwrap_or(0));
    match unit {
        Unit::Usd => usd(PicoUsd::new(i128::from(amount))),
        Unit::Calls => format!("{} calls", number()),
        Unit::Tokens => format!("{} tokens", number()),
    }
}

fn rule(verdict: &LoopVerdict) -> String {
    use protocol::loop_guard::LoopRule::{
        Calls, CallsPerMinute, ConsecutiveFailures, Cost, IdenticalRequests, IdenticalToolCalls,
    };
    match verdict.rule {
        IdenticalRequests => "the same request came again and again",
        IdenticalToolCalls => "the model asked for the same tool call again and again",
        CallsPerMinute => "too many calls in one minute",
        Calls => "too many calls in all",
        Cost => "it cost too much",
        ConsecutiveFailures => "one failure came after the other",
    }
    .to_owned()
}
