//! The difference between a provider's word and the ledger, in named parts. Pure: what is compared comes in, parts go out, and
//! for each model of each day they add up to theirs less ours, to the pico-dollar.
//!
//! For each meter the difference is taken apart in this order. Tokens that only one side has, at our rate of the day: first
//! those of our unpriced calls, then as many as lie near the edges of the day, then as many as are estimated, then what cut
//! streams may have generated unseen; of what they have more then, the rest went outside the mesh, and of what we have more,
//! the rest is unexplained. Then what these tokens cost more or less in the tier or region that they name. What is left is
//! the same tokens at another rate: price drift.

use super::{
    ours::{Ours, OursCell},
    theirs::{Day, Place, Theirs, TheirsCell},
};
use protocol::{
    meters::Meter,
    money::{PicoUsd, PicoUsdPerUnit},
};
use std::collections::{BTreeMap, BTreeSet};

/// Why a part of the difference is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The same tokens at another rate.
    PriceDrift,
    /// They served in another tier or region than the ledger has.
    TierOrRegion,
    /// Calls that the price table does not price.
    Unpriced,
    /// Calls near the edge of a day, which they date otherwise.
    TimeZoneEdge,
    /// Calls whose usage is estimated.
    EstimatedUsage,
    /// Streams that were cut, and went on at the provider.
    AbortedStreams,
    /// Models, days or tokens that never came by.
    OutsideMesh,
    /// None of these.
    Unexplained,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::PriceDrift,
        Self::TierOrRegion,
        Self::Unpriced,
        Self::TimeZoneEdge,
        Self::EstimatedUsage,
        Self::AbortedStreams,
        Self::OutsideMesh,
        Self::Unexplained,
    ];

    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PriceDrift => "price_drift",
            Self::TierOrRegion => "tier_or_region",
            Self::Unpriced => "unpriced",
            Self::TimeZoneEdge => "time_zone_edge",
            Self::EstimatedUsage => "estimated_usage",
            Self::AbortedStreams => "aborted_streams",
            Self::OutsideMesh => "outside_mesh",
            Self::Unexplained => "unexplained",
        }
    }
}

/// Our rate of a meter of a model on a day.
pub type Rates<'a> = dyn Fn(Day, &str, Meter, &Place) -> Option<PicoUsdPerUnit> + 'a;

/// What was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// By day and model.
    pub groups: Vec<Group>,
}

/// One model on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The day.
    pub day: Day,
    /// The model, or the charge that is for none.
    pub model: Box<str>,
    /// Tokens on their side,
    pub theirs_tokens: u64,
    /// and on ours.
    pub ours_tokens: u64,
    /// Money on their side,
    pub theirs: PicoUsd,
    /// and on ours.
    pub ours: PicoUsd,
    /// Whether their side tells no money of that day, and its tokens are rated at our prices instead.
    pub is_rated: bool,
    /// The parts of theirs less ours.
    pub causes: BTreeMap<Cause, PicoUsd>,
    /// What they charge for what, meter by meter, where they say both.
    pub seen: Vec<Seen>,
}

/// Tokens and what they charge for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is counted.
    pub meter: Meter,
    /// Where it was served.
    pub place: Place,
    /// How many,
    pub units: u64,
    /// for how much.
    pub cost: PicoUsd,
    /// Our rate.
    pub rate: Option<PicoUsdPerUnit>,
}

/// Compares. `None` where a sum does not fit.
pub fn compare(theirs: &Theirs, ours: &Ours, rates: &Rates<'_>) -> Option<Compared> {
    let keys: BTreeSet<&(Day, Box<str>)> = theirs.cells.keys().chain(ours.cells.keys()).collect();
    let (no_theirs, no_ours) = (TheirsCell::default(), BTreeMap::new());
    let groups = keys.into_iter().map(|key| {
        let (day, model) = key;
        let pair = Pair {
            day: *day,
            model,
            theirs: theirs.cells.get(key).unwrap_or(&no_theirs),
            ours: ours.cells.get(key).unwrap_or(&no_ours),
            has_tokens: theirs.token_days.contains(day),
            has_money: theirs.money_days.contains(day),
            has_places: theirs.has_places,
            rates,
        };
        pair.group()
    });
    Some(Compared { groups: groups.collect::<Option<_>>()? })
}

struct Pair<'a> {
    day: Day,
    model: &'a str,
    theirs: &'a TheirsCell,
    ours: &'a BTreeMap<Meter, OursCell>,
    has_tokens: bool,
    has_money: bool,
    has_places: bool,
    rates: &'a Rates<'a>,
}

/// What one meter comes to before rates are compared.
struct Part {
    /// Ours, with what the other tokens and places make of it.
    rated: PicoUsd,
    causes: Vec<(Cause, PicoUsd)>,
    /// Why theirs is something else than that.
    residual: Cause,
}

impl Pair<'_> {
    fn group(&self) -> Option<Group> {
        let mut group = Group {
            day: self.day,
            model: self.model.into(),
            theirs_tokens: 0,
            ours_tokens: 0,
            theirs: PicoUsd::ZERO,
            ours: PicoUsd::ZERO,
            is_rated: !self.has_money && !self.theirs.units.is_empty(),
            causes: BTreeMap::new(),
            seen: Vec::new(),
        };
        let meters = self.theirs.units.keys().map(|(meter, _)| *meter);
        let meters =
            meters.chain(self.theirs.costs.keys().flatten().copied()).chain(self.ours.keys().copied());
        let pool = self.theirs.costs.get(&None);
        let (mut pooled, mut pooled_cause) = (PicoUsd::ZERO, None);
        for meter in meters.collect::<BTreeSet<_>>() {
            let part = self.part(meter, &mut group)?;
            for (cause, amount) in &part.causes {
                add(&mut group.causes, *cause, *amount)?;
            }
            let told = self.theirs.costs.get(&Some(meter)).copied();
            let theirs = match told {
                Some(told) => told,
                None if pool.is_some() => {
                    pooled = pooled.checked_add(part.rated)?;
                    pooled_cause =
                        Some(pooled_cause.map_or(part.residual, |known: Cause| known.min(part.residual)));
                    continue;
                }
                None if self.has_money => PicoUsd::ZERO,
                None => part.rated,
            };
            group.theirs = group.theirs.checked_add(theirs)?;
            add(&mut group.causes, part.residual, theirs.checked_sub(part.rated)?)?;
        }
        if let Some(told) = pool {
            group.theirs = group.theirs.checked_add(*told)?;
            // A charge for nothing that was counted: where we know the model, nobody knows for what.
            let nothing = if self.ours.is_empty() { Cause::OutsideMesh } else { Cause::Unexplained };
            add(&mut group.causes, pooled_cause.unwrap_or(nothing), told.checked_sub(pooled)?)?;
        }
        group.causes.retain(|_, amount| *amount != PicoUsd::ZERO);
        Some(group)
    }

    fn part(&self, meter: Meter, group: &mut Group) -> Option<Part> {
        let none = OursCell::default();
        let ours = self.ours.get(&meter).unwrap_or(&none);
        let of_meter = self.theirs.units.iter().filter(|((of, _), _)| *of == meter);
        let theirs: BTreeMap<&Place, u64> = of_meter.map(|((_, place), units)| (place, *units)).collect();
        let told = theirs.values().copied().try_fold(0_u64, u64::checked_add)?;
        let priced = ours.units.values().copied().try_fold(0_u64, u64::checked_add)?;
        let here = priced.checked_add(ours.unpriced)?;
        if meter.is_tokens() {
            group.theirs_tokens = group.theirs_tokens.checked_add(told)?;
            group.ours_tokens = group.ours_tokens.checked_add(here)?;
        }
        group.ours = group.ours.checked_add(ours.cost)?;
        let most = |places: &mut dyn Iterator<Item = (&Place, u64)>| {
            places.max_by_key(|(_, units)| *units).map(|(place, _)| place.clone())
        };
        let home = most(&mut ours.units.iter().map(|(place, units)| (place, *units)))
            .or_else(|| most(&mut theirs.iter().map(|(place, units)| (*place, *units))))
            .unwrap_or_default();
        let rate_at = |place: &Place| (self.rates)(self.day, self.model, meter, place);
        let rate = rate_at(&home);
        if let (Some(cost), [(place, _)]) =
            (self.theirs.costs.get(&Some(meter)), &theirs.iter().collect::<Vec<_>>()[..])
            && told > 0
        {
            let place = (**place).clone();
            group.seen.push(Seen { meter, rate: rate_at(&place), place, units: told, cost: *cost });
        }
        // Without a word on tokens, or for what is no token, money alone is compared.
        let has_tokens = self.has_tokens && (meter.is_tokens() || told > 0);
        let residual = match (rate, has_tokens) {
            // Whatever they charge for what we never saw is no drift of a price of ours.
            _ if here == 0 && ours.cost == PicoUsd::ZERO => Cause::OutsideMesh,
            (Some(_), true) if told > 0 => Cause::PriceDrift,
            (None, _) if told > 0 || ours.unpriced > 0 => Cause::Unpriced,
            (_, false) if ours.unpriced > 0 => Cause::Unpriced,
            _ => Cause::Unexplained,
        };
        let (Some(rate), true) = (rate, has_tokens) else {
            return Some(Part { rated: ours.cost, causes: Vec::new(), residual });
        };
        let mut causes: Vec<(Cause, PicoUsd)> = Vec::new();
        for (cause, units) in moved(told, priced, ours) {
            let units = i128::from(rate.pico()).checked_mul(units)?;
            causes.push((cause, PicoUsd::new(units)));
        }
        if self.has_places {
            let places: BTreeSet<&Place> = theirs.keys().copied().chain(ours.units.keys()).collect();
            let mut other = PicoUsd::ZERO;
            for place in places {
                let there = i128::from(theirs.get(place).copied().unwrap_or(0));
                let more = there.checked_sub(i128::from(ours.units.get(place).copied().unwrap_or(0)))?;
                // Where one side does not say the region, it is taken to be the other's.
                let region = place.region.clone().or_else(|| home.region.clone());
                let place = &Place { tier: place.tier.clone(), region };
                let dearer =
                    i128::from(rate_at(place).unwrap_or(rate).pico()).checked_sub(i128::from(rate.pico()))?;
                other = other.checked_add(PicoUsd::new(more.checked_mul(dearer)?))?;
            }
            causes.push((Cause::TierOrRegion, other));
        }
        let rated = causes.iter().try_fold(ours.cost, |sum, (_, amount)| sum.checked_add(*amount))?;
        Some(Part { rated, causes, residual })
    }
}

/// Whose tokens they are that only one side has: theirs above zero, ours below.
fn moved(told: u64, priced: u64, ours: &OursCell) -> Vec<(Cause, i128)> {
    let (mut left, sign, order) = if told >= priced {
        let order = [
            (Cause::Unpriced, ours.unpriced),
            (Cause::TimeZoneEdge, ours.around),
            (Cause::EstimatedUsage, ours.estimated),
            (Cause::AbortedStreams, ours.unseen),
            (Cause::OutsideMesh, u64::MAX),
        ];
        (told.saturating_sub(priced), 1, order)
    } else {
        let order = [
            (Cause::TimeZoneEdge, ours.edge),
            (Cause::EstimatedUsage, ours.estimated),
            (Cause::Unexplained, u64::MAX),
            (Cause::Unexplained, 0),
            (Cause::Unexplained, 0),
        ];
        (priced.saturating_sub(told), -1_i128, order)
    };
    let mut moved = Vec::new();
    for (cause, room) in order {
        let part = left.min(room);
        left = left.saturating_sub(part);
        if part > 0 {
            moved.push((cause, i128::from(part).saturating_mul(sign)));
        }
    }
    moved
}

fn add(causes: &mut BTreeMap<Cause, PicoUsd>, cause: Cause, amount: PicoUsd) -> Option<()> {
    let sum = causes.entry(cause).or_default();
    *sum = sum.checked_add(amount)?;
    Some(())
}

impl Compared {
    /// What they say in all.
    pub fn theirs(&self) -> Option<PicoUsd> {
        PicoUsd::total(self.groups.iter().map(|group| group.theirs))
    }

    /// What the ledger says in all.
    pub fn ours(&self) -> Option<PicoUsd> {
        PicoUsd::total(self.groups.iter().map(|group| group.ours))
    }

    /// The parts of the difference in all.
    pub fn causes(&self) -> Option<BTreeMap<Cause, PicoUsd>> {
        let mut causes = BTreeMap::new();
        for (cause, amount) in self.groups.iter().flat_map(|group| &group.causes) {
            add(&mut causes, *cause, *amount)?;
        }
        Some(causes)
    }
}
