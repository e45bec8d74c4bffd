//! Answers that are made in the background: whoever fetches one is told its usage each time, and it is billed once.
//! The last ones told are remembered in shared data, so over all workers of an Envoy; two Envoys that serve the same
//! poller both tell it.

use crate::counters::{self, SharedData};

const SLOTS: u64 = 64;
/// So many are remembered in each slot, the last ones told.
const PER_SLOT: usize = 64;
const TRIES_MAX: u32 = 100;

/// Whether this is the first time that the usage of an answer is told here. Where nobody can say, it is: a call that
/// is told twice is found by reconciling, one that is not told is lost.
pub(super) fn is_first_told(shared: &impl SharedData, provider: &str, id: &str) -> bool {
    let hash = counters::hash(provider, id);
    let key = format!("bursar/background/{}", hash % SLOTS);
    let hash = hash.to_le_bytes();
    for _ in 0..TRIES_MAX {
        let Ok(stored) = shared.read(&key) else { return true };
        let (mut told, version) =
            stored.map_or((Vec::new(), None), |(bytes, version)| (bytes, Some(version)));
        if told.chunks(hash.len()).any(|other| other == hash) {
            return false;
        }
        told.extend_from_slice(&hash);
        let excess = told.len().saturating_sub(PER_SLOT.saturating_mul(hash.len()));
        told.drain(..excess.min(told.len()));
        match shared.swap(&key, &told, version) {
            Ok(true) => return true,
            Ok(false) => {}
            Err(_) => return true,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::tests::InMemory;

    #[test]
    fn an_answer_from_the_background_is_told_once() {
        let shared = InMemory::default();
        assert!(is_first_told(&shared, "openai", "resp_1"));
        assert!(!is_first_told(&shared, "openai", "resp_1"));
        assert!(is_first_told(&shared, "azure", "resp_1"));
        for other in 0..20_000 {
            is_first_told(&shared, "openai", &format!("other_{other}"));
        }
        assert!(
            is_first_told(&shared, "openai", "resp_1"),
            "memory is bounded, and the oldest is forgotten first"
        );
    }
}
