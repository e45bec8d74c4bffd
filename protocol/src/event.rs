//! Usage events: what the filter tells of a call. Started when it is admitted, finished when it ended, however it
//! ended. A finished event repeats the head, so that it can be booked when its started one is late or lost.

mod wire;

pub use wire::{Written, written_outcome};

use crate::{
    UnixNanos, attempt::Attempt, attribution::Attribution, ids::CallId, loop_guard::LoopVerdict,
    meters::Usage, money::PicoUsd, outcome::TaskReport,
};
use serde::{Deserialize, Serialize};

/// One event. Its id is the call's id and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageEvent {
    /// A call was admitted and goes to the provider.
    Started {
        /// The call.
        head: CallHead,
    },
    /// A call ended, or was refused.
    Finished {
        /// The call.
        head: CallHead,
        /// Its end.
        end: Box<CallEnd>,
    },
    /// An application's own backend said what a task was worth.
    Outcome {
        /// What it said.
        report: TaskReport,
    },
}

impl UsageEvent {
    /// The call it is about, where it is about one.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Self::Started { head } | Self::Finished { head, .. } => Some(head.id),
            Self::Outcome { .. } => None,
        }
    }
}

/// What is known of a call when it is admitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallHead {
    /// Made in the filter.
    pub id: CallId,
    /// The client's or Envoy's own request id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Box<str>>,
    /// Who it is for.
    #[serde(default)]
    pub attribution: Attribution,
    /// The provider's name, as prices use it: `openai`, `anthropic`, …
    pub provider: Box<str>,
    /// Our account there, as the plugin configuration's `providers` name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Box<str>>,
    /// The wire format.
    pub dialect: Box<str>,
    /// OpenTelemetry's `gen_ai.operation.name`: `chat`, `embeddings`, …
    pub operation: Box<str>,
    /// The policy's route, else Envoy's route name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Box<str>>,
    /// The route that an application-level fallback comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_route: Option<Box<str>>,
    /// The model that the request names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_model: Option<Box<str>>,
    /// The model that the request was made to name instead, where a cap had no room for that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgraded_to: Option<Box<str>>,
    /// The model that its route's first target was asked for instead of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routed_to: Option<Box<str>>,
    /// The service tier that the request names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_tier: Option<Box<str>>,
    /// Whether the request asks for a stream.
    #[serde(default)]
    pub stream: bool,
    /// The output limit that the request sets, in tokens, over all its answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens_max: Option<u64>,
    /// The prompt's size in tokens, estimated from its bytes.
    #[serde(default)]
    pub input_tokens_estimate: u64,
    /// Bytes of the request, where it was read whole and holds nothing but text: what the control plane learns a
    /// model's bytes per token from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_text_bytes: Option<u64>,
    /// The region that the request goes to, where host or path names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Box<str>>,
    /// When the head arrived. The price is chosen by it.
    pub started_at: UnixNanos,
    /// The most that the call can cost, as far as the filter can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<PicoUsd>,
    /// The input's part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_input: Option<PicoUsd>,
    /// What the caps said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caps: Vec<CapDecision>,
    /// What the loop guard said, where it said anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_guard: Option<LoopVerdict>,
}

impl CallHead {
    /// The model that the client asked for, or that a cap made of it: what caps about models mean.
    pub fn asked_model(&self) -> Option<&str> {
        self.downgraded_to.as_deref().or(self.request_model.as_deref())
    }

    /// The model that the provider was asked for.
    pub fn model(&self) -> Option<&str> {
        self.routed_to.as_deref().or(self.downgraded_to.as_deref()).or(self.request_model.as_deref())
    }
}

/// What one cap said of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapDecision {
    /// The cap's id.
    pub cap: Box<str>,
    /// The subject's key.
    pub subject: Box<str>,
    /// In the cap's unit.
    pub held: i64,
    /// What it said.
    pub decision: CapAnswer,
}

/// What a cap can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapAnswer {
    /// There was room.
    Held,
    /// No room, and the call was refused.
    Refused,
    /// No room, and the cap only watches.
    ShadowRefused,
    /// Nobody could say, and the policy allows.
    AllowedUnreachable,
    /// No room, and the cap's cheaper model serves.
    Downgraded,
    /// There was room for its hold, and none for what it came to cost: its stream was ended.
    Stopped,
}

/// What is known of a call when it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEnd {
    /// When.
    pub finished_at: UnixNanos,
    /// When the first generated token arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_at: Option<UnixNanos>,
    /// The model that answered, where the response says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_model: Option<Box<str>>,
    /// The tier that was served, where the response says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<Box<str>>,
    /// The region that served, where the response says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Box<str>>,
    /// What it used.
    #[serde(default)]
    pub usage: Usage,
    /// Bytes of generated text that were delivered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub text_bytes: u64,
    /// What the provider says it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_cost: Option<PicoUsd>,
    /// The HTTP status the client saw; 0 when it saw none.
    #[serde(default)]
    pub status: u16,
    /// Envoy's response flags, by their short names: `UF,URX`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub response_flags: Box<str>,
    /// How it ended.
    pub ending: Ending,
    /// What it was worth, as far as one can see.
    pub outcome: Outcome,
    /// Why it was refused, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// Why the model stopped, one per answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finish_reasons: Vec<Box<str>>,
    /// The provider's error type, or Envoy's response code details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<Box<str>>,
    /// The cluster that served it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Box<str>>,
    /// The upstream address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Box<str>>,
    /// How many attempts Envoy made.
    #[serde(default)]
    pub attempts: u32,
    /// Each of them, where an attempt instance saw them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Attempt>,
    /// What the filter settled its caps with, in money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<PicoUsd>,
    /// The id of the cap that ended its stream. Not in the head, of which the ledger keeps the first that it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<Box<str>>,
}

fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The response arrived whole.
    Complete,
    /// The client went away.
    ClientAbort,
    /// The provider's connection broke.
    UpstreamReset,
    /// Time ran out.
    Timeout,
    /// Envoy answered by itself: refused, or no upstream.
    LocalReply,
    /// Nobody ever said; closed by the control plane.
    Orphaned,
}

/// What a call was worth, inferred from what crossed the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An answer.
    Ok,
    /// JSON was asked for, and the whole answer is none.
    InvalidJson,
    /// The output limit cut it.
    Truncated,
    /// The model refused.
    RefusedByModel,
    /// The provider's filter blocked it.
    ContentFiltered,
    /// An error of the provider or of the way there.
    Error,
    /// The client left first.
    ClientAborted,
    /// Time ran out.
    TimedOut,
    /// A cap refused it.
    RefusedByCap,
    /// The loop guard refused it.
    RefusedByLoopGuard,
    /// Another rule of the policy refused it: unattributed, unpriced, unreachable.
    RefusedByPolicy,
}

impl Outcome {
    /// The word in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::InvalidJson => "invalid_json",
            Self::Truncated => "truncated",
            Self::RefusedByModel => "refused_by_model",
            Self::ContentFiltered => "content_filtered",
            Self::Error => "error",
            Self::ClientAborted => "client_aborted",
            Self::TimedOut => "timed_out",
            Self::RefusedByCap => "refused_by_cap",
            Self::RefusedByLoopGuard => "refused_by_loop_guard",
            Self::RefusedByPolicy => "refused_by_policy",
        }
    }
}

/// Why a call was refused: the value of `x-bursar-refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A cap is reached.
    Cap,
    /// The loop guard.
    LoopGuard,
    /// Nobody to charge.
    Unattributed,
    /// Nobody knows its price.
    Unpriced,
    /// The control plane cannot be asked.
    Unreachable,
}

impl Refusal {
    /// The word in the header and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::LoopGuard => "loop_guard",
            Self::Unattributed => "unattributed",
            Self::Unpriced => "unpriced",
            Self::Unreachable => "unreachable",
        }
    }

    /// The outcome of a call refused for it.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Cap => Outcome::RefusedByCap,
            Self::LoopGuard => Outcome::RefusedByLoopGuard,
            Self::Unattributed | Self::Unpriced | Self::Unreachable => Outcome::RefusedByPolicy,
        }
    }
}

/// What the control plane answers for one event of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemResult {
    /// Booked now.
    Accepted,
    /// Booked before, the same.
    Duplicate,
    /// Booked before with another content; the first one stands.
    Conflict,
    /// Cannot be read.
    Invalid,
}

impl ItemResult {
    /// The word in JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
        }
    }
}
