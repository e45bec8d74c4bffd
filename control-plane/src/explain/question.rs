//! A call that somebody has in mind.

use crate::{instant::Instant, policy::Policy};
use protocol::{
    UnixNanos,
    attribution::{Attributed, Attribution, Dimension, Source},
    route::RouteSpec,
};

/// A call that somebody has in mind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Who it would be for.
    pub attribution: Attribution,
    /// Who would serve.
    pub provider: Option<Box<str>>,
    /// The model that it would name.
    pub model: Option<Box<str>>,
    /// Envoy's route.
    pub route: Option<Box<str>>,
    /// Our account with the provider.
    pub account: Option<Box<str>>,
    /// Where it would be served.
    pub region: Option<Box<str>>,
    /// The service tier that it would name.
    pub tier: Option<Box<str>>,
    /// The prompt's size.
    pub input_tokens: u64,
    /// The output limit that it would set.
    pub max_tokens: Option<u64>,
    /// When it would start.
    pub at: UnixNanos,
}

/// A key whose value cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {what}")]
pub struct NotAsked {
    key: &'static str,
    what: String,
}

/// The most tokens of a prompt or an answer.
const TOKENS_MAX: u64 = 1 << 40;
/// As long as names of models get.
const TEXT_BYTES_MAX: usize = 512;

impl Question {
    /// What can be said of a call.
    pub const KEYS: [&'static str; 14] = [
        "customer",
        "workspace",
        "user",
        "feature",
        "task",
        "provider",
        "model",
        "route",
        "account",
        "region",
        "tier",
        "input_tokens",
        "max_tokens",
        "at",
    ];

    /// From texts by key. What is absent is absent of the call, but for its instant, which is now then.
    pub fn parse<'a>(text: impl Fn(&str) -> Option<&'a str>, now: UnixNanos) -> Result<Self, NotAsked> {
        let mut attribution = Attribution::default();
        for dimension in Dimension::ALL {
            let key = dimension.as_str();
            let Some(written) = text(key) else { continue };
            let value = written.parse().map_err(|error| NotAsked::new(key, error))?;
            attribution.set(dimension, Attributed { value, from: Source::Header });
        }
        let word = |key: &'static str| match text(key) {
            Some("") => Err(NotAsked::new(key, "is empty")),
            Some(long) if long.len() > TEXT_BYTES_MAX => {
                Err(NotAsked::new(key, format!("is longer than {TEXT_BYTES_MAX} bytes")))
            }
            word => Ok(word.map(Into::into)),
        };
        let tokens = |key: &'static str| {
            let number = |text: &str| text.parse().ok().filter(|tokens| *tokens <= TOKENS_MAX);
            let is_none = || NotAsked::new(key, format!("is no number of tokens up to {TOKENS_MAX}"));
            text(key).map(|text| number(text).ok_or_else(is_none)).transpose()
        };
        let at = text("at").map(str::parse::<Instant>).transpose();
        Ok(Self {
            attribution,
            provider: word("provider")?,
            model: word("model")?,
            route: word("route")?,
            account: word("account")?,
            region: word("region")?,
            tier: word("tier")?,
            input_tokens: tokens("input_tokens")?.unwrap_or(0),
            max_tokens: tokens("max_tokens")?,
            at: at.map_err(|error| NotAsked::new("at", error))?.map_or(now, |Instant(at)| at),
        })
    }

    /// The same call as it goes by the policy's route for its model, to the first target. Whoever names a provider or a
    /// route means that one.
    pub(super) fn routed(&self, policy: &Policy) -> Option<Self> {
        let model = self.model.as_deref().filter(|_| self.provider.is_none() && self.route.is_none())?;
        let routes = policy.route_specs();
        let route = RouteSpec::find(&routes, model)?;
        let first = route.targets.first()?;
        Some(Self {
            provider: Some(first.provider.clone()),
            account: self.account.clone().or_else(|| first.account.clone()),
            model: Some(route.model_at(first, model).into()),
            route: Some(route.name.clone()),
            ..self.clone()
        })
    }

    pub(super) fn provider(&self) -> &str {
        self.provider.as_deref().unwrap_or_default()
    }
}

impl NotAsked {
    fn new(key: &'static str, what: impl ToString) -> Self {
        Self { key, what: what.to_string() }
    }
}
