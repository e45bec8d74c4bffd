//! Where a call goes by the policy's table of routes. The call instance names the route, for Envoy to choose by; the
//! attempt instance makes each try what its target wants.

use super::Exchange;
use crate::{attempts::Plan, dialect::Dialect, request::RequestFacts};
use protocol::{route::RouteSpec, snapshot::Snapshot};
use std::{rc::Rc, sync::Arc};

/// What a call's head said before a route was found for it.
#[derive(Debug)]
pub(super) struct Unrouted {
    provider: Box<str>,
    account: Option<Box<str>>,
    route: Option<Box<str>>,
}

/// A route, and the model that it was found by.
#[derive(Debug)]
pub(super) struct Routed {
    spec: Arc<RouteSpec>,
    model: Box<str>,
    before: Unrouted,
}

impl Exchange {
    /// Finds the route of a model. Requests of other APIs name their model elsewhere, and one that cannot be altered goes
    /// where Envoy sends it. Gives the model that the first target is asked for.
    pub(super) fn route(&mut self, snapshot: &Snapshot, facts: &RequestFacts) {
        let is_compatible = matches!(
            self.dialect,
            Dialect::OpenaiChat
                | Dialect::OpenaiCompletions
                | Dialect::OpenaiEmbeddings
                | Dialect::OpenaiResponses
        );
        let before = self.unroute();
        let spec = facts.model.as_deref().and_then(|model| RouteSpec::find(&snapshot.routes, model));
        let (Some(spec), Some(model), true, true) =
            (spec, facts.model.clone(), is_compatible, self.alterable)
        else {
            return;
        };
        if self.attempts.is_none() {
            // Nobody would make the request what its provider wants, nor give it the right key.
            self.lacks_attempts = true;
            return;
        }
        let Some(first) = spec.targets.first() else { return };
        let head = Rc::make_mut(&mut self.head);
        let before = before.unwrap_or_else(|| Unrouted {
            provider: std::mem::replace(&mut head.provider, "".into()),
            account: head.account.take(),
            route: head.route.take(),
        });
        let asked = spec.model_at(first, &model);
        head.provider = first.provider.clone();
        head.account.clone_from(&first.account);
        head.route = Some(spec.name.clone());
        if *asked != *model {
            head.routed_to = Some(asked.as_ref().into());
        }
        self.routed = Some(Routed { spec: Arc::clone(spec), model, before });
    }

    /// Takes a route back, since another model is asked for. Gives what there was before it.
    fn unroute(&mut self) -> Option<Unrouted> {
        let Routed { before, .. } = self.routed.take()?;
        let head = Rc::make_mut(&mut self.head);
        head.provider.clone_from(&before.provider);
        head.account.clone_from(&before.account);
        head.route.clone_from(&before.route);
        head.routed_to = None;
        Some(before)
    }

    /// Whether it had a route, and no attempt instance to go by it.
    pub fn lacks_attempts(&self) -> bool {
        self.lacks_attempts
    }

    /// The name of the call's route, where the policy has one for it.
    pub fn routed(&self) -> Option<&str> {
        self.routed.as_ref().map(|routed| &*routed.spec.name)
    }

    /// Why the answer comes from elsewhere than where the call was first sent, where it does.
    pub fn fallback(&self) -> Option<String> {
        self.attempts.as_ref()?.borrow().fallback().map(str::to_owned)
    }

    /// Tells the attempts where they go.
    pub fn plan(&self, host: &str, path: &str) {
        let (Some(routed), Some(attempts)) = (&self.routed, &self.attempts) else { return };
        let Routed { spec, model, .. } = routed;
        let plan = Plan::new(self.dialect, spec, model, host, path).asks_for_usage(self.usage_injected);
        attempts.borrow_mut().plan(plan);
    }
}
