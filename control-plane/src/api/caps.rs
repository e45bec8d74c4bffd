//! `GET /v1/caps`: how full each cap is.

use super::{Problem, list, params::Params, tables::CAPS};
use crate::{
    allowances::{self, CapState, Hold},
    app::App,
    instant::Instant,
    reports,
};
use axum::{extract::State, response::Response};
use protocol::{
    cap::{Amount, Unit},
    money::PicoUsd,
};
use serde::Serialize;
use utoipa::ToSchema;

/// A cap of one subject in its current window.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Cap {
    /// Name and unit.
    id: Box<str>,
    /// The name in the policy.
    name: Box<str>,
    /// `customer=acme`; empty for a cap on all traffic.
    subject: Box<str>,
    /// usd, tokens or calls.
    unit: &'static str,
    /// minute, hour, day, week, month, billing_period or lifetime.
    window: &'static str,
    /// Since when it counts.
    #[schema(value_type = String, format = DateTime)]
    window_start: Instant,
    /// When it starts again.
    #[schema(value_type = String, format = DateTime)]
    resets_at: Instant,
    /// enforce or shadow.
    mode: &'static str,
    /// USD as a decimal string, or a number of tokens or calls; so are all amounts here.
    #[schema(value_type = Object)]
    limit: serde_json::Value,
    /// By calls that ended.
    #[schema(value_type = Object)]
    spent: serde_json::Value,
    /// By calls that are open.
    #[schema(value_type = Object)]
    held: serde_json::Value,
    /// What Envoys may use now, spent included.
    #[schema(value_type = Object)]
    handed_out: serde_json::Value,
    /// Spent and held above the limit.
    #[schema(value_type = Object)]
    debt: serde_json::Value,
    /// The open calls that hold something of it, the oldest first; a hundred at most.
    holds: Vec<Held>,
}

/// What an open call holds of a cap.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Held {
    /// The call.
    call: String,
    /// In the cap's unit.
    #[schema(value_type = Object)]
    held: serde_json::Value,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Instant,
    /// If nothing more is heard of the call, it is closed as orphaned then, and the rest of its hold is given back.
    #[schema(value_type = String, format = DateTime)]
    deadline: Instant,
}

/// A list of caps.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Caps {
    items: Vec<Cap>,
    /// Always null: the list is whole.
    next: Option<String>,
}

/// Each cap's subject, window, limit, spent, held, handed out, debt and reset.
#[utoipa::path(
    get, path = "/v1/caps", tag = "caps",
    params(
        ("name" = Option<String>, Query, description = "Only the cap of that name"),
        ("customer" = Option<String>, Query, description = "Only counts of that customer"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
    ),
    responses((status = 200, description = "The caps", body = Caps))
)]
pub(super) async fn page(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["name", "customer", "format"])?;
    let (now, rules) = (app.clock.now(), app.rules());
    let states = app
        .store
        .read(move |connection| allowances::caps(connection, rules.policy(), rules.caps(), now))
        .await?;
    let (named, customer) = (params.text("name"), params.text("customer"));
    let wanted = |state: &CapState| {
        named.is_none_or(|name| *state.cap.name == *name || *state.cap.id == *name)
            && customer.is_none_or(|customer| reports::is_about_customer(&state.subject, customer))
    };
    let items = states.into_iter().filter(wanted).map(|state| shown(state, app.orphan_after_ns)).collect();
    list::answer(&params, &CAPS, &Caps { items, next: None }, None)
}

fn shown(state: CapState, orphan_after_ns: u64) -> Cap {
    let debt = state.debt();
    let CapState { cap, subject, limit, window_start, window_end, spent, held, handed_out, holds } = state;
    let amount = |amount: Amount| match cap.unit {
        Unit::Usd => PicoUsd::new(i128::from(amount)).to_string().into(),
        Unit::Tokens | Unit::Calls => amount.into(),
    };
    let hold = |hold: Hold| Held {
        call: hold.call.to_string(),
        held: amount(hold.amount),
        since: Instant(hold.since),
        deadline: Instant(hold.since.saturating_add(orphan_after_ns)),
    };
    Cap {
        holds: holds.into_iter().map(hold).collect(),
        limit: amount(limit),
        spent: amount(spent),
        held: amount(held),
        handed_out: amount(handed_out),
        debt: amount(debt),
        unit: match cap.unit {
            Unit::Usd => "usd",
            Unit::Tokens => "tokens",
            Unit::Calls => "calls",
        },
        window: cap.window.as_str(),
        mode: if cap.shadow { "shadow" } else { "enforce" },
        id: cap.id,
        name: cap.name,
        subject,
        window_start: Instant(window_start),
        resets_at: Instant(window_end),
    }
}
