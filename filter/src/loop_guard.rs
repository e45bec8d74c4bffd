//! The loop guard: what a task has done lately, in Envoy's shared data, so that all workers of the process see one
//! count, and whether its next call is one too many. Of requests and tool calls it knows fingerprints, never the text.
//!
//! Memory is bounded like that of the counters of caps: a fixed number of slots with a fixed number of tasks each; the
//! task that was quiet for longest makes room.

use crate::{
    counters::{SharedData, Unavailable},
    fingerprint::Fingerprint,
};
use protocol::{
    UnixNanos,
    cap::Amount,
    loop_guard::{LoopAction, LoopRule, LoopSpec},
};

const SLOTS: u64 = 4_096;
const TASKS_PER_SLOT: usize = 4;
const TRIES_MAX: u32 = 1_000;
/// Fingerprints that are remembered of one task. A loop over more different requests is one that the limits on calls
/// and cost are for.
const MARKS: usize = 12;
/// A task's numbers, eight bytes each: its hash, eight facts, and three for each mark.
const NUMBERS: usize = 9 + 3 * MARKS;
const TASK_BYTES: usize = NUMBERS * 8;
const MINUTE_NS: u64 = 60_000_000_000;

/// A call above a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tripped {
    /// Which.
    pub rule: LoopRule,
    /// When the next call may pass.
    pub until: UnixNanos,
}

/// How a call ended, as far as the guard asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What it cost, in pico-dollars.
    pub cost_pico: Amount,
    /// It ended in an error, or with JSON that is none.
    pub failed: bool,
    /// Of the tool calls that the model asked for.
    pub tool_calls: Option<u64>,
}

/// Counts a call that wants to begin; says which limit it is above.
pub fn begin(
    shared: &impl SharedData,
    spec: &LoopSpec,
    task: &str,
    request: Option<u64>,
    now: UnixNanos,
) -> Result<Option<Tripped>, Unavailable> {
    let released = spec.released.get(task).copied().unwrap_or(0);
    update(shared, task, now, |watch| watch.begin(spec, request, released, now))
}

/// Counts a call's end.
pub fn end(
    shared: &impl SharedData,
    spec: &LoopSpec,
    task: &str,
    ended: &Ended,
    now: UnixNanos,
) -> Result<(), Unavailable> {
    update(shared, task, now, |watch| watch.end(spec, ended, now))
}

/// Something that was seen, since when, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark {
    fingerprint: u64,
    since: UnixNanos,
    count: u64,
}

/// What is known of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Watch {
    /// Of the task's name; 0: a free place.
    task: u64,
    since: UnixNanos,
    last_at: UnixNanos,
    minute: UnixNanos,
    in_minute: u64,
    calls: u64,
    cost_pico: Amount,
    failures: u64,
    /// The limit that stopped it, by its place and one, in the lowest byte; above that until when.
    stopped: u64,
    marks: [Mark; MARKS],
}

impl Watch {
    fn begin(
        &mut self,
        spec: &LoopSpec,
        request: Option<u64>,
        released: UnixNanos,
        now: UnixNanos,
    ) -> Option<Tripped> {
        let quiet = now.saturating_sub(self.last_at) > spec.release_after_ns;
        let over = self.stopped_until().is_some_and(|(_, until)| now >= until);
        if self.last_at == 0 || quiet || over || released > self.since {
            *self = Self { task: self.task, since: now.max(released), ..Self::default() };
        }
        if let Some((rule, until)) = self.stopped_until() {
            return Some(Tripped { rule, until });
        }
        self.last_at = now;
        self.calls = self.calls.saturating_add(1);
        let minute = now.saturating_sub(now % MINUTE_NS);
        if minute != self.minute {
            (self.minute, self.in_minute) = (minute, 0);
        }
        self.in_minute = self.in_minute.saturating_add(1);
        let repeats =
            request.map_or(Mark::default(), |request| self.mark(request & !TOOL_CALL, spec.within_ns, now));
        let above = |limit: Option<u32>, count: u64| limit.is_some_and(|limit| count > u64::from(limit));
        let later = |from: UnixNanos, length: u64| from.saturating_add(length);
        let forever = later(now, spec.release_after_ns);
        let tool_calls = self.marks.iter().filter(|mark| is_tool_call(mark.fingerprint));
        let most = tool_calls.filter(|mark| now.saturating_sub(mark.since) <= spec.within_ns);
        let most = most.max_by_key(|mark| mark.count).copied().unwrap_or_default();
        let checks = [
            (
                LoopRule::IdenticalRequests,
                above(spec.identical_requests, repeats.count),
                later(repeats.since, spec.within_ns),
            ),
            (
                LoopRule::IdenticalToolCalls,
                spec.identical_tool_calls.is_some_and(|limit| most.count >= u64::from(limit)),
                later(most.since, spec.within_ns),
            ),
            (
                LoopRule::CallsPerMinute,
                above(spec.calls_per_minute, self.in_minute),
                later(minute, MINUTE_NS),
            ),
            (LoopRule::Calls, above(spec.calls, self.calls), forever),
            (LoopRule::Cost, spec.cost_pico.is_some_and(|limit| self.cost_pico >= limit), forever),
            (
                LoopRule::ConsecutiveFailures,
                spec.consecutive_failures.is_some_and(|limit| self.failures >= u64::from(limit)),
                forever,
            ),
        ];
        let (rule, _, next) = checks.into_iter().find(|(_, is_above, _)| *is_above)?;
        match spec.action {
            LoopAction::Refuse => {
                self.stop(rule, forever);
                Some(Tripped { rule, until: forever })
            }
            LoopAction::Throttle => {
                // It was not made, so it does not count among those that were.
                self.calls = self.calls.saturating_sub(1);
                self.in_minute = self.in_minute.saturating_sub(1);
                Some(Tripped { rule, until: next })
            }
            LoopAction::Warn | LoopAction::Shadow => Some(Tripped { rule, until: next }),
        }
    }

    fn end(&mut self, spec: &LoopSpec, ended: &Ended, now: UnixNanos) {
        self.last_at = self.last_at.max(now);
        self.cost_pico = self.cost_pico.saturating_add(ended.cost_pico);
        self.failures = if ended.failed { self.failures.saturating_add(1) } else { 0 };
        if let Some(tool_calls) = ended.tool_calls {
            self.mark(tool_calls | TOOL_CALL, spec.within_ns, now);
        }
    }

    /// Counts something that was seen. What was seen longest ago makes room.
    fn mark(&mut self, fingerprint: u64, within_ns: u64, now: UnixNanos) -> Mark {
        let known = self.marks.iter().position(|mark| mark.fingerprint == fingerprint);
        let oldest = || {
            let places = self.marks.iter().enumerate();
            places.min_by_key(|(_, mark)| mark.since).map_or(0, |(place, _)| place)
        };
        let place = known.unwrap_or_else(oldest);
        let Some(mark) = self.marks.get_mut(place) else { return Mark::default() };
        if known.is_none() || now.saturating_sub(mark.since) > within_ns {
            *mark = Mark { fingerprint, since: now, count: 0 };
        }
        mark.count = mark.count.saturating_add(1);
        *mark
    }

    fn stop(&mut self, rule: LoopRule, until: UnixNanos) {
        let place = LoopRule::ALL.iter().position(|known| *known == rule).unwrap_or(0);
        let place = u64::try_from(place).unwrap_or(0).saturating_add(1);
        // Nanoseconds since 1970 have room for a byte, but not above them: microseconds have.
        self.stopped = (until / 1_000) << 8 | place;
    }

    fn stopped_until(&self) -> Option<(LoopRule, UnixNanos)> {
        let place = usize::try_from(self.stopped & 0xff).ok()?.checked_sub(1)?;
        Some((*LoopRule::ALL.get(place)?, (self.stopped >> 8).saturating_mul(1_000)))
    }

    fn read(bytes: &[u8]) -> Self {
        let mut numbers = bytes.chunks_exact(8);
        let mut next = || {
            let bytes = numbers.next().and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_le_bytes)
        };
        Self {
            task: next(),
            since: next(),
            last_at: next(),
            minute: next(),
            in_minute: next(),
            calls: next(),
            cost_pico: Amount::try_from(next()).unwrap_or(Amount::MAX),
            failures: next(),
            stopped: next(),
            marks: std::array::from_fn(|_| Mark { fingerprint: next(), since: next(), count: next() }),
        }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let cost = u64::try_from(self.cost_pico).unwrap_or(0);
        let facts = [
            self.task,
            self.since,
            self.last_at,
            self.minute,
            self.in_minute,
            self.calls,
            cost,
            self.failures,
            self.stopped,
        ];
        let marks = self.marks.iter().flat_map(|mark| [mark.fingerprint, mark.since, mark.count]);
        for number in facts.into_iter().chain(marks) {
            bytes.extend(number.to_le_bytes());
        }
    }
}

/// The highest bit tells fingerprints of tool calls from those of requests.
const TOOL_CALL: u64 = 1 << 63;

fn is_tool_call(fingerprint: u64) -> bool {
    fingerprint & TOOL_CALL != 0
}

fn update<R>(
    shared: &impl SharedData,
    task: &str,
    now: UnixNanos,
    mut change: impl FnMut(&mut Watch) -> R,
) -> Result<R, Unavailable> {
    let task = Fingerprint::of(task.as_bytes());
    let key = format!("bursar/loops/{}", task % SLOTS);
    for _ in 0..TRIES_MAX {
        let stored = shared.read(&key)?;
        let version = stored.as_ref().map(|(_, version)| *version);
        let bytes = stored.map(|(bytes, _)| bytes).unwrap_or_default();
        let mut watches: Vec<Watch> = bytes.chunks_exact(TASK_BYTES).map(Watch::read).collect();
        let place = match watches.iter().position(|watch| watch.task == task) {
            Some(place) => place,
            None if watches.len() < TASKS_PER_SLOT => {
                watches.push(Watch { task, ..Watch::default() });
                watches.len().saturating_sub(1)
            }
            None => {
                let quietest = watches.iter().enumerate().min_by_key(|(_, watch)| watch.last_at);
                let place = quietest.map_or(0, |(place, _)| place);
                if let Some(watch) = watches.get_mut(place) {
                    *watch = Watch { task, ..Watch::default() };
                }
                place
            }
        };
        let Some(watch) = watches.get_mut(place) else { return Err(Unavailable) };
        let before = watch.clone();
        let answer = change(watch);
        if *watch == before && now > 0 {
            return Ok(answer);
        }
        let mut bytes = Vec::with_capacity(watches.len().saturating_mul(TASK_BYTES));
        watches.iter().for_each(|watch| watch.write(&mut bytes));
        if shared.swap(&key, &bytes, version)? {
            return Ok(answer);
        }
    }
    Err(Unavailable)
}

#[cfg(test)]
mod tests;
