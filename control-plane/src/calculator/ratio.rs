//! An amount of money as a ratio of integers: what a call costs when a third of them are repeated is no whole number of
//! pico-dollars, and is not made one before the end.

use crate::reports::quotient;
use protocol::money::PicoUsd;
use std::cmp::Ordering;

/// So many pico-dollars divided by so much, which is above zero.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    pico: i128,
    per: i128,
}

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self { pico: 0, per: 1 };

    /// A whole amount.
    pub fn whole(amount: PicoUsd) -> Self {
        Self { pico: amount.pico(), per: 1 }
    }

    /// So many times it; `None` where that does not fit.
    pub fn times(self, count: u64) -> Option<Self> {
        Self { pico: self.pico.checked_mul(i128::from(count))?, per: self.per }.reduced()
    }

    /// A part of it; `None` where there are no parts.
    pub fn divided(self, count: u64) -> Option<Self> {
        Self { pico: self.pico, per: self.per.checked_mul(i128::from(count))? }.reduced()
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.pico.checked_mul(other.per)?;
        let right = other.pico.checked_mul(self.per)?;
        Self { pico: left.checked_add(right)?, per: self.per.checked_mul(other.per)? }.reduced()
    }

    /// What is left of an amount.
    pub fn left_of(self, amount: PicoUsd) -> Option<Self> {
        let amount = amount.pico().checked_mul(self.per)?;
        Self { pico: amount.checked_sub(self.pico)?, per: self.per }.reduced()
    }

    /// How often it fits into an amount, whole times; `None` where it is nothing.
    pub fn fits_into(self, amount: PicoUsd) -> Option<u64> {
        if self.pico <= 0 || amount.pico() < 0 {
            return None;
        }
        u64::try_from(amount.pico().checked_mul(self.per)?.checked_div(self.pico)?).ok()
    }

    /// In tenths of a percent of an amount, half to even; for reports.
    pub fn per_mille_of(self, amount: PicoUsd) -> Option<i64> {
        i64::try_from(quotient(self.pico, 1_000, amount.pico().checked_mul(self.per)?)?).ok()
    }

    /// In whole pico-dollars, half to even; for reports.
    pub fn rounded(self) -> Option<PicoUsd> {
        quotient(self.pico, 1, self.per).map(PicoUsd::new)
    }

    /// Whether it is a whole number of pico-dollars.
    pub fn is_whole(self) -> bool {
        self.per == 1
    }

    fn reduced(self) -> Option<Self> {
        if self.per <= 0 {
            return None;
        }
        let (mut divisor, mut rest) = (self.per, self.pico.checked_rem_euclid(self.per)?);
        while rest > 0 {
            (divisor, rest) = (rest, divisor.checked_rem(rest)?);
        }
        Some(Self { pico: self.pico.checked_div(divisor)?, per: self.per.checked_div(divisor)? })
    }

    /// Which is more; `None` where that does not fit into the arithmetic.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        Some(self.pico.checked_mul(other.per)?.cmp(&other.pico.checked_mul(self.per)?))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other) == Some(Ordering::Equal)
    }
}
