//! The columns of every list, in the order in which its fields are documented. A test holds them against what the lists
//! have.

use super::list::Table;

/// `/v1/calls`
pub(super) const CALLS: Table = Table {
    name: "calls",
    columns: &[
        "id",
        "request_id",
        "task",
        "customer",
        "workspace",
        "user",
        "feature",
        "plan",
        "attribution.customer",
        "attribution.workspace",
        "attribution.user",
        "attribution.feature",
        "attribution.task",
        "provider",
        "dialect",
        "operation",
        "route",
        "original_route",
        "fallback",
        "fallback_reason",
        "original_provider",
        "original_model",
        "request_model",
        "downgraded_model",
        "routed_model",
        "response_model",
        "service_tier",
        "region",
        "stream",
        "tokens.input",
        "tokens.cache_read",
        "tokens.cache_write_5m",
        "tokens.cache_write_1h",
        "tokens.output",
        "tokens.reasoning",
        "tokens.audio_in",
        "tokens.audio_out",
        "tokens.image_in",
        "tokens.image_out",
        "tokens.web_search",
        "tokens.citation",
        "tokens.audio_seconds",
        "tokens.characters",
        "tokens.images",
        "tokens.search_units",
        "tokens.pages",
        "tokens.requests",
        "tokens.reported_cost",
        "tokens_in",
        "tokens_out",
        "usage_source",
        "usage_complete",
        "cost_usd",
        "provider_cost_usd",
        "original_cost_usd",
        "list_cost_usd",
        "computed_cost_usd",
        "pricing",
        "price_match",
        "unpriced_reason",
        "lines",
        "hold_usd",
        "settled_usd",
        "cap.name",
        "cap.id",
        "cap.subject",
        "cap.decision",
        "caps",
        "loop_guard.rule",
        "loop_guard.action",
        "attempts",
        "status",
        "response_flags",
        "ending",
        "outcome",
        "refused",
        "finish_reasons",
        "error_type",
        "started_at",
        "first_token_at",
        "finished_at",
        "latency_ms",
        "time_to_first_token_ms",
        "state",
        "corrections",
    ],
};

/// `/v1/calls/{id}/lines`
pub(super) const LINES: Table = Table {
    name: "call-lines",
    columns: &[
        "meter",
        "units",
        "unit",
        "rate_usd_per_mtok",
        "rate_usd",
        "cost_usd",
        "price",
        "list_rate_usd",
        "list_cost_usd",
        "discount",
        "attempt",
    ],
};

/// `/v1/calls/{id}/attempts`
pub(super) const ATTEMPTS: Table = Table {
    name: "call-attempts",
    columns: &[
        "number",
        "decides",
        "reason",
        "provider",
        "model",
        "cluster",
        "upstream",
        "status",
        "response_flags",
        "started_at",
        "answered_ms",
        "latency_ms",
        "outcome",
        "rate_limit",
        "tokens",
        "cost_usd",
    ],
};

/// `/v1/calls/{id}/caps`
pub(super) const CALL_CAPS: Table =
    Table { name: "call-caps", columns: &["name", "id", "subject", "decision"] };

/// `/v1/calls/{id}/corrections`
pub(super) const CORRECTIONS: Table =
    Table { name: "call-corrections", columns: &["at", "cause", "before_usd", "after_usd"] };

/// `/v1/tasks`
pub(super) const TASKS: Table = Table {
    name: "tasks",
    columns: &[
        "id",
        "customer",
        "workspace",
        "feature",
        "plan",
        "outcome",
        "outcome_source",
        "outcome_reason",
        "revision",
        "open",
        "calls",
        "refused",
        "errors",
        "unpriced",
        "estimated",
        "tokens_in",
        "tokens_out",
        "cost_usd",
        "split.useful_usd",
        "split.fallback_premium_usd",
        "split.retries_usd",
        "split.failed_calls_usd",
        "split.invalid_output_usd",
        "split.aborted_usd",
        "split.abandoned_usd",
        "retries",
        "fallbacks",
        "fallbacks_unknown",
        "conflict",
        "first_at",
        "last_at",
    ],
};

/// `/v1/tasks/{id}/owners`
pub(super) const OWNERS: Table =
    Table { name: "task-owners", columns: &["customer", "workspace", "calls", "cost_usd"] };

/// `/v1/caps`
pub(super) const CAPS: Table = Table {
    name: "caps",
    columns: &[
        "id",
        "name",
        "subject",
        "unit",
        "window",
        "window_start",
        "resets_at",
        "mode",
        "limit",
        "spent",
        "held",
        "handed_out",
        "debt",
        "holds",
    ],
};

/// `/v1/prices`
pub(super) const PRICES: Table = Table {
    name: "prices",
    columns: &[
        "id",
        "provider",
        "model",
        "match",
        "meter",
        "tier",
        "threshold_input_tokens",
        "threshold_inclusive",
        "threshold_marginal",
        "region",
        "hours",
        "contract",
        "unit",
        "rate_usd",
        "rate_usd_per_mtok",
        "inherits",
        "output_tokens_max",
        "effective_from",
        "effective_to",
        "status",
        "matched_by",
        "source.name",
        "source.imported_at",
        "source.key",
        "source.text",
        "source.rounded",
    ],
};

/// `/v1/prices/imports`
pub(super) const IMPORTS: Table =
    Table { name: "price-imports", columns: &["id", "at", "source", "format", "waiting_rows", "summary"] };

/// `/v1/alerts`
pub(super) const ALERTS: Table = Table {
    name: "alerts",
    columns: &[
        "id",
        "kind",
        "subject.customer",
        "subject.workspace",
        "subject.feature",
        "subject.plan",
        "subject.cap",
        "subject.unit",
        "subject.of",
        "subject.provider",
        "subject.model",
        "subject.node",
        "customer",
        "threshold",
        "period.from",
        "period.to",
        "state",
        "at",
        "ended_at",
        "text",
        "figures",
        "message",
        "deliveries",
    ],
};

/// `/v1/deliveries`
pub(super) const DELIVERIES: Table = Table {
    name: "deliveries",
    columns: &[
        "message",
        "kind",
        "title",
        "at",
        "destination",
        "state",
        "attempts",
        "next_at",
        "last_at",
        "last_status",
        "last_error",
    ],
};

/// `/v1/policy/versions`
pub(super) const VERSIONS: Table =
    Table { name: "policy-versions", columns: &["version", "since", "changes"] };

/// `/v1/keys`
pub(super) const KEYS: Table = Table { name: "keys", columns: &["name", "role", "made_at"] };
