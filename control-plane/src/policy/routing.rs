//! What a policy says of routes: one compatible endpoint, and who serves which models behind it.

use super::Policy;
use protocol::{
    ids::Name,
    route::{RouteSpec, RouteTarget},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who serves some models.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Unique in the policy. Envoy's route matches it in the header `x-bursar-route`.
    #[schemars(with = "String", extend("format" = "name"))]
    pub name: Name,
    /// Names of models as applications write them, or their beginnings with a `*` behind. A name comes before a
    /// beginning, and a longer beginning before a shorter one.
    #[schemars(length(min = 1))]
    pub models: Vec<Box<str>>,
    /// Who serves them: the first, and where Envoy tries again, the others.
    #[schemars(length(min = 1))]
    pub targets: Vec<Target>,
}

/// Who serves a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Envoy's cluster; of an aggregate cluster's member, what its endpoints say in `filter_metadata.bursar.target`.
    #[schemars(with = "String", extend("format" = "name"))]
    pub cluster: Name,
    /// The provider, as prices name it.
    #[schemars(with = "String", extend("format" = "name"))]
    pub provider: Name,
    /// Our account there, as contracts name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "name"))]
    pub account: Option<Name>,
    /// The host that requests are for; by default as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9.:\[\]_-]+$"))]
    pub host: Option<Box<str>>,
    /// What stands there for a leading `/v1` of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^/[!-~]*$"))]
    pub base_path: Option<Box<str>>,
    /// The model's name there; by default as it was asked for. A `*` stands for what that of `models` stood for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub model: Option<Box<str>>,
}

impl Policy {
    /// What filters get of the routes.
    pub fn route_specs(&self) -> Vec<Arc<RouteSpec>> {
        let text = |name: &Name| Box::<str>::from(name.as_str());
        let target = |target: &Target| RouteTarget {
            cluster: text(&target.cluster),
            provider: text(&target.provider),
            account: target.account.as_ref().map(text),
            host: target.host.clone(),
            base_path: target.base_path.clone(),
            model: target.model.clone(),
        };
        let spec = |route: &Route| RouteSpec {
            name: text(&route.name),
            models: route.models.clone(),
            targets: route.targets.iter().map(target).collect(),
        };
        self.routes.iter().map(spec).map(Arc::new).collect()
    }
}
