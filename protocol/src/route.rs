//! Routes: which provider serves a model, and who else does when that one cannot.

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, sync::Arc};

/// One route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSpec {
    /// Its name, which Envoy's route matches in `x-bursar-route`.
    pub name: Box<str>,
    /// Names of models, or their beginnings with a `*` behind.
    pub models: Vec<Box<str>>,
    /// Who serves them: the first, and the others in its place. Never empty.
    pub targets: Vec<RouteTarget>,
}

/// Who serves a route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTarget {
    /// What the upstream's endpoint calls itself, else Envoy's cluster.
    pub cluster: Box<str>,
    /// The provider, as prices use it.
    pub provider: Box<str>,
    /// Our account there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Box<str>>,
    /// The `:authority` of requests to it; absent: as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Box<str>>,
    /// What stands there for a leading `/v1` of the path; absent: that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_path: Option<Box<str>>,
    /// The model's name there; absent: as it was asked for. A `*` in it stands for what the route's did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<str>>,
}

impl RouteSpec {
    /// The route of a model: that which names it to the letter, else the one with the longest beginning of it.
    pub fn find<'a>(routes: &'a [Arc<Self>], model: &str) -> Option<&'a Arc<Self>> {
        let fit = |route: &&Arc<Self>| route.models.iter().filter_map(|pattern| weight(pattern, model)).max();
        routes.iter().filter(|route| fit(route).is_some()).max_by_key(fit)
    }

    /// The name of a model at a target.
    pub fn model_at<'a>(&self, target: &'a RouteTarget, model: &'a str) -> Cow<'a, str> {
        let Some(name) = target.model.as_deref() else { return Cow::Borrowed(model) };
        let best = self.models.iter().max_by_key(|pattern| weight(pattern, model));
        let rest = best.and_then(|pattern| model.strip_prefix(pattern.strip_suffix('*')?));
        match (name.split_once('*'), rest) {
            (Some((before, after)), Some(rest)) => Cow::Owned(format!("{before}{rest}{after}")),
            _ => Cow::Borrowed(name),
        }
    }
}

impl RouteTarget {
    /// The path of a request to it.
    pub fn path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let below = path.strip_prefix("/v1").filter(|rest| rest.starts_with('/'));
        match (&self.base_path, below) {
            (Some(base), Some(rest)) => Cow::Owned(format!("{}{rest}", base.trim_end_matches('/'))),
            _ => Cow::Borrowed(path),
        }
    }
}

/// How well a pattern fits; nothing, where it does not.
fn weight(pattern: &str, model: &str) -> Option<(bool, usize)> {
    match pattern.strip_suffix('*') {
        Some(beginning) => model.starts_with(beginning).then_some((false, beginning.len())),
        None => (pattern == model).then_some((true, pattern.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, models: &[&str]) -> Arc<RouteSpec> {
        let models = models.iter().map(|model| (*model).into()).collect();
        Arc::new(RouteSpec { name: name.into(), models, targets: Vec::new() })
    }

    #[test]
    fn the_letter_comes_before_the_longest_beginning() {
        let routes = [
            route("any", &["*"]),
            route("gpt", &["gpt-4*", "o4*"]),
            route("mini", &["gpt-4o-mini", "gpt-4o*"]),
        ];
        for (model, name) in [
            ("gpt-4o-mini", Some("mini")),
            ("gpt-4o-2024", Some("mini")),
            ("gpt-4.1", Some("gpt")),
            ("o4-mini", Some("gpt")),
            ("claude", Some("any")),
            ("", Some("any")),
        ] {
            assert_eq!(RouteSpec::find(&routes, model).map(|route| &*route.name), name, "{model}");
        }
        assert_eq!(RouteSpec::find(&routes[1..], "claude"), None);
    }

    #[test]
    fn a_target_has_its_own_name_of_a_model() {
        let route = route("r", &["groq/*", "gpt-4o"]);
        let at = |name: Option<&str>, model| {
            let target = RouteTarget { model: name.map(Into::into), ..RouteTarget::default() };
            route.model_at(&target, model).into_owned()
        };
        assert_eq!(at(None, "gpt-4o"), "gpt-4o");
        assert_eq!(at(Some("llama"), "gpt-4o"), "llama");
        assert_eq!(at(Some("*"), "groq/llama"), "llama");
        assert_eq!(at(Some("meta/*-turbo"), "groq/llama"), "meta/llama-turbo");
        assert_eq!(at(Some("a*b"), "gpt-4o"), "a*b", "nothing stands for it");
    }

    #[test]
    fn a_target_has_its_own_base_path() {
        let at = |base: Option<&str>, path| {
            let target = RouteTarget { base_path: base.map(Into::into), ..RouteTarget::default() };
            target.path(path).into_owned()
        };
        assert_eq!(at(None, "/v1/chat/completions"), "/v1/chat/completions");
        assert_eq!(at(Some("/openai/v1/"), "/v1/chat/completions?a=b"), "/openai/v1/chat/completions?a=b");
        assert_eq!(at(Some("/openai"), "/v1beta/x"), "/v1beta/x");
        assert_eq!(at(Some("/openai"), "/v1"), "/v1");
    }
}
