//! x
pub mod policy;
pub mod prices;
