//! x
pub mod console;
pub mod policy;
pub mod prices;
pub mod reports;
