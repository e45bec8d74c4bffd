//! The clock. Everything else takes the time as an argument, so that a test can say what time it is.

use protocol::UnixNanos;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixNanos + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::from_source(system_now)
    }

    /// A clock that says what `source` says.
    pub fn from_source(source: impl Fn() -> UnixNanos + Send + Sync + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// The time.
    pub fn now(&self) -> UnixNanos {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
fn system_now() -> UnixNanos {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// Measures how long something takes, whatever happens to the system's clock meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts to measure.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks for the time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
