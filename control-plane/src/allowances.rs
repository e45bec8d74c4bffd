//! Who may use how much of a cap. Runs `protocol::allowance::grant` over what has been handed out, in the store's
//! one writer, so that two Envoys can never be given the same room. What caps are and when their windows turn is the
//! policy's business; what calls cost is the ledger's.

mod holds;

pub use holds::Hold;

use crate::{
    policy::Policy,
    store::{StoreError, Write, word_id},
};
use protocol::{
    UnixNanos,
    allowance::{self, AllowanceReply, AllowanceRequest, CounterReport, Grant, Moment, Share},
    cap::{Amount, CapSpec},
};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Answers one Envoy. Asking twice for the same thing changes nothing but the time until which it is granted.
pub fn answer(
    write: &mut Write<'_>,
    policy: &Policy,
    caps: &[CapSpec],
    request: &AllowanceRequest,
    moment: Moment,
) -> Result<AllowanceReply, StoreError> {
    let mut reply = AllowanceReply::default();
    for report in &request.counters {
        let Some(cap) = caps.iter().find(|cap| cap.id == report.cap) else {
            reply.unknown_caps.push(report.cap.clone());
            continue;
        };
        let window = policy.window_of(cap, &report.subject, moment.now);
        reply.grants.push(grant(write, cap, window, request, report, moment)?);
    }
    Ok(reply)
}

fn grant(
    write: &mut Write<'_>,
    cap: &CapSpec,
    (window_start, window_end): (UnixNanos, UnixNanos),
    request: &AllowanceRequest,
    report: &CounterReport,
    moment: Moment,
) -> Result<Grant, StoreError> {
    let boot = write.word(Some(&request.boot))?;
    let node = write.word(Some(&request.node))?;
    let key = Key {
        cap: write.word(Some(&cap.id))?,
        subject: write.word(Some(&report.subject))?,
        window_start: sql(window_start),
    };
    let mut parts = parts(write.connection(), &key)?;
    let mut own = parts.remove(&boot).unwrap_or_default().share;
    let others: Vec<Share> = parts.into_values().map(|part| part.share).collect();
    let limit = cap.limit_at(&report.subject, moment.now);
    let grant = allowance::grant(limit, (window_start, window_end), &mut own, &others, report, moment);
    keep(write, &key, boot, node, &own)?;
    Ok(grant)
}

/// The state of one cap for one subject in its current window: a row of `GET /v1/caps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapState {
    /// The cap.
    pub cap: CapSpec,
    /// The subject's key.
    pub subject: Box<str>,
    /// The limit now: the cap's, or a higher one for a while.
    pub limit: Amount,
    /// The window's start.
    pub window_start: UnixNanos,
    /// The window's end.
    pub window_end: UnixNanos,
    /// What calls that ended have cost, by the ledger.
    pub spent: Amount,
    /// What calls that are open hold.
    pub held: Amount,
    /// What Envoys may use, spent included.
    pub handed_out: Amount,
    /// The open calls that hold something of it, the oldest first; a hundred at most.
    pub holds: Vec<Hold>,
}

impl CapState {
    /// What has been spent and held above the limit.
    pub fn debt(&self) -> Amount {
        self.spent.saturating_add(self.held).saturating_sub(self.limit).max(0)
    }
}

/// Every cap with a count in its current window, and those that are about one subject alone even without.
pub fn caps(
    connection: &Connection,
    policy: &Policy,
    caps: &[CapSpec],
    now: UnixNanos,
) -> Result<Vec<CapState>, StoreError> {
    let mut states = Vec::new();
    let mut open = holds::of_open_calls(connection)?;
    for cap in caps {
        let cap_word = word_id(connection, &cap.id)?;
        let mut subjects = counted_subjects(connection, cap_word)?;
        if let Some(subject) = cap.only_subject()
            && !subjects.iter().any(|(_, known)| *known == subject)
        {
            subjects.push((None, subject));
        }
        for (word, subject) in subjects {
            let (window_start, window_end) = policy.window_of(cap, &subject, now);
            let parts = match cap_word.zip(word) {
                Some((cap, subject)) => {
                    parts(connection, &Key { cap, subject, window_start: sql(window_start) })?
                }
                None => BTreeMap::new(),
            };
            if parts.is_empty() && cap.only_subject().is_none() {
                continue;
            }
            let total = |of: fn(&Part, UnixNanos) -> Amount| {
                parts.values().fold(0, |total: Amount, part| total.saturating_add(of(part, now)))
            };
            states.push(CapState {
                cap: cap.clone(),
                limit: cap.limit_at(&subject, now),
                spent: total(|part, _| part.settled),
                held: total(Part::held),
                handed_out: total(Part::handed_out),
                holds: open.remove(&(cap.id.clone(), subject.clone(), window_start)).unwrap_or_default(),
                subject,
                window_start,
                window_end,
            });
        }
    }
    Ok(states)
}

struct Key {
    cap: i64,
    subject: i64,
    window_start: i64,
}

/// One Envoy process's part of a count: what it said and was given, and what the ledger shows for it.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    share: Share,
    settled: Amount,
    open: Amount,
}

impl Part {
    /// A node that lives knows its open calls first; of one that does not, the ledger knows.
    fn held(&self, now: UnixNanos) -> Amount {
        if now < self.share.expires_at { self.share.held.max(self.open) } else { self.open }
    }

    fn handed_out(&self, now: UnixNanos) -> Amount {
        if now < self.share.expires_at { self.share.allowance } else { 0 }
    }
}

/// All parts of one count, by boot.
fn parts(connection: &Connection, key: &Key) -> Result<BTreeMap<i64, Part>, StoreError> {
    let mut parts: BTreeMap<i64, Part> = BTreeMap::new();
    let key = params![key.cap, key.subject, key.window_start];
    let mut shares = connection.prepare_cached(
        "SELECT boot, spent, held, allowance, expires_at, revision FROM shares
         WHERE cap = ?1 AND subject = ?2 AND window_start = ?3",
    )?;
    let mut rows = shares.query(key)?;
    while let Some(row) = rows.next()? {
        let part = parts.entry(row.get(0)?).or_default();
        part.share.spent = row.get(1)?;
        part.share.held = row.get(2)?;
        part.share.allowance = row.get(3)?;
        part.share.expires_at = u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0);
        part.share.revision = u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0);
    }
    let mut usage = connection.prepare_cached(
        "SELECT boot, settled, held FROM cap_usage WHERE cap = ?1 AND subject = ?2 AND window_start = ?3",
    )?;
    let mut rows = usage.query(key)?;
    while let Some(row) = rows.next()? {
        let part = parts.entry(row.get(0)?).or_default();
        (part.settled, part.open) = (row.get(1)?, row.get(2)?);
        part.share.ledger = part.settled.saturating_add(part.open);
    }
    Ok(parts)
}

fn keep(write: &Write<'_>, key: &Key, boot: i64, node: i64, share: &Share) -> Result<(), StoreError> {
    write.execute(
        "INSERT INTO shares (cap, subject, window_start, boot, node, spent, held, allowance, expires_at, revision)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET node = ?5, spent = ?6, held = ?7, allowance = ?8, expires_at = ?9, revision = ?10",
        params![
            key.cap,
            key.subject,
            key.window_start,
            boot,
            node,
            share.spent,
            share.held,
            share.allowance,
            sql(share.expires_at),
            sql(share.revision),
        ],
    )?;
    Ok(())
}

/// As a word, where it is one, and its text.
type Subject = (Option<i64>, Box<str>);

/// Subjects of a cap that were ever counted. Each is looked up behind the one before: a year of days of thousands of
/// subjects is not read for their names.
fn counted_subjects(connection: &Connection, cap: Option<i64>) -> Result<Vec<Subject>, StoreError> {
    let all = |table: &str| {
        format!(
            "{table}_subjects (subject) AS (SELECT min(subject) FROM {table} WHERE cap = ?1
             UNION ALL SELECT (SELECT min(subject) FROM {table} t WHERE t.cap = ?1 AND t.subject > s.subject)
                 FROM {table}_subjects s WHERE s.subject IS NOT NULL)"
        )
    };
    let mut subjects = connection.prepare_cached(&format!(
        "WITH RECURSIVE {}, {}
         SELECT subject, coalesce(words.text, '') AS name FROM
         (SELECT subject FROM cap_usage_subjects UNION SELECT subject FROM shares_subjects)
         LEFT JOIN words ON words.id = subject WHERE subject IS NOT NULL ORDER BY name",
        all("cap_usage"),
        all("shares")
    ))?;
    let subjects = subjects.query_map([cap], |row| Ok((row.get(0)?, row.get::<_, String>(1)?.into())))?;
    Ok(subjects.collect::<Result<_, _>>()?)
}

fn sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
