//! Rating units by the table: finds the model's prices and hands them to the one rating function. The ledger books with
//! it; the calculator and reconciliation ask it what they would cost otherwise.

use super::{Lookup, PriceTable, Query};
use protocol::{
    meters::Usage,
    price::{MatchedBy, Terms},
    rating::{self, Line, Offer, Unpriced},
};

/// What units cost by the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quote {
    /// Which rule found the prices; absent where nothing was used and nobody has any.
    pub matched: Option<MatchedBy>,
    /// The arithmetic.
    pub lines: Vec<Line>,
}

impl PriceTable {
    /// Rates what a call used. The instant of the query is that of the terms, too.
    pub fn quote(&self, usage: &Usage, query: &Query<'_>, terms: &Terms<'_>) -> Result<Quote, Unpriced> {
        let terms = Terms { at: query.at, ..*terms };
        let found = match self.find(query) {
            Lookup::Found(found) => found,
            // What used nothing costs nothing, whoever priced it.
            lookup => {
                let lines = rating::rate_usage(usage, &terms, &Offer::default());
                let lines = lines.map_err(|reason| match (reason, lookup) {
                    (Unpriced::NoModel, Lookup::OutsideWindow) => Unpriced::OutsideWindow,
                    (reason, _) => reason,
                })?;
                return Ok(Quote { matched: None, lines });
            }
        };
        let lines = rating::rate_usage(usage, &terms, &found.offer()).map_err(|reason| match reason {
            Unpriced::NoRate(meter) if self.has_rate_at_other_times(query, meter, terms.tier) => {
                Unpriced::OutsideWindow
            }
            reason => reason,
        })?;
        Ok(Quote { matched: Some(found.matched), lines })
    }
}
