//! Attempts: the tries of one call at its upstreams. Envoy's retries, fallbacks and hedged requests make several of a
//! call; they travel with its finished event.

use crate::{
    UnixNanos,
    event::{CallEnd, CallHead},
    meters::Usage,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One try of a call at one upstream, as the attempt instance saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1, in the order in which they began.
    pub number: u32,
    /// Whether its answer, or that none came, is the call's own. One attempt of a call is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub decides: bool,
    /// How far it came.
    pub fate: Fate,
    /// Why it was made, where it is not the first: `status_503`, `per_try_timeout`, `connect_failure`, `reset`, `hedged`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
    /// The provider, where it is another than the call's head names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Box<str>>,
    /// Our account there, where the provider is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Box<str>>,
    /// The region, where host, path or configuration name another than the call's head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Box<str>>,
    /// The model that this provider was asked for, where it is another than the call's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<str>>,
    /// What the upstream's endpoint calls itself (`filter_metadata.bursar.target`), else Envoy's cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Box<str>>,
    /// The upstream's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Box<str>>,
    /// When it began.
    pub started_at: UnixNanos,
    /// When the head of its answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<UnixNanos>,
    /// When it was over.
    pub ended_at: UnixNanos,
    /// The HTTP status of its answer; 0 when none came.
    #[serde(default)]
    pub status: u16,
    /// What the provider said is left of its limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// What it is taken to have used, where it is billed and the call's own usage does not tell: an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// How far an attempt came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The provider answered with a status below 400.
    Answered,
    /// It answered with an error, which nobody bills.
    Failed,
    /// It never got the request.
    Unsent,
    /// It had the request, and no answer came back.
    Lost,
}

impl Fate {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Unsent => "unsent",
            Self::Lost => "lost",
        }
    }
}

/// A provider's rate limits, as the answer's headers tell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// Requests that are left in the provider's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_left: Option<u64>,
    /// Tokens that are left in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_left: Option<u64>,
    /// So many seconds are to pass before the next request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

/// What a provider bills of a request that it got and whose answer nobody took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillsOnAbort {
    /// Nothing.
    None,
    /// The prompt.
    #[default]
    Input,
    /// The prompt, and as much output as the request allows.
    Full,
}

impl CallEnd {
    /// The attempt whose answer, or that none came, is the call's own.
    pub fn deciding(&self) -> Option<&Attempt> {
        self.tried.iter().find(|attempt| attempt.decides)
    }

    /// What it used, with what its wasted attempts did.
    pub fn usage_with_waste(&self) -> Cow<'_, Usage> {
        usage_with_waste(&self.usage, &self.tried)
    }
}

/// Attempts that came to nothing and are billed all the same.
pub fn wasted(tried: &[Attempt]) -> impl Iterator<Item = (&Attempt, &Usage)> {
    tried.iter().filter_map(|attempt| Some((attempt, attempt.usage.as_ref()?)))
}

/// What a call used, with what its wasted attempts did.
pub fn usage_with_waste<'a>(usage: &'a Usage, tried: &[Attempt]) -> Cow<'a, Usage> {
    let mut all = Cow::Borrowed(usage);
    for (_, wasted) in wasted(tried) {
        let all = all.to_mut();
        all.estimated.extend(&wasted.estimated);
        for (meter, units) in &wasted.units {
            let sum = all.units.entry(*meter).or_default();
            *sum = sum.saturating_add(*units);
        }
    }
    all
}

/// Who served a call: what its head says, and where its deciding attempt went elsewhere, that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server<'a> {
    /// The provider.
    pub provider: &'a str,
    /// Our account there.
    pub account: Option<&'a str>,
    /// The model it was asked for.
    pub model: Option<&'a str>,
    /// The region, where it is known before an answer.
    pub region: Option<&'a str>,
}

impl<'a> Server<'a> {
    /// Of a call; of one of its attempts, where there is one.
    pub fn of(head: &'a CallHead, attempt: Option<&'a Attempt>) -> Self {
        let here = attempt.and_then(|attempt| attempt.provider.as_deref());
        Self {
            provider: here.unwrap_or(&head.provider),
            account: match (here, attempt) {
                (Some(_), Some(attempt)) => attempt.account.as_deref(),
                _ => head.account.as_deref(),
            },
            model: attempt.and_then(|attempt| attempt.model.as_deref()).or(head.model()),
            region: attempt.and_then(|attempt| attempt.region.as_deref()).or(match here {
                Some(_) => None,
                None => head.region.as_deref(),
            }),
        }
    }
}

/// A call that was not served where it was first sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback<'a> {
    /// Where it was sent first; absent where the application itself went elsewhere.
    pub original: Option<Server<'a>>,
    /// Why the next attempt went elsewhere; `application` where no attempt did.
    pub reason: &'a str,
}

impl<'a> Fallback<'a> {
    /// Of a call, and of its end where it has one.
    pub fn of(head: &'a CallHead, end: Option<&'a CallEnd>) -> Option<Self> {
        let by_envoy = || {
            let end = end?;
            let (first, deciding) = (end.tried.first()?, end.deciding()?);
            let place = |attempt: &'a Attempt| (&attempt.cluster, Server::of(head, Some(attempt)));
            if place(first) == place(deciding) {
                return None;
            }
            let elsewhere = end.tried.iter().find(|attempt| place(attempt) != place(first))?;
            let reason = elsewhere.reason.as_deref().unwrap_or("unknown");
            Some(Self { original: Some(Server::of(head, Some(first))), reason })
        };
        let by_application =
            || head.original_route.as_ref().map(|_| Self { original: None, reason: "application" });
        by_envoy().or_else(by_application)
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}
