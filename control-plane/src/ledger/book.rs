//! Booking: the claim of a call's id, its row and its aggregates, in one transaction. Says of each event whether it
//! was new, a repeat or a conflict. Never computes a cost: that is done before.

mod stored;

use super::{
    Charge, State,
    aggregates::{Contribution, Deltas, Keys, day},
    hash::fingerprint,
    lines::{Place, Sign},
    prepare::{Booking, Ended, Entry},
    rating::Pricing,
    tasks,
    unpriced::UnpricedCall,
};
use crate::store::{StoreError, Write, instant};
use protocol::{UnixNanos, attribution::Dimension, codec, event::ItemResult, ids::CallId};
use rusqlite::named_params;
use stored::Stored;

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Booked {
    /// One per entry, in order, with the reason where it was not accepted.
    pub results: Vec<(ItemResult, Option<String>)>,
}

/// Books a batch.
pub fn book(
    write: &mut Write<'_>,
    node: &str,
    boot: &str,
    entries: &[Entry],
    now: UnixNanos,
) -> Result<Booked, StoreError> {
    let mut batch =
        Batch { node: write.word(Some(node))?, boot: write.word(Some(boot))?, deltas: Deltas::default() };
    let mut booked = Booked::default();
    for entry in entries {
        booked.results.push(match entry {
            Entry::Call(booking) => batch.book(write, booking)?,
            Entry::Outcome(report) => (tasks::heard(write, report, now)?, None),
        });
    }
    batch.deltas.flush(write)?;
    Ok(booked)
}

/// Ends open calls of which nobody ever said how they ended.
pub(super) fn close(write: &mut Write<'_>, ends: &[(CallId, Ended)]) -> Result<usize, StoreError> {
    let mut batch = Batch { node: 0, boot: 0, deltas: Deltas::default() };
    let mut closed: usize = 0;
    for (id, end) in ends {
        // It may have ended since it was looked at.
        if let Some(row) = Stored::find(write, *id)?.filter(|row| row.state == State::Open) {
            batch.end(write, &row, end)?;
            closed = closed.saturating_add(1);
        }
    }
    batch.deltas.flush(write)?;
    Ok(closed)
}

struct Batch {
    node: i64,
    boot: i64,
    deltas: Deltas,
}

type Answer = (ItemResult, Option<String>);
const ACCEPTED: Answer = (ItemResult::Accepted, None);
const DUPLICATE: Answer = (ItemResult::Duplicate, None);

fn conflict(detail: &str) -> Answer {
    (ItemResult::Conflict, Some(detail.to_owned()))
}

impl Batch {
    fn book(&mut self, write: &mut Write<'_>, booking: &Booking) -> Result<Answer, StoreError> {
        let Some(mut stored) = Stored::find(write, booking.id())? else {
            self.insert(write, booking)?;
            return Ok(ACCEPTED);
        };
        if booking.head_hash != stored.head_hash {
            if let Some(field) = stored.differs(write, booking)? {
                return Ok(conflict(&format!("the call is booked with another {field}")));
            }
            if booking.end.is_none() {
                return Ok(conflict("the call is booked with another head"));
            }
        }
        let Some(end) = &booking.end else { return Ok(DUPLICATE) };
        let is_new = matches!(stored.state, State::Open | State::Orphaned);
        if is_new && end.told.request_tokens.is_some() {
            stored.request_text_bytes = stored.standing_request_text_bytes(write, booking)?;
        }
        match stored.state {
            State::Finished | State::Refused if stored.end_hash == end.hash => Ok(DUPLICATE),
            State::Finished | State::Refused => Ok(conflict("the call is booked with another end")),
            State::Open => {
                self.end(write, &stored, end)?;
                Ok(ACCEPTED)
            }
            State::Orphaned => {
                self.correct(write, &stored, end)?;
                Ok(ACCEPTED)
            }
        }
    }

    /// A call that is not booked yet, with its end where the event has it.
    fn insert(&mut self, write: &mut Write<'_>, booking: &Booking) -> Result<(), StoreError> {
        let row = self.row(write, booking)?;
        let id = booking.id();
        let request = booking.head.request_id.as_ref().map(|text| fingerprint(text.as_bytes()));
        write.execute(
            INSERT,
            named_params! {
                ":id": id.as_bytes(), ":day": day(row.keys.started_at), ":started_at": row.keys.started_at,
                ":customer": row.keys.customer, ":workspace": row.keys.workspace, ":user": row.user,
                ":feature": row.keys.feature, ":task": row.keys.task, ":plan": row.keys.plan,
                ":provider": row.keys.provider, ":model": row.keys.model, ":route": row.keys.route,
                ":node": self.node, ":boot": self.boot, ":request_hash": request,
                ":hold_pico": booking.head.hold.and_then(|hold| i64::try_from(hold.pico()).ok()),
                ":head_hash": booking.head_hash,
            },
        )?;
        let charges = match &*booking.charges {
            [] => None,
            charges => Some(encode(&charges)?),
        };
        write.execute(
            "INSERT INTO details (id, head, charges) VALUES (?1, ?2, ?3)",
            (id.as_bytes(), &booking.head_bytes, charges),
        )?;
        for charge in &booking.charges {
            self.charge(write, charge, self.boot, 0, charge.held)?;
        }
        match &booking.end {
            Some(end) => self.end(write, &row, end),
            None => Ok(()),
        }
    }

    fn row(&self, write: &mut Write<'_>, booking: &Booking) -> Result<Stored, StoreError> {
        let head = &booking.head;
        let mut named = |dimension| write.word(head.attribution.name(dimension).map(|name| name.as_str()));
        let (customer, workspace) = (named(Dimension::Customer)?, named(Dimension::Workspace)?);
        let (user, feature, task) =
            (named(Dimension::User)?, named(Dimension::Feature)?, named(Dimension::Task)?);
        let keys = Keys {
            id: *head.id.as_bytes(),
            started_at: instant(head.started_at),
            customer,
            workspace,
            feature,
            task,
            plan: write.word(booking.plan.as_deref())?,
            provider: write.word(Some(&head.provider))?,
            model: write.word(head.model())?,
            route: write.word(head.route.as_deref())?,
            outcome: 0,
        };
        Ok(Stored {
            state: State::Open,
            keys,
            user,
            boot: self.boot,
            head_hash: booking.head_hash,
            end_hash: None,
            counted: None,
            charges: booking.charges.clone(),
            request_text_bytes: booking.head.request_text_bytes,
        })
    }

    /// Ends a call that is open.
    fn end(&mut self, write: &mut Write<'_>, row: &Stored, end: &Ended) -> Result<(), StoreError> {
        let mut keys = row.keys;
        if let Some(provider) = &end.provider {
            keys.provider = write.word(Some(provider))?;
        }
        if let Some(model) = &end.model {
            keys.model = write.word(Some(model))?;
        }
        let unpriced = end.verdict.unpriced.as_ref().map(super::names::unpriced);
        let reason = write.word(unpriced.as_deref())?;
        let (ending, outcome) = (write.word(Some(end.ending))?, write.word(end.outcome)?);
        keys.outcome = outcome;
        let (refused, usage_source) = (write.word(end.refused)?, write.word(Some(end.usage_source()))?);
        write.execute(
            END,
            named_params! {
                ":id": keys.id, ":state": end.state.code(), ":provider": keys.provider, ":model": keys.model,
                ":first_token_at": end.first_token_at.map(instant), ":finished_at": instant(end.finished_at),
                ":status": end.status, ":ending": ending,
                ":outcome": outcome, ":refused": refused, ":usage_source": usage_source,
                ":tokens_in": end.tokens_in, ":tokens_out": end.tokens_out,
                ":pricing": end.verdict.pricing.code(), ":unpriced": reason,
                ":cost_pico": end.verdict.cost, ":settled_pico": end.verdict.settled, ":end_hash": end.hash,
                ":matched": end.verdict.matched.map(super::names::matched_code),
                ":reported_pico": end.verdict.reported, ":computed_pico": end.verdict.computed,
                ":wasted_pico": end.verdict.wasted, ":fallback": end.verdict.fallback,
                ":premium_pico": end.verdict.premium, ":attempts": end.attempts,
            },
        )?;
        let lines = match &*end.verdict.lines {
            [] => None,
            lines => Some(encode(&lines)?),
        };
        write
            .execute("UPDATE details SET end = ?2, lines = ?3 WHERE id = ?1", (keys.id, &end.bytes, lines))?;
        let contribution = Contribution {
            refused: end.state == State::Refused,
            error: end.is_error,
            estimated: end.is_estimated(),
            unattributed: keys.customer == 0,
            tokens_in: end.tokens_in,
            tokens_out: end.tokens_out,
            cost_pico: end.verdict.cost,
            original_pico: end.verdict.cost,
            waste: end.waste(),
        };
        self.deltas.call(&keys, contribution.measures())?;
        if end.state != State::Refused {
            let (tier, region) = (end.tier.as_deref(), end.region.as_deref());
            let place = Place { keys: &keys, tier, region, wasted: &end.wasted };
            self.deltas.lines.add(write, &place, 0, (Sign::Plus, &end.verdict.lines))?;
            self.deltas.reported.add(&keys, &end.verdict)?;
            self.deltas.requests.add(write, &keys, (Sign::Plus, &end.requests))?;
        }
        if end.verdict.pricing != Pricing::Priced {
            let (tokens_in, tokens_out, others) = (end.tokens_in, end.tokens_out, end.others.clone());
            let call = UnpricedCall { reason, tokens_in, tokens_out, others };
            self.deltas.unpriced.add(write, &keys, (Sign::Plus, &call), false)?;
        }
        // The row of an open call, or of an orphaned one, names the model that was asked for.
        self.deltas.text.add(&keys, row.keys.model, end.told.sums(row.request_text_bytes))?;
        for charge in &row.charges {
            // A refused call whose start had been booked gives its hold back and settles nothing.
            let settled = match end.state {
                State::Refused => 0,
                _ => charge.settled(end.verdict.settled, &end.units),
            };
            self.charge(write, charge, row.boot, settled, charge.held.saturating_neg())?;
        }
        Ok(())
    }

    /// A call that had been closed as orphaned ended after all: what was booked for it is taken back, the end is
    /// booked, and a correction says so.
    fn correct(&mut self, write: &mut Write<'_>, stored: &Stored, end: &Ended) -> Result<(), StoreError> {
        if let Some(counted) = &stored.counted {
            let place = Place {
                keys: &stored.keys,
                tier: counted.tier.as_deref(),
                region: counted.region.as_deref(),
                wasted: &[],
            };
            self.deltas.lines.history(write, &place, Sign::Minus, &counted.standing.steps)?;
            self.deltas.call(&stored.keys, counted.contribution.measures().negated())?;
            self.deltas.requests.add(write, &stored.keys, (Sign::Minus, &counted.requests))?;
            if let Some((call, is_mended)) = &counted.unpriced {
                self.deltas.unpriced.add(write, &stored.keys, (Sign::Minus, call), *is_mended)?;
            }
            for charge in &stored.charges {
                let settled = charge.settled(counted.settled_pico, &counted.units);
                self.charge(write, charge, stored.boot, settled.saturating_neg(), charge.held)?;
            }
        }
        self.end(write, stored, end)?;
        write.execute(
            "INSERT INTO corrections (call, at, cause, before_pico, after_pico) VALUES (?1, ?2, 'late_end', ?3, ?4)",
            (
                stored.keys.id,
                instant(end.finished_at),
                stored.counted.as_ref().and_then(|counted| counted.contribution.cost_pico),
                end.verdict.cost,
            ),
        )?;
        Ok(())
    }

    fn charge(
        &mut self,
        write: &mut Write<'_>,
        charge: &Charge,
        boot: i64,
        settled: i64,
        held: i64,
    ) -> Result<(), StoreError> {
        let (cap, subject) = (write.word(Some(&charge.cap))?, write.word(Some(&charge.subject))?);
        self.deltas.cap((cap, subject, instant(charge.window_start), boot), settled, held);
        Ok(())
    }
}

fn encode<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    codec::encode(value).map_err(|error| StoreError::corrupt("a call's detail", error))
}

const INSERT: &str = "
    INSERT INTO calls (id, state, day, started_at, customer, workspace, user, feature, task, plan, provider, model,
        route, node, boot, request_hash, ending, outcome, refused, usage_source, tokens_in, tokens_out, unpriced,
        hold_pico, head_hash)
    VALUES (:id, 0, :day, :started_at, :customer, :workspace, :user, :feature, :task, :plan, :provider, :model,
        :route, :node, :boot, :request_hash, 0, 0, 0, 0, 0, 0, 0, :hold_pico, :head_hash)";

const END: &str = "
    UPDATE calls SET state = :state, provider = :provider, model = :model, first_token_at = :first_token_at, finished_at = :finished_at,
        status = :status, ending = :ending, outcome = :outcome, refused = :refused, usage_source = :usage_source,
        tokens_in = :tokens_in, tokens_out = :tokens_out, pricing = :pricing, unpriced = :unpriced,
        cost_pico = :cost_pico, settled_pico = :settled_pico, end_hash = :end_hash, matched = :matched,
        reported_pico = :reported_pico, computed_pico = :computed_pico, wasted_pico = :wasted_pico,
        fallback = :fallback, premium_pico = :premium_pico, attempts = :attempts
    WHERE id = :id";
