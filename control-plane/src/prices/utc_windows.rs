//! Hours as catalogues write them: times of the day in UTC, on weekdays that are those of the instant in some zone.
//! Bursar's hours belong to the weekday on which a window begins in its zone, so a window is moved into the zone and cut
//! at its midnights.

use super::Hours;
use jiff::{Timestamp, tz::TimeZone};
use protocol::UnixNanos;

/// Minutes of a day.
const DAY: u32 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A window of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UtcWindow {
    /// Minutes after midnight in UTC; before `to`, over midnight where `to` is not later, the whole day where equal.
    pub(super) from: u32,
    pub(super) to: u32,
    /// Of the instant, from 0 for Monday; empty: every day.
    pub(super) weekdays: Vec<usize>,
}

/// `HH:MM-HH:MM`.
pub(super) fn times(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.trim().split_once('-')?;
    Some((minute(from)?, minute(to)?))
}

/// `16:30`, `16:30:00`, `16:30:00Z`.
pub(super) fn minute(text: &str) -> Option<u32> {
    let mut parts = text.trim().trim_end_matches('Z').split(':');
    let mut number = |most: u32| {
        let text = parts.next()?;
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|number| digits && *number <= most)
    };
    let (hours, minutes) = (number(24)?, number(59)?);
    let seconds = parts.next().is_none_or(|seconds| seconds == "00");
    let minute = hours.checked_mul(60)?.checked_add(minutes)?;
    (seconds && parts.next().is_none() && minute <= DAY).then(|| minute.checked_rem(DAY)).flatten()
}

/// A weekday by its name or its number, from 1 for Monday.
pub(super) fn weekday(text: &str) -> Option<usize> {
    if let Ok(number) = text.parse::<usize>() {
        return number.checked_sub(1).filter(|day| *day < DAYS.len());
    }
    let text = text.to_ascii_lowercase();
    DAYS.iter().position(|day| text.starts_with(day) && text.len() >= 3)
}

/// The windows as Bursar's hours. `zone` is that of the weekdays.
pub(super) fn hours(windows: &[UtcWindow], zone: Option<&str>, at: UnixNanos) -> Result<Hours, String> {
    let names_days = windows.iter().any(|window| !window.weekdays.is_empty());
    let (zone, offset) = match zone.filter(|_| names_days) {
        Some(zone) => (zone, fixed_offset(zone, at)?),
        None => ("UTC", 0),
    };
    let mut pieces = Vec::new();
    for window in windows {
        if !names_days {
            pieces.push(format!("{}-{}", clock(window.from), clock(window.to)));
            continue;
        }
        let days: Vec<&str> = window.weekdays.iter().filter_map(|day| DAYS.get(*day).copied()).collect();
        for (from, to) in cut(window, offset) {
            let end = if to == DAY { "24:00".to_owned() } else { clock(to) };
            pieces.push(format!("{} {}-{end}", days.join(" "), clock(from)));
        }
    }
    if pieces.is_empty() {
        return Err("names no window".to_owned());
    }
    format!("{zone} {}", pieces.join(", ")).parse().map_err(|error: super::NoHours| error.to_string())
}

/// The parts of a window between midnights of the zone.
fn cut(window: &UtcWindow, offset: u32) -> Vec<(u32, u32)> {
    let moved = |minute: u32| minute.saturating_add(offset).checked_rem(DAY).unwrap_or(0);
    if window.from == window.to {
        return vec![(0, DAY)];
    }
    let (from, to) = (moved(window.from), moved(window.to));
    let parts = if from < to { vec![(from, to)] } else { vec![(from, DAY), (0, to)] };
    parts.into_iter().filter(|(from, to)| from < to).collect()
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// How many minutes the clocks of a zone are before UTC, modulo a day, where that is the same all the year.
fn fixed_offset(name: &str, at: UnixNanos) -> Result<u32, String> {
    let zone = TimeZone::get(name).map_err(|_| format!("`{name}` is no IANA time zone"))?;
    let at = Timestamp::from_nanosecond(i128::from(at)).unwrap_or(Timestamp::UNIX_EPOCH);
    if zone.following(at).next().is_some() {
        return Err(format!(
            "weekdays of {name}, whose offset from UTC changes over the year, cut UTC hours at no fixed time"
        ));
    }
    let minutes = zone.to_offset(at).seconds().div_euclid(60).rem_euclid(24 * 60);
    u32::try_from(minutes).map_err(|_| "no offset".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::Instant;

    const NOW: UnixNanos = 1_790_000_000_000_000_000;

    fn window(text: &str, weekdays: &[usize]) -> UtcWindow {
        let (from, to) = times(text).unwrap();
        UtcWindow { from, to, weekdays: weekdays.to_vec() }
    }

    #[test]
    fn a_window_without_weekdays_stays_as_it_is() {
        let told = |text| hours(&[window(text, &[])], Some("Europe/Berlin"), NOW).unwrap().to_string();
        assert_eq!(told("16:30-00:30"), "UTC 16:30-00:30");
        assert_eq!(told("00:00-00:00"), "UTC 00:00-24:00");
        assert_eq!(told("22:00-24:00"), "UTC 22:00-24:00");
    }

    /// Holds every half hour of a week against the catalogues' own rule.
    #[test]
    fn the_weekday_is_that_of_the_instant_in_the_zone() {
        for (zone, offset) in
            [("UTC", 0), ("Asia/Shanghai", 8), ("Asia/Kolkata", 0), ("Pacific/Honolulu", -10)]
        {
            let offset = if zone == "Asia/Kolkata" { 330 } else { offset * 60 };
            for (text, days) in [
                ("16:30-00:30", &[4_usize][..]),
                ("00:00-01:00", &[0, 1]),
                ("10:00-00:00", &[6]),
                ("00:00-00:00", &[5, 6]),
            ] {
                let hours = hours(&[window(text, days)], Some(zone), NOW).unwrap();
                let (from, to) = times(text).unwrap();
                let monday = "2026-11-23T00:00:00Z".parse::<Instant>().unwrap().0;
                for half_hour in 0..(7 * 48_u32) {
                    let minute = half_hour * 30;
                    let (of_day, local) = (minute % DAY, i64::from(minute) + offset);
                    let weekday = usize::try_from(local.div_euclid(i64::from(DAY)).rem_euclid(7)).unwrap();
                    let in_time = match from.cmp(&to) {
                        std::cmp::Ordering::Less => (from..to).contains(&of_day),
                        std::cmp::Ordering::Equal => true,
                        std::cmp::Ordering::Greater => of_day >= from || of_day < to,
                    };
                    let at = monday + u64::from(minute) * 60_000_000_000;
                    assert_eq!(
                        hours.contain(at),
                        in_time && days.contains(&weekday),
                        "{hours} at {}",
                        Instant(at)
                    );
                }
            }
        }
    }

    #[test]
    fn weekdays_of_a_zone_whose_clocks_change_are_not_guessed() {
        let error = hours(&[window("16:30-00:30", &[0])], Some("Europe/Berlin"), NOW).unwrap_err();
        assert!(error.contains("changes over the year"), "{error}");
        assert!(hours(&[window("16:30-00:30", &[0])], Some("Mars/Base"), NOW).is_err());
        assert!(hours(&[], None, NOW).is_err());
    }

    #[test]
    fn times_and_weekdays_are_read_in_every_way_they_are_written() {
        assert_eq!((minute("16:30"), minute("00:30:00Z"), minute("24:00")), (Some(990), Some(30), Some(0)));
        assert_eq!(
            (minute("25:00"), minute("16:60"), minute("16"), minute("1:2:3")),
            (None, None, None, None)
        );
        assert_eq!(
            (weekday("1"), weekday("7"), weekday("saturday"), weekday("Mon")),
            (Some(0), Some(6), Some(5), Some(0))
        );
        assert_eq!((weekday("0"), weekday("8"), weekday("x")), (None, None, None));
    }
}
