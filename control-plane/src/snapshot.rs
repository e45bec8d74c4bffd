//! Compiles what filters get: policy, prices, and what was learned of the models' text. Nothing here decides about a call.

use crate::{
    policy::{Customer, Policy},
    rules::Rules,
};
use protocol::{UnixNanos, cap::Facet, codec, ids::Name, ratio::TextRatios, snapshot::Snapshot};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc};

/// The snapshot in force at an instant. Its version is a digest of its content, so that two that say the same are
/// the same, whoever compiled them and when.
pub fn build(rules: &Rules, ratios: &TextRatios, now: UnixNanos) -> Result<Snapshot, codec::CodecError> {
    let (policy, prices) = (rules.policy(), &rules.prices);
    let caps = policy.cap_specs();
    let is_about_plans = caps.iter().any(|cap| cap.subject.contains_key(&Facet::Plan));
    let mut snapshot = Snapshot {
        version: "".into(),
        issued_at: 0,
        when_unreachable: policy.when_unreachable,
        unpriced: policy.unpriced_rule(),
        unattributed: policy.unattributed.rule,
        caps: caps.into_iter().map(Arc::new).collect(),
        loop_guard: policy.loop_spec().map(|mut spec| {
            let is_told = |at: &UnixNanos| now.saturating_sub(*at) <= spec.release_after_ns;
            spec.released = rules
                .released
                .iter()
                .filter(|(_, at)| is_told(at))
                .map(|(task, at)| (task.clone(), *at))
                .collect();
            Arc::new(spec)
        }),
        plans: if is_about_plans { plans(policy) } else { BTreeMap::new() },
        routes: policy.route_specs(),
        prices: prices.book(now),
        provider_cost_bills: policy
            .prices
            .provider_cost_bills
            .iter()
            .map(|name| name.as_str().into())
            .collect(),
        bills_on_abort: policy
            .prices
            .bills_on_abort
            .iter()
            .map(|(provider, bills)| (provider.as_str().into(), *bills))
            .collect(),
        ratios: ratios.clone(),
    };
    let digest = Sha256::digest(codec::encode(&snapshot)?);
    snapshot.version = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into();
    snapshot.issued_at = now;
    Ok(snapshot)
}

fn plans(policy: &Policy) -> BTreeMap<Box<str>, Box<str>> {
    let plan = |(name, customer): (&Name, &Customer)| {
        Some((name.as_str().into(), customer.plan.as_ref()?.as_str().into()))
    };
    policy.customers.iter().filter_map(plan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{policy, prices::PriceTable, store::policies::StoredPolicy};

    #[test]
    fn the_version_changes_with_the_content_and_with_nothing_else() {
        let policy = |limit: &str| {
            let text = format!(
                "version: 1\ncaps:\n  - {{name: all, subject: {{}}, limit_usd: \"{limit}\", window: day}}\n"
            );
            policy::parse(&text, "policy.yaml").unwrap()
        };
        let version = |limit, now| {
            let ratios = TextRatios::default();
            let stored = StoredPolicy { version: 1, at: 0, policy: policy(limit) };
            build(&Rules::new(stored, PriceTable::default()), &ratios, now).unwrap().version
        };
        assert_eq!(version("1.00", 1), version("1.00", 2));
        assert_ne!(version("1.00", 1), version("2.00", 1));
    }
}
