//! x
pub mod policy;
pub mod prices;
pub mod reports;
