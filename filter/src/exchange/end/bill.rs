//! What a call costs, by the prices of the snapshot, with what its attempts cost that came to nothing. The ledger rates it
//! again by the prices in force when it started; this is what its caps are settled with meanwhile.

use protocol::{
    UnixNanos,
    attempt::{Attempt, Server, wasted},
    event::CallHead,
    hold::HOLD_PICO_MAX,
    meters::{Side, Usage, UsageSource},
    money::PicoUsd,
    price::Terms,
    rating::{self, Offer},
    snapshot::{Snapshot, UnpricedRule},
};

/// Who served, as far as the price depends on it.
pub(super) struct Served<'a> {
    pub(super) server: Server<'a>,
    pub(super) model: Option<&'a str>,
    pub(super) tier: Option<&'a str>,
    pub(super) region: Option<&'a str>,
}

/// What a usage costs; at the policy's ceiling where nobody priced it.
pub(super) fn cost(
    snapshot: &Snapshot,
    served: &Served<'_>,
    usage: &Usage,
    at: UnixNanos,
) -> Option<PicoUsd> {
    let Served { server, model, tier, region } = *served;
    let terms = Terms { tier, region, at, ..Terms::default() };
    let prices = snapshot.prices.find(server.provider, server.account, model, server.model);
    let rated = rating::rate_usage(usage, &terms, &prices.map(Offer::from).unwrap_or_default());
    rated.ok().and_then(|lines| rating::cost(&lines)).or_else(|| ceiling(snapshot, usage))
}

/// With what the wasted attempts cost, as far as somebody knows.
pub(super) fn with_waste(
    snapshot: &Snapshot,
    head: &CallHead,
    tried: &[Attempt],
    cost: Option<PicoUsd>,
) -> Option<PicoUsd> {
    let mut total = cost?;
    for (attempt, usage) in wasted(tried) {
        let server = Server::of(head, Some(attempt));
        let served =
            Served { server, model: None, tier: head.request_tier.as_deref(), region: server.region };
        if let Some(cost) = self::cost(snapshot, &served, usage, head.started_at) {
            total = total.checked_add(cost)?;
        }
    }
    // What the ledger takes for a cost.
    Some(total.min(PicoUsd::new(HOLD_PICO_MAX)))
}

/// What a call without a price is settled with, where the policy names a ceiling.
fn ceiling(snapshot: &Snapshot, usage: &Usage) -> Option<PicoUsd> {
    let UnpricedRule::Ceiling(rate) = snapshot.unpriced else { return None };
    if usage.source() == UsageSource::None {
        return None;
    }
    rate.cost(usage.tokens(Side::Prompt).saturating_add(usage.tokens(Side::Generated)))
}
