//! The call instance's context of one HTTP stream: a table of forwards between Envoy's callbacks and an
//! [`Exchange`].

mod outcome;
mod rewriting;
mod routing;
mod stopping;

use super::{
    abi::{self, Buffer, HostError, Map},
    access_log, attempt,
    host::{self, Shared},
    node::Node,
    stream::{stream_end, strip, surroundings},
};
use crate::{
    admission::Recourse,
    exchange::{Exchange, Finished, Step, Watched},
    head::{Headers, split_pairs},
    refusal::{LocalReply, hundredths},
};
use protocol::{UnixNanos, allowance::AllowanceReply, codec, event::Refusal, snapshot::Allow};
use proxy_wasm::{
    traits::{Context, HttpContext},
    types::Action,
};
use std::rc::Rc;

/// One HTTP stream.
#[derive(Debug)]
pub(super) struct Call {
    node: Option<Rc<Node>>,
    context: u32,
    exchange: Option<Exchange>,
    /// Bytes of the held request body that were read.
    read_bytes: usize,
    /// The request's content-length is still there, and must follow the body.
    has_content_length: bool,
    /// The head is held until the first piece of body,
    head_waits: bool,
    /// and still is.
    holds_head: bool,
    asked: Option<(u32, UnixNanos)>,
    /// More was asked for while the response flows.
    asked_on: Option<(u32, UnixNanos)>,
    replied: bool,
}

impl Call {
    /// A context that does nothing without a node.
    pub(super) fn new(node: Option<Rc<Node>>, context: u32) -> Self {
        Self {
            node,
            context,
            exchange: None,
            read_bytes: 0,
            has_content_length: false,
            head_waits: false,
            holds_head: false,
            asked: None,
            asked_on: None,
            replied: false,
        }
    }
}

impl Context for Call {
    fn on_http_call_response(&mut self, token: u32, _headers: usize, body_size: usize, _trailers: usize) {
        let Some(node) = self.node.clone() else { return };
        let asked_on = self.asked_on.take_if(|(sent, _)| *sent == token);
        let flows = asked_on.is_some();
        let Some((_, asked_at)) = asked_on.or(self.asked.take_if(|(sent, _)| *sent == token)) else { return };
        let body = abi::buffer(Buffer::Answer, 0, body_size).ok();
        let now = host::now();
        let recourse = match body.map(|body| codec::decode::<AllowanceReply>(&body)) {
            Some(Ok(reply)) => {
                node.answered(true, now);
                node.apply_grants(&reply, asked_at, now);
                if let Some(exchange) = &mut self.exchange {
                    exchange.forget_caps(&reply.unknown_caps);
                }
                Recourse::Asked
            }
            _ => {
                node.answered(false, now);
                Recourse::Unreachable
            }
        };
        if flows {
            self.exchange.iter_mut().for_each(|it| it.overrun_answered(recourse == Recourse::Asked));
        } else if self.decide(&node, recourse, now) == Action::Continue && abi::resume_request().is_err() {
            node.stats.fault("resume");
        }
    }
}

impl HttpContext for Call {
    fn on_http_request_headers(&mut self, _headers: usize, end: bool) -> Action {
        let Some(node) = self.node.clone() else { return Action::Continue };
        let Ok(bytes) = abi::header_pairs(Map::Request) else {
            node.stats.fault("request_headers");
            return Action::Continue;
        };
        let pairs = split_pairs(&bytes);
        let headers = Headers::new(&pairs);
        let now = host::now();
        let holds_head = node.holds_heads(now);
        let around = surroundings(&node, &headers);
        self.exchange = Exchange::begin(&node.config, &headers, around, node.call_id(now), now);
        let metered = self.exchange.is_some();
        if let Some(exchange) = self.exchange.as_mut().filter(|_| attempt::are_seen())
            && attempt::expect(exchange.id(), exchange.attempts()).is_err()
        {
            node.stats.fault("attempt_without_call");
        }
        if let (Some(exchange), Some(_)) =
            (&mut self.exchange, node.snapshot().and_then(|known| known.loop_guard.clone()))
        {
            exchange.watch();
        }
        // Without a held head, the content-length would be gone before a longer body is known.
        let keeps_length = holds_head || !self.exchange.as_ref().is_some_and(Exchange::may_be_rewritten);
        self.has_content_length = keeps_length && headers.value("content-length").is_some();
        strip(&node, &headers, metered, keeps_length);
        if !metered {
            return Action::Continue;
        }
        if end {
            return self.decide(&node, Recourse::Ask, now);
        }
        if !holds_head {
            return Action::Continue;
        }
        self.head_waits = true;
        let may_grow = self.exchange.as_ref().is_some_and(Exchange::may_be_rewritten);
        node.head_waits(self.context, may_grow, now);
        Action::Pause
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        let Some(node) = self.node.clone() else { return Action::Continue };
        if self.asked.is_some() {
            return Action::Pause;
        }
        if let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.reads_on()) {
            let Ok(piece) = abi::buffer(Buffer::Request, 0, size) else {
                node.stats.fault("request_body");
                return Action::Continue;
            };
            if let Some(replaced) = exchange.read_passing(&piece, end)
                && abi::replace_buffer(Buffer::Request, size, &replaced).is_err()
            {
                node.stats.fault("request_rewrite");
            }
            return Action::Continue;
        }
        let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.is_reading()) else {
            return Action::Continue;
        };
        let now = host::now();
        if std::mem::take(&mut self.head_waits) {
            self.holds_head = node.head_moved(self.context, now);
            if !self.holds_head {
                // The root let the head go, and its content-length with it.
                self.has_content_length = false;
            }
        }
        let new = size.saturating_sub(self.read_bytes);
        if new > 0 {
            match abi::buffer(Buffer::Request, self.read_bytes, new) {
                Ok(piece) => exchange.read_request(&piece),
                Err(HostError) => node.stats.fault("request_body"),
            }
            self.read_bytes = size;
        }
        let hold_bytes = node.config.admission.body_hold_bytes;
        // A body that is known to be longer is not held at all: what Envoy reads next could pass its own buffer
        // limit, and it would answer 413. A short one is held to its end: a refusal before it costs the connection.
        if !end && size < hold_bytes && !exchange.request_is_longer_than(hold_bytes) {
            return Action::Pause;
        }
        // What comes behind the document is white space, or the end alone, which HTTP/1 tells by itself.
        let whole = end || exchange.request_is_whole();
        if whole {
            if self.holds_head {
                exchange.holds_request();
            }
            if exchange.has_to_be_rewritten() {
                self.ask_for_usage(&node, size);
            }
        } else if let Some(length) = exchange.let_request_pass()
            && self.has_content_length
            && abi::set_header(Map::Request, b"content-length", Some(length.to_string().as_bytes())).is_err()
        {
            // A body longer than its head says would run into the connection's next request.
            exchange.keep_request_length();
            node.stats.fault("request_rewrite");
        }
        self.decide(&node, if whole { Recourse::Ask } else { Recourse::CannotWait }, now)
    }

    fn on_http_request_trailers(&mut self, _trailers: usize) -> Action {
        let Some(node) = self.node.clone() else { return Action::Continue };
        if self.asked.is_some() {
            return Action::Pause;
        }
        match self.exchange.as_ref().is_some_and(Exchange::is_reading) {
            true => self.decide(&node, Recourse::Ask, host::now()),
            false => Action::Continue,
        }
    }

    fn on_http_response_headers(&mut self, _headers: usize, end: bool) -> Action {
        if self.exchange.is_none() {
            self.hear_outcome();
        }
        let (Some(node), Some(exchange), false) = (&self.node, self.exchange.as_mut(), self.replied) else {
            return Action::Continue;
        };
        let Ok(bytes) = abi::header_pairs(Map::Response) else {
            node.stats.fault("response_headers");
            return Action::Continue;
        };
        exchange.response_head(&Headers::new(&split_pairs(&bytes)));
        if end {
            exchange.response_ended();
        }
        let set = |name: &[u8], value: Option<&[u8]>| {
            if abi::set_header(Map::Response, name, value).is_err() {
                node.stats.fault("response_headers");
            }
        };
        set(b"x-bursar-call", Some(exchange.id().to_string().as_bytes()));
        if let Some(percent) = exchange.fullness_percent() {
            set(b"x-bursar-budget", Some(hundredths(percent).as_bytes()));
        }
        if let Some(model) = exchange.downgraded_to() {
            set(b"x-bursar-downgraded", Some(model.as_bytes()));
        }
        if let Some(reason) = exchange.fallback() {
            set(b"x-bursar-fallback", Some(reason.as_bytes()));
        }
        if exchange.passed_unreachable() {
            set(b"x-bursar-degraded", Some(b"unreachable"));
        }
        if let Some(rule) = exchange.loop_warning() {
            set(b"x-bursar-loop", Some(rule.as_bytes()));
        }
        if exchange.may_shorten() {
            // The client's stream may end up shorter than the provider's.
            set(b"content-length", None);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        let (Some(node), Some(exchange), false) = (&self.node, self.exchange.as_mut(), self.replied) else {
            return Action::Continue;
        };
        if !exchange.reads_response() || (size == 0 && !end) {
            if end {
                exchange.response_body(&[], true, host::now);
            }
            return Action::Continue;
        }
        let piece = if size == 0 { Ok(Vec::new()) } else { abi::buffer(Buffer::Response, 0, size) };
        let Ok(piece) = piece else {
            node.stats.fault("response_body");
            return Action::Continue;
        };
        if exchange.is_watched() {
            return self.watched_body(&node.clone(), &piece, end);
        }
        if let Some(replaced) = exchange.response_body(&piece, end, host::now)
            && !(piece.is_empty() && replaced.is_empty())
            && abi::replace_buffer(Buffer::Response, size, &replaced).is_err()
        {
            node.stats.fault("response_body");
        }
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _trailers: usize) -> Action {
        if let Some(exchange) = &mut self.exchange {
            exchange.response_ended();
        }
        Action::Continue
    }

    fn on_log(&mut self) {
        self.finish();
    }
}

impl Call {
    fn decide(&mut self, node: &Rc<Node>, recourse: Recourse, now: UnixNanos) -> Action {
        let Some(exchange) = &mut self.exchange else { return Action::Continue };
        let fast = node.config.admission.fast;
        let recourse = match recourse {
            Recourse::Ask if !node.may_ask(now) => Recourse::Unreachable,
            recourse => recourse,
        };
        let queue_refuses = node.config.outbox.when_full == Allow::Refuse && node.outbox.borrow().is_full();
        let step = match node.snapshot() {
            _ if queue_refuses => {
                node.stats.fault("outbox_full");
                exchange.refuse(Refusal::Unreachable, now)
            }
            Some(snapshot) => exchange.decide(&snapshot, &Shared, fast, recourse, now),
            None => {
                node.stats.fault("no_snapshot");
                exchange.pass_undecided(now)
            }
        };
        match step {
            None | Some(Step::Pass) => Action::Continue,
            Some(Step::Proceed(head, faults)) => {
                if head.downgraded_to.is_some() && self.ask_for_another_model().is_err() {
                    node.stats.fault("request_rewrite");
                }
                self.go_by_route(node);
                faults.into_iter().for_each(|fault| node.counter_fault(fault));
                node.uses(&head.caps, now);
                let queued = node.outbox.borrow_mut().started(&head);
                node.queued(queued);
                Action::Continue
            }
            Some(Step::Refuse(reply)) => {
                self.reply(node, &reply);
                Action::Pause
            }
            Some(Step::Ask(reports)) => {
                let sent = node.allowance_request(reports).and_then(|body| {
                    host::ask(&node.config.control_plane, "POST", "/v1/allowances", "", Some(&body)).ok()
                });
                match sent {
                    Some(token) => {
                        self.asked = Some((token, now));
                        Action::Pause
                    }
                    None => {
                        node.answered(false, now);
                        self.decide(node, Recourse::Unreachable, now)
                    }
                }
            }
        }
    }

    fn reply(&mut self, node: &Node, reply: &LocalReply) {
        self.replied = true;
        let headers: Vec<_> =
            reply.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        if let Err(HostError) =
            abi::send_local_reply(reply.status, reply.details, &headers, reply.body.as_bytes())
        {
            node.stats.fault("local_reply");
        }
    }

    fn finish(&mut self) {
        let (Some(node), Some(exchange)) = (self.node.take(), self.exchange.take()) else { return };
        if self.head_waits {
            node.head_moved(self.context, host::now());
        }
        attempt::forget(exchange.id());
        node.is_over(self.context);
        let end = stream_end(exchange.is_plain());
        let snapshot = node.snapshot().unwrap_or_default();
        let dialect = exchange.dialect();
        let Some(finished) = exchange.finish(&snapshot, &Shared, &end, host::now()) else { return };
        if finished.usage_missing {
            node.stats.usage_missing(dialect.as_str());
        }
        let Finished { head, end, .. } = finished;
        node.stats.call(end.outcome);
        if let Some(refused) = end.refused {
            node.stats.refused(refused.as_str());
        }
        if end.stopped_by.is_some() {
            node.stats.refused(Refusal::Cap.as_str());
        }
        node.uses(&head.caps, end.finished_at);
        if node.config.access_log {
            access_log::tell(&node, &head, &end);
        }
        let queued = node.outbox.borrow_mut().finished(&head, &end);
        node.queued(queued);
    }
}
