//! What a provider says a call costs, as decimal text: never through a float.

use crate::{
    json_scan::Scanner,
    want::{Want, value},
};
use protocol::money::PicoUsd;

const WANTS: &[Want] = &[value("cost"), value("cost_in_usd_ticks"), value("estimated_cost")];

/// xAI's unit: 1e-10 USD.
const PICO_PER_TICK: i128 = 100;

/// The cost in a usage object: OpenRouter's `cost` in USD, Perplexity's `cost.total_cost`, xAI's ticks.
pub(super) fn of_usage(usage: &[u8]) -> Option<PicoUsd> {
    let mut scanner = Scanner::new(WANTS);
    scanner.feed(usage, |_, _| {});
    let text = |path| std::str::from_utf8(scanner.raw(path)?).ok();
    let usd = |path| PicoUsd::parse_rounded(text(path)?).ok();
    let ticks = || scanner.count("cost_in_usd_ticks").map(i128::from)?.checked_mul(PICO_PER_TICK);
    usd("cost")
        .or_else(|| usd_of_parts(&scanner))
        .or_else(|| ticks().map(PicoUsd::new))
        .or_else(|| usd("estimated_cost"))
}

/// Perplexity's cost is an object.
fn usd_of_parts(scanner: &Scanner) -> Option<PicoUsd> {
    let mut inner = Scanner::new(INNER);
    inner.feed(scanner.raw("cost")?, |_, _| {});
    PicoUsd::parse_rounded(std::str::from_utf8(inner.raw("total_cost")?).ok()?).ok()
}

const INNER: &[Want] = &[value("total_cost")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_providers_cost_is_read_to_the_pico_dollar() {
        for (usage, usd) in [
            (r#"{"cost":0.00012345,"is_byok":false}"#, Some("0.00012345")),
            (r#"{"cost":1.2e-05}"#, Some("0.000012")),
            (r#"{"cost":{"input_tokens_cost":0.1,"total_cost":0.00501}}"#, Some("0.00501")),
            (r#"{"cost_in_usd_ticks":6881000}"#, Some("0.0006881")),
            (r#"{"cost":null,"prompt_tokens":1}"#, None),
            (r#"{"cost":"free"}"#, None),
        ] {
            let cost = of_usage(usage.as_bytes());
            assert_eq!(cost.map(|cost| cost.to_string()).as_deref(), usd, "{usage}");
        }
    }
}
