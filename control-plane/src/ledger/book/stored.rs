//! A call as the store has it, as far as booking asks.

use crate::{
    ledger::{
        Charge, State,
        aggregates::{Contribution, Keys},
        prepare::Booking,
        requests::Requests,
        standing::{COST, Cost, Standing},
        unpriced::UnpricedCall,
        waste::Waste,
    },
    store::{StoreError, Write, instant},
};
use protocol::{
    attribution::Dimension,
    codec,
    event::CallHead,
    ids::CallId,
    meters::{Meter, Units},
};
use rusqlite::{OptionalExtension, Row};

/// A call as it is booked.
pub(super) struct Stored {
    pub(super) state: State,
    pub(super) keys: Keys,
    pub(super) user: i64,
    pub(super) boot: i64,
    pub(super) head_hash: i64,
    pub(super) end_hash: Option<i64>,
    /// What it counts in the aggregates; only looked up for orphaned calls, to be taken back.
    pub(super) counted: Option<Counted>,
    pub(super) charges: Vec<Charge>,
    /// Of the head that stands; only looked up where something is learned from it.
    pub(super) request_text_bytes: Option<u64>,
}

pub(super) struct Counted {
    pub(super) contribution: Contribution,
    pub(super) standing: Standing,
    pub(super) tier: Option<Box<str>>,
    pub(super) region: Option<Box<str>>,
    pub(super) settled_pico: i64,
    pub(super) units: Units,
    pub(super) requests: Requests,
    /// Where its cost was not known when it was booked, and whether it has been since.
    pub(super) unpriced: Option<(UnpricedCall, bool)>,
}

impl Stored {
    pub(super) fn find(write: &Write<'_>, id: CallId) -> Result<Option<Self>, StoreError> {
        let mut find = write.statement(FIND)?;
        let found = find.query_row([id.as_bytes()], |row| {
            let charges: Option<Vec<u8>> = row.get("charges")?;
            Ok((Self::read(row, id)?, charges))
        });
        let Some((mut stored, charges)) = found.optional()? else { return Ok(None) };
        if stored.state == State::Orphaned {
            stored.counted = Some(Counted::load(write, &stored.keys)?);
        }
        if let Some(bytes) = charges {
            stored.charges =
                codec::decode(&bytes).map_err(|error| StoreError::corrupt("a call's charges", error))?;
        }
        Ok(Some(stored))
    }

    fn read(row: &Row<'_>, id: CallId) -> rusqlite::Result<Self> {
        let state = State::from_code(row.get("state")?).unwrap_or(State::Open);
        let keys = Keys {
            id: *id.as_bytes(),
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
        };
        Ok(Self {
            state,
            keys,
            user: row.get("user")?,
            boot: row.get("boot")?,
            head_hash: row.get("head_hash")?,
            end_hash: row.get("end_hash")?,
            counted: None,
            charges: Vec::new(),
            request_text_bytes: None,
        })
    }

    /// The event's head has it too, but the first head stands, and a rebuild knows no other.
    pub(super) fn standing_request_text_bytes(
        &self,
        write: &Write<'_>,
        booking: &Booking,
    ) -> Result<Option<u64>, StoreError> {
        if booking.head_hash == self.head_hash {
            return Ok(booking.head.request_text_bytes);
        }
        Ok(self.head(write)?.request_text_bytes)
    }

    /// The head that stands.
    fn head(&self, write: &Write<'_>) -> Result<CallHead, StoreError> {
        let mut find = write.statement("SELECT head FROM details WHERE id = ?1")?;
        let head: Vec<u8> = find.query_row([self.keys.id], |row| row.get(0))?;
        codec::decode(&head).map_err(|error| StoreError::corrupt("a call's head", error))
    }

    /// The first of the facts on which two heads of one call must agree whatever else they say: who, where, when.
    /// Heads may otherwise differ between start and end, as an upgrade of the filter between the two makes them;
    /// the first one stands.
    pub(super) fn differs(
        &self,
        write: &mut Write<'_>,
        booking: &Booking,
    ) -> Result<Option<&'static str>, StoreError> {
        let head = &booking.head;
        if instant(head.started_at) != self.keys.started_at {
            return Ok(Some("started_at"));
        }
        // The row says who served it.
        if write.word(Some(&head.provider))? != self.keys.provider
            && self.head(write)?.provider != head.provider
        {
            return Ok(Some("provider"));
        }
        for dimension in Dimension::ALL {
            let booked = match dimension {
                Dimension::Customer => self.keys.customer,
                Dimension::Workspace => self.keys.workspace,
                Dimension::User => self.user,
                Dimension::Feature => self.keys.feature,
                Dimension::Task => self.keys.task,
            };
            if write.word(head.attribution.name(dimension).map(|name| name.as_str()))? != booked {
                return Ok(Some(dimension.as_str()));
            }
        }
        Ok(None)
    }
}

impl Counted {
    fn load(write: &Write<'_>, keys: &Keys) -> Result<Self, StoreError> {
        let mut find = write.statement(&format!(
            "SELECT tokens_in, tokens_out, pricing, unpriced, {COST}, settled_pico, head, lines
             FROM calls JOIN details USING (id) WHERE id = ?1"
        ))?;
        let mut rows = find.query([keys.id])?;
        let row = rows.next()?.ok_or_else(|| StoreError::corrupt("a call", "is gone"))?;
        let (tokens_in, booked): (i64, Cost) = (row.get("tokens_in")?, Cost::booked(row)?);
        let head: Vec<u8> = row.get("head")?;
        let head: CallHead =
            codec::decode(&head).map_err(|error| StoreError::corrupt("a call's head", error))?;
        let standing = Standing::load(write.connection(), &keys.id, booked, row.get("lines")?)?;
        let requests = Requests::of_orphan(&head);
        let unpriced = match row.get("pricing")? {
            None | Some(0) => None,
            Some(_) => {
                let (reason, tokens_out) = (row.get("unpriced")?, row.get("tokens_out")?);
                let call = UnpricedCall { reason, tokens_in, tokens_out, others: Units::new() };
                Some((call, standing.cost.total.is_some()))
            }
        };
        Ok(Self {
            requests,
            unpriced,
            contribution: Contribution {
                refused: false,
                error: false,
                estimated: true,
                unattributed: keys.customer == 0,
                tokens_in,
                tokens_out: row.get("tokens_out")?,
                cost_pico: standing.cost.total,
                original_pico: booked.total,
                waste: Waste::default(),
            },
            standing,
            tier: head.request_tier,
            region: head.region,
            settled_pico: row.get::<_, Option<i64>>("settled_pico")?.unwrap_or(0),
            // An orphan is taken to have used its input and nothing else.
            units: Units::from([(Meter::Input, u64::try_from(tokens_in).unwrap_or(0))]),
        })
    }
}

const FIND: &str = "
    SELECT state, started_at, customer, workspace, user, feature, task, plan, provider, model, route, outcome, boot, head_hash,
        end_hash, charges
    FROM calls JOIN details USING (id) WHERE id = ?1";
