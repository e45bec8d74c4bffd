//! The export over a real socket: headers, formats, and how it breaks off.

use super::*;
use crate::focus::tests::ledger::{Entry, INPUT, Ledger};

/// Rows for some ten megabytes: more than what is read ahead, and than what a socket holds.
const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO by_day_charge
    SELECT day, 0, customer, provider, model, meter, 0, 0, 1, i, 1, i, 1, i FROM by_day_charge, n";

async fn with_charges() -> Api {
    let api = Api::start().await;
    let ledger = Ledger::at(api._directory.path());
    ledger.enter(&[INPUT]);
    ledger.count("2026-11-03", Some("acme"), "openai", (13, 2, INPUT.units * INPUT.rate + 7));
    api
}

/// The body of a chunked answer.
fn body(answer: &Answer) -> Vec<u8> {
    let (mut rest, mut body) = (&*answer.body, Vec::new());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").expect("a chunk's length");
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
        if length == 0 {
            return body;
        }
    }
}

#[tokio::test]
async fn charges_come_as_csv_with_what_is_left_out_said_in_headers() {
    let api = with_charges().await;
    let answer = api.show("/v1/exports/focus").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let name = "attachment; filename=\"focus-1.2_2026-11-01_2026-11-25.csv\"";
    assert_eq!(answer.header("content-disposition"), Some(name));
    assert_eq!(answer.header("x-bursar-focus-version"), Some("1.2"));
    assert_eq!(answer.header(UNPRICED_CALLS), Some("2"));
    assert_eq!(answer.header(COST_WITHOUT_METER), Some("0.000000000007"));
    let text = String::from_utf8(body(&answer)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("AvailabilityZone,BilledCost,BillingAccountId,"), "{text}");
    assert!(lines[1].starts_with(",3.0864175,openai,,Provider Account,USD,2026-12-01T00:00:00Z,"), "{text}");
    assert_eq!(lines.len(), 2);
}

#[tokio::test]
async fn charges_come_as_parquet_and_of_one_customer() {
    let api = with_charges().await;
    let answer = api.show("/v1/exports/focus?format=parquet&from=2026-11-01&to=2026-12-01").await;
    assert_eq!(answer.header("content-type"), Some("application/vnd.apache.parquet"));
    let bytes = body(&answer);
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    let answer = api.show("/v1/exports/focus?customer=globex&billing_account=org-1").await;
    assert_eq!(String::from_utf8(body(&answer)).unwrap().lines().count(), 1);
    assert_eq!(answer.header(UNPRICED_CALLS), Some("0"));
    let answer = api.show("/v1/exports/focus?customer=acme&provider=openai&billing_account=org-1").await;
    assert!(String::from_utf8(body(&answer)).unwrap().contains("\n,3.0864175,org-1,"));
    assert_eq!((answer.header(UNPRICED_CALLS), answer.header(COST_WITHOUT_METER)), (Some("2"), None));
}

#[tokio::test]
async fn a_wrong_question_is_answered_by_a_problem() {
    let api = Api::start().await;
    let cases = [
        ("format=xlsx", "parameter `format` is not a format: csv or parquet"),
        ("from=yesterday", "`from`: `yesterday` is no day such as 2026-11-01"),
        ("to=2026-11-01T10:00:00Z", "`to`: `2026-11-01T10:00:00Z` is no day such as 2026-11-01"),
        (
            "from=2026-12-01&to=2026-11-01",
            "`from` (2026-12-01) does not lie before `to` (2026-11-01), which is the day after the last one",
        ),
        ("billing_account=", "parameter `billing_account` is empty"),
    ];
    for (query, detail) in cases {
        let answer = api.show(&format!("/v1/exports/focus?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["detail"], detail);
    }
    assert_eq!(api.show("/v1/exports/focus?model=gpt-4o").await.status, 400);
}

#[tokio::test]
async fn an_export_that_fails_at_once_is_an_error() {
    let api = with_charges().await;
    Ledger::at(api._directory.path()).connection.execute_batch("DELETE FROM words").unwrap();
    let answer = api.show("/v1/exports/focus").await;
    assert_eq!((answer.status, answer.header("content-type")), (500, Some("application/problem+json")));
}

#[tokio::test]
async fn an_export_that_breaks_off_does_not_end_as_a_whole_one_does() {
    let api = with_charges().await;
    let ledger = Ledger::at(api._directory.path());
    ledger.connection.execute_batch(MANY).unwrap();
    ledger.enter(&[Entry { day: "2026-11-09", rate: -1, ..INPUT }]);
    let answer = api.show("/v1/exports/focus").await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() > 1_000_000);
    assert!(!answer.body.ends_with(b"0\r\n\r\n"));
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_export() {
    let api = with_charges().await;
    let ledger = Ledger::at(api._directory.path());
    ledger.connection.execute_batch(MANY).unwrap();
    let mut stream = TcpStream::connect(api.address).await.unwrap();
    stream.write_all(b"GET /v1/exports/focus HTTP/1.1\r\nhost: bursar\r\n\r\n").await.unwrap();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 16);
    drop(stream);
    // Its view of the store is gone as well: nothing keeps the log from being emptied.
    ledger.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
    let emptied = || {
        let row =
            ledger.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        row.unwrap() == 0
    };
    while !emptied() {
        tokio::task::yield_now().await;
    }
}
