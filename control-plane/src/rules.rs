//! The rules in force: policy and prices, in the form that booking, allowances and snapshots need. Immutable; a
//! change makes new ones. Nothing here writes.

use crate::{
    policy::Policy,
    prices::PriceTable,
    store::{self, StoreError, policies::StoredPolicy},
};
use protocol::{
    UnixNanos,
    cap::{CapSpec, Facet, Facets, SubjectMatch},
    ids::Name,
};
use rusqlite::Connection;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The most windows kept at hand; each costs a look into the time zone database to compute.
const WINDOWS_MAX: usize = 50_000;
/// How often filters are told anew in which hours prices hold.
const HOURS_TOLD_NS: u64 = 12 * 3_600_000_000_000;

/// Policy and prices in force.
#[derive(Debug)]
pub struct Rules {
    /// The policy, with its version.
    pub stored: StoredPolicy,
    /// All prices of all times.
    pub prices: PriceTable,
    /// Tasks that somebody released from the loop guard, and when.
    pub released: BTreeMap<Box<str>, UnixNanos>,
    caps: Vec<CapSpec>,
    by_id: BTreeMap<Box<str>, usize>,
    /// Caps that are about one name of a facet: a policy may have one for each of ten thousand customers, and a
    /// call must not look at all of them.
    by_name: BTreeMap<(Facet, Name), Vec<usize>>,
    by_anything_else: Vec<usize>,
    windows: Mutex<Windows>,
}

type Windows = BTreeMap<(usize, Box<str>), (UnixNanos, UnixNanos)>;

impl Rules {
    /// From the store.
    pub fn load(connection: &Connection) -> Result<Self, StoreError> {
        let stored = store::policies::current(connection)?;
        let prices = PriceTable::new(store::prices::rows(connection)?, stored.policy.prices.clone());
        let released = store::loops::released(connection)?;
        Ok(Self { released, ..Self::new(stored, prices) })
    }

    /// From a policy and prices.
    pub fn new(stored: StoredPolicy, prices: PriceTable) -> Self {
        let caps = stored.policy.cap_specs();
        let (mut by_id, mut by_name, mut by_anything_else) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for (index, cap) in caps.iter().enumerate() {
            by_id.insert(cap.id.clone(), index);
            let named = cap.subject.iter().find_map(|(facet, matcher)| match matcher {
                SubjectMatch::Is(name) => Some((*facet, name.clone())),
                SubjectMatch::Each | SubjectMatch::Absent => None,
            });
            match named {
                Some(key) => by_name.entry(key).or_insert_with(Vec::new).push(index),
                None => by_anything_else.push(index),
            }
        }
        let (released, windows) = (BTreeMap::new(), Mutex::default());
        Self { stored, prices, released, caps, by_id, by_name, by_anything_else, windows }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.stored.policy
    }

    /// Every cap, the most restrictive window first.
    pub fn caps(&self) -> &[CapSpec] {
        &self.caps
    }

    /// The cap of that id.
    pub fn cap(&self, id: &str) -> Option<&CapSpec> {
        self.caps.get(*self.by_id.get(id)?)
    }

    /// The caps that a call falls under, in the policy's order, each with the key of its count.
    pub fn caps_of(&self, call: &Facets<'_>) -> Vec<(&CapSpec, Box<str>)> {
        let numbered = self.numbered_caps_of(call).into_iter();
        numbered.filter_map(|(index, subject)| Some((self.caps.get(index)?, subject))).collect()
    }

    /// The same, by each cap's place among [`caps`](Self::caps).
    pub fn numbered_caps_of(&self, call: &Facets<'_>) -> Vec<(usize, Box<str>)> {
        let named = Facet::ALL.into_iter().filter(|_| !self.by_name.is_empty()).filter_map(|facet| {
            let name: Name = call.value(facet)?.parse().ok()?;
            self.by_name.get(&(facet, name))
        });
        let candidates = named.flatten().chain(&self.by_anything_else);
        let about = |index: &usize| Some((*index, self.caps.get(*index)?.subject_of(call)?));
        let mut found: Vec<(usize, Box<str>)> = candidates.filter_map(about).collect();
        found.sort_by_key(|(index, _)| *index);
        found
    }

    /// The window of a cap's count that an instant falls into.
    pub fn window(&self, cap: &CapSpec, subject: &str, at: UnixNanos) -> (UnixNanos, UnixNanos) {
        let Some(index) = self.by_id.get(&cap.id) else {
            return self.policy().window_of(cap, subject, at);
        };
        let key = (*index, subject.into());
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(window) = windows.get(&key).filter(|(start, end)| (*start..*end).contains(&at)) {
            return *window;
        }
        let window = self.policy().window_of(cap, subject, at);
        if windows.len() >= WINDOWS_MAX {
            windows.clear();
        }
        windows.insert(key, window);
        window
    }

    /// The plan of a customer.
    pub fn plan_of(&self, customer: Option<&Name>) -> Option<&str> {
        self.policy().plan_of(customer?.as_str()).map(|(name, _)| name.as_str())
    }

    /// The next instant after `now` at which another price is in force.
    pub fn next_price_change(&self, now: UnixNanos) -> Option<UnixNanos> {
        let rows = self.prices.rows().flat_map(|row| [Some(row.effective_from), row.effective_to]);
        // Filters know the hours of a day and a bit.
        let has_hours = self.prices.rows().any(|row| row.key.hours.is_some());
        let new_hours = has_hours.then_some(now.saturating_add(HOURS_TOLD_NS));
        let instants = rows.flatten().chain(self.policy().prices.changes()).chain(new_hours);
        instants.filter(|at| *at > now).min()
    }
}
