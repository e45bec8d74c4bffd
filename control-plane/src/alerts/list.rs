//! What is shown of alerts and their deliveries, and sending one again.

use super::{
    Delivery, Kind, Subject,
    deliveries::deliveries,
    tables::{self, FIRED, SEEDED},
};
use crate::{
    app::App,
    instant::Instant,
    store::{StoreError, Write, instant, unix},
};
use protocol::UnixNanos;
use rusqlite::{Connection, OptionalExtension as _, Row, types::Value as Sql};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

const WEEK_NS: u64 = 7 * 86_400_000_000_000;

/// How an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It fired, and what it says is so.
    Standing,
    /// It fired; since then what it says has changed, or its period has ended.
    Resolved,
    /// It was so already when its rule appeared, and nobody was told.
    Seeded,
}

impl State {
    /// From the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Standing, Self::Resolved, Self::Seeded].into_iter().find(|state| state.as_str() == word)
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standing => "standing",
            Self::Resolved => "resolved",
            Self::Seeded => "seeded",
        }
    }

    fn condition(self) -> &'static str {
        match self {
            Self::Standing => "state = 0 AND ended_at IS NULL",
            Self::Resolved => "state = 0 AND ended_at IS NOT NULL",
            Self::Seeded => "state = 1",
        }
    }
}

/// Which alerts.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Raised then or later,
    pub from: Option<UnixNanos>,
    /// and before then.
    pub to: Option<UnixNanos>,
    /// Of that kind,
    pub kind: Option<Kind>,
    /// that customer,
    pub customer: Option<String>,
    /// in that state,
    pub state: Option<State>,
    /// and with an id below this one.
    pub before: Option<i64>,
}

/// From when until when an alert counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Period {
    /// The first instant.
    #[schema(value_type = String, format = DateTime)]
    pub from: Instant,
    /// The first instant after it.
    #[schema(value_type = String, format = DateTime)]
    pub to: Instant,
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alert {
    /// Its key.
    pub id: i64,
    /// margin_reached, margin_projected, cap, abnormal_spend, unpriced, stale_prices or unreachable_node.
    pub kind: &'static str,
    /// Who or what it is about, by words such as customer, workspace, feature, plan, cap, provider, model and node.
    #[schema(value_type = Object)]
    pub subject: Subject,
    /// Whose it is, where it is somebody's.
    pub customer: Option<String>,
    /// Percent; a factor, days or minutes for kinds that have such a threshold.
    pub threshold: u32,
    /// In which it fires once.
    pub period: Period,
    /// standing, resolved or seeded.
    pub state: State,
    /// When it was raised.
    #[schema(value_type = String, format = DateTime)]
    pub at: Instant,
    /// Since when it stands no longer.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Instant>,
    /// As a sentence.
    pub text: String,
    /// What it was raised on.
    #[schema(value_type = Object)]
    pub figures: Value,
    /// The webhook-id of the message that named it.
    pub message: Option<String>,
    /// Of that message, one per destination.
    pub deliveries: Vec<Delivery>,
}

/// Alerts, the newest first, and the cursor of the next page.
pub fn list(
    store: &Connection,
    filter: &Filter,
    limit: u32,
) -> Result<(Vec<Alert>, Option<i64>), StoreError> {
    let mut conditions = vec!["alerts.id > 0".to_owned()];
    let mut values: Vec<Sql> = Vec::new();
    let mut and = |condition: &str, value: Sql| {
        values.push(value);
        conditions.push(format!("{condition} ?{}", values.len()));
    };
    filter.from.into_iter().for_each(|from| and("alerts.at >=", instant(from).into()));
    filter.to.into_iter().for_each(|to| and("alerts.at <", instant(to).into()));
    filter.kind.into_iter().for_each(|kind| and("alerts.kind =", kind.as_str().to_owned().into()));
    filter.customer.iter().for_each(|customer| and("customer =", customer.clone().into()));
    filter.before.into_iter().for_each(|before| and("alerts.id <", before.into()));
    and("1 <=", i64::from(limit).into());
    let place = values.len();
    conditions.extend(filter.state.map(|state| state.condition().to_owned()));
    let sql = format!(
        "SELECT alerts.id, alerts.kind, subject, customer, threshold, period_start, period_end, state, alerts.at,
             ended_at, text, figures, name, message
         FROM alerts LEFT JOIN alert_messages ON alert_messages.id = message
         WHERE {} ORDER BY alerts.id DESC LIMIT ?{place}",
        conditions.join(" AND ")
    );
    let mut statement = store.prepare_cached(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(values))?;
    let mut alerts = Vec::new();
    while let Some(row) = rows.next()? {
        alerts.extend(alert(store, row)?);
    }
    let full = alerts.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let next = alerts.last().map(|alert| alert.id).filter(|_| full);
    Ok((alerts, next))
}

fn alert(store: &Connection, row: &Row<'_>) -> Result<Option<Alert>, StoreError> {
    let (kind, subject, figures): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(11)?);
    let Some(kind) = Kind::parse(&kind) else { return Ok(None) };
    let ended_at = row.get::<_, Option<i64>>(9)?.map(|at| Instant(unix(at)));
    let state = match (row.get::<_, i64>(7)?, ended_at) {
        (SEEDED, _) => State::Seeded,
        (FIRED, None) => State::Standing,
        _ => State::Resolved,
    };
    let message: Option<i64> = row.get(13)?;
    Ok(Some(Alert {
        id: row.get(0)?,
        kind: kind.as_str(),
        subject: Subject::from_key(&subject),
        customer: row.get(3)?,
        threshold: u32::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
        period: Period { from: Instant(unix(row.get(5)?)), to: Instant(unix(row.get(6)?)) },
        state,
        at: Instant(unix(row.get(8)?)),
        ended_at,
        text: row.get(10)?,
        figures: serde_json::from_str(&figures).map_err(|error| StoreError::corrupt("an alert", error))?,
        message: row.get(12)?,
        deliveries: message.map(|message| deliveries(store, message)).transpose()?.unwrap_or_default(),
    }))
}

/// What sending again came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resent {
    /// The message waits again for these.
    Queued(Vec<String>),
    /// There is no such alert.
    NoSuchAlert,
    /// It was seeded, so there is no message.
    NeverSent,
    /// The policy names no destination, and there was none.
    Nowhere,
}

/// Queues the message of an alert again, under its own id: for destinations where it is dead or that it was never
/// meant for and are named now; where there are none, for all.
pub async fn resend(app: &App, id: i64) -> Result<Resent, StoreError> {
    let (now, rules) = (app.clock.now(), app.rules());
    let to: Vec<String> = rules.policy().alerts.to.iter().map(|name| name.as_str().to_owned()).collect();
    let resent = app.store.write(move |write| again(write, id, &to, now)).await?;
    app.alerts.queued();
    Ok(resent)
}

fn again(write: &Write<'_>, id: i64, to: &[String], now: UnixNanos) -> Result<Resent, StoreError> {
    let mut find = write.statement("SELECT message FROM alerts WHERE id = ?1")?;
    let found: Option<Option<i64>> = find.query_row([id], |row| row.get(0)).optional()?;
    let message = match found {
        None => return Ok(Resent::NoSuchAlert),
        Some(None) => return Ok(Resent::NeverSent),
        Some(Some(message)) => message,
    };
    send_again(write, message, to, now)
}

/// Queues a message again.
pub(super) fn send_again(
    write: &Write<'_>,
    message: i64,
    to: &[String],
    now: UnixNanos,
) -> Result<Resent, StoreError> {
    let known = deliveries(write.connection(), message)?;
    let dead = known.iter().filter(|delivery| delivery.state == "dead").map(|delivery| &delivery.destination);
    let new = to.iter().filter(|name| known.iter().all(|delivery| delivery.destination != **name));
    let mut wanted: Vec<String> = dead.chain(new).cloned().collect();
    if wanted.is_empty() {
        wanted = known.into_iter().map(|delivery| delivery.destination).collect();
    }
    for destination in &wanted {
        tables::enqueue(write, message, destination, now)?;
    }
    Ok(if wanted.is_empty() { Resent::Nowhere } else { Resent::Queued(wanted) })
}

/// How many stand, and how many messages did not arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Alerts that fired and stand.
    pub standing: u64,
    /// Dead letters of the last week; older ones are history.
    pub dead: u64,
}

/// What the first page says of alerts.
pub fn summary(store: &Connection, now: UnixNanos) -> Result<Summary, StoreError> {
    let standing = "SELECT count(*) FROM alerts WHERE ended_at IS NULL AND state = 0";
    let dead = "SELECT count(*) FROM alert_deliveries JOIN alert_messages ON alert_messages.id = message
        WHERE state = 2 AND at >= ?1";
    let since = instant(now.saturating_sub(WEEK_NS));
    Ok(Summary {
        standing: unix(store.prepare_cached(standing)?.query_row([], |row| row.get(0))?),
        dead: unix(store.prepare_cached(dead)?.query_row([since], |row| row.get(0))?),
    })
}
