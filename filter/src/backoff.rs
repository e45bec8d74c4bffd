//! When to try again what did not arrive. Whoever failed at the same moment, and after an outage that is every worker of
//! every Envoy, does not come back at the same moment: the wait is drawn at random from its second half.

use protocol::UnixNanos;

/// The first wait is at most this long, each that follows twice as long, up to the most.
const FIRST_NS: u64 = 100_000_000;
const MOST_NS: u64 = 10_000_000_000;

/// One thing that is tried again and again until it works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    wait_ns: u64,
    not_before: UnixNanos,
}

impl Backoff {
    /// Whether it may be tried now.
    pub fn is_over(&self, now: UnixNanos) -> bool {
        now >= self.not_before
    }

    /// It did not work. `random` is any number.
    pub fn failed(&mut self, now: UnixNanos, random: u16) {
        self.wait_ns = self.wait_ns.saturating_mul(2).clamp(FIRST_NS, MOST_NS);
        self.not_before = now.saturating_add(spread(self.wait_ns, random));
    }

    /// It worked.
    pub fn worked(&mut self) {
        *self = Self::default();
    }
}

/// A time between half of `most_ns` and all of it, by any number.
pub fn spread(most_ns: u64, random: u16) -> u64 {
    let half = most_ns / 2;
    let drawn = u128::from(half).saturating_mul(u128::from(random)).checked_div(0xffff).unwrap_or(0);
    most_ns.saturating_sub(half).saturating_add(u64::try_from(drawn).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// How long is waited after so many failures, each at the moment of the try.
    fn wait(failures: u32, random: u16) -> u64 {
        let (mut backoff, mut now) = (Backoff::default(), 0);
        for _ in 1..failures {
            backoff.failed(now, random);
            now = backoff.not_before;
        }
        backoff.failed(now, random);
        assert!(!backoff.is_over(backoff.not_before - 1) && backoff.is_over(backoff.not_before));
        backoff.not_before - now
    }

    #[test]
    fn waits_double_up_to_a_bound_whatever_is_drawn() {
        let most = |failures| wait(failures, u16::MAX);
        assert_eq!([1, 2, 3, 7, 8, 50].map(most), [100, 200, 400, 6_400, 10_000, 10_000].map(|ms| ms * MS));
        let least = |failures| wait(failures, 0);
        assert_eq!([1, 2, 3, 7, 8, 50].map(least), [50, 100, 200, 3_200, 5_000, 5_000].map(|ms| ms * MS));
    }

    #[test]
    fn what_worked_begins_anew() {
        let mut backoff = Backoff::default();
        backoff.failed(0, u16::MAX);
        backoff.failed(0, u16::MAX);
        backoff.worked();
        assert!(backoff.is_over(0));
        backoff.failed(0, u16::MAX);
        assert!(backoff.is_over(100 * MS));
    }

    #[test]
    fn a_fleet_that_failed_at_one_moment_comes_back_spread_over_half_of_the_wait() {
        // A thousand workers in the tenth failure of an outage, random numbers from a generator without a pattern.
        let mut state = 1_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u16::try_from(state >> 48).unwrap()
        };
        let mut in_tenth_second = [0_usize; 101];
        for _ in 0..1_000 {
            in_tenth_second[usize::try_from(wait(10, draw()) / (100 * MS)).unwrap()] += 1;
        }
        assert_eq!(in_tenth_second[..50].iter().sum::<usize>(), 0, "none before half of the ten seconds");
        let most = in_tenth_second.iter().max().unwrap();
        assert!(*most <= 45, "{most} of 1,000 in one tenth of a second, where 20 are the even share");
    }
}
