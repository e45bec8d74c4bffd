//! Running sums that are keyed by numbers alone: gathered for a batch, and written once per row.

use crate::store::{StoreError, Write};
use rusqlite::params_from_iter;
use std::collections::BTreeMap;

/// What a batch adds to the rows of one table, of `K` columns of a key and `V` sums.
#[derive(Debug)]
pub(super) struct Sums<const K: usize, const V: usize>(BTreeMap<[i64; K], [i64; V]>);

impl<const K: usize, const V: usize> Default for Sums<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<const K: usize, const V: usize> Sums<K, V> {
    /// Adds to a row; negative parts take back.
    pub(super) fn add(&mut self, key: [i64; K], part: [i64; V]) -> Result<(), StoreError> {
        for (total, part) in self.0.entry(key).or_insert([0; V]).iter_mut().zip(part) {
            *total = total.checked_add(part).ok_or_else(too_large)?;
        }
        Ok(())
    }

    /// Writes all of it. Rows of which nothing is left go.
    pub(super) fn flush(
        &self,
        write: &Write<'_>,
        table: &str,
        keys: &[&str; K],
        sums: &[&str; V],
    ) -> Result<(), StoreError> {
        let columns: Vec<&str> = keys.iter().chain(sums).copied().collect();
        let marks = vec!["?"; columns.len()].join(", ");
        let upsert = format!(
            "INSERT INTO {table} ({}) VALUES ({marks}) ON CONFLICT ({}) DO UPDATE SET {}",
            columns.join(", "),
            keys.join(", "),
            sums.map(|sum| format!("{sum} = {sum} + excluded.{sum}")).join(", ")
        );
        let is_it = keys.map(|key| format!("{key} = ?")).join(" AND ");
        let is_empty = sums.map(|sum| format!("{sum} = 0")).join(" AND ");
        let delete_empty = format!("DELETE FROM {table} WHERE {is_it} AND {is_empty}");
        for (key, part) in self.0.iter().filter(|(_, part)| **part != [0; V]) {
            write.execute(&upsert, params_from_iter(key.iter().chain(part)))?;
            if part.iter().any(|sum| *sum < 0) {
                write.execute(&delete_empty, params_from_iter(key))?;
            }
        }
        Ok(())
    }
}

/// A sum that no store can hold.
pub(super) fn too_large() -> StoreError {
    StoreError::corrupt("an aggregate", "is too large")
}
