//! The counters of caps in Envoy's shared data, changed by compare-and-swap, so that all workers of the process see
//! one count. Shared data never forgets a key, so the keys are a fixed number of slots with the counters inside:
//! memory is bounded by slots × counters, however many customers and tasks pass.

use protocol::{UnixNanos, allowance::Counter};
use std::ops::Range;

/// What the counters need of Envoy's shared data.
pub trait SharedData {
    /// The bytes of a key with their version; `None` where nobody ever set it.
    fn read(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, Unavailable>;
    /// Sets a key if it still has that version, or still is absent; says whether it did.
    fn swap(&self, key: &str, value: &[u8], version: Option<u32>) -> Result<bool, Unavailable>;
}

/// The host did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// Why a counter could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterFault {
    /// Shared data cannot be used.
    Unavailable,
    /// Others won a thousand times in a row. The most seen was 165.
    Contended,
    /// Sixteen open counters share the slot.
    SlotFull,
}

/// With 4,096 slots of 16 counters of some 250 bytes, the counters take 16 MB at most.
const SLOTS: u64 = 4_096;
const COUNTERS_PER_SLOT: usize = 16;
const TRIES_MAX: u32 = 1_000;
/// A counter's numbers, eight bytes each.
const NUMBERS: usize = 12;
const NUMBERS_BYTES: usize = 96;
/// The form of a slot; a slot in another form counts as empty.
const FORM: u8 = 2;

/// Changes one counter, making it if it is new. `change` runs again whenever another worker was faster.
pub fn update<R>(
    shared: &impl SharedData,
    cap: &str,
    subject: &str,
    now: UnixNanos,
    mut change: impl FnMut(&mut Counter) -> R,
) -> Result<R, CounterFault> {
    let key = slot_key(cap, subject);
    for _ in 0..TRIES_MAX {
        let stored = shared.read(&key).map_err(|Unavailable| CounterFault::Unavailable)?;
        let (mut slot, version) = match stored {
            Some((bytes, version)) => (Slot::read(bytes), Some(version)),
            None => (Slot::read(Vec::new()), None),
        };
        let found = slot.find(cap, subject);
        let is_new = found.is_none();
        let place = match found {
            Some(place) => place,
            None => slot.add(cap, subject, now)?,
        };
        let before = slot.counter(&place);
        let mut after = before;
        let answer = change(&mut after);
        // A new one is kept also where nothing has come of it: what is asked for it now is answered to this very one.
        if after == before && !is_new {
            return Ok(answer);
        }
        slot.put(&place, &after);
        if shared.swap(&key, &slot.bytes, version).map_err(|Unavailable| CounterFault::Unavailable)? {
            return Ok(answer);
        }
    }
    Err(CounterFault::Contended)
}

/// FNV-1a over cap and subject. Two that collide share a slot, and are told apart there by their text.
pub fn hash(cap: &str, subject: &str) -> u64 {
    let bytes = cap.bytes().chain([0]).chain(subject.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn slot_key(cap: &str, subject: &str) -> String {
    decimal_key("bursar/counters/", hash(cap, subject) % SLOTS)
}

/// The number of a slot behind its kind. By hand, since this runs several times in every call, where `format!` is dear.
fn decimal_key(kind: &str, slot: u64) -> String {
    let digits = [1_000, 100, 10, 1].map(|unit: u64| slot.checked_div(unit).unwrap_or(0));
    let leading = digits.iter().take(3).take_while(|digits| **digits == 0).count();
    let mut key = String::with_capacity(24);
    key.push_str(kind);
    key.extend(digits.iter().skip(leading).map(|digits| {
        let digit = u32::try_from(digits % 10).unwrap_or(0);
        char::from_digit(digit, 10).unwrap_or('0')
    }));
    key
}

/// The counters of one key, in the bytes that are stored: per counter the length and text of cap and subject, and
/// twelve numbers. They are changed where they stand, since this runs several times in every call.
struct Slot {
    bytes: Vec<u8>,
}

/// Where the numbers of one counter are.
struct Place(Range<usize>);

/// One counter in a slot.
struct Entry<'a> {
    cap: &'a [u8],
    subject: &'a [u8],
    start: usize,
    numbers: Range<usize>,
}

impl Slot {
    /// A slot in another form counts as empty.
    fn read(bytes: Vec<u8>) -> Self {
        let bytes = if bytes.first() == Some(&FORM) { bytes } else { vec![FORM] };
        Self { bytes }
    }

    fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut at = 1_usize;
        std::iter::from_fn(move || {
            let start = at;
            let text = |from: usize| {
                let length = self.bytes.get(from..from.checked_add(2)?)?.try_into().ok()?;
                let begin = from.checked_add(2)?;
                let end = begin.checked_add(usize::from(u16::from_le_bytes(length)))?;
                Some((self.bytes.get(begin..end)?, end))
            };
            let (cap, cap_end) = text(at)?;
            let (subject, subject_end) = text(cap_end)?;
            let numbers = subject_end..subject_end.checked_add(NUMBERS_BYTES)?;
            self.bytes.get(numbers.clone())?;
            at = numbers.end;
            Some(Entry { cap, subject, start, numbers })
        })
    }

    fn find(&self, cap: &str, subject: &str) -> Option<Place> {
        let mut entries = self.entries();
        let found =
            entries.find(|entry| entry.cap == cap.as_bytes() && entry.subject == subject.as_bytes())?;
        Some(Place(found.numbers))
    }

    /// Adds a counter, where need be in the room of those on which nothing is open and for which no grant lives:
    /// the control plane knows their totals.
    fn add(&mut self, cap: &str, subject: &str, now: UnixNanos) -> Result<Place, CounterFault> {
        if self.entries().count() >= COUNTERS_PER_SLOT {
            let is_needed = |entry: &Entry<'_>| {
                let counter = self.counter(&Place(entry.numbers.clone()));
                counter.held > 0 || counter.expires_at > now
            };
            let needed = self.entries().filter(is_needed);
            let kept = needed.filter_map(|entry| self.bytes.get(entry.start..entry.numbers.end));
            self.bytes = std::iter::once(&[FORM][..]).chain(kept).collect::<Vec<_>>().concat();
        }
        if self.entries().count() >= COUNTERS_PER_SLOT {
            return Err(CounterFault::SlotFull);
        }
        for text in [cap, subject] {
            let length = u16::try_from(text.len()).map_err(|_| CounterFault::SlotFull)?;
            self.bytes.extend(length.to_le_bytes());
            self.bytes.extend_from_slice(text.as_bytes());
        }
        let start = self.bytes.len();
        self.bytes.resize(start.saturating_add(NUMBERS_BYTES), 0);
        let place = Place(start..self.bytes.len());
        // If it was here before and made room for others, its reports are newer than those of that time, and what was
        // held then is not held now.
        let revision = now / 1_000;
        self.put(&place, &Counter { revision, since: revision, ..Counter::default() });
        Ok(place)
    }

    fn counter(&self, place: &Place) -> Counter {
        let mut numbers = self.bytes.get(place.0.clone()).unwrap_or_default().chunks_exact(8);
        let mut next = || numbers.next().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        Counter {
            window_start: u64::from_le_bytes(next()),
            window_end: u64::from_le_bytes(next()),
            spent: i64::from_le_bytes(next()),
            held: i64::from_le_bytes(next()),
            allowance: i64::from_le_bytes(next()),
            expires_at: u64::from_le_bytes(next()),
            denied_need: i64::from_le_bytes(next()),
            denied_until: u64::from_le_bytes(next()),
            limit: i64::from_le_bytes(next()),
            others: i64::from_le_bytes(next()),
            revision: u64::from_le_bytes(next()),
            since: u64::from_le_bytes(next()),
        }
    }

    fn put(&mut self, place: &Place, counter: &Counter) {
        let numbers: [[u8; 8]; NUMBERS] = [
            counter.window_start.to_le_bytes(),
            counter.window_end.to_le_bytes(),
            counter.spent.to_le_bytes(),
            counter.held.to_le_bytes(),
            counter.allowance.to_le_bytes(),
            counter.expires_at.to_le_bytes(),
            counter.denied_need.to_le_bytes(),
            counter.denied_until.to_le_bytes(),
            counter.limit.to_le_bytes(),
            counter.others.to_le_bytes(),
            counter.revision.to_le_bytes(),
            counter.since.to_le_bytes(),
        ];
        if let Some(bytes) = self.bytes.get_mut(place.0.clone()) {
            bytes.copy_from_slice(numbers.as_flattened());
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
