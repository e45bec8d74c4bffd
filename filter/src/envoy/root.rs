//! The root context of one worker: configuration, and on every tick snapshot and allowances down, events up.

use super::{
    abi::{self, Buffer, Map},
    attempt::{Attempt, Instance},
    call::Call,
    host::{self, Shared},
    node::Node,
};
use crate::{
    config::{Config, Role},
    counters::SharedData,
    head::{Headers, split_pairs},
};
use protocol::{
    UnixNanos,
    allowance::AllowanceReply,
    codec::{self, BatchReply},
    event::ItemResult,
};
use proxy_wasm::{
    hostcalls,
    traits::{Context, HttpContext, RootContext},
    types::ContextType,
};
use std::{cell::Cell, rc::Rc, time::Duration};

const LEADER_KEY: &str = "bursar/leader";
/// Who polls the snapshot does so this often,
const POLL_NS: u64 = 1_000_000_000;
/// and is replaced when it has not for so long.
const LEASE_NS: u64 = 3_000_000_000;
/// Totals and renewals of allowances are told this often.
const REPORT_NS: u64 = 500_000_000;

/// The root context.
#[derive(Debug, Default)]
pub(super) struct Root {
    node: Option<Rc<Node>>,
    /// Set instead of a node, where this is an attempt instance.
    attempts: Option<Rc<Instance>>,
    events_token: Option<u32>,
    snapshot_token: Option<u32>,
    allowance_token: Option<(u32, UnixNanos)>,
    polled_at: UnixNanos,
    reported_at: UnixNanos,
    /// Set once Envoy has asked to end this context, and events still wait.
    ending: bool,
    /// A stream has come since the last tick.
    busy: Cell<bool>,
    quiet_since: UnixNanos,
    /// Nothing has happened for a while, and ticks are few.
    slow: Cell<bool>,
}

/// Where no stream came for so long, ticks are few: the main thread's VM never sees one.
const QUIET_NS: u64 = 3_000_000_000;
/// Often enough to follow policy and prices.
const QUIET_TICK: Duration = Duration::from_secs(1);

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        let Some(node) = self.node.clone() else { return };
        let (now, status) = (host::now(), call_status());
        if matches!(status, Some(401 | 403)) {
            node.stats.fault("key_refused"); // beside what becomes of the request, which is tried again
        }
        let body = || abi::buffer(Buffer::Answer, 0, body_size).unwrap_or_default();
        if self.events_token.take_if(|sent| *sent == token).is_some() {
            let taken = events_answered(&node, status, &body(), now);
            // The next tick sends what has come meanwhile: many small batches cost more here and there than a large one.
            if !taken || self.ending || node.outbox.borrow().is_pressing() {
                self.flush(&node, now);
            }
            self.end_if_done(&node);
        } else if self.snapshot_token.take_if(|sent| *sent == token).is_some() {
            match status {
                Some(200) => node.publish_snapshot(&body()),
                Some(304) => {}
                _ => return node.stats.fault("snapshot_unreachable"),
            }
            node.snapshot_seen(now);
        } else if let Some((_, asked_at)) = self.allowance_token.take_if(|(sent, _)| *sent == token) {
            match (status, codec::decode::<AllowanceReply>(&body())) {
                (Some(200), Ok(reply)) => {
                    node.apply_grants(&reply, asked_at, now);
                    node.answered(true, now);
                }
                _ => self.report_failed(&node, now),
            }
        }
    }

    fn on_done(&mut self) -> bool {
        let Some(node) = self.node.clone() else { return true };
        self.ending = true;
        node.stats.flush();
        self.flush(&node, host::now());
        node.outbox.borrow().is_empty()
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let json = abi::buffer(Buffer::Configuration, 0, size).unwrap_or_default();
        let config = match Config::parse(&json) {
            Ok(config) => config,
            Err(faults) => {
                faults
                    .iter()
                    .for_each(|fault| log::error!("bursar's plugin configuration is refused: {fault}"));
                return false;
            }
        };
        if hostcalls::set_tick_period(Duration::from_millis(config.outbox.flush_ms)).is_err() {
            log::error!("Envoy gives no ticks, without which no event is sent");
            return false;
        }
        if config.role == Role::Attempt {
            self.attempts = Some(Rc::new(Instance::new(config)));
            return true;
        }
        let node = Rc::new(Node::new(config));
        node.follow_snapshot();
        self.poll_snapshot(&node, host::now());
        self.node = Some(node);
        true
    }

    fn on_tick(&mut self) {
        if let Some(instance) = &self.attempts {
            instance.tick();
        }
        let Some(node) = self.node.clone() else { return };
        let now = host::now();
        self.slow_down(&node, now);
        node.follow_snapshot();
        if now.saturating_sub(self.polled_at) >= POLL_NS && leads(now) {
            self.poll_snapshot(&node, now);
            node.stats.snapshot_age_ms(node.snapshot_age_ms(now));
        }
        if now.saturating_sub(self.reported_at) >= REPORT_NS {
            self.reported_at = now;
            self.report(&node, now);
        }
        self.flush(&node, now);
        node.stats.outbox_events(node.outbox.borrow().len());
        node.stats.flush();
        release_stuck_heads(&node, now);
        cut_streams(&node, now);
        self.end_if_done(&node);
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        if let Some(instance) = &self.attempts {
            return Some(Box::new(Attempt::new(Rc::clone(instance))));
        }
        // The SDK panics on `None`, so a root without configuration gives a context that does nothing.
        let node = self.node.clone();
        self.busy.set(true);
        if self.slow.take()
            && let Some(node) = &node
        {
            // Without ticks that are as frequent as they should be, events are late, and no call is the worse for it.
            hostcalls::set_tick_period(Duration::from_millis(node.config.outbox.flush_ms))
                .unwrap_or_default();
            node.follow_snapshot();
        }
        Some(Box::new(Call::new(node, context)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Root {
    fn poll_snapshot(&mut self, node: &Node, now: UnixNanos) {
        self.polled_at = now;
        let snapshot = node.snapshot();
        let etag = snapshot.as_ref().map_or(String::new(), |snapshot| format!("\"{}\"", snapshot.version));
        match host::ask(&node.config.control_plane, "GET", "/v1/snapshot", &etag, None) {
            Ok(token) => self.snapshot_token = Some(token),
            Err(abi::HostError) => node.stats.fault("snapshot_unreachable"),
        }
    }

    fn slow_down(&mut self, node: &Node, now: UnixNanos) {
        if self.busy.take() || !node.outbox.borrow().is_empty() {
            self.quiet_since = now;
        }
        if !self.slow.get() && now.saturating_sub(self.quiet_since) > QUIET_NS {
            self.slow.set(hostcalls::set_tick_period(QUIET_TICK).is_ok());
        }
    }

    fn report(&mut self, node: &Node, now: UnixNanos) {
        let patience = node.config.control_plane.timeout_ms.saturating_mul(2_000_000);
        if self.allowance_token.is_some_and(|(_, sent_at)| now.saturating_sub(sent_at) < patience) {
            return;
        }
        let reports = node.due_reports(now);
        if reports.is_empty() {
            return;
        }
        let Some(body) = node.allowance_request(reports) else { return node.stats.fault("allowance_encode") };
        match host::ask(&node.config.control_plane, "POST", "/v1/allowances", "", Some(&body)) {
            Ok(token) => self.allowance_token = Some((token, now)),
            Err(abi::HostError) => self.report_failed(node, now),
        }
    }

    /// The next report is a little late, and not when all others come that were turned away at this moment.
    fn report_failed(&mut self, node: &Node, now: UnixNanos) {
        node.answered(false, now);
        self.reported_at = now.saturating_add(node.pause_ns()).saturating_sub(REPORT_NS);
    }

    fn flush(&mut self, node: &Node, now: UnixNanos) {
        let timeout_ms = node.config.control_plane.timeout_ms;
        let Some(batch) = node.outbox.borrow_mut().take_batch(&node.name, &node.boot, now, timeout_ms) else {
            return;
        };
        match host::ask(&node.config.control_plane, "POST", "/v1/events", "", Some(&batch)) {
            Ok(token) => self.events_token = Some(token),
            Err(abi::HostError) => {
                node.stats.fault("events_unreachable");
                let random = node.random();
                node.outbox.borrow_mut().failed(now, random);
            }
        }
    }

    fn end_if_done(&mut self, node: &Node) {
        if self.ending && node.outbox.borrow().is_empty() {
            self.ending = false;
            // Envoy may have ended the context already.
            abi::done().unwrap_or_default();
        }
    }
}

/// Whether this VM is the one of the process that polls. A lease, since a VM may die at any time.
fn leads(now: UnixNanos) -> bool {
    let Ok(stored) = Shared.read(LEADER_KEY) else { return false };
    let lease = |bytes: &[u8]| bytes.try_into().map(UnixNanos::from_le_bytes).unwrap_or(0);
    let (until, version) = stored.map_or((0, None), |(bytes, version)| (lease(&bytes), Some(version)));
    // Who held it last asks again after POLL_NS, well before the others may.
    let mine_or_free = until.saturating_sub(LEASE_NS.saturating_sub(POLL_NS)) <= now;
    mine_or_free && Shared.swap(LEADER_KEY, &now.saturating_add(LEASE_NS).to_le_bytes(), version) == Ok(true)
}

fn call_status() -> Option<u16> {
    let pairs = abi::header_pairs(Map::Answer).ok()?;
    Headers::new(&split_pairs(&pairs)).text(":status")?.parse().ok()
}

/// Says whether the control plane took the batch.
fn events_answered(node: &Node, status: Option<u16>, body: &[u8], now: UnixNanos) -> bool {
    let mut outbox = node.outbox.borrow_mut();
    match (status, codec::decode::<BatchReply>(body)) {
        (Some(200), Ok(reply)) => {
            let results: Vec<ItemResult> = reply.results.iter().map(|item| item.result).collect();
            node.stats.event_results(&results);
            outbox.acknowledged(&results);
            return true;
        }
        // It will say the same to the same batch for ever.
        (Some(400 | 413 | 415 | 422), _) => {
            node.stats.events("rejected", outbox.rejected());
        }
        _ => {
            node.stats.events("retried", 1);
            outbox.failed(now, node.random());
        }
    }
    false
}

/// Lets heads go for which Envoy gives no body, so that a missing option costs a second once, not the call.
fn release_stuck_heads(node: &Node, now: UnixNanos) {
    for (context, head) in node.stuck_heads(now) {
        node.stats.fault("head_hold_unanswered");
        log::warn!(
            "a held head got no body for a second; is allow_on_headers_stop_iteration set? heads are not held for a minute"
        );
        let length_goes = || match head.may_grow {
            // Its head will be gone by then.
            true => abi::set_header(Map::Request, b"content-length", None),
            false => Ok(()),
        };
        let freed = abi::act_for(context).and_then(|()| length_goes()).and_then(|()| abi::resume_request());
        if freed.is_err() {
            node.stats.fault("resume");
        }
    }
}

/// Closes the provider's connection of streams that were ended for their clients.
fn cut_streams(node: &Node, now: UnixNanos) {
    for context in node.cut_streams(now) {
        if abi::act_for(context).and_then(|()| abi::reset_response()).is_err() {
            node.stats.fault("reset");
        }
    }
}
