//! What an application's own backend says of a task in the head of its answer.

use crate::head::Headers;
use protocol::{
    UnixNanos,
    ids::{NAME_BYTES_MAX, Name},
    outcome::{TaskOutcome, TaskReport},
};

/// The headers, none of which a client gets.
pub const HEADERS: [&str; 3] = ["x-bursar-outcome", "x-bursar-task", "x-bursar-outcome-reason"];

/// What an answer's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Nothing.
    Nothing,
    /// This.
    Report(TaskReport),
    /// Something that cannot be read.
    Nonsense,
}

/// Reads an answer's head.
pub fn read(headers: &Headers<'_>, at: UnixNanos) -> Said {
    let [outcome, task, reason] = HEADERS;
    if headers.value(outcome).is_none() {
        return Said::Nothing;
    }
    let read = || {
        Some(TaskReport {
            task: Name::parse(headers.value(task)?).ok()?,
            outcome: TaskOutcome::from_word(headers.text(outcome)?.trim())?,
            reason: headers.text(reason).filter(|text| text.len() <= NAME_BYTES_MAX).map(Into::into),
            at,
        })
    };
    read().map_or(Said::Nonsense, Said::Report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_a_task_was_worth_or_nothing_or_nonsense() {
        let said = |pairs: &[(&[u8], &[u8])]| read(&Headers::new(pairs), 7);
        let (outcome, task): (&[u8], &[u8]) = (b"x-bursar-outcome", b"x-bursar-task");
        let report = TaskReport {
            task: "t-1".parse().unwrap(),
            outcome: TaskOutcome::Failed,
            reason: Some("no answer in the text".into()),
            at: 7,
        };
        let reason: (&[u8], &[u8]) = (b"x-bursar-outcome-reason", b"no answer in the text");
        assert_eq!(said(&[(outcome, b"failed"), (task, b"t-1"), reason]), Said::Report(report));
        assert_eq!(said(&[(task, b"t-1")]), Said::Nothing);
        for nonsense in [&[(outcome, b"great".as_slice()), (task, b"t-1")][..], &[(outcome, b"failed")]] {
            assert_eq!(said(nonsense), Said::Nonsense);
        }
    }
}
