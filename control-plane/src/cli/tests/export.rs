//! `bursar export focus`, as somebody types it.

use super::*;
use crate::focus::tests::ledger::{INPUT, Ledger};

/// A desk whose store has charges.
fn desk() -> Desk {
    let desk = Desk::new();
    // The first command makes the tables.
    desk.done("report weekly --data-dir @data");
    let ledger = Ledger::at(&desk.path("data"));
    ledger.enter(&[INPUT]);
    ledger.count("2026-11-03", Some("acme"), "openai", (13, 2, INPUT.units * INPUT.rate + 7));
    desk
}

/// The exit code, what is on standard output, and what is on standard error.
fn run(desk: &Desk, line: &str) -> (u8, String, String) {
    let argument = |word: &str| match word.strip_prefix('@') {
        Some(name) => desk.path(name).display().to_string(),
        None => word.to_owned(),
    };
    let words = std::iter::once("bursar".to_owned()).chain(line.split_whitespace().map(argument));
    let Command::Export(command) = Cli::try_parse_from(words).unwrap().command else { panic!("{line}") };
    let (mut out, mut aside) = (Vec::new(), Vec::new());
    let answer = crate::cli::export::run(&command, &Clock::from_source(|| NOW), &mut out, &mut aside);
    let code = answer.map_or_else(|failure| failure.code(), Answer::code);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(aside).unwrap())
}

#[test]
fn charges_are_printed_and_what_is_left_out_is_said_aside() {
    let desk = desk();
    let (code, out, aside) = run(&desk, "export focus --data-dir @data");
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 2);
    assert!(out.contains("\n,3.0864175,openai,,Provider Account,USD,2026-12-01T00:00:00Z,"), "{out}");
    assert!(
        aside.starts_with("2 calls from 2026-11-01 to before 2026-11-25 are not in it: the cost"),
        "{aside}"
    );
    assert!(aside.contains("0.000000000007 USD spent"), "{aside}");
    // A month of which everything is known.
    let (code, out, aside) = run(&desk, "export focus --from 2026-10-01 --to 2026-11-01 --data-dir @data");
    assert_eq!((code, out.lines().count(), &*aside), (0, 1, ""));
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let desk = desk();
    let (code, out, _) = run(&desk, "export focus --format parquet --output @focus.parquet --data-dir @data");
    assert_eq!((code, &*out), (0, ""));
    let bytes = fs::read(desk.path("focus.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    let (code, _, _) = run(&desk, "export focus --customer acme --output @acme.csv --data-dir @data");
    assert_eq!(code, 0);
    assert_eq!(fs::read_to_string(desk.path("acme.csv")).unwrap().lines().count(), 2);
    Ledger::at(&desk.path("data")).connection.execute_batch("DELETE FROM words").unwrap();
    let before = fs::read(desk.path("acme.csv")).unwrap();
    let (code, _, _) = run(&desk, "export focus --output @acme.csv --data-dir @data");
    assert_eq!(code, 3);
    assert_eq!(fs::read(desk.path("acme.csv")).unwrap(), before);
    assert!(!desk.path("acme.csv.part").exists());
}

#[test]
fn wrong_usage_is_2_and_nobody_there_is_3() {
    let desk = desk();
    for line in [
        "export focus --from yesterday --data-dir @data",
        "export focus --from 2026-12-01 --to 2026-11-01 --data-dir @data",
        "export focus --format xlsx --data-dir @data",
        "export focus --data-dir @nowhere",
        "export focus",
        "export",
        "export focus --output @no/such/place.csv --data-dir @data",
    ] {
        let (code, said) = desk.bursar(line);
        assert_eq!(code, 2, "{line}: {said}");
    }
    let (code, said) = desk.bursar("export focus --server http://127.0.0.1:1");
    assert_eq!(code, 3, "{said}");
}
