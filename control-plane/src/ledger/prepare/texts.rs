//! The texts of an event as they are stored: bounded and printable. A client, a provider or whoever speaks to Envoy wrote
//! them, and what cannot be printed is replaced rather than refused: with the event the cost of its call would be lost.

use crate::printable::printable;
use protocol::{
    attempt::Attempt,
    event::{CallEnd, CallHead},
};
use std::borrow::Cow;

/// Names of providers, models and routes, and reasons. Longer ones are somebody's mistake.
pub(in crate::ledger) const TEXT_BYTES_MAX: usize = 512;

/// Takes the texts of a head. Without a provider there is nobody whom a call could be paid to.
pub(super) fn of_head(head: &mut CallHead) -> Result<(), String> {
    if head.provider.trim().is_empty() {
        return Err("provider is empty".to_owned());
    }
    take([
        ("provider", Some(&mut head.provider)),
        ("account", head.account.as_mut()),
        ("dialect", Some(&mut head.dialect)),
        ("operation", Some(&mut head.operation)),
        ("route", head.route.as_mut()),
        ("original_route", head.original_route.as_mut()),
        ("request_model", head.request_model.as_mut()),
        ("downgraded_to", head.downgraded_to.as_mut()),
        ("routed_to", head.routed_to.as_mut()),
        ("request_tier", head.request_tier.as_mut()),
        ("request_id", head.request_id.as_mut()),
        ("region", head.region.as_mut()),
    ])
}

/// Takes the texts of an end.
pub(super) fn of_end(end: &mut CallEnd) -> Result<(), String> {
    take([
        ("end.response_model", end.response_model.as_mut()),
        ("end.service_tier", end.service_tier.as_mut()),
        ("end.region", end.region.as_mut()),
        ("end.response_flags", Some(&mut end.response_flags)),
        ("end.error_type", end.error_type.as_mut()),
        ("end.cluster", end.cluster.as_mut()),
        ("end.upstream", end.upstream.as_mut()),
        ("end.stopped_by", end.stopped_by.as_mut()),
    ])?;
    take_each("end.finish_reasons", end.finish_reasons.iter_mut().map(Some))?;
    end.tried.iter_mut().try_for_each(of_attempt)
}

fn of_attempt(attempt: &mut Attempt) -> Result<(), String> {
    take([
        ("end.tried.reason", attempt.reason.as_mut()),
        ("end.tried.provider", attempt.provider.as_mut()),
        ("end.tried.account", attempt.account.as_mut()),
        ("end.tried.region", attempt.region.as_mut()),
        ("end.tried.model", attempt.model.as_mut()),
        ("end.tried.cluster", attempt.cluster.as_mut()),
        ("end.tried.upstream", attempt.upstream.as_mut()),
    ])
}

/// Takes what a backend says of a task in the head of an answer.
pub(super) fn of_reason(reason: Option<&mut Box<str>>) -> Result<(), String> {
    take([("outcome.reason", reason)])
}

fn take<'a>(texts: impl IntoIterator<Item = (&'static str, Option<&'a mut Box<str>>)>) -> Result<(), String> {
    texts.into_iter().try_for_each(|(field, text)| take_each(field, [text]))
}

fn take_each<'a>(
    field: &str,
    texts: impl IntoIterator<Item = Option<&'a mut Box<str>>>,
) -> Result<(), String> {
    for text in texts.into_iter().flatten() {
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("{field} is longer than {TEXT_BYTES_MAX} bytes"));
        }
        if let Cow::Owned(clean) = printable(text) {
            *text = clean.into();
        }
    }
    Ok(())
}
