//! The arithmetic of reports: quotients of integers, rounded half to even. Everything else adds and never rounds.

use protocol::money::PicoUsd;

/// How many decimal places of a USD people are shown.
pub(super) const PLACES: usize = 4;

/// `numerator × scale / denominator`, rounded half to even; `None` where there is nothing to divide by or the
/// product does not fit.
pub fn quotient(numerator: i128, scale: i128, denominator: i128) -> Option<i128> {
    let product = numerator.checked_mul(scale)?;
    let (product, denominator) = if denominator < 0 {
        (product.checked_neg()?, denominator.checked_neg()?)
    } else {
        (product, denominator)
    };
    let (floor, rest) = (product.checked_div_euclid(denominator)?, product.checked_rem_euclid(denominator)?);
    let twice = rest.checked_mul(2)?;
    let up = twice > denominator || (twice == denominator && floor.rem_euclid(2) == 1);
    floor.checked_add(i128::from(up))
}

/// A share in tenths of a percent.
pub(super) fn per_mille(part: i128, whole: i128) -> Option<i64> {
    i64::try_from(quotient(part, 1_000, whole)?).ok()
}

/// A share of counts in tenths of a percent.
pub(super) fn share(part: u64, whole: u64) -> Option<i64> {
    per_mille(i128::from(part), i128::from(whole))
}

/// An amount divided by a count, in pico-dollars.
pub(super) fn each(amount: PicoUsd, count: u64) -> Option<PicoUsd> {
    quotient(amount.pico(), 1, i128::from(count)).map(PicoUsd::new)
}
