//! What becomes of a request at each target of its route. Every try starts from the request as the client's side sent it:
//! Envoy keeps that for retries, but its head as the try before left it.

use super::Target;
use crate::{
    dialect::{self, Dialect},
    request,
};
use protocol::route::{RouteSpec, RouteTarget};
use std::sync::Arc;

/// Where the attempts of a call go.
#[derive(Debug)]
pub struct Plan {
    dialect: Dialect,
    spec: Arc<RouteSpec>,
    /// What the request asks for before any target's name is put there.
    model: Box<str>,
    host: Box<str>,
    path: Box<str>,
    /// The request was made to ask for usage, which some providers refuse.
    usage_asked: bool,
}

/// What becomes of the request at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The target's name.
    pub target: Box<str>,
    /// The `:authority`.
    pub host: Box<str>,
    /// The `:path`.
    pub path: Box<str>,
    /// Whether its body is made anew at some target, so that its length is known at its end alone.
    pub follows_body: bool,
    model: Option<Box<str>>,
    asks_too_much: bool,
    dialect: Dialect,
}

impl Plan {
    /// By a route that was found for a model.
    pub fn new(dialect: Dialect, spec: &Arc<RouteSpec>, model: &str, host: &str, path: &str) -> Self {
        let (host, path) = (host.into(), path.into());
        Self { dialect, spec: Arc::clone(spec), model: model.into(), host, path, usage_asked: false }
    }

    /// The request was made to ask for usage.
    #[must_use]
    pub fn asks_for_usage(self, usage_asked: bool) -> Self {
        Self { usage_asked, ..self }
    }

    /// What becomes of the request at the target of that name.
    pub(super) fn at(&self, name: &str) -> Option<(Target, Rewrite)> {
        let target = self.spec.targets.iter().find(|target| *target.cluster == *name)?;
        let other_model = |target: &RouteTarget| {
            let asked = self.spec.model_at(target, &self.model);
            (*asked != *self.model).then(|| Box::<str>::from(asked))
        };
        let asks_too_much =
            |target: &RouteTarget| self.usage_asked && dialect::tells_usage_unasked(&target.provider);
        let is_rewritten = |target: &RouteTarget| other_model(target).is_some() || asks_too_much(target);
        let model = other_model(target);
        let RouteTarget { cluster, provider, account, host, .. } = target;
        let rewrite = Rewrite {
            target: cluster.clone(),
            host: host.as_ref().unwrap_or(&self.host).clone(),
            path: target.path(&self.path).into(),
            follows_body: self.spec.targets.iter().any(is_rewritten),
            model: model.clone(),
            asks_too_much: asks_too_much(target),
            dialect: self.dialect,
        };
        let target = Target {
            name: Some(cluster.clone()),
            provider: Some(provider.clone()),
            account: account.clone(),
            region: None,
            model,
        };
        Some((target, rewrite))
    }
}

impl Rewrite {
    /// The body as this target wants it, where that is not how it came.
    pub fn body(&self, body: &[u8]) -> Option<Vec<u8>> {
        let of_model = self.model.as_deref().and_then(|model| request::with_model(self.dialect, body, model));
        if !self.asks_too_much {
            return of_model;
        }
        request::without_usage_asked(of_model.as_deref().unwrap_or(body)).or(of_model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let target =
            |cluster: &str, host: Option<&str>, base: Option<&str>, model: Option<&str>| RouteTarget {
                cluster: cluster.into(),
                provider: cluster.into(),
                account: None,
                host: host.map(Into::into),
                base_path: base.map(Into::into),
                model: model.map(Into::into),
            };
        let spec = RouteSpec {
            name: "chat".into(),
            models: vec!["gpt-4o".into()],
            targets: vec![
                target("openai", None, None, None),
                target("groq", Some("api.groq.com"), Some("/openai/v1"), Some("llama")),
            ],
        };
        Plan::new(Dialect::OpenaiChat, &Arc::new(spec), "gpt-4o", "llm.local", "/v1/chat/completions?a")
    }

    #[test]
    fn each_target_gets_the_request_that_it_wants() {
        let (target, rewrite) = plan().at("groq").unwrap();
        assert_eq!((target.provider.as_deref(), target.model.as_deref()), (Some("groq"), Some("llama")));
        assert_eq!((&*rewrite.host, &*rewrite.path), ("api.groq.com", "/openai/v1/chat/completions?a"));
        assert_eq!(rewrite.body(br#"{"model":"gpt-4o"}"#), Some(br#"{"model":"llama"}"#.to_vec()));
    }

    #[test]
    fn who_tells_usage_unasked_is_not_asked() {
        let mut spec = RouteSpec { models: vec!["m".into()], ..RouteSpec::default() };
        spec.targets = ["mistral", "openai"]
            .map(|name| RouteTarget { cluster: name.into(), provider: name.into(), ..RouteTarget::default() })
            .into();
        let plan = Plan::new(Dialect::OpenaiChat, &Arc::new(spec), "m", "h", "/v1/x").asks_for_usage(true);
        let body = br#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#;
        let at = |name: &str, body: &[u8]| plan.at(name).unwrap().1.body(body);
        assert_eq!(at("mistral", body), Some(br#"{"model":"m","stream":true}"#.to_vec()));
        assert_eq!(at("openai", body), None);
        // What the client asks by itself is between the two.
        assert_eq!(at("mistral", br#"{"stream_options":{"x":1,"include_usage":true},"model":"m"}"#), None);
        assert!(plan.at("openai").unwrap().1.follows_body);
    }

    #[test]
    fn a_target_without_wishes_gets_what_came_whoever_was_tried_before() {
        let (target, rewrite) = plan().at("openai").unwrap();
        assert_eq!((target.provider.as_deref(), target.model), (Some("openai"), None));
        assert_eq!((&*rewrite.host, &*rewrite.path), ("llm.local", "/v1/chat/completions?a"));
        assert_eq!(rewrite.body(br#"{"model":"gpt-4o"}"#), None);
        // The try before may have left another length in the head.
        assert!(rewrite.follows_body);
        assert!(plan().at("nobody").is_none());
    }
}
