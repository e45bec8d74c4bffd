//! The response in the life of a call.

use super::{Exchange, Phase};
use crate::{
    head::Headers,
    response::{Expected, ResponseReader},
};
use protocol::UnixNanos;

impl Exchange {
    /// Takes the response's head.
    pub fn response_head(&mut self, headers: &Headers<'_>) {
        let expected = Expected {
            dialect: self.dialect,
            stream: self.asked.stream,
            json: self.asked.asks_for_json,
            several: self.asked.answers.is_some_and(|answers| answers > 1),
            usage_injected: self.usage_injected,
        };
        if let Phase::Flowing(flow) = &mut self.phase {
            flow.response = Some(ResponseReader::new(expected, headers));
        }
        self.watch_stream();
        if let Some(attempts) = &self.attempts {
            attempts.borrow_mut().decide();
        }
    }

    /// The share of the tightest cap, for `x-bursar-budget`.
    pub fn fullness_percent(&self) -> Option<i64> {
        match &self.phase {
            Phase::Flowing(flow) => flow.fullness_percent,
            Phase::Reading(_) | Phase::Asking { .. } | Phase::Refused(_) | Phase::Over => None,
        }
    }

    /// Whether the client may get less of the response than the provider sends.
    pub fn may_shorten(&self) -> bool {
        matches!(&self.phase, Phase::Flowing(flow) if flow.overrun.is_some() || flow.response.as_ref().is_some_and(ResponseReader::may_shorten))
    }

    /// Whether anything has to be seen of the response's body.
    pub fn reads_response(&self) -> bool {
        matches!(&self.phase, Phase::Flowing(flow) if flow.response.as_ref().is_some_and(ResponseReader::reads_body))
    }

    /// Takes the next piece of the response body. Gives what goes on to the client where that is not the piece.
    pub fn response_body(
        &mut self,
        piece: &[u8],
        end: bool,
        now: impl FnOnce() -> UnixNanos,
    ) -> Option<Vec<u8>> {
        let Phase::Flowing(flow) = &mut self.phase else { return None };
        flow.response_whole |= end;
        let response = flow.response.as_mut()?;
        let replaced = response.read(piece, end);
        if flow.first_token_at.is_none() && response.has_text() {
            flow.first_token_at = Some(now());
        }
        replaced
    }

    /// The response is over with its head or its trailers.
    pub fn response_ended(&mut self) {
        if let Phase::Flowing(flow) = &mut self.phase {
            flow.response_whole = true;
        }
    }
}
