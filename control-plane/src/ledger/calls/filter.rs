//! Which calls are listed: from the words of an address to the conditions of a query.

use super::{Customers, Position, path};
use crate::{
    instant::Instant,
    ledger::{
        Pricing, State,
        hash::fingerprint,
        names::{self, OUTCOMES, REFUSALS, usage_source},
    },
    policy::Policy,
    store::{NO_WORD, StoreError, instant, word_id},
};
use protocol::{UnixNanos, event::Refusal, meters::UsageSource};
use rusqlite::{Connection, ToSql};
use std::str::FromStr;

const SOURCES: [UsageSource; 4] =
    [UsageSource::Reported, UsageSource::Estimated, UsageSource::Mixed, UsageSource::None];

/// Which calls.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Started at this instant or later,
    pub from: Option<UnixNanos>,
    /// and before this one.
    pub to: Option<UnixNanos>,
    /// A column of dimensions and the text in it; an empty text is absence.
    pub words: Vec<(WordColumn, String)>,
    /// In one of these states; none: in any.
    pub states: Vec<State>,
    /// Priced in one of these ways, as it stands; none: in any, and not at all.
    pub pricing: Vec<Pricing>,
    /// Tried more than once, or not.
    pub retried: Option<bool>,
    /// Served elsewhere than where it was first sent, or not.
    pub fallback: Option<bool>,
    /// Of these customers.
    pub customers: Option<Customers>,
    /// With a word of the provider on what it costs, or without.
    pub provider_cost: Option<bool>,
    /// Priced by the price table beside the provider's word, or not.
    pub computed_cost: Option<bool>,
    /// With the client's or Envoy's own request id.
    pub request_id: Option<String>,
    /// Older than this one, which ended the page before.
    pub before: Option<Position>,
}

impl Filter {
    /// Whether it asks for what only `standing` has.
    pub(super) fn is_of_standing(&self) -> bool {
        let has = |(column, _): &(WordColumn, String)| *column == WordColumn::UnpricedReason;
        !self.pricing.is_empty() || self.computed_cost.is_some() || self.words.iter().any(has)
    }
}

/// A parameter that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{parameter}` {fault}")]
pub struct Wrong {
    parameter: &'static str,
    fault: String,
}

impl Wrong {
    pub(in crate::ledger) fn new(parameter: &'static str, fault: impl Into<String>) -> Self {
        Self { parameter, fault: fault.into() }
    }

    fn of_words(parameter: &'static str, words: &[&str]) -> Self {
        Self::new(parameter, format!("is none of, nor several with commas between: {}", words.join(", ")))
    }

    /// A parameter's value, where it is given.
    pub(in crate::ledger) fn parsed<T: FromStr<Err: std::fmt::Display>>(
        parameter: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, Self> {
        text.map(|text| text.parse().map_err(|fault: T::Err| Self::new(parameter, fault.to_string())))
            .transpose()
    }
}

impl Filter {
    /// The names of all parameters that [`Filter::parse`] asks for.
    pub fn parameters() -> impl Iterator<Item = &'static str> {
        let others =
            ["from", "to", "state", "pricing", "is_retried", "fallback", "provider_cost", "computed_cost"];
        let others = others.into_iter().chain(["request_id", "cursor"]).chain(Customers::PARAMETERS);
        others.chain(WordColumn::ALL.map(WordColumn::as_str))
    }

    /// From parameters by name, of customers as the policy has them.
    pub fn parse<'a>(said: impl Fn(&'static str) -> Option<&'a str>, policy: &Policy) -> Result<Self, Wrong> {
        let truth = |name| Ok(Wrong::parsed(name, said(name))?.map(|Truth(is)| is));
        let time = |name| Wrong::parsed::<Instant>(name, said(name)).map(|at| at.map(|Instant(at)| at));
        let words = WordColumn::ALL.into_iter();
        let words =
            words.filter_map(|column| Some((column, said(column.as_str())?.to_owned()))).collect::<Vec<_>>();
        for (column, text) in &words {
            column.check(text)?;
        }
        let states = [State::Open, State::Finished, State::Orphaned, State::Refused];
        let pricing = [Pricing::Priced, Pricing::Unpriced, Pricing::Ceiling];
        Ok(Self {
            from: time("from")?,
            to: time("to")?,
            words,
            states: one_of("state", said("state"), states.map(|state| (state.as_str(), state)))?,
            pricing: one_of(
                "pricing",
                said("pricing"),
                pricing.map(|pricing| (Pricing::name_of(pricing.code()), pricing)),
            )?,
            retried: truth("is_retried")?,
            fallback: truth("fallback")?,
            customers: Customers::parse(&said, policy),
            provider_cost: truth("provider_cost")?,
            computed_cost: truth("computed_cost")?,
            request_id: said("request_id").map(str::to_owned),
            before: Wrong::parsed("cursor", said("cursor"))?,
        })
    }
}

struct Truth(bool);

impl FromStr for Truth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err("is neither true nor false"),
        }
    }
}

/// Words of a closed list, with commas between several.
fn one_of<T: Copy, const N: usize>(
    parameter: &'static str,
    text: Option<&str>,
    words: [(&'static str, T); N],
) -> Result<Vec<T>, Wrong> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let found: Option<Vec<T>> =
        text.split(',').map(|part| words.iter().find(|(word, _)| *word == part).map(|(_, is)| *is)).collect();
    found.ok_or_else(|| Wrong::of_words(parameter, &words.map(|(word, _)| word)))
}

/// A column of `calls` that holds a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordColumn {
    /// Who pays.
    Customer,
    /// Inside what.
    Workspace,
    /// Who acted.
    User,
    /// For which part of the product.
    Feature,
    /// The unit of work.
    Task,
    /// What the customer pays for.
    Plan,
    /// Who served it.
    Provider,
    /// The model that answered, else the one asked for.
    Model,
    /// Envoy's route.
    Route,
    /// What it was worth.
    Outcome,
    /// Why it was refused.
    Refused,
    /// Where its units come from.
    UsageSource,
    /// Why its cost is not known, as it stands.
    UnpricedReason,
}

impl WordColumn {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Customer,
        Self::Workspace,
        Self::User,
        Self::Feature,
        Self::Task,
        Self::Plan,
        Self::Provider,
        Self::Model,
        Self::Route,
        Self::Outcome,
        Self::Refused,
        Self::UsageSource,
        Self::UnpricedReason,
    ];

    /// The parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Workspace => "workspace",
            Self::User => "user",
            Self::Feature => "feature",
            Self::Task => "task",
            Self::Plan => "plan",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Route => "route",
            Self::Outcome => "outcome",
            Self::Refused => "refused",
            Self::UsageSource => "usage_source",
            Self::UnpricedReason => "unpriced_reason",
        }
    }

    /// Whether calls can have that in the column. What they cannot would look like there were none.
    fn check(self, text: &str) -> Result<(), Wrong> {
        let words: Vec<&'static str> = match self {
            Self::UsageSource => SOURCES.map(usage_source).to_vec(),
            Self::Outcome => OUTCOMES.map(names::outcome).to_vec(),
            Self::Refused => REFUSALS.map(Refusal::as_str).to_vec(),
            _ => return Ok(()),
        };
        let is_known = |part: &str| words.contains(&part) || (part.is_empty() && self != Self::UsageSource);
        match text.split(',').all(is_known) {
            true => Ok(()),
            false => Err(Wrong::of_words(self.as_str(), &words)),
        }
    }

    /// The texts that are asked for: where no text has a comma in it, several may be named.
    fn texts(self, text: &str) -> Vec<&str> {
        match self {
            Self::Outcome | Self::Refused | Self::UsageSource => text.split(',').collect(),
            _ => vec![text],
        }
    }

    fn condition(self, ids: &[i64]) -> String {
        let is = match ids {
            [_] => "= ?".to_owned(),
            ids => format!("IN ({})", vec!["?"; ids.len()].join(", ")),
        };
        match self {
            // Their indexes have no calls without a name, and the planner must see that none is asked for.
            Self::Task | Self::Workspace | Self::User | Self::Outcome if !ids.contains(&NO_WORD) => {
                format!("{0} <> 0 AND {0} {is}", self.as_str())
            }
            Self::Refused if !ids.contains(&NO_WORD) => {
                format!("state IN (2, 3) AND state = 3 AND refused {is}")
            }
            Self::UnpricedReason => format!("standing_unpriced {is}"),
            column => format!("{} {is}", column.as_str()),
        }
    }
}

/// SQL conditions on `standing` and their values.
pub(crate) type Conditions = (String, Vec<Box<dyn ToSql>>);

/// The conditions of a filter; `None` where no call can match.
pub(crate) fn conditions(connection: &Connection, filter: &Filter) -> Result<Option<Conditions>, StoreError> {
    let mut conditions = vec!["1".to_owned()];
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut add = |condition: &str, with: Vec<Box<dyn ToSql>>| {
        conditions.push(condition.to_owned());
        values.extend(with);
    };
    if let Some(from) = filter.from {
        add("started_at >= ?", vec![Box::new(instant(from))]);
    }
    if let Some(to) = filter.to {
        add("started_at < ?", vec![Box::new(instant(to))]);
    }
    for (column, text) in &filter.words {
        let mut ids = Vec::new();
        for text in column.texts(text) {
            ids.extend(if text.is_empty() { Some(NO_WORD) } else { word_id(connection, text)? });
        }
        if ids.is_empty() {
            return Ok(None);
        }
        let condition = column.condition(&ids);
        let boxed = |id| -> Box<dyn ToSql> { Box::new(id) };
        add(&condition, ids.into_iter().map(boxed).collect());
    }
    if !filter.states.is_empty() {
        let codes: Vec<String> = filter.states.iter().map(|state| state.code().to_string()).collect();
        // As numbers: of the index that has some states only, the planner must see that no other is asked for.
        let few = if filter.states.iter().copied().all(path::are_few) { " AND state IN (2, 3)" } else { "" };
        match &*codes {
            [code] => add(&format!("state = {code}{few}"), Vec::new()),
            codes => add(&format!("state IN ({}){few}", codes.join(", ")), Vec::new()),
        }
    }
    if !filter.pricing.is_empty() {
        let codes: Vec<String> = filter.pricing.iter().map(|pricing| pricing.code().to_string()).collect();
        // What a re-rating gave a cost is priced. Without the first condition the index of what is not goes unused.
        let unpriced = if filter.pricing.contains(&Pricing::Priced) { "1" } else { "pricing <> 0" };
        let standing = "iif(rerated IS NULL, pricing, 0)";
        add(&format!("{unpriced} AND {standing} IN ({})", codes.join(", ")), Vec::new());
    }
    if let Some(is) = filter.retried {
        add(if is { "attempts > 1" } else { "attempts <= 1" }, Vec::new());
    }
    if let Some(is) = filter.fallback {
        add("fallback = ?", vec![Box::new(i64::from(is))]);
    }
    if let Some(customers) = &filter.customers {
        let (condition, ids) = customers.condition(connection)?;
        add(condition, vec![Box::new(ids)]);
    }
    for (column, asked) in
        [("reported_pico", filter.provider_cost), ("standing_computed", filter.computed_cost)]
    {
        if let Some(is) = asked {
            add(&format!("{column} IS {}NULL", if is { "NOT " } else { "" }), Vec::new());
        }
    }
    if let Some(request_id) = &filter.request_id {
        let days = "day IN (WITH RECURSIVE days(day) AS (
            SELECT min(started_at) / 86400000000000 FROM calls UNION ALL
            SELECT day + 1 FROM days WHERE day < (SELECT max(started_at) / 86400000000000 FROM calls)
            ) SELECT day FROM days)";
        let hash = fingerprint(request_id.as_bytes());
        add(&format!("{days} AND request_hash = ?"), vec![Box::new(hash)]);
    }
    if let Some(before) = &filter.before {
        let id = before.id.as_bytes().to_vec();
        add("(started_at, id) < (?, ?)", vec![Box::new(instant(before.started_at)), Box::new(id)]);
    }
    Ok(Some((conditions.join(" AND "), values)))
}
