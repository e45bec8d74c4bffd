//! A stream that a cap may end while it flows.

use super::{Exchange, Flow, Phase};
use crate::{
    counters::SharedData,
    overrun::{Bounds, Overrun, Review, SoFar},
    response::ResponseFacts,
};
use protocol::{
    UnixNanos,
    allowance::CounterReport,
    cap::Amount,
    event::{CallHead, Outcome},
    meters::{Side, Units, Usage},
    price::Terms,
    rating::{self, Offer},
    snapshot::Snapshot,
};

/// What Envoy is to do with a piece of a stream.
#[derive(Debug, Default)]
pub struct Piece {
    /// What goes on, where that is not the piece.
    pub replaced: Option<Vec<u8>>,
    /// The control plane is to be asked for these, while the stream flows.
    pub ask: Option<Vec<CounterReport>>,
    /// The stream was ended with this piece.
    pub ends: bool,
}

/// A stream that was ended.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) cap: Box<str>,
    /// The finish reason that the client was told; none where its stream breaks.
    pub(super) reason: Option<&'static str>,
}

impl Stopped {
    /// What the client was told is what is told of the call.
    pub(super) fn tell(&self, facts: &mut ResponseFacts) -> Outcome {
        facts.finish_reasons = self.reason.into_iter().map(Into::into).collect();
        facts.error_type = Some("cap_overrun".into());
        Outcome::RefusedByCap
    }
}

/// What a stream that may be ended goes by.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'a, S> {
    /// Prices, ratios, and what counts where nobody can be asked.
    pub snapshot: &'a Snapshot,
    /// Where holds are kept.
    pub shared: &'a S,
    /// Caps may be used before their first grant.
    pub fast: bool,
    /// The control plane is known to be away.
    pub away: bool,
}

impl Exchange {
    /// Whether a cap may end the stream.
    pub fn is_watched(&self) -> bool {
        matches!(&self.phase, Phase::Flowing(flow) if flow.overrun.is_some())
    }

    /// Whether a cap ended the stream.
    pub fn is_stopped(&self) -> bool {
        matches!(&self.phase, Phase::Flowing(flow) if flow.stopped.is_some())
    }

    /// Begins to watch a stream, where one of its caps may end it.
    pub(super) fn watch_stream(&mut self) {
        let Phase::Flowing(flow) = &mut self.phase else { return };
        let Some(response) = flow.response.as_mut().filter(|response| response.can_stop()) else { return };
        flow.overrun = Overrun::of(&flow.held);
        if flow.overrun.is_some() {
            // What the hold reaches for is worked out once the first text is there: then the prompt may be counted.
            response.limit_text(0);
        }
    }

    /// The control plane answered what was asked for the stream, or did not.
    pub fn overrun_answered(&mut self, reached: bool) {
        let Phase::Flowing(flow) = &mut self.phase else { return };
        if let (Some(overrun), Some(response)) = (&mut flow.overrun, &mut flow.response) {
            overrun.answered(reached);
            response.limit_text(0);
        }
    }

    /// Takes the next piece of a stream that a cap may end.
    pub fn watched_body<S: SharedData>(
        &mut self,
        piece: &[u8],
        end: bool,
        watched: &Watched<'_, S>,
        now: UnixNanos,
    ) -> Piece {
        let mut taken = Piece::default();
        let (mut rest, mut out) = (piece, None::<Vec<u8>>);
        loop {
            let replaced = self.response_body(rest, end, || now);
            let Phase::Flowing(flow) = &mut self.phase else { break };
            let Some(at) = flow.stop_place() else {
                if let Some(out) = &mut out {
                    out.extend_from_slice(replaced.as_deref().unwrap_or(rest));
                } else {
                    out = replaced;
                }
                break;
            };
            let (before, after) = at.and_then(|at| rest.split_at_checked(at)).unwrap_or((rest, &[]));
            let out = out.get_or_insert_default();
            out.extend_from_slice(replaced.as_deref().unwrap_or(before));
            rest = after;
            match flow.review(&self.head, watched, now) {
                Review::GoOn(bytes) => flow.limit_text(bytes),
                Review::Ask(reports) => {
                    flow.limit_text(u64::MAX);
                    taken.ask = Some(reports);
                }
                Review::Stop(cap) => {
                    out.extend(flow.stop(cap, &self.head, watched.snapshot));
                    taken.ends = true;
                    break;
                }
            }
            if rest.is_empty() && !end {
                break;
            }
        }
        taken.replaced = out;
        taken
    }
}

impl Flow {
    /// Whether the stream has come as far as it may: behind so much of the piece; behind all of it, where events cannot
    /// be told apart.
    fn stop_place(&self) -> Option<Option<usize>> {
        let response = self.response.as_ref()?;
        let overrun = self.overrun.as_ref().filter(|overrun| !overrun.is_asking())?;
        if response.is_plain() {
            return response.stopped().map(Some);
        }
        (overrun.stopped_by.is_none() && response.text_bytes() > self.text_max).then_some(None)
    }

    fn limit_text(&mut self, bytes: u64) {
        self.text_max = bytes;
        if let Some(response) = &mut self.response {
            response.limit_text(bytes);
        }
    }

    fn review<S: SharedData>(&mut self, head: &CallHead, watched: &Watched<'_, S>, now: UnixNanos) -> Review {
        let (Some(overrun), Some(response)) = (&mut self.overrun, &self.response) else {
            return Review::GoOn(u64::MAX);
        };
        let facts = response.facts_so_far();
        let prompt = facts.usage.as_ref().map(prompt_of).filter(|units| !units.is_empty());
        let so_far = SoFar {
            provider: &head.provider,
            models: [facts.model.as_deref(), head.model()],
            prompt_cost: prompt.as_ref().and_then(|units| prompt_cost(units, &facts, head, watched.snapshot)),
            prompt,
            text_bytes: facts.text.bytes,
        };
        let bounds = Bounds {
            ratios: &watched.snapshot.ratios,
            when_unreachable: watched.snapshot.when_unreachable,
            fast: watched.fast,
            away: watched.away,
        };
        overrun.review(&mut self.held, &so_far, &bounds, watched.shared, now)
    }

    /// Ends the stream. Gives how the client is told.
    fn stop(&mut self, cap: Box<str>, head: &CallHead, snapshot: &Snapshot) -> Vec<u8> {
        let farewell = self.response.as_ref().filter(|response| response.is_plain()).and_then(|response| {
            let facts = response.facts_so_far();
            let models = [facts.model.as_deref(), head.model()];
            let output = snapshot.ratios.generated_tokens(&head.provider, &models, facts.text.bytes);
            let prompt = facts.usage.map(|usage| usage.tokens(Side::Prompt)).filter(|tokens| *tokens > 0);
            response.farewell(prompt.unwrap_or(head.input_tokens_estimate), output)
        });
        self.stopped = Some(Stopped { cap, reason: farewell.as_ref().map(|farewell| farewell.reason) });
        farewell.map(|farewell| farewell.bytes).unwrap_or_default()
    }
}

fn prompt_of(usage: &Usage) -> Units {
    let of_prompt = usage.units.iter().filter(|(meter, _)| meter.side() == Side::Prompt);
    of_prompt.map(|(meter, units)| (*meter, *units)).collect()
}

fn prompt_cost(units: &Units, facts: &ResponseFacts, head: &CallHead, snapshot: &Snapshot) -> Option<Amount> {
    let terms = Terms {
        tier: facts.service_tier.as_deref().or(head.request_tier.as_deref()),
        region: facts.region.as_deref().or(head.region.as_deref()),
        at: head.started_at,
        ..Terms::default()
    };
    let (served, requested) = (facts.model.as_deref(), head.model());
    let prices = snapshot.prices.find(&head.provider, head.account.as_deref(), served, requested)?;
    let usage = Usage { units: units.clone(), ..Usage::default() };
    let lines = rating::rate_usage(&usage, &terms, &Offer::from(prices)).ok()?;
    Amount::try_from(rating::cost(&lines)?.pico()).ok()
}
