//! Stacked bars over time, as rectangles on a canvas that the browser stretches. All text stands outside of it, in
//! HTML, so that it stays readable however small the chart gets.

use super::page::{count, usd, written};
use crate::reports::{Point, Range};
use protocol::{UnixNanos, money::PicoUsd};
use std::collections::BTreeMap;

/// The canvas. The browser stretches it to the width there is.
const WIDTH: u64 = 6_000;
const HEIGHT: u64 = 1_000;
/// So many customers have a colour of their own; the others share one.
pub(super) const COLOURS: usize = 5;

/// What the bars are as high as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Money.
    Cost,
    /// Calls.
    Calls,
}

/// A chart, ready for its template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chart {
    /// The rectangles.
    pub bars: Vec<Bar>,
    /// What the upper edge and the middle stand for.
    pub top: String,
    /// See `top`.
    pub middle: String,
    /// Below the chart, evenly spaced.
    pub ticks: Vec<String>,
    /// What a person hears who cannot see it.
    pub spoken: String,
}

/// One rectangle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// From the left,
    pub x: u64,
    /// from the top.
    pub y: u64,
    /// How wide,
    pub width: u64,
    /// how high.
    pub height: u64,
    /// The colour's class.
    pub class: &'static str,
    /// Shown when pointed at.
    pub title: String,
}

/// The customers of a chart in the order of their cost: each has the class of its colour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Series {
    classes: BTreeMap<Option<Box<str>>, &'static str>,
}

const CLASSES: [&str; COLOURS] = ["s1", "s2", "s3", "s4", "s5"];
const OTHERS: &str = "s-others";
const UNATTRIBUTED: &str = "s-none";

impl Series {
    /// From customers, the dearest first.
    pub(super) fn new<'a>(customers: impl IntoIterator<Item = &'a Option<Box<str>>>) -> Self {
        let mut classes = BTreeMap::new();
        let mut free = CLASSES.into_iter();
        for customer in customers {
            let class = match customer {
                None => UNATTRIBUTED,
                Some(_) => free.next().unwrap_or(OTHERS),
            };
            classes.insert(customer.clone(), class);
        }
        Self { classes }
    }

    pub(super) fn class(&self, customer: &Option<Box<str>>) -> &'static str {
        self.classes.get(customer).copied().unwrap_or(OTHERS)
    }
}

/// One bar's parts, by level and class.
type Stack<'a> = BTreeMap<(usize, &'static str), (i128, Vec<&'a Point>)>;

/// Draws points that lie in `buckets` equal parts of a range.
pub(super) fn draw(points: &[Point], series: &Series, range: Range, buckets: u64, measure: Measure) -> Chart {
    let buckets = buckets.max(1);
    let length = (range.to.saturating_sub(range.from) / buckets).max(1);
    let value = |point: &Point| match measure {
        Measure::Cost => point.totals.cost.pico().max(0),
        Measure::Calls => i128::from(point.totals.calls),
    };
    // The dearest customer lies lowest, in every bar.
    let mut stacks: BTreeMap<u64, Stack<'_>> = BTreeMap::new();
    for point in points.iter().filter(|point| (range.from..range.to).contains(&point.at)) {
        let bucket = point.at.saturating_sub(range.from) / length;
        let class = series.class(&point.customer);
        let slot = stacks.entry(bucket).or_default().entry((level(class), class)).or_default();
        slot.0 = slot.0.saturating_add(value(point));
        slot.1.push(point);
    }
    let sums = stacks.values().map(|stack| stack.values().map(|(value, _)| *value).sum::<i128>());
    let highest = sums.max().unwrap_or(0);
    let top = nice(highest, measure);
    let mut chart = Chart {
        top: label(top, measure),
        middle: if measure == Measure::Calls && top % 2 == 1 {
            String::new()
        } else {
            label(top / 2, measure)
        },
        ticks: ticks(range, buckets, length),
        ..Chart::default()
    };
    let step = WIDTH / buckets;
    let width = step.saturating_sub(step / 5).max(1);
    for (bucket, stack) in &stacks {
        let x = bucket.saturating_mul(step).saturating_add(step / 10);
        let mut base = 0_i128;
        for ((_, class), (value, points)) in stack {
            let (low, high) = (scaled(base, top), scaled(base.saturating_add(*value), top));
            base = base.saturating_add(*value);
            if *value == 0 {
                continue;
            }
            // A little cost is still seen.
            let height = high.saturating_sub(low).max(4);
            let y = HEIGHT.saturating_sub(low.saturating_add(height));
            let at = range.from.saturating_add(bucket.saturating_mul(length));
            let title = title(at, length, points, *value, measure);
            chart.bars.push(Bar { x, y, width, height, class, title });
        }
    }
    chart.spoken = spoken(&stacks.keys().copied().collect::<Vec<_>>(), highest, measure);
    chart
}

fn scaled(value: i128, top: i128) -> u64 {
    let scaled = value.saturating_mul(i128::from(HEIGHT)).checked_div(top).unwrap_or(0);
    u64::try_from(scaled).unwrap_or(0).min(HEIGHT)
}

fn label(value: i128, measure: Measure) -> String {
    match measure {
        // Exact: the scale ends on a round amount.
        Measure::Cost => format!("${}", PicoUsd::new(value)),
        Measure::Calls => count(u64::try_from(value).unwrap_or(u64::MAX)),
    }
}

fn title(at: UnixNanos, length: u64, points: &[&Point], value: i128, measure: Measure) -> String {
    const DAY_NS: u64 = 86_400_000_000_000;
    let when = written(at, if length >= DAY_NS { "%a %-d %b" } else { "%a %-d %b %H:%M" });
    let who = match points {
        [only] => only.customer.as_deref().unwrap_or("unattributed").to_owned(),
        several => format!("{} others", several.len()),
    };
    let unpriced = points.iter().fold(0, |sum: u64, point| sum.saturating_add(point.totals.unpriced));
    let mut title = match measure {
        Measure::Cost => format!("{who}, {when}: {}", usd(PicoUsd::new(value))),
        Measure::Calls => format!("{who}, {when}: {} calls", label(value, measure)),
    };
    if unpriced > 0 && measure == Measure::Cost {
        title.push_str(&format!(" and {unpriced} calls unpriced"));
    }
    title
}

fn spoken(buckets: &[u64], highest: i128, measure: Measure) -> String {
    let what = match measure {
        Measure::Cost => "Cost",
        Measure::Calls => "Calls",
    };
    if buckets.is_empty() {
        return format!("{what} per customer over time: nothing yet.");
    }
    format!(
        "{what} per customer over time, stacked; the highest bar is {}. The same numbers are in the table below.",
        match measure {
            Measure::Cost => usd(PicoUsd::new(highest)),
            Measure::Calls => label(highest, measure),
        }
    )
}

fn level(class: &str) -> usize {
    let order = CLASSES.into_iter().chain([OTHERS, UNATTRIBUTED]);
    order.into_iter().take_while(|known| *known != class).count()
}

/// Where a scale ends well: the next round amount, whose half is round too. Half a call is not.
fn nice(highest: i128, measure: Measure) -> i128 {
    let ends: &[i128] = match measure {
        Measure::Cost => &[1, 2, 3, 4, 5, 6, 8, 10],
        Measure::Calls => &[2, 4, 6, 8, 10],
    };
    let mut step = 1_i128;
    while step < i128::MAX / 100 {
        for end in ends {
            let end = step.saturating_mul(*end);
            if end >= highest {
                return end;
            }
        }
        step = step.saturating_mul(10);
    }
    highest
}

fn ticks(range: Range, buckets: u64, length: u64) -> Vec<String> {
    const DAY_NS: u64 = 86_400_000_000_000;
    let format = if length >= DAY_NS { "%-d %b" } else { "%H:%M" };
    // Six labels fit on a phone; the number must divide the bars, or labels would lie beside them.
    let labels = [7, 6, 5, 4].into_iter().find(|labels| buckets.is_multiple_of(*labels)).unwrap_or(1);
    let every = (buckets / labels).max(1);
    (0..labels)
        .map(|label| {
            written(range.from.saturating_add(label.saturating_mul(every).saturating_mul(length)), format)
        })
        .collect()
}
