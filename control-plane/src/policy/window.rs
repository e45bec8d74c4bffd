//! Windows of caps and periods of plans: from which instant to which, in the customer's zone. Half-open, so that an
//! instant is in exactly one window, also where clocks change.

use super::{Customer, Period, Policy};
use jiff::{
    SignedDuration, Span, Timestamp, ToSpan,
    civil::{self, Weekday},
    tz::TimeZone,
};
use protocol::{
    UnixNanos,
    cap::{CapSpec, Facet, SubjectMatch, Window},
};

/// The window of a lifetime. It begins at 1 because 0 is how a filter says that it knows no window yet, and ends
/// where the store's integers do, in the year 2262.
pub const LIFETIME: (UnixNanos, UnixNanos) = (1, 9_223_372_036_854_775_807);

const MINUTE_NS: u64 = 60_000_000_000;
const HOUR_NS: u64 = 3_600_000_000_000;

impl Policy {
    /// The window of a cap that an instant falls into. `subject` is the key of one of the cap's counts; where it
    /// names a customer, days, weeks, months and billing periods are the customer's, else they are UTC's. Minutes
    /// and hours are UTC's for everybody: they are the same instants in all zones but a few.
    pub fn window_of(&self, cap: &CapSpec, subject: &str, at: UnixNanos) -> (UnixNanos, UnixNanos) {
        let customer = self.customer_of_subject(cap, subject);
        let calendar = Calendar::of(customer);
        match cap.window {
            Window::Minute => clock(at, MINUTE_NS),
            Window::Hour => clock(at, HOUR_NS),
            Window::Day => calendar.window(at, |date| date, 1.day()),
            Window::Week => calendar.window(at, monday, 1.week()),
            Window::Month => calendar.window(at, civil::Date::first_of_month, 1.month()),
            Window::BillingPeriod => {
                let plan = customer.and_then(|customer| self.plans.get(customer.plan.as_ref()?));
                calendar.period(plan.map_or(Period::Month, |plan| plan.period), at)
            }
            Window::Lifetime => LIFETIME,
        }
    }

    /// The billing period of a customer that an instant falls into; a calendar month in UTC for customers that the
    /// policy does not know.
    pub fn period_of(&self, customer: &str, at: UnixNanos) -> (UnixNanos, UnixNanos) {
        let period = self.plan_of(customer).map_or(Period::Month, |(_, plan)| plan.period);
        Calendar::of(self.customer(customer)).period(period, at)
    }

    /// The day of an instant in a customer's time zone.
    pub fn local_day(&self, customer: &str, at: UnixNanos) -> civil::Date {
        Calendar::of(self.customer(customer)).date(at)
    }

    fn customer_of_subject(&self, cap: &CapSpec, subject: &str) -> Option<&Customer> {
        match cap.subject.get(&Facet::Customer)? {
            SubjectMatch::Absent => None,
            SubjectMatch::Is(name) => self.customers.get(name),
            SubjectMatch::Each => {
                // A name may contain blanks and `=`, so the key is not split: the longest customer that fits it is.
                let rest = subject.strip_prefix("customer=")?;
                let ends = rest.match_indices(' ').map(|(at, _)| at).chain([rest.len()]);
                let longest_first = ends.collect::<Vec<_>>().into_iter().rev();
                longest_first.filter_map(|end| self.customer(rest.get(..end)?)).next()
            }
        }
    }
}

/// The period of a plan that an instant falls into, for a customer's anchor and zone.
pub fn span_of_period(customer: &Customer, period: Period, at: UnixNanos) -> (UnixNanos, UnixNanos) {
    Calendar::of(Some(customer)).period(period, at)
}

/// The week, month or year that begins with a day in UTC.
pub fn span_from(first: civil::Date, length: Period) -> (UnixNanos, UnixNanos) {
    let length = match length {
        Period::Week => 1.week(),
        Period::Month => 1.month(),
        Period::Year => 1.year(),
    };
    Calendar::of(None).between(first, first.saturating_add(length))
}

fn clock(at: UnixNanos, length: u64) -> (UnixNanos, UnixNanos) {
    let start = at.saturating_sub(at.checked_rem(length).unwrap_or(0));
    (start.max(1), start.saturating_add(length))
}

/// A zone and the days on which periods begin.
struct Calendar {
    zone: TimeZone,
    anchor_day: i8,
    anchor_month: i8,
}

impl Calendar {
    fn of(customer: Option<&Customer>) -> Self {
        let zone = customer.and_then(|customer| TimeZone::get(customer.time_zone.as_deref()?).ok());
        let (day, month) = customer.map_or((1, 1), |customer| (customer.anchor_day, customer.anchor_month));
        Self {
            zone: zone.unwrap_or(TimeZone::UTC),
            anchor_day: i8::try_from(day).unwrap_or(1),
            anchor_month: i8::try_from(month).unwrap_or(1),
        }
    }

    fn date(&self, at: UnixNanos) -> civil::Date {
        let at = Timestamp::from_nanosecond(i128::from(at)).unwrap_or(Timestamp::MAX);
        self.zone.to_datetime(at).date()
    }

    /// The window that begins with the day `begin` finds, and is `length` long.
    fn window(
        &self,
        at: UnixNanos,
        begin: impl Fn(civil::Date) -> civil::Date,
        length: Span,
    ) -> (UnixNanos, UnixNanos) {
        let start = begin(self.date(at));
        self.between(start, start.saturating_add(length))
    }

    fn period(&self, period: Period, at: UnixNanos) -> (UnixNanos, UnixNanos) {
        let today = self.date(at);
        let (start, end) = match period {
            Period::Week => {
                let start = monday(today);
                (start, start.saturating_add(1.week()))
            }
            Period::Month => {
                let this = self.anchored(today.first_of_month());
                // Steps are taken from the first of a month: 31 January and a month is not 31 February.
                let step = |months: i64| {
                    self.anchored(today.first_of_month().saturating_add(Span::new().months(months)))
                };
                if today < this { (step(-1), this) } else { (this, step(1)) }
            }
            Period::Year => {
                let of_year = |year: i16| {
                    let first = civil::Date::new(year, self.anchor_month, 1).unwrap_or(today.first_of_year());
                    self.anchored(first)
                };
                let this = of_year(today.year());
                if today < this {
                    (of_year(today.year().saturating_sub(1)), this)
                } else {
                    (this, of_year(today.year().saturating_add(1)))
                }
            }
        };
        self.between(start, end)
    }

    /// The anchor day in a month, or its last day.
    fn anchored(&self, first: civil::Date) -> civil::Date {
        let day = self.anchor_day.clamp(1, first.days_in_month());
        first.with().day(day).build().unwrap_or(first)
    }

    fn between(&self, start: civil::Date, end: civil::Date) -> (UnixNanos, UnixNanos) {
        (self.midnight(start).max(1), self.midnight(end))
    }

    /// The first instant of a day, which is not midnight where clocks change at midnight.
    fn midnight(&self, date: civil::Date) -> UnixNanos {
        let instant = date.to_zoned_datetime(self.zone.clone());
        let nanos = instant.map_or(i128::MAX, |zoned| zoned.timestamp().as_nanosecond());
        u64::try_from(nanos.clamp(0, i128::from(LIFETIME.1))).unwrap_or(LIFETIME.1)
    }
}

fn monday(date: civil::Date) -> civil::Date {
    let days = date.weekday().since(Weekday::Monday);
    date.saturating_sub(SignedDuration::from_hours(i64::from(days).saturating_mul(24)))
}
