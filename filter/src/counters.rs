//! The counters of caps in Envoy's shared data, changed by compare-and-swap, so that all workers of the process see
//! one count. Shared data never forgets a key, so the keys are a fixed number of slots with the counters inside:
//! memory is bounded by slots × counters, however many customers and tasks pass.

use protocol::{UnixNanos, allowance::Counter};

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
/// About what one counter takes.
const COUNTER_BYTES: usize = 160;
/// The form of a slot; a slot in another form counts as empty.
const FORM: u8 = 1;

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
        let (before, version) = match stored {
            Some((bytes, version)) => (bytes, Some(version)),
            None => (Vec::new(), None),
        };
        let mut counters = decode(&before);
        let position =
            match counters.iter().position(|counter| *counter.cap == *cap && *counter.subject == *subject) {
                Some(position) => position,
                None => {
                    make_room(&mut counters, now)?;
                    counters.push(Counter::new(cap, subject));
                    counters.len().saturating_sub(1)
                }
            };
        let Some(counter) = counters.get_mut(position) else { return Err(CounterFault::SlotFull) };
        let answer = change(counter);
        let after = encode(&counters);
        if after == before {
            return Ok(answer);
        }
        if shared.swap(&key, &after, version).map_err(|Unavailable| CounterFault::Unavailable)? {
            return Ok(answer);
        }
    }
    Err(CounterFault::Contended)
}

/// Evicts what nothing is open on and no grant lives for: the control plane knows its totals.
fn make_room(counters: &mut Vec<Counter>, now: UnixNanos) -> Result<(), CounterFault> {
    if counters.len() >= COUNTERS_PER_SLOT {
        counters.retain(|counter| counter.held > 0 || counter.expires_at > now);
    }
    if counters.len() >= COUNTERS_PER_SLOT { Err(CounterFault::SlotFull) } else { Ok(()) }
}

fn slot_key(cap: &str, subject: &str) -> String {
    let bytes = cap.bytes().chain([0]).chain(subject.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("bursar/counters/{}", hash % SLOTS)
}

fn encode(counters: &[Counter]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(counters.len().saturating_mul(COUNTER_BYTES).saturating_add(1));
    bytes.push(FORM);
    for counter in counters {
        for text in [&counter.cap, &counter.subject] {
            bytes.extend(u16::try_from(text.len()).unwrap_or(0).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        let Counter { spent, held, allowance, denied_need, limit, others, .. } = counter;
        for amount in [spent, held, allowance, denied_need, limit, others] {
            bytes.extend(amount.to_le_bytes());
        }
        let Counter { window_start, window_end, expires_at, denied_until, revision, .. } = counter;
        for instant in [window_start, window_end, expires_at, denied_until, revision] {
            bytes.extend(instant.to_le_bytes());
        }
    }
    bytes
}

fn decode(bytes: &[u8]) -> Vec<Counter> {
    let mut counters = Vec::new();
    let Some(mut rest) = bytes.strip_prefix(&[FORM]) else { return counters };
    while let Some(counter) = decode_one(&mut rest) {
        counters.push(counter);
    }
    counters
}

fn decode_one(rest: &mut &[u8]) -> Option<Counter> {
    let mut take = |count: usize| {
        let (piece, after) = rest.split_at_checked(count)?;
        *rest = after;
        Some(piece)
    };
    let mut text = || {
        let length = u16::from_le_bytes(take(2)?.try_into().ok()?);
        std::str::from_utf8(take(usize::from(length))?).ok()
    };
    let mut counter = Counter::new(text()?, text()?);
    let Counter { spent, held, allowance, denied_need, limit, others, .. } = &mut counter;
    for amount in [spent, held, allowance, denied_need, limit, others] {
        *amount = i64::from_le_bytes(take(8)?.try_into().ok()?);
    }
    let Counter { window_start, window_end, expires_at, denied_until, revision, .. } = &mut counter;
    for instant in [window_start, window_end, expires_at, denied_until, revision] {
        *instant = u64::from_le_bytes(take(8)?.try_into().ok()?);
    }
    Some(counter)
}

#[cfg(test)]
pub(crate) mod tests;
