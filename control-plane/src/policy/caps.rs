//! What filters get of a policy: its caps, one limit in one unit each, and its rules for unknown prices.

use super::{
    Mode, Policy, UnpricedWord, Usd,
    capping::{Action, Cap, Increase, Overrun},
    rules::UNATTRIBUTED,
};
use protocol::{
    cap::{Amount, CapSpec, Facet, SubjectMatch, Unit},
    loop_guard::LoopSpec,
    money::PicoUsdPerUnit,
    snapshot::UnpricedRule,
};
use std::collections::BTreeMap;

/// The share of a limit that one Envoy may use of a subject before its first grant: a hundredth. So a hundred Envoys
/// that start at once stay within the cap.
const INITIAL_SHARE: Amount = 100;

impl Policy {
    /// Every cap in compiled form, the most restrictive window first, within a window as written.
    pub fn cap_specs(&self) -> Vec<CapSpec> {
        let mut specs: Vec<CapSpec> = self.caps.iter().flat_map(specs_of).collect();
        if let Some(limit) = self.unattributed.limit_usd {
            let subject = BTreeMap::from([(Facet::Customer, SubjectMatch::Absent)]);
            specs.push(CapSpec {
                id: format!("{UNATTRIBUTED}/usd").into(),
                subject,
                initial: limit.pico() / INITIAL_SHARE,
                ..CapSpec::plain(UNATTRIBUTED, Unit::Usd, limit.pico(), self.unattributed.window)
            });
        }
        specs.sort_by_key(|spec| spec.window);
        specs
    }

    /// When a task is stopped for repeating itself.
    pub fn loop_spec(&self) -> Option<LoopSpec> {
        const SECOND_NS: u64 = 1_000_000_000;
        let guard = self.loop_guard.as_ref()?;
        Some(LoopSpec {
            identical_requests: guard.identical_requests,
            identical_tool_calls: guard.identical_tool_calls,
            within_ns: u64::from(guard.within_s).saturating_mul(SECOND_NS),
            calls_per_minute: guard.calls_per_task_per_minute,
            calls: guard.calls_per_task,
            cost_pico: guard.cost_per_task_usd.map(Usd::pico),
            consecutive_failures: guard.consecutive_failures,
            release_after_ns: u64::from(guard.release_after_s).saturating_mul(SECOND_NS),
            action: guard.action,
            released: BTreeMap::new(),
        })
    }

    /// What happens to a call of a model that nobody priced.
    pub fn unpriced_rule(&self) -> UnpricedRule {
        match (self.unpriced.rule, self.unpriced.ceiling_usd_per_mtok) {
            (UnpricedWord::Allow, _) => UnpricedRule::Allow,
            // A ceiling without an amount does not pass the check; refusing is what errs on the safe side.
            (UnpricedWord::Refuse, _) | (UnpricedWord::Ceiling, None) => UnpricedRule::Refuse,
            (UnpricedWord::Ceiling, Some(_)) => {
                self.ceiling().map_or(UnpricedRule::Refuse, UnpricedRule::Ceiling)
            }
        }
    }

    /// The most that a token of a model that nobody priced is taken to cost, whatever the rule is.
    pub fn ceiling(&self) -> Option<PicoUsdPerUnit> {
        let ceiling = self.unpriced.ceiling_usd_per_mtok?.amount().to_string();
        PicoUsdPerUnit::parse_usd_per_mtok(&ceiling).ok().map(|(rate, _)| rate)
    }
}

fn specs_of(cap: &Cap) -> impl Iterator<Item = CapSpec> {
    let is = cap.subject.iter().map(|(facet, name)| (*facet, SubjectMatch::Is(name.clone())));
    let each = cap.each.as_slice().iter().map(|facet| (*facet, SubjectMatch::Each));
    let subject: BTreeMap<Facet, SubjectMatch> = is.chain(each).collect();
    [(Unit::Usd, "usd"), (Unit::Calls, "calls"), (Unit::Tokens, "tokens")].into_iter().filter_map(
        move |(unit, word)| {
            let limit = cap.limit(unit)?;
            let mut spec = CapSpec {
                id: format!("{}/{word}", cap.name).into(),
                subject: subject.clone(),
                shadow: cap.mode == Mode::Shadow,
                initial: limit / INITIAL_SHARE,
                meters: cap.meters.iter().copied().filter(|_| unit == Unit::Tokens).collect(),
                downgrade: match &cap.action {
                    Action::Refuse => None,
                    Action::Downgrade(model) => Some(model.clone()),
                },
                overrun_grace_percent: match cap.overrun {
                    // Calls are counted before they begin, and come to no more.
                    Overrun::Stop if unit != Unit::Calls => Some(cap.overrun_grace_percent),
                    Overrun::Stop | Overrun::Finish => None,
                },
                ..CapSpec::plain(cap.name.as_str(), unit, limit, cap.window)
            };
            let increases = cap.increases.iter().filter_map(|increase| {
                Some(protocol::cap::Increase {
                    // What is for one of an `each` names it; the check has seen to that.
                    subject: (!increase.only.is_empty()).then(|| spec.subject_with(&increase.only)).flatten(),
                    limit: increase.limit(unit)?,
                    from: increase.from.map_or(0, |from| from.0),
                    until: increase.until.0,
                })
            });
            spec.increases = increases.collect();
            Some(spec)
        },
    )
}

/// A limit as it is written, in one of the units.
trait Limits {
    fn limit(&self, unit: Unit) -> Option<Amount>;
}

impl Limits for Cap {
    fn limit(&self, unit: Unit) -> Option<Amount> {
        of_unit(unit, self.limit_usd, self.limit_calls, self.limit_tokens)
    }
}

impl Limits for Increase {
    fn limit(&self, unit: Unit) -> Option<Amount> {
        of_unit(unit, self.limit_usd, self.limit_calls, self.limit_tokens)
    }
}

fn of_unit(unit: Unit, usd: Option<Usd>, calls: Option<Amount>, tokens: Option<Amount>) -> Option<Amount> {
    match unit {
        Unit::Usd => usd.map(Usd::pico),
        Unit::Calls => calls,
        Unit::Tokens => tokens,
    }
}
