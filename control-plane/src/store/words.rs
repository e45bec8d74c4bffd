//! The dictionary of repeated text.

use super::StoreError;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// The id that means absent.
pub const NO_WORD: i64 = 0;
/// The most texts that the writer keeps at hand. Tasks are the many; each is used for some minutes.
const REMEMBERED_MAX: usize = 100_000;

/// What the writer remembers of the dictionary.
#[derive(Debug, Default)]
pub(super) struct Words {
    ids: BTreeMap<Box<str>, i64>,
}

impl Words {
    pub(super) fn id(&mut self, connection: &Connection, text: &str) -> Result<i64, StoreError> {
        if let Some(id) = self.ids.get(text) {
            return Ok(*id);
        }
        let id = match word_id(connection, text)? {
            Some(id) => id,
            None => {
                connection.prepare_cached("INSERT INTO words (text) VALUES (?1)")?.execute([text])?;
                connection.last_insert_rowid()
            }
        };
        if self.ids.len() >= REMEMBERED_MAX {
            self.ids.clear();
        }
        self.ids.insert(text.into(), id);
        Ok(id)
    }
}

/// The id of a text that has been used before.
pub fn word_id(connection: &Connection, text: &str) -> Result<Option<i64>, StoreError> {
    let mut find = connection.prepare_cached("SELECT id FROM words WHERE text = ?1")?;
    Ok(find.query_row([text], |row| row.get(0)).optional()?)
}

/// The text of an id; `None` for [`NO_WORD`].
pub fn word_text(connection: &Connection, id: i64) -> Result<Option<String>, StoreError> {
    let mut find = connection.prepare_cached("SELECT text FROM words WHERE id = ?1")?;
    Ok(find.query_row([id], |row| row.get(0)).optional()?)
}
