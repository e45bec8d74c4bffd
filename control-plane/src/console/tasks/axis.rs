//! The axis of a time line. Time in which nothing was under way is cut to a short gap, or the calls of a task that took
//! a day would be too thin to see.

use protocol::UnixNanos;

/// The length of a whole time line on its canvas.
pub(super) const WIDTH: u64 = 1_000;

/// A time in which something was under way, and where it begins on the axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Busy {
    from: UnixNanos,
    to: UnixNanos,
    begins: u64,
}

/// Where instants lie on the canvas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    busy: Vec<Busy>,
    length: u64,
    /// Where time was cut, and how long it was.
    pub(super) cuts: Vec<(u64, u64)>,
}

impl Axis {
    /// Over everything that was under way, in any order.
    pub(super) fn of(mut spans: Vec<(UnixNanos, UnixNanos)>) -> Self {
        spans.sort_unstable();
        let mut merged: Vec<(UnixNanos, UnixNanos)> = Vec::new();
        for (from, to) in spans {
            match merged.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => merged.push((from, to.max(from))),
            }
        }
        let total = merged.iter().fold(0_u64, |sum, (from, to)| sum.saturating_add(to.saturating_sub(*from)));
        // All gaps together take at most a third of what is drawn.
        let gaps = u64::try_from(merged.len()).unwrap_or(u64::MAX).saturating_sub(1).max(1);
        let gap_max = (total / 2 / gaps).clamp(1, (total / 20).max(1));
        let (mut busy, mut cuts, mut begins, mut end) = (Vec::new(), Vec::new(), 0_u64, None);
        for (from, to) in merged {
            if let Some(end) = end {
                let gap = from.saturating_sub(end);
                if gap > gap_max {
                    cuts.push((begins.saturating_add(gap_max / 2), gap));
                }
                begins = begins.saturating_add(gap.min(gap_max));
            }
            busy.push(Busy { from, to, begins });
            begins = begins.saturating_add(to.saturating_sub(from));
            end = Some(to);
        }
        let mut axis = Self { busy, length: begins.max(1), cuts: Vec::new() };
        axis.cuts = cuts.into_iter().map(|(place, length)| (axis.scaled(place), length)).collect();
        axis
    }

    /// Where an instant lies.
    pub(super) fn at(&self, at: UnixNanos) -> u64 {
        let before = self.busy.iter().rev().find(|busy| busy.from <= at);
        let place =
            before.map_or(0, |busy| busy.begins.saturating_add(at.min(busy.to).saturating_sub(busy.from)));
        self.scaled(place)
    }

    fn scaled(&self, place: u64) -> u64 {
        let scaled = u128::from(place).saturating_mul(u128::from(WIDTH)) / u128::from(self.length.max(1));
        u64::try_from(scaled).unwrap_or(WIDTH).min(WIDTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn what_overlaps_shares_the_axis_and_idle_time_is_cut() {
        let axis = Axis::of(vec![(10 * S, 14 * S), (12 * S, 20 * S)]);
        assert_eq!([10 * S, 15 * S, 20 * S].map(|at| axis.at(at)), [0, 500, 1_000]);
        assert!(axis.cuts.is_empty());
        // An hour between two calls of ten seconds takes a twentieth of what they take.
        let axis = Axis::of(vec![(3_610 * S, 3_620 * S), (0, 10 * S)]);
        assert_eq!(
            [0, 10 * S, 1_800 * S, 3_610 * S, 3_620 * S].map(|at| axis.at(at)),
            [0, 476, 476, 523, 1_000]
        );
        assert_eq!(axis.cuts, [(500, 3_600 * S)]);
    }

    #[test]
    fn nothing_leaves_the_canvas() {
        for spans in [vec![], vec![(5, 5)], vec![(0, u64::MAX)], vec![(9, 3), (u64::MAX, 1)]] {
            let axis = Axis::of(spans);
            assert!([0, 4, 5, 9, u64::MAX].into_iter().all(|at| axis.at(at) <= WIDTH), "{axis:?}");
        }
    }
}
