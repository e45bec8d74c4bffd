//! Rating calls anew, because prices were wrong or missing. A job that somebody asks for: what differs from what stands
//! becomes a correction beside the call; nothing is edited. What the price table cannot price keeps what it has. Caps
//! are not moved: they refused, or did not, by what was known then.

use super::{
    aggregates::{Contribution, Deltas, Keys, Measures, day},
    calls::{Filter, WordColumn, conditions},
    lines::{Place, Sign, WastedAt},
    rating,
    standing::{COST, Cost, Standing},
    unpriced::{self, UnpricedCall},
    waste::{Cause, Waste},
};
use crate::{
    rules::Rules,
    store::{Store, StoreError, Write, instant, word_text},
};
use protocol::{
    UnixNanos,
    attempt::Server,
    codec,
    event::{CallEnd, CallHead},
    money::PicoUsd,
    rating::Line,
};
use rusqlite::{Connection, Row, params_from_iter};
use std::{collections::BTreeMap, sync::Arc};

/// Calls looked at in one go, so that ingest never waits long for it.
const PAGE: i64 = 500;

/// Which calls are rated anew.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Started at this instant or later,
    pub from: UnixNanos,
    /// and before this one.
    pub to: UnixNanos,
    /// Only those with these texts in these columns; an empty text is absence.
    pub words: Vec<(WordColumn, String)>,
}

/// What a re-rating changed, or would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rerated {
    /// Its key; absent after a dry run, and where nothing changed.
    pub id: Option<i64>,
    /// Calls looked at.
    pub calls: u64,
    /// Calls that cost something else, or the same by other rates.
    pub changed: u64,
    /// Calls that the price table does not price, and that keep the cost they have.
    pub kept: u64,
    /// What changes, by customer, provider and model.
    pub groups: BTreeMap<Group, Change>,
}

/// Whose calls at whose model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Who pays.
    pub customer: Option<String>,
    /// Who served.
    pub provider: Option<String>,
    /// The model that answered, else the one asked for.
    pub model: Option<String>,
}

/// How the cost of some calls changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// How many calls.
    pub calls: u64,
    /// How many of them had no cost before.
    pub priced: u64,
    /// What the others cost before.
    pub before: PicoUsd,
    /// What all cost since.
    pub after: PicoUsd,
}

/// Rates calls anew. A dry run writes nothing.
pub async fn rerate(
    store: &Store,
    rules: Arc<Rules>,
    selection: Selection,
    dry_run: bool,
    now: UnixNanos,
) -> Result<Rerated, StoreError> {
    let mut done = Rerated::default();
    let mut position = (instant(selection.from), [0_u8; 16]);
    loop {
        let (of_page, rules, after) = (selection.clone(), rules.clone(), position);
        let page = store.read(move |connection| page(connection, &rules, &of_page, after)).await?;
        let Some(last) = page.last else { break };
        position = last;
        done.calls = done.calls.saturating_add(page.calls);
        done.kept = done.kept.saturating_add(page.kept);
        let differing = if dry_run || page.differing.is_empty() {
            page.differing
        } else {
            let (selection, id) = (selection.clone(), done.id);
            let (id, corrected) =
                store.write(move |write| correct(write, &selection, id, page.differing, now)).await?;
            done.id = id;
            corrected
        };
        for call in &differing {
            done.changed = done.changed.saturating_add(1);
            done.groups.entry(call.group.clone()).or_default().count(call);
        }
    }
    if let Some(id) = done.id {
        let (calls, changed) = (instant(done.calls), instant(done.changed));
        let sql = "UPDATE rerates SET calls = ?2, changed = ?3 WHERE id = ?1";
        store.write(move |write| write.execute(sql, [id, calls, changed])).await?;
    }
    Ok(done)
}

impl Change {
    fn count(&mut self, call: &Differing) {
        let money = |pico: i64| PicoUsd::new(i128::from(pico));
        self.calls = self.calls.saturating_add(1);
        self.priced = self.priced.saturating_add(u64::from(call.before.cost.total.is_none()));
        // A call costs 10,000 USD at most: 128 bits hold more of them than there are.
        self.before =
            self.before.checked_add(money(call.before.cost.total.unwrap_or(0))).unwrap_or(self.before);
        self.after = self.after.checked_add(money(call.after.total.unwrap_or(0))).unwrap_or(self.after);
    }
}

/// A call that costs something else now.
pub(super) struct Differing {
    group: Group,
    keys: Keys,
    tokens: (i64, i64),
    tier: Option<Box<str>>,
    region: Option<Box<str>>,
    wasted: Vec<WastedAt>,
    waste: Waste,
    booked: Cost,
    /// Of the end that it was rated by: another may come meanwhile for a call that nobody had told the end of.
    end_hash: Option<i64>,
    reported: Option<i64>,
    /// Where its cost was not known before.
    unpriced: Option<UnpricedCall>,
    before: Standing,
    after: Cost,
    lines: Vec<Line>,
}

impl Differing {
    /// What it counts at a cost. What stays the same is taken back and counted again.
    fn measures(&self, cost: Cost) -> Measures {
        let (tokens_in, tokens_out) = self.tokens;
        let Cost { total: cost_pico, wasted: wasted_pico, premium: premium_pico, .. } = cost;
        let counted = Contribution {
            refused: false,
            error: false,
            estimated: false,
            unattributed: self.keys.customer == 0,
            tokens_in,
            tokens_out,
            cost_pico,
            original_pico: self.booked.total,
            waste: Waste { wasted_pico, premium_pico, ..self.waste },
        };
        counted.measures()
    }
}

#[derive(Default)]
pub(super) struct Page {
    calls: u64,
    kept: u64,
    pub(super) differing: Vec<Differing>,
    last: Option<(i64, [u8; 16])>,
}

pub(super) fn page(
    connection: &Connection,
    rules: &Rules,
    selection: &Selection,
    (at, id): (i64, [u8; 16]),
) -> Result<Page, StoreError> {
    let filter = Filter { to: Some(selection.to), words: selection.words.clone(), ..Filter::default() };
    let mut page = Page::default();
    let Some((conditions, mut values)) = conditions(connection, &filter)? else { return Ok(page) };
    values.push(Box::new(at));
    values.push(Box::new(id));
    let sql = format!(
        "SELECT {COLUMNS} FROM calls JOIN details USING (id)
         WHERE {conditions} AND state IN (1, 2) AND (started_at, id) > (?, ?)
         ORDER BY started_at, id LIMIT {PAGE}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        let keys = keys(row)?;
        page.last = Some((keys.started_at, keys.id));
        page.calls = page.calls.saturating_add(1);
        let booked = Cost::booked(row)?;
        let before = Standing::load(connection, &keys.id, booked, row.get("lines")?)?;
        let head: CallHead =
            blob(row.get("head")?)?.ok_or_else(|| StoreError::corrupt("a call's head", "is absent"))?;
        let end: Option<CallEnd> = blob(row.get("end")?)?;
        let verdict = match &end {
            Some(end) => rating::rate_end(&head, end, rules),
            None => rating::rate_orphan(&head, rules),
        };
        let after = Cost {
            total: verdict.cost,
            computed: verdict.computed,
            wasted: verdict.wasted,
            premium: verdict.premium,
        };
        match verdict.cost {
            None if before.cost.total.is_some() => page.kept = page.kept.saturating_add(1),
            Some(_) if before.cost != after || !are_alike(before.lines(), &verdict.lines) => {
                let end = end.as_ref();
                page.differing.push(Differing {
                    group: group(connection, &keys)?,
                    keys,
                    tokens: (row.get("tokens_in")?, row.get("tokens_out")?),
                    tier: end.and_then(|end| end.service_tier.clone()).or(head.request_tier.clone()),
                    region: end.and_then(|end| end.region.clone()).or_else(|| {
                        let server = Server::of(&head, end.and_then(CallEnd::deciding));
                        server.region.map(Into::into)
                    }),
                    wasted: end.map(|end| WastedAt::all(&head, end)).unwrap_or_default(),
                    waste: Waste {
                        cause: Cause::of(word_text(connection, row.get("outcome")?)?.as_deref()),
                        fallback: row.get("fallback")?,
                        ..Waste::default()
                    },
                    booked,
                    end_hash: row.get("end_hash")?,
                    // As it was booked: what providers say is not rated anew.
                    reported: row.get("reported_pico")?,
                    unpriced: unpriced_call(row, &before, end)?,
                    before,
                    after,
                    lines: verdict.lines,
                });
            }
            None | Some(_) => {}
        }
    }
    Ok(page)
}

fn unpriced_call(
    row: &Row<'_>,
    before: &Standing,
    end: Option<&CallEnd>,
) -> Result<Option<UnpricedCall>, StoreError> {
    if before.cost.total.is_some() {
        return Ok(None);
    }
    Ok(Some(UnpricedCall {
        reason: row.get("unpriced")?,
        tokens_in: row.get("tokens_in")?,
        tokens_out: row.get("tokens_out")?,
        others: end.map(unpriced::others).unwrap_or_default(),
    }))
}

/// Whether two sets of lines say the same, whichever rows say it. What was booked before there were lines has none.
fn are_alike(before: &[Line], now: &[Line]) -> bool {
    let facts = |line: &Line| {
        let list = line.list.map_or(line.rate, |list| list.rate);
        (line.attempt, line.meter, line.units, line.rate, list, line.discount.clone())
    };
    before.is_empty() || before.iter().map(facts).eq(now.iter().map(facts))
}

const COLUMNS: &str = "id, started_at, customer, workspace, feature, task, plan, provider, model, route, tokens_in, \
    tokens_out, outcome, fallback, unpriced, end_hash, reported_pico, cost_pico, computed_pico, wasted_pico, premium_pico, head, end, lines";

fn keys(row: &Row<'_>) -> Result<Keys, StoreError> {
    Ok(Keys {
        id: row.get("id")?,
        started_at: row.get("started_at")?,
        customer: row.get("customer")?,
        workspace: row.get("workspace")?,
        feature: row.get("feature")?,
        task: row.get("task")?,
        plan: row.get("plan")?,
        provider: row.get("provider")?,
        model: row.get("model")?,
        route: row.get("route")?,
        outcome: row.get("outcome")?,
    })
}

fn group(connection: &Connection, keys: &Keys) -> Result<Group, StoreError> {
    Ok(Group {
        customer: word_text(connection, keys.customer)?,
        provider: word_text(connection, keys.provider)?,
        model: word_text(connection, keys.model)?,
    })
}

fn blob<T: serde::de::DeserializeOwned>(bytes: Option<Vec<u8>>) -> Result<Option<T>, StoreError> {
    let decoded = bytes.map(|bytes| codec::decode(&bytes)).transpose();
    decoded.map_err(|error| StoreError::corrupt("a call's detail", error))
}

/// Writes the corrections of a page. What has changed since the page was read is left to the next run.
pub(super) fn correct(
    write: &mut Write<'_>,
    selection: &Selection,
    id: Option<i64>,
    differing: Vec<Differing>,
    now: UnixNanos,
) -> Result<(Option<i64>, Vec<Differing>), StoreError> {
    let mut id = id;
    let mut deltas = Deltas::default();
    let mut corrected = Vec::new();
    for call in differing {
        let mut find = write.statement(&format!(
            "SELECT {COST}, end_hash, lines FROM calls JOIN details USING (id) WHERE id = ?1"
        ))?;
        let (booked, end_hash, lines): (Cost, Option<i64>, Option<Vec<u8>>) = find
            .query_row([call.keys.id], |row| {
                Ok((Cost::booked(row)?, row.get("end_hash")?, row.get("lines")?))
            })?;
        if end_hash != call.end_hash {
            continue;
        }
        if Standing::load(write.connection(), &call.keys.id, booked, lines)? != call.before {
            continue;
        }
        let job = match id {
            Some(id) => id,
            None => *id.insert(insert(write, selection, now)?),
        };
        let lines =
            codec::encode(&call.lines).map_err(|error| StoreError::corrupt("a call's lines", error))?;
        write.execute(
            "INSERT INTO corrections (call, at, cause, before_pico, after_pico, rerate, lines, computed_pico,
                 wasted_pico, premium_pico)
             VALUES (?1, ?2, 'rerate', ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            (
                call.keys.id,
                instant(now),
                call.before.cost.total,
                call.after.total,
                job,
                lines,
                call.after.computed,
                call.after.wasted,
                call.after.premium,
            ),
        )?;
        deltas.call(&call.keys, call.measures(call.before.cost).negated())?;
        deltas.call(&call.keys, call.measures(call.after))?;
        let place = Place {
            keys: &call.keys,
            tier: call.tier.as_deref(),
            region: call.region.as_deref(),
            wasted: &call.wasted,
        };
        let today = day(instant(now));
        deltas.lines.add(write, &place, today, (Sign::Minus, call.before.lines()))?;
        deltas.lines.add(write, &place, today, (Sign::Plus, &call.lines))?;
        if let Some(unpriced) = &call.unpriced {
            deltas.unpriced.add(write, &call.keys, (Sign::Minus, unpriced), false)?;
            deltas.unpriced.add(write, &call.keys, (Sign::Plus, unpriced), true)?;
        }
        if let Some(reported) = call.reported {
            deltas.reported.recompute(
                &call.keys,
                reported,
                (call.before.cost.computed, call.after.computed),
            )?;
        }
        corrected.push(call);
    }
    deltas.flush(write)?;
    Ok((id, corrected))
}

fn insert(write: &Write<'_>, selection: &Selection, now: UnixNanos) -> Result<i64, StoreError> {
    let words: BTreeMap<&str, &str> =
        selection.words.iter().map(|(column, text)| (column.as_str(), text.as_str())).collect();
    let selected =
        serde_json::to_string(&words).map_err(|error| StoreError::corrupt("a selection", error))?;
    write.execute(
        "INSERT INTO rerates (at, from_at, to_at, selected, calls, changed) VALUES (?1, ?2, ?3, ?4, 0, 0)",
        (instant(now), instant(selection.from), instant(selection.to), selected),
    )?;
    Ok(write.connection().last_insert_rowid())
}
