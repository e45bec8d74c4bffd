//! Texts of the store's dictionary, each looked up once in a report.

use crate::store::{NO_WORD, StoreError, word_text};
use rusqlite::Connection;
use std::collections::BTreeMap;

pub(super) struct Words<'a> {
    store: &'a Connection,
    known: BTreeMap<i64, Option<Box<str>>>,
}

impl<'a> Words<'a> {
    pub(super) fn of(store: &'a Connection) -> Self {
        Self { store, known: BTreeMap::from([(NO_WORD, None)]) }
    }

    pub(super) fn text(&mut self, id: i64) -> Result<Option<Box<str>>, StoreError> {
        if let Some(text) = self.known.get(&id) {
            return Ok(text.clone());
        }
        let text: Option<Box<str>> = word_text(self.store, id)?.map(Into::into);
        self.known.insert(id, text.clone());
        Ok(text)
    }
}
