//! Prices as people write them: YAML or CSV, every rule of a row, and a unit in every key. What is wrong is told with its
//! place, all of it at once, and then nothing is taken.

mod csv_file;
mod entry;
mod yaml_file;

pub(super) use csv_file::import as import_csv;
pub(super) use yaml_file::import as import_yaml;

#[cfg(test)]
mod tests;
