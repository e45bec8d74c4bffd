//! What finished calls tell of their models' text: bytes and tokens of requests and of answers, summed by day. What
//! is made of the sums is in the room `ratios`; how they are recomputed from the calls is in `ledger/rebuild/text.rs`.

use super::{aggregates::Keys, sums};
use crate::store::{StoreError, Write, unix, word_text};
use protocol::{
    event::{CallEnd, Ending},
    meters::{Meter, Side, UsageSource},
};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// What the end of a call tells of its model's text. Nothing, where the provider did not count all of it itself, or
/// where not all of it arrived: bytes and tokens would be of two different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Tokens of a prompt without pictures and sound, cache included.
    pub request_tokens: Option<i64>,
    /// Bytes and tokens of an answer without pictures and sound.
    pub text: Option<(i64, i64)>,
}

impl Told {
    pub(super) fn by(end: &CallEnd) -> Self {
        let whole = end.ending == Ending::Complete && (200..300).contains(&end.status);
        let counted = end.usage.complete && end.usage.source() == UsageSource::Reported;
        if !whole || !counted || end.refused.is_some() {
            return Self::default();
        }
        let units = |meter| end.usage.units.get(&meter).copied().unwrap_or(0);
        let count = |units: u64| i64::try_from(units).ok().filter(|units| *units > 0);
        let prompt_is_text = units(Meter::AudioIn) == 0 && units(Meter::ImageIn) == 0;
        let answer_is_text = units(Meter::AudioOut) == 0 && units(Meter::ImageOut) == 0;
        let generated = units(Meter::Output).saturating_add(units(Meter::Reasoning));
        Self {
            request_tokens: count(end.usage.tokens(Side::Prompt)).filter(|_| prompt_is_text),
            text: count(end.text_bytes).zip(count(generated)).filter(|_| answer_is_text),
        }
    }

    /// What it adds to the sums, with the bytes of the request where its head has them.
    pub(super) fn sums(&self, request_text_bytes: Option<u64>) -> Sums {
        let bytes = request_text_bytes.and_then(|bytes| i64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        // The provider read what the request only names: an earlier answer, a file, the page behind an address. Or it
        // billed less than it read.
        let of_itself = |(bytes, tokens): &(i64, i64)| {
            (REQUEST_BYTES_PER_10_TOKENS).contains(&(bytes.saturating_mul(10) / *tokens.max(&1)))
        };
        let request = bytes.zip(self.request_tokens).filter(of_itself);
        let side = |told: Option<(i64, i64)>| told.map_or([0; 3], |(bytes, tokens)| [1, bytes, tokens]);
        let ([a, b, c], [d, e, f]) = (side(request), side(self.text));
        Sums([a, b, c, d, e, f])
    }
}

/// From Chinese in UTF-8 to indented JSON of few words; what lies outside is not the prompt that was counted.
const REQUEST_BYTES_PER_10_TOKENS: std::ops::RangeInclusive<i64> = 15..=200;

/// Calls, bytes and tokens of requests, then of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums([i64; 6]);

/// The rows that a batch adds to: day, provider, model.
#[derive(Debug, Default)]
pub(super) struct TextDeltas(sums::Sums<3, 6>);

impl TextDeltas {
    /// Adds an ended call. `asked_for` is the model that its request names.
    pub(super) fn add(&mut self, keys: &Keys, asked_for: i64, sums: Sums) -> Result<(), StoreError> {
        if sums == Sums::default() {
            return Ok(());
        }
        let day = super::aggregates::day(keys.started_at);
        for model in BTreeSet::from([keys.model, asked_for, crate::store::NO_WORD]) {
            self.0.add([day, keys.provider, model], sums.0)?;
        }
        Ok(())
    }

    pub(super) fn flush(&self, write: &Write<'_>) -> Result<(), StoreError> {
        let sums =
            ["request_calls", "request_bytes", "request_tokens", "text_calls", "text_bytes", "text_tokens"];
        self.0.flush(write, "by_day_text", &["day", "provider", "model"], &sums)
    }
}

/// What many calls tell of one side of their model's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// How many calls.
    pub calls: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their tokens.
    pub tokens: u64,
}

impl Evidence {
    fn plus(self, calls: i64, bytes: i64, tokens: i64) -> Self {
        Self {
            calls: self.calls.saturating_add(unix(calls)),
            bytes: self.bytes.saturating_add(unix(bytes)),
            tokens: self.tokens.saturating_add(unix(tokens)),
        }
    }
}

/// Provider, model → what is known of its requests and of its answers. The model `""` is all of the provider's.
pub type Evidences = BTreeMap<(Box<str>, Box<str>), (Evidence, Evidence)>;

/// The sums of the days from `first_day` on.
pub fn evidence(connection: &Connection, first_day: i64) -> Result<Evidences, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, model, request_calls, request_bytes, request_tokens, text_calls, text_bytes, text_tokens
         FROM by_day_text WHERE day >= ?1",
    )?;
    let mut rows = statement.query([first_day])?;
    let mut sums: BTreeMap<(i64, i64), (Evidence, Evidence)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (request, text) = sums.entry((row.get(0)?, row.get(1)?)).or_default();
        *request = request.plus(row.get(2)?, row.get(3)?, row.get(4)?);
        *text = text.plus(row.get(5)?, row.get(6)?, row.get(7)?);
    }
    let word = |id| Ok::<Box<str>, StoreError>(word_text(connection, id)?.unwrap_or_default().into());
    sums.into_iter().map(|((provider, model), sum)| Ok(((word(provider)?, word(model)?), sum))).collect()
}
