//! One call from its head to its end. Takes headers, bytes, time and what the caps say; gives what Envoy is to do
//! and the events to send. Each admitted call gives one started and one finished event, however it ends.

mod answer;
mod asking;
mod body;
mod end;
mod guard;
mod naming;
mod routing;
mod stop;
mod undecided;

use crate::{
    admission::{Admitted, Answer, Held, Needs, Recourse, Refused},
    attempts::Attempts,
    attribution,
    config::Config,
    counters::{CounterFault, SharedData},
    dialect::{self, Dialect},
    ending::StreamEnd,
    head::Headers,
    overrun::Overrun,
    refusal::{self, LocalReply},
    request::{RequestFacts, RequestReader},
    response::ResponseReader,
};
use protocol::{
    UnixNanos,
    allowance::CounterReport,
    attempt::Attempt,
    event::{CallEnd, CallHead},
    ids::{CallId, NAME_BYTES_MAX},
    snapshot::Snapshot,
};
use routing::Routed;
use std::{cell::RefCell, rc::Rc};
use stop::Stopped;
pub use stop::{Piece, Watched};

/// One call.
#[derive(Debug)]
pub struct Exchange {
    dialect: Dialect,
    /// Shared with the event that tells the start, and changed afterwards only where the request tells more.
    head: Rc<CallHead>,
    phase: Phase,
    /// What the request asked for, once it was decided on.
    asked: RequestFacts,
    /// Whether the provider was made to tell usage that the client did not ask for.
    usage_injected: bool,
    /// Reads on in a request that was too long to be held, for what its end still tells.
    late: Option<Box<RequestReader>>,
    /// The whole request is held, and nobody signed it: it may be made to ask for another model.
    alterable: bool,
    /// Where an attempt instance looks on, what it sees.
    attempts: Option<Rc<RefCell<Attempts>>>,
    /// The policy's route that it goes by.
    routed: Option<Routed>,
    /// It has a route, and no attempt instance to go by it.
    lacks_attempts: bool,
    /// What the body may still say of who it is for.
    unasked: Option<Box<attribution::Unasked>>,
}

#[derive(Debug)]
enum Phase {
    /// The request is being read.
    Reading(Box<RequestReader>),
    /// More allowance was asked for.
    Asking { needs: Needs, times: u32 },
    /// The provider has the request.
    Flowing(Box<Flow>),
    /// Envoy answers by itself.
    Refused(Refused),
    /// Being decided; never seen from outside.
    Over,
}

#[derive(Debug, Default)]
struct Flow {
    held: Vec<Held>,
    fullness_percent: Option<i64>,
    response: Option<ResponseReader>,
    response_whole: bool,
    first_token_at: Option<UnixNanos>,
    tried: Vec<Attempt>,
    /// A cap may end the stream,
    overrun: Option<Overrun>,
    /// once more bytes of text than this were delivered,
    text_max: u64,
    /// and has.
    stopped: Option<Stopped>,
}

/// What Envoy is to do with a request that has been read.
#[derive(Debug)]
pub enum Step {
    /// Let it pass; tell that it started.
    Proceed(Rc<CallHead>, Vec<CounterFault>),
    /// Answer by itself.
    Refuse(LocalReply),
    /// Ask the control plane for allowances, then come back.
    Ask(Vec<CounterReport>),
    /// Let it pass; no model runs for it.
    Pass,
}

/// Facts of the stream that only the host knows.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Envoy's route name.
    pub route: Option<String>,
    /// Envoy's cluster name, where a provider rule asks for it.
    pub cluster: Option<String>,
    /// What the sources of identity ask for.
    pub properties: attribution::Properties,
}

/// The end of a call.
#[derive(Debug)]
pub struct Finished {
    /// The call.
    pub head: Rc<CallHead>,
    /// Its end.
    pub end: CallEnd,
    /// An answer came and told no usage.
    pub usage_missing: bool,
}

impl Exchange {
    /// Begins with a request's head, if it is for an LLM API.
    pub fn begin(
        config: &Config,
        headers: &Headers<'_>,
        around: Surroundings,
        id: CallId,
        now: UnixNanos,
    ) -> Option<Self> {
        let detected = dialect::detect(config, headers, around.cluster.as_deref())?;
        let bounded = |text: &str| (text.len() <= NAME_BYTES_MAX).then(|| text.into());
        let (attribution, unasked) = attribution::attribute(config, headers, &around.properties);
        let head = CallHead {
            id,
            request_id: headers.text("x-request-id").and_then(bounded),
            attribution,
            provider: detected.provider.clone(),
            account: detected.account.clone(),
            dialect: detected.dialect.as_str().into(),
            operation: detected.dialect.operation().into(),
            route: around.route.as_deref().and_then(bounded),
            original_route: headers.text("x-bursar-original-route").and_then(bounded),
            request_model: None,
            downgraded_to: None,
            routed_to: None,
            request_tier: None,
            stream: false,
            output_tokens_max: None,
            input_tokens_estimate: 0,
            request_text_bytes: None,
            region: detected.region.clone(),
            started_at: now,
            hold: None,
            hold_input: None,
            caps: Vec::new(),
            loop_guard: None,
        };
        let dialect = detected.dialect;
        let mut reader = RequestReader::new(detected, headers);
        reader.look_for(config.identity.body_wants);
        let phase = Phase::Reading(Box::new(reader));
        let asked = RequestFacts::default();
        Some(Self {
            dialect,
            head: Rc::new(head),
            phase,
            asked,
            usage_injected: false,
            late: None,
            alterable: false,
            attempts: None,
            routed: None,
            lacks_attempts: false,
            unasked,
        })
    }

    /// The call's id.
    pub fn id(&self) -> CallId {
        self.head.id
    }

    /// The call's dialect.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// From now on an attempt instance tells here what it sees of the call.
    pub fn attempts(&mut self) -> Rc<RefCell<Attempts>> {
        Rc::clone(self.attempts.get_or_insert_default())
    }

    /// Decides on a request that was read as far as it will be, or on one that waited for an allowance.
    pub fn decide(
        &mut self,
        snapshot: &Snapshot,
        shared: &impl SharedData,
        fast: bool,
        recourse: Recourse,
        now: UnixNanos,
    ) -> Option<Step> {
        let (needs, times) = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Reading(reader) => {
                naming::complete(&mut self.head, self.unasked.as_deref(), &reader);
                let facts = reader.facts();
                if facts.retrieves {
                    let followed = self.needs(snapshot, facts).follow();
                    return Some(self.pass(followed));
                }
                let needs = self.needs(snapshot, facts);
                if let Some(refused) = self.unnamed().or_else(|| self.guard(snapshot, shared, now)) {
                    return Some(self.refused(refused, now));
                }
                self.late = Some(reader).filter(|_| !self.asked.whole);
                (needs, 0)
            }
            Phase::Asking { needs, times } => (needs, times),
            other @ (Phase::Flowing(_) | Phase::Refused(_) | Phase::Over) => {
                self.phase = other;
                return None;
            }
        };
        // With many calls at once, others may use up what was granted before this one comes to hold it.
        let recourse =
            if recourse == Recourse::Asked && times < ASK_TIMES_MAX { Recourse::Ask } else { recourse };
        let mut needs = needs;
        loop {
            let unreachable = snapshot.when_unreachable;
            return match needs.admit(shared, self.alterable, fast, recourse, unreachable, now) {
                Answer::Admitted(admitted) => Some(self.proceed(admitted)),
                Answer::Refused(refused) => Some(self.refused(refused, now)),
                Answer::Ask(reports) => {
                    self.phase = Phase::Asking { needs, times: times.saturating_add(1) };
                    Some(Step::Ask(reports))
                }
                // Each cap is given way to once.
                Answer::GiveWay(cap) => {
                    needs = self.downgraded(snapshot, &needs, cap);
                    continue;
                }
            };
        }
    }

    /// Drops caps that the control plane does not know any more from what a waiting call wants.
    pub fn forget_caps(&mut self, caps: &[Box<str>]) {
        if let Phase::Asking { needs, .. } = &mut self.phase {
            needs.forget(caps);
        }
    }

    /// Whether the stream needs a look at Envoy's flags to say how it ended.
    pub fn is_plain(&self) -> bool {
        let plain = |response: &ResponseReader| (200..500).contains(&response.status());
        matches!(&self.phase, Phase::Flowing(flow) if flow.response_whole && flow.response.as_ref().is_some_and(plain))
    }

    /// Ends the call: settles what it holds and tells how it ended. Gives nothing for a call that was never
    /// decided on. Takes the call, so that nothing can end twice.
    pub fn finish(
        self,
        snapshot: &Snapshot,
        shared: &impl SharedData,
        end: &StreamEnd,
        now: UnixNanos,
    ) -> Option<Finished> {
        let mut this = self;
        if let Some(facts) = this.late.take().map(|reader| reader.facts()) {
            // The estimate stays what the hold was made of.
            let head = Rc::make_mut(&mut this.head);
            head.request_model = facts.model.clone().or(head.request_model.take());
            head.request_tier = facts.tier.clone().or(head.request_tier.take());
            head.stream |= facts.stream;
            this.asked = facts;
        }
        match this.phase {
            Phase::Flowing(mut flow) => {
                let tried = this.attempts.map(|attempts| attempts.borrow_mut().close(&this.head, now));
                flow.tried = tried.unwrap_or_default();
                end::of_flow(this.head, &this.asked, *flow, snapshot, shared, end, now)
            }
            Phase::Refused(refused) => Some(end::of_refusal(this.head, this.dialect, &refused, now)),
            Phase::Reading(_) | Phase::Asking { .. } | Phase::Over => None,
        }
    }

    fn pass(&mut self, followed: Admitted) -> Step {
        Rc::make_mut(&mut self.head).caps = followed.decisions;
        self.phase = Phase::Flowing(Box::new(Flow { held: followed.held, ..Flow::default() }));
        Step::Pass
    }

    fn proceed(&mut self, admitted: Admitted) -> Step {
        let Admitted { held, decisions, fullness_percent, faults } = admitted;
        Rc::make_mut(&mut self.head).caps = decisions;
        self.phase = Phase::Flowing(Box::new(Flow { held, fullness_percent, ..Flow::default() }));
        Step::Proceed(Rc::clone(&self.head), faults)
    }

    fn refused(&mut self, refused: Refused, now: UnixNanos) -> Step {
        let reply = refusal::reply(self.dialect, &refused, self.head.id, now);
        let head = Rc::make_mut(&mut self.head);
        // Nobody was asked for any model.
        (head.downgraded_to, head.routed_to) = (None, None);
        head.caps.clone_from(&refused.decisions);
        self.phase = Phase::Refused(refused);
        Step::Refuse(reply)
    }
}

/// How often a call may ask for more before it is refused. Each time there was room and others took it, so that many calls at
/// once get through one after the other; a call for which there is no room is refused at once.
const ASK_TIMES_MAX: u32 = 16;

#[cfg(test)]
pub(crate) mod tests;
