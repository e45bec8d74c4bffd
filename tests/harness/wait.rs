//! Waiting for a condition, with an end. Nothing else in the tests waits.

use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Long enough for a busy two-core machine; a condition that takes longer will not come.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Short beside anything that is waited for, long beside what one look costs.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The time, for tests that must say when something was.
#[expect(clippy::disallowed_methods, reason = "the tests' one clock")]
pub fn unix_now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970")
}

/// Looks until there is an answer; `None` when patience ends first.
pub async fn patiently<T>(patience: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(answer) = look().await {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Looks until there is an answer, and panics with `what` was waited for when there is none.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    match patiently(PATIENCE, look).await {
        Some(answer) => answer,
        None => panic!("waited {} s in vain until {what}", PATIENCE.as_secs()),
    }
}
