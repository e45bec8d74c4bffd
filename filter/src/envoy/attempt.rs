//! The attempt instance: the same module in the upstream filter chain, with a context for each try of a call. It runs in
//! the VM of the call instance of its worker, so what it sees is handed over in memory and not by the host.

use super::{
    abi::{self, Map},
    host,
    stats::Stats,
};
use crate::{
    attempts::{AttemptEnd, Attempts, Target},
    config::{Config, ProviderRule},
    head::{Headers, split_pairs},
};
use protocol::ids::CallId;
use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

/// Filter state of the stream, which its upstream filters see and no client can set.
const CALL_KEY: &str = "bursar_call";

/// How long Envoy gives this attempt, in milliseconds.
const TIMEOUT: &str = "x-envoy-expected-rq-timeout-ms";

thread_local! {
    /// Attempt instances in this VM.
    static INSTANCES: Cell<usize> = const { Cell::new(0) };
    /// Calls that may be tried, and what is seen of it. As many as there are streams.
    static CALLS: RefCell<BTreeMap<CallId, Rc<RefCell<Attempts>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Whether anybody in this VM looks at attempts.
pub(super) fn are_seen() -> bool {
    INSTANCES.get() > 0
}

/// Lets the attempts of a call find it.
pub(super) fn expect(id: CallId, attempts: Rc<RefCell<Attempts>>) -> Result<(), abi::HostError> {
    abi::set_property(CALL_KEY, id.to_string().as_bytes())?;
    CALLS.with_borrow_mut(|calls| calls.insert(id, attempts));
    Ok(())
}

/// The call is over.
pub(super) fn forget(id: CallId) {
    CALLS.with_borrow_mut(|calls| calls.remove(&id));
}

/// What the contexts of one attempt instance share.
#[derive(Debug)]
pub(super) struct Instance {
    config: Config,
    stats: Stats,
}

impl Instance {
    pub(super) fn new(config: Config) -> Self {
        INSTANCES.set(INSTANCES.get().saturating_add(1));
        Self { config, stats: Stats::default() }
    }

    /// Counters are handed over with the next tick.
    pub(super) fn tick(&self) {
        self.stats.flush();
    }

    fn target(&self, name: Option<String>) -> Target {
        let goes_there =
            |rule: &&ProviderRule| rule.cluster.is_some() && rule.cluster.as_deref() == name.as_deref();
        let rule = self.config.providers.iter().find(goes_there);
        Target {
            provider: rule.map(|rule| rule.provider.as_str().into()),
            account: rule.and_then(|rule| rule.account.as_deref()).map(Into::into),
            name: name.map(Into::into),
            ..Target::default()
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        INSTANCES.set(INSTANCES.get().saturating_sub(1));
    }
}

/// One try of a call.
#[derive(Debug)]
pub(super) struct Attempt {
    instance: Rc<Instance>,
    /// Of the call, and its number there.
    seen: Option<(Rc<RefCell<Attempts>>, u32)>,
}

impl Attempt {
    pub(super) fn new(instance: Rc<Instance>) -> Self {
        Self { instance, seen: None }
    }
}

impl HttpContext for Attempt {
    fn on_http_request_headers(&mut self, _headers: usize, _end: bool) -> Action {
        // Requests that are no calls have no such state.
        let Some(id) = host::text_property(CALL_KEY) else { return Action::Continue };
        let attempts =
            id.parse().ok().and_then(|id: CallId| CALLS.with_borrow(|calls| calls.get(&id).cloned()));
        let Some(attempts) = attempts else {
            self.instance.stats.fault("attempt_without_call");
            return Action::Continue;
        };
        // Of an aggregate cluster's members Envoy tells nothing but what their endpoints say of themselves.
        let named = host::text_property("xds\0upstream_host_metadata\0filter_metadata\0bursar\0target");
        let target = self.instance.target(named.or_else(|| host::text_property("xds\0cluster_name")));
        let bytes = abi::header_pairs(Map::Request).unwrap_or_default();
        let timeout = Headers::new(&split_pairs(&bytes)).text(TIMEOUT).and_then(|ms| ms.parse().ok());
        let number = attempts.borrow_mut().begin(target, timeout, host::now());
        self.seen = Some((attempts, number));
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _headers: usize, _end: bool) -> Action {
        let Some((attempts, number)) = &self.seen else { return Action::Continue };
        match abi::header_pairs(Map::Response) {
            Ok(bytes) => {
                attempts.borrow_mut().answer(*number, &Headers::new(&split_pairs(&bytes)), host::now());
            }
            Err(abi::HostError) => self.instance.stats.fault("response_headers"),
        }
        Action::Continue
    }
}

impl Context for Attempt {
    fn on_done(&mut self) -> bool {
        let Some((attempts, number)) = self.seen.take() else { return true };
        let end = AttemptEnd {
            upstream: host::text_property("upstream\0address").map(Into::into),
            // Envoy has an address of its own only once it is connected.
            connected: host::text_property("upstream\0local_address").is_some(),
        };
        attempts.borrow_mut().end(number, end, host::now());
        true
    }
}
