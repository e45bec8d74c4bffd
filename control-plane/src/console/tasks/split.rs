//! What a task's cost went for, as a bar, its legend and a table.

use crate::{console::page::usd, ledger::tasks::Split};
use protocol::money::PicoUsd;

/// The bar's length on its canvas.
const WIDTH: i128 = 1_000;

/// One part of a cost.
pub(super) struct Part {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) means: &'static str,
    pub(super) cost: String,
    pub(super) exact: String,
    /// Of the bar.
    pub(super) x: i128,
    pub(super) width: i128,
    pub(super) is_negative: bool,
}

/// All parts, those of nothing too: they add up to the cost.
pub(super) fn parts(split: &Split) -> Vec<Part> {
    let parts = [
        ("s3", "useful", "calls that answered", split.useful_usd),
        ("s2", "retries", "attempts whose answers nobody took", split.retries_usd),
        ("s-none", "failed calls", "calls that ended in an error or a timeout", split.failed_calls_usd),
        ("s4", "invalid output", "calls that were to give JSON and gave none", split.invalid_output_usd),
        ("s5", "clients that left", "calls whose client left", split.aborted_usd),
        (
            "s1",
            "fallback premium",
            "what calls cost more than where they were first sent; negative: less",
            split.fallback_premium_usd,
        ),
        (
            "s-others",
            "for nothing",
            "calls that answered, of a task that came to nothing",
            split.abandoned_usd,
        ),
    ];
    // What was saved takes no room on a bar of what was spent.
    let drawn = |cost: PicoUsd| cost.pico().max(0);
    let total = parts.iter().fold(0_i128, |sum, (.., cost)| sum.saturating_add(drawn(*cost))).max(1);
    let place = |sum: i128| sum.saturating_mul(WIDTH) / total;
    let mut sum = 0_i128;
    parts
        .into_iter()
        .map(|(class, name, means, cost)| {
            let from = place(sum);
            sum = sum.saturating_add(drawn(cost));
            Part {
                class,
                name,
                means,
                cost: usd(cost),
                exact: cost.to_string(),
                x: from,
                width: place(sum).saturating_sub(from),
                is_negative: cost.pico() < 0,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_and_what_was_saved_is_told_and_not_drawn() {
        let usd = |text: &str| text.parse().unwrap();
        let split = Split {
            useful_usd: usd("0.6"),
            fallback_premium_usd: usd("-0.2"),
            retries_usd: usd("0.2"),
            ..Split::default()
        };
        let parts = parts(&split);
        let drawn: Vec<_> =
            parts.iter().filter(|part| part.width > 0).map(|part| (part.name, part.x, part.width)).collect();
        assert_eq!(drawn, [("useful", 0, 750), ("retries", 750, 250)]);
        assert!(parts.iter().any(|part| part.is_negative && part.cost == "−$0.2000"));
    }
}
