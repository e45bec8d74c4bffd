//! What all pages have in common: the frame, the headers, the stylesheet, how instants and amounts are written.

pub(super) use crate::percent::encoded;

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use protocol::{UnixNanos, money::PicoUsd};

/// The one stylesheet, at `/assets/console.css`.
pub const STYLESHEET: &str = include_str!("../../assets/console.css");

/// Pages load this stylesheet and nothing else, run nothing, send forms to nobody else, and stand in no frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A rendered page.
#[derive(Debug)]
pub struct Page {
    status: StatusCode,
    html: Result<String, askama::Error>,
}

impl Page {
    pub(super) fn of(status: StatusCode, template: &impl Template) -> Self {
        Self { status, html: template.render() }
    }

    /// The text of the page.
    pub fn html(&self) -> &str {
        self.html.as_deref().unwrap_or_default()
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let (status, html) = match self.html {
            Ok(html) => (self.status, html),
            Err(error) => {
                tracing::error!(%error, "a console page cannot be rendered");
                (StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be shown. The log says why.".to_owned())
            }
        };
        let headers = [
            (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            // Not `no-referrer`: that takes the origin off a page's own forms, by which they are told from others'.
            (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (status, headers, Html(html)).into_response()
    }
}

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing<'a> {
    section: &'static str,
    what: &'a str,
    hint: &'a str,
}

/// A page for what is not done.
pub(crate) fn refused(what: &str, hint: &str) -> Page {
    Page::of(StatusCode::FORBIDDEN, &Missing { section: "", what, hint })
}

/// A page for what cannot be done as it was asked for.
pub(super) fn problem(status: StatusCode, what: &str, hint: &str) -> Page {
    Page::of(status, &Missing { section: "", what, hint })
}

/// A page for what is not there.
pub fn not_found(what: &str, hint: &str) -> Page {
    Page::of(StatusCode::NOT_FOUND, &Missing { section: "", what, hint })
}

/// The page where there is none.
pub(crate) fn nowhere() -> Page {
    not_found("There is no such page", "The address may be of another version, or lack a part of a name.")
}

/// The page where there is only something to send to.
pub(super) fn only_for_forms() -> Page {
    let hint = "What stands here takes a form and shows nothing by itself. The page with the form shows it.";
    Page::of(
        StatusCode::METHOD_NOT_ALLOWED,
        &Missing { section: "", what: "There is nothing to see here", hint },
    )
}

/// A page for what the store did not answer.
pub(super) fn failed() -> Page {
    let hint = "The log of the control plane says why. Calls and caps go on meanwhile.";
    let template = Missing { section: "", what: "This page cannot be shown now", hint };
    Page::of(StatusCode::INTERNAL_SERVER_ERROR, &template)
}

fn timestamp(at: UnixNanos) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(at)).unwrap_or(Timestamp::MAX)
}

/// An instant as `strftime` has it, in UTC.
pub(super) fn written(at: UnixNanos, format: &str) -> String {
    timestamp(at).to_zoned_datetime(TimeZone::UTC).strftime(format).to_string()
}

/// Date and time to the second.
pub(super) fn moment(at: UnixNanos) -> String {
    written(at, "%Y-%m-%d %H:%M:%S")
}

/// Money as people read it: never less than three significant digits, never more than twelve places.
pub(super) fn usd(amount: PicoUsd) -> String {
    let cents = 10_000_000_000_i128;
    let size = amount.pico().abs();
    let places = match size {
        0 => 2,
        _ if size >= 100_i128.saturating_mul(cents) => 2,
        _ if size >= cents => 4,
        _ if size >= cents / 1_000 => 6,
        _ => 12,
    };
    let text = crate::reports::dollars(amount, places);
    match text.strip_prefix('-') {
        Some(positive) => format!("−${positive}"),
        None => format!("${text}"),
    }
}

/// A duration, in the unit that suits it.
pub(super) fn duration(nanos: u64) -> String {
    let milliseconds = nanos / 1_000_000;
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => {
            let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000 / 10);
            format!("{seconds}.{rest:02} s")
        }
        60_000..3_600_000 => format!("{} min {} s", milliseconds / 60_000, milliseconds / 1_000 % 60),
        3_600_000..172_800_000 => {
            format!("{} h {} min", milliseconds / 3_600_000, milliseconds / 60_000 % 60)
        }
        _ => format!("{} days", milliseconds / 86_400_000),
    }
}

/// A count in groups of three digits.
pub(super) fn count(count: u64) -> String {
    crate::reports::Cell::Count(count).shown()
}
