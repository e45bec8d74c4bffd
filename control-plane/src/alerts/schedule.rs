//! When a message is sent again. Deterministic: a schedule that can be read in the documents is worth more to whoever
//! mends a receiver than one that spreads a load which is a handful of messages.

use protocol::UnixNanos;

const SECOND_NS: u64 = 1_000_000_000;
/// Seconds between a failed try and the next one. Ten tries in 22 h 42 min.
const WAITS_S: [u64; 9] = [5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200];
/// A receiver that asks for more patience is given no more than this between two tries.
const RETRY_AFTER_MAX_S: u64 = 43_200;

/// When the next try is, after so many that failed; `None`: there is none, the message is dead.
pub(super) fn next(attempts: u32, retry_after_s: Option<u64>, now: UnixNanos) -> Option<UnixNanos> {
    let position = usize::try_from(attempts.checked_sub(1)?).ok()?;
    let wait = WAITS_S.get(position)?;
    let wait = retry_after_s.map_or(*wait, |asked| asked.min(RETRY_AFTER_MAX_S).max(*wait));
    Some(now.saturating_add(wait.saturating_mul(SECOND_NS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_take_a_day_and_then_the_message_is_dead() {
        let mut now = 0;
        let mut waits = Vec::new();
        for attempts in 1.. {
            let Some(at) = next(attempts, None, now) else { break };
            waits.push((at - now) / SECOND_NS);
            now = at;
        }
        assert_eq!(waits, WAITS_S);
        assert_eq!(now / SECOND_NS, 22 * 3_600 + 42 * 60 + 35);
    }

    #[test]
    fn a_receiver_may_ask_for_more_patience_and_not_for_less() {
        assert_eq!(next(1, Some(60), 0), Some(60 * SECOND_NS));
        assert_eq!(next(2, Some(1), 0), Some(30 * SECOND_NS));
        assert_eq!(next(1, Some(u64::MAX), 0), Some(RETRY_AFTER_MAX_S * SECOND_NS));
    }
}
