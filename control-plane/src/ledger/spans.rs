//! Sums by spans of days. What has thousands of rows a day would make a quarter a million rows to read; so its sums are
//! kept by spans of one day, of four and of sixteen, each beginning at a multiple of its length. A report reads long spans
//! in the middle of its time and short ones at its ends: seventeen at most for a quarter, wherever it begins.

/// The lengths in days, each a multiple of the one before.
pub(super) const LENGTHS: [i64; 3] = [1, 4, 16];

/// Spans of one length, one after the other: from the first day, up to and without the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// In days.
    pub span: i64,
    /// The day on which the first begins.
    pub from: i64,
    /// The day on which the last ends.
    pub to: i64,
}

/// The first day of the span of that length that a day lies in.
pub(super) fn first_day(day: i64, span: i64) -> i64 {
    day.checked_rem_euclid(span).map_or(day, |past| day.saturating_sub(past))
}

/// As few spans as make exactly these days.
pub fn cover(from: i64, to: i64) -> Vec<Run> {
    let mut runs = Vec::new();
    put(&LENGTHS, from, to, &mut runs);
    runs
}

/// With these lengths alone: the longest in the middle, the others on both sides of it.
fn put(lengths: &[i64], from: i64, to: i64, runs: &mut Vec<Run>) {
    let Some((span, shorter)) = lengths.split_last() else { return };
    let begin = first_day(from.saturating_add(*span).saturating_sub(1), *span);
    let end = first_day(to, *span);
    if begin >= end {
        return put(shorter, from, to, runs);
    }
    put(shorter, from, begin, runs);
    runs.push(Run { span: *span, from: begin, to: end });
    put(shorter, end, to, runs);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every day of it once, in spans that begin at multiples of their lengths.
    #[test]
    fn a_time_is_covered_exactly_by_few_spans() {
        for from in 20_000..20_032 {
            for length in 0..120 {
                let runs = cover(from, from + length);
                let mut day = from;
                let mut spans = 0;
                for Run { span, from, to } in &runs {
                    assert_eq!((*from, from % span, to % span), (day, 0, 0), "{runs:?}");
                    assert!(LENGTHS.contains(span) && to > from, "{runs:?}");
                    spans += (to - from) / span;
                    day = *to;
                }
                assert_eq!(day, from + length, "{runs:?}");
                assert!(spans <= 12 + length / 16, "{length} days are {spans} spans: {runs:?}");
            }
        }
    }

    #[test]
    fn what_ends_before_it_begins_is_nothing() {
        assert_eq!(cover(20_010, 20_003), []);
    }
}
