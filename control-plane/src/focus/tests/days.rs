//! Which days are meant by what somebody wrote.

use super::*;

/// 2026-11-24T10:00:00Z.
const NOW: UnixNanos = 1_795_514_400_000_000_000;

fn parsed(from: Option<&str>, to: Option<&str>) -> String {
    match Days::parse(from, to, NOW) {
        Ok(days) => format!("{} {}", days.first(), days.end()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn days_are_the_current_month_so_far_unless_said_otherwise() {
    assert_eq!(parsed(None, None), "2026-11-01 2026-11-25");
    assert_eq!(parsed(Some("2026-10-31"), Some("2026-11-01")), "2026-10-31 2026-11-01");
    assert_eq!(parsed(None, Some("2026-11-01")), "2026-10-01 2026-11-01");
    assert_eq!(parsed(Some("2026-09-15"), None), "2026-09-15 2026-11-25");
}

#[test]
fn what_is_no_whole_day_is_refused() {
    for wrong in ["yesterday", "2026-02-30", "2026-11-01T10:00:00", "2026-11-01T00:00:00Z", "20261101", ""] {
        assert_eq!(parsed(Some(wrong), None), format!("`from`: `{wrong}` is no day such as 2026-11-01"));
    }
    let backwards =
        "`from` (2026-11-02) does not lie before `to` (2026-11-02), which is the day after the last one";
    assert_eq!(parsed(Some("2026-11-02"), Some("2026-11-02")), backwards);
}

#[test]
fn a_file_is_named_for_its_days() {
    assert_eq!(file_name(november(), Format::Csv), "focus-1.2_2026-11-01_2026-12-01.csv");
    assert_eq!(file_name(november(), Format::Parquet), "focus-1.2_2026-11-01_2026-12-01.parquet");
}
