//! `/v1/prices`: what providers charge.

use super::{Problem, list, params::Params, tables::PRICES};
use crate::{
    app::App,
    instant::Instant,
    prices::{Hours, PriceRow},
};
use axum::{extract::State, response::Response};
use protocol::{meters::Meter, price::MatchedBy};
use serde::Serialize;
use utoipa::ToSchema;

/// One row of the price table.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Price {
    id: u64,
    provider: Box<str>,
    model: Box<str>,
    /// exact or prefix.
    #[serde(rename = "match")]
    matching: &'static str,
    meter: &'static str,
    /// Null: the standard tier.
    tier: Option<Box<str>>,
    /// Prompt tokens above which it holds, for the whole request.
    threshold_input_tokens: Option<u64>,
    /// Whether exactly so many are above.
    threshold_inclusive: Option<bool>,
    /// Whether only the prompt's part above it pays the rate, and not the whole request.
    threshold_marginal: Option<bool>,
    /// The region, or after a `!` the one it is not for; null: wherever no other row is for.
    region: Option<Box<str>>,
    /// The hours in which it holds: `Asia/Shanghai mon-fri 16:30-00:30`; null: always.
    #[schema(value_type = Option<String>)]
    hours: Option<Hours>,
    /// Null: a list price. Else a contract's, for that account, or where it is empty for all.
    contract: Option<Box<str>>,
    /// What is counted: token, search, second, character, image, page, request.
    unit: &'static str,
    /// Per unit.
    rate_usd: String,
    /// Per million units.
    rate_usd_per_mtok: String,
    /// The meter whose rate this is, where the source names none.
    inherits: Option<&'static str>,
    output_tokens_max: Option<u64>,
    #[schema(value_type = String, format = DateTime)]
    effective_from: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    effective_to: Option<Instant>,
    /// proposed, active or retired.
    status: &'static str,
    /// Which rule finds it for the model that was asked for: served_model, served_alias or served_prefix. Only where
    /// provider and model are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_by: Option<&'static str>,
    source: Source,
}

/// Where a row comes from.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Source {
    name: Box<str>,
    #[schema(value_type = String, format = DateTime)]
    imported_at: Instant,
    key: Box<str>,
    /// As it is written there.
    text: Box<str>,
    /// Finer than a pico-dollar, and rounded half to even.
    rounded: bool,
}

impl Price {
    pub(super) fn of(row: &PriceRow) -> Self {
        let threshold = row.key.threshold;
        Self {
            id: row.id,
            provider: row.key.provider.clone(),
            model: row.key.model.clone(),
            matching: row.key.matching.as_str(),
            meter: row.key.meter.as_str(),
            tier: row.key.tier.clone(),
            threshold_input_tokens: threshold.map(|threshold| threshold.input_tokens),
            threshold_inclusive: threshold.map(|threshold| threshold.inclusive),
            threshold_marginal: threshold.map(|threshold| threshold.marginal),
            region: row.key.region.clone(),
            hours: row.key.hours.clone(),
            contract: row.key.contract.clone(),
            unit: row.key.meter.unit(),
            rate_usd: row.rate.usd_per_unit(),
            rate_usd_per_mtok: row.rate.usd_per_mtok(),
            inherits: row.inherits.map(Meter::as_str),
            output_tokens_max: row.output_tokens_max,
            effective_from: Instant(row.effective_from),
            effective_to: row.effective_to.map(Instant),
            status: row.status.as_str(),
            matched_by: None,
            source: Source {
                name: row.source.name.clone(),
                imported_at: Instant(row.source.imported_at),
                key: row.source.key.clone(),
                text: row.source.text.clone(),
                rounded: row.source.rounded,
            },
        }
    }
}

/// Whatever their status.
const ALL: &str = "all";

/// A page of price rows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Prices {
    items: Vec<Price>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// The rows in force at an instant. Of a provider's model: those that would rate a call of it, by the rules that rate
/// calls, from the list and from the contract.
#[utoipa::path(
    get, path = "/v1/prices", tag = "prices",
    params(
        ("provider" = Option<String>, Query),
        ("model" = Option<String>, Query, description = "With a provider: as a call would find it. Alone: to the letter"),
        ("account" = Option<String>, Query, description = "The account whose contract counts; default what holds for all"),
        ("at" = Option<String>, Query, description = "RFC 3339, or a day; default now"),
        ("status" = Option<String>, Query,
         description = "proposed, active or retired rows of all times instead, or all of them, the model to the letter"),
        ("format" = Option<String>, Query, description = "json (default) or csv"),
        ("limit" = Option<u32>, Query, description = "1 to 1000; default 100"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
    ),
    responses((status = 200, description = "A page of rows", body = Prices))
)]
pub(super) async fn page(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["provider", "model", "account", "at", "status", "limit", "cursor", "format"])?;
    let at = params.instant("at")?.unwrap_or_else(|| app.clock.now());
    let (limit, rules) = (usize::try_from(params.limit()?).unwrap_or(usize::MAX), app.rules());
    let skipped: usize = match params.text("cursor") {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| Problem::bad_request("parameter `cursor` is not what `next` gave"))?
        }
    };
    let (provider, model, status) = (params.text("provider"), params.text("model"), params.text("status"));
    let found: Vec<(Option<MatchedBy>, &PriceRow)> = match (provider, model, status) {
        (Some(provider), Some(model), None) => {
            let found = rules.prices.rows_of(provider, params.text("account"), model, at);
            let with_rule = found.into_iter().flat_map(|found| {
                let matched = Some(found.matched);
                found.rows.into_iter().map(move |row| (matched, row))
            });
            with_rule.collect()
        }
        _ => {
            let wanted = |row: &&PriceRow| {
                provider.is_none_or(|provider| *row.key.provider == *provider)
                    && model.is_none_or(|model| *row.key.model == *model)
                    && match status {
                        Some(status) => status == ALL || row.status.as_str() == status,
                        None => row.is_in_force(at),
                    }
            };
            let end = skipped.saturating_add(limit).saturating_add(1);
            rules.prices.rows().filter(wanted).take(end).map(|row| (None, row)).collect()
        }
    };
    let mut rows = found.into_iter().skip(skipped);
    let price = |(matched, row): (Option<MatchedBy>, &PriceRow)| Price {
        matched_by: matched.map(MatchedBy::as_str),
        ..Price::of(row)
    };
    let items: Vec<Price> = rows.by_ref().take(limit).map(price).collect();
    let next = rows.next().map(|_| skipped.saturating_add(items.len()).to_string());
    let page = Prices { items, next };
    list::answer(&params, &PRICES, &page, page.next.as_deref())
}
