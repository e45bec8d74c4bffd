//! Reads models.dev's `api.json`: providers, their models, what those cost in USD per million tokens.

use super::{
    Import, PriceKey,
    formats::provider_name,
    gather::{Gather, Rows, inherit},
    raw::{Pairs, number, string},
};
use protocol::{UnixNanos, meters::Meter, money::PicoUsdPerUnit, price::Threshold};

const METERS: [(&str, Meter); 7] = [
    ("input", Meter::Input),
    ("output", Meter::Output),
    ("reasoning", Meter::Reasoning),
    ("cache_read", Meter::CacheRead),
    ("cache_write", Meter::CacheWrite5m),
    ("input_audio", Meter::AudioIn),
    ("output_audio", Meter::AudioOut),
];
const OVER_200K: &str = "context_over_200k";
const TIERS: &str = "tiers";

/// Reads the whole file.
pub(super) fn import(text: &str, source: &str, at: UnixNanos) -> Result<Import, serde_json::Error> {
    let Pairs(providers) = serde_json::from_str(text)?;
    let mut gather = Gather::new(source, at);
    for (id, raw) in providers {
        let Some(models) = Pairs::of(raw.get()).and_then(|provider| provider.object("models")) else {
            gather.unreadable(&id, "models", "has no models");
            continue;
        };
        for (model, raw) in models.0 {
            gather.entry();
            match Pairs::of(raw.get()) {
                Some(pairs) => entry(&mut gather, &id, &model, &pairs),
                None => gather.unreadable(&format!("{id}/{model}"), "", "is no object"),
            }
        }
    }
    Ok(gather.finish())
}

fn entry(gather: &mut Gather, provider: &str, model: &str, pairs: &Pairs<'_>) {
    let name = format!("{provider}/{model}");
    for (mode, raw) in
        pairs.object("experimental").and_then(|it| it.object("modes")).iter().flat_map(|it| &it.0)
    {
        if Pairs::of(raw.get()).is_some_and(|mode| mode.raw("cost").is_some()) {
            gather.unmapped(&format!("experimental.modes.{mode}.cost"));
        }
    }
    // Without prices: no charge that anybody knows, which is not the same as free.
    let Some(cost) = pairs.object("cost") else { return };
    let mut rows = Rows::new();
    let provider = provider_name(provider);
    let plain = PriceKey::plain(provider, model, Meter::Input);
    rates(gather, &mut rows, (&name, "cost"), &cost, &plain);
    let threshold = |input_tokens| {
        let threshold = Threshold { input_tokens, inclusive: provider == "xai", marginal: false };
        PriceKey { threshold: Some(threshold), ..plain.clone() }
    };
    match cost.list(TIERS).filter(|tiers| !tiers.is_empty()) {
        Some(tiers) => {
            for raw in tiers {
                let tier = Pairs::of(raw.get());
                let size = tier.as_ref().and_then(|tier| tier.object("tier")?.whole("size"));
                match tier.zip(size) {
                    Some((tier, size)) => {
                        rates(gather, &mut rows, (&name, "cost.tiers"), &tier, &threshold(size));
                    }
                    None => gather.unreadable(&name, "cost.tiers", "has a tier without a size"),
                }
            }
        }
        // The older way of saying it, which is also written for thresholds above; the tiers are exact.
        None => {
            if let Some(over) = cost.object(OVER_200K) {
                rates(gather, &mut rows, (&name, "cost.context_over_200k"), &over, &threshold(200_000));
            }
        }
    }
    let output_tokens_max = pairs.object("limit").and_then(|limit| limit.whole("output"));
    if let Some(row) = rows.get_mut(&PriceKey { meter: Meter::Output, ..plain.clone() }) {
        row.output_tokens_max = output_tokens_max.filter(|tokens| *tokens > 0);
    }
    let inputs = pairs.object("modalities").and_then(|it| it.list("input")).unwrap_or_default();
    inherit(&mut rows, inputs.iter().any(|kind| string(kind.get()).as_deref() == Some("image")));
    gather.take(rows);
}

fn rates(
    gather: &mut Gather,
    rows: &mut Rows,
    (name, path): (&str, &str),
    pairs: &Pairs<'_>,
    under: &PriceKey,
) {
    for (key, raw) in pairs.0.iter().filter(|(_, raw)| raw.get() != "null") {
        if matches!(&**key, OVER_200K | TIERS) && under.threshold.is_none() || key == "tier" {
            continue;
        }
        let Some((_, meter)) = METERS.iter().find(|(known, _)| known == key) else {
            gather.unmapped(&format!("{path}.{key}"));
            continue;
        };
        let text = number(raw.get());
        match PicoUsdPerUnit::parse_usd_per_mtok(&text) {
            Ok((rate, rounded)) => {
                let source = (format!("{name}: {path}.{key}"), &*text, rounded);
                let row = gather.row(PriceKey { meter: *meter, ..under.clone() }, rate, source);
                rows.insert(row.key.clone(), row);
            }
            Err(error) => gather.unreadable(name, &format!("{path}.{key}"), error),
        }
    }
}

#[cfg(test)]
mod tests;
