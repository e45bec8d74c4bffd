//! What becomes of a request at each target of its route. Every try starts from the request as the client's side sent it:
//! Envoy keeps that for retries, but its head as the try before left it.

use super::Target;
use crate::{dialect::Dialect, request};
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
    dialect: Dialect,
}

impl Plan {
    /// By a route that was found for a model.
    pub fn new(dialect: Dialect, spec: &Arc<RouteSpec>, model: &str, host: &str, path: &str) -> Self {
        Self { dialect, spec: Arc::clone(spec), model: model.into(), host: host.into(), path: path.into() }
    }

    /// What becomes of the request at the target of that name.
    pub(super) fn at(&self, name: &str) -> Option<(Target, Rewrite)> {
        let target = self.spec.targets.iter().find(|target| *target.cluster == *name)?;
        let other_model = |target: &RouteTarget| {
            let asked = self.spec.model_at(target, &self.model);
            (*asked != *self.model).then(|| Box::<str>::from(asked))
        };
        let model = other_model(target);
        let RouteTarget { cluster, provider, account, host, .. } = target;
        let rewrite = Rewrite {
            target: cluster.clone(),
            host: host.as_ref().unwrap_or(&self.host).clone(),
            path: target.path(&self.path).into(),
            follows_body: self.spec.targets.iter().any(|target| other_model(target).is_some()),
            model: model.clone(),
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
        request::with_model(self.dialect, body, self.model.as_deref()?)
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
