//! What a call may cost at most, before it is made.

use crate::request::{CacheHint, RequestFacts};
use protocol::{
    hold::HOLD_PICO_MAX,
    meters::{Meter, Side},
    price::{ModelPrices, Terms},
    snapshot::{Snapshot, UnpricedRule},
};

/// The dearest rates that the prompt and the answer may come to, in pico-dollars per token.
pub(super) fn worst_rates(
    snapshot: &Snapshot,
    prices: Option<&ModelPrices>,
    facts: &RequestFacts,
    terms: &Terms<'_>,
) -> Option<(u64, u64)> {
    let Some(prices) = prices else {
        return match snapshot.unpriced {
            UnpricedRule::Ceiling(rate) => Some((rate.pico(), rate.pico())),
            UnpricedRule::Allow | UnpricedRule::Refuse => None,
        };
    };
    let rate = |meter| prices.rate(meter, terms).map(|rate| rate.rate.pico());
    let dearest = |meters: &[(Meter, bool)]| {
        let may_occur = meters.iter().filter(|(_, may_occur)| *may_occur);
        may_occur.filter_map(|(meter, _)| rate(*meter)).max()
    };
    let input = dearest(&[
        (Meter::Input, true),
        // Some providers write what they like to their caches, for no more than this.
        (Meter::CacheWrite5m, true),
        (Meter::CacheWrite1h, facts.cache_hint == Some(CacheHint::Long)),
    ]);
    let output = dearest(&[
        (Meter::Output, true),
        (Meter::Reasoning, true),
        (Meter::AudioOut, facts.makes_audio),
        (Meter::ImageOut, facts.makes_images),
    ]);
    // Who bills characters, seconds, images or searches may have no rate for tokens, and who only reads, none for an
    // answer; a model without any rate is one that nobody priced.
    let serves =
        prices.rates.iter().any(|rate| rate.meter.side() == Side::Service && rate.meter != Meter::WebSearch);
    let input = input.or(serves.then_some(0));
    let output = output.or((serves || facts.output_tokens_max == Some(0)).then_some(0));
    input.zip(output)
}

/// What is billed beside tokens and is known before: characters to be spoken, images to be made, the call itself.
pub(super) fn service_pico(prices: Option<&ModelPrices>, facts: &RequestFacts, terms: &Terms<'_>) -> i128 {
    let Some(prices) = prices else { return 0 };
    let of = |meter, units: Option<u64>| {
        let cost = prices.rate(meter, terms).and_then(|rate| rate.rate.cost(units?));
        cost.map_or(0, |cost| cost.pico().min(HOLD_PICO_MAX))
    };
    [(Meter::Characters, facts.characters), (Meter::Images, facts.images), (Meter::Requests, Some(1))]
        .into_iter()
        .fold(0, |total: i128, (meter, units)| total.saturating_add(of(meter, units)))
}
