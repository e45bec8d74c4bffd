//! The attempt instance: the same module in the upstream filter chain, with a context for each try of a call. It runs in
//! the VM of the call instance of its worker, so what it sees is handed over in memory and not by the host.

use super::{
    abi::{self, Buffer, Map},
    host,
    stats::Stats,
};
use crate::{
    attempts::{AttemptEnd, Attempts, Rewrite, Target},
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

/// Names the policy's route, for Envoy's routes to match. No provider sees it.
pub(super) const ROUTE_HEADER: &[u8] = b"x-bursar-route";
/// Names the target, for filters behind this one to choose its key by. The last of them takes it out.
pub(super) const TARGET_HEADER: &[u8] = b"x-bursar-target";
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
    /// What the body waits for.
    waits: Option<Rewrite>,
}

impl Attempt {
    pub(super) fn new(instance: Rc<Instance>) -> Self {
        Self { instance, seen: None, waits: None }
    }
}

impl HttpContext for Attempt {
    fn on_http_request_headers(&mut self, _headers: usize, end: bool) -> Action {
        // Requests that are no calls have no such state.
        let Some(id) = host::text_property(CALL_KEY) else { return Action::Continue };
        let attempts =
            id.parse().ok().and_then(|id: CallId| CALLS.with_borrow(|calls| calls.get(&id).cloned()));
        let Some(attempts) = attempts else {
            self.instance.stats.fault("attempt_without_call");
            return Action::Continue;
        };
        // Of an aggregate cluster's members Envoy tells nothing but what their endpoints say of themselves.
        let name = host::text_property("xds\0upstream_host_metadata\0filter_metadata\0bursar\0target");
        let name = name.or_else(|| host::text_property("xds\0cluster_name"));
        let planned = name.as_deref().and_then(|name| attempts.borrow().planned(name));
        if attempts.borrow().is_planned() {
            // All tries share one head, which has another's key and path by now; and while one is under way, another one's
            // would go out with it.
            let fault = match planned {
                None => Some("route_without_target"),
                Some(_) if attempts.borrow().has_open() => Some("route_hedged"),
                Some(_) => None,
            };
            if let Some(fault) = fault {
                return self.refuse(fault);
            }
        }
        let (target, rewrite) = match planned {
            Some((target, rewrite)) => (target, Some(rewrite)),
            None => (self.instance.target(name), None),
        };
        let bytes = abi::header_pairs(Map::Request).unwrap_or_default();
        let timeout = Headers::new(&split_pairs(&bytes)).text(TIMEOUT).and_then(|ms| ms.parse().ok());
        let number = attempts.borrow_mut().begin(target, timeout, host::now());
        self.seen = Some((attempts, number));
        match rewrite {
            Some(rewrite) => self.rewrite_head(rewrite, end),
            None => Action::Continue,
        }
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if end {
            self.rewrite_body(size);
        }
        self.action()
    }

    fn on_http_request_trailers(&mut self, _trailers: usize) -> Action {
        /// More than is ever held, so all of it.
        const ALL: usize = 1 << 30;
        self.rewrite_body(ALL);
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

impl Attempt {
    /// Nothing goes out that might be for somebody else.
    fn refuse(&self, fault: &'static str) -> Action {
        self.instance.stats.fault(fault);
        const UNAVAILABLE: u16 = 503;
        let body = b"this attempt has no place in the policy's route";
        if abi::send_local_reply(UNAVAILABLE, "bursar_route", &[], body).is_err() {
            self.instance.stats.fault("local_reply");
        }
        Action::Pause
    }

    /// The head waits for the body where that may have another length.
    fn rewrite_head(&mut self, rewrite: Rewrite, end: bool) -> Action {
        let set = |name: &[u8], value: Option<&[u8]>| {
            if abi::set_header(Map::Request, name, value).is_err() {
                self.instance.stats.fault("route_rewrite");
            }
        };
        set(b":authority", Some(rewrite.host.as_bytes()));
        set(b":path", Some(rewrite.path.as_bytes()));
        set(ROUTE_HEADER, None);
        set(TARGET_HEADER, Some(rewrite.target.as_bytes()));
        self.waits = Some(rewrite).filter(|rewrite| rewrite.follows_body && !end);
        self.action()
    }

    fn rewrite_body(&mut self, size: usize) {
        let Some(rewrite) = self.waits.take() else { return };
        let altered = abi::buffer(Buffer::Request, 0, size).and_then(|body| {
            let altered = rewrite.body(&body);
            let length = altered.as_ref().unwrap_or(&body).len().to_string();
            abi::set_header(Map::Request, b"content-length", Some(length.as_bytes()))?;
            altered.map_or(Ok(()), |altered| abi::replace_buffer(Buffer::Request, body.len(), &altered))
        });
        if altered.is_err() {
            self.instance.stats.fault("route_rewrite");
        }
    }

    fn action(&self) -> Action {
        if self.waits.is_some() { Action::Pause } else { Action::Continue }
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
