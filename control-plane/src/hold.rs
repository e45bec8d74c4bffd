//! What a call holds of caps, told beforehand or afterwards by the rules that filters go by (`filter/src/admission.rs`).
//! Filters decide; nothing here does.

use protocol::{
    cap::{Amount, CapSpec, Unit, counts},
    hold::{ASSUMED_HOLD_PART, HOLD_PICO_MAX, OUTPUT_TOKENS_ASSUMED},
    meters::{Meter, Side},
    price::{ModelPrices, Terms},
    snapshot::UnpricedRule,
};

/// The most that a call can come to, as far as it can be told when it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Most {
    /// The prompt.
    pub input_tokens: u64,
    /// The answer.
    pub output_tokens: u64,
    /// Whether the request limits its answer.
    pub is_limited: bool,
    /// What both cost, in pico-dollars; `None` where nobody priced the model.
    pub cost: Option<i128>,
    /// What the prompt costs.
    pub input_cost: Option<i128>,
}

impl Most {
    /// Of a request for text, at prices as filters get them.
    pub fn of(
        prices: Option<&ModelPrices>,
        rule: UnpricedRule,
        terms: &Terms<'_>,
        output_limit: Option<u64>,
    ) -> Self {
        let output_max = prices.and_then(|prices| prices.output_tokens_max);
        let output_tokens = match (output_limit, output_max) {
            (Some(asked), Some(max)) => asked.min(max),
            (Some(asked), None) => asked,
            (None, max) => max.unwrap_or(OUTPUT_TOKENS_ASSUMED),
        };
        let most = Self {
            input_tokens: terms.input_tokens,
            output_tokens,
            is_limited: output_limit.is_some(),
            ..Self::default()
        };
        let Some(prices) = prices else { return most.unpriced(rule) };
        let dearest = |meters: &[Meter]| {
            meters.iter().filter_map(|meter| prices.rate(*meter, terms)).map(|it| it.rate.pico()).max()
        };
        let is_served = |meter: Meter| meter.side() == Side::Service && meter != Meter::WebSearch;
        let serves = prices.rates.iter().any(|rate| is_served(rate.meter)).then_some(0);
        let input = dearest(&[Meter::Input, Meter::CacheWrite5m]).or(serves);
        let nothing = (output_limit == Some(0)).then_some(0);
        let output = dearest(&[Meter::Output, Meter::Reasoning]).or(serves).or(nothing);
        let Some((input, output)) = input.zip(output) else { return most };
        let call = prices.rate(Meter::Requests, terms).map_or(0, |rate| i128::from(rate.rate.pico()));
        most.at(input, output, call)
    }

    /// At the policy's rule for models without a price.
    #[must_use]
    pub fn unpriced(self, rule: UnpricedRule) -> Self {
        match rule {
            UnpricedRule::Ceiling(rate) => self.at(rate.pico(), rate.pico(), 0),
            UnpricedRule::Allow | UnpricedRule::Refuse => Self { cost: None, input_cost: None, ..self },
        }
    }

    fn at(self, input: u64, output: u64, call: i128) -> Self {
        let cost =
            |tokens: u64, rate: u64| i128::from(tokens).saturating_mul(i128::from(rate)).min(HOLD_PICO_MAX);
        let input_cost = cost(self.input_tokens, input).saturating_add(call).min(HOLD_PICO_MAX);
        let all = input_cost.saturating_add(cost(self.output_tokens, output));
        Self { cost: Some(all), input_cost: Some(input_cost), ..self }
    }

    /// What it holds of a cap with that limit.
    pub fn of_cap(&self, cap: &CapSpec, limit: Amount) -> Amount {
        let amount =
            |pico: Option<i128>| pico.map_or(0, |pico| Amount::try_from(pico).unwrap_or(Amount::MAX));
        let (wanted, at_least) = match cap.unit {
            Unit::Calls => return 1,
            Unit::Usd => (amount(self.cost), amount(self.input_cost)),
            Unit::Tokens => {
                let counted = |side: Side, tokens: u64| {
                    let is_counted = |it: &Meter| it.side() == side && counts(&cap.meters, *it);
                    if Meter::ALL.iter().any(is_counted) { tokens } else { 0 }
                };
                let input = counted(Side::Prompt, self.input_tokens);
                let all = input.saturating_add(counted(Side::Generated, self.output_tokens));
                let amount = |tokens: u64| Amount::try_from(tokens).unwrap_or(Amount::MAX);
                (amount(all), amount(input))
            }
        };
        if self.is_limited {
            return wanted;
        }
        wanted.min(limit.checked_div(ASSUMED_HOLD_PART).unwrap_or(0).max(at_least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{cap::Window, money::PicoUsdPerUnit, price::Rate};

    fn prices(output_tokens_max: Option<u64>) -> ModelPrices {
        let rate = |meter, pico| Rate::plain(1, meter, PicoUsdPerUnit::new(pico));
        let rates = vec![rate(Meter::Input, 2), rate(Meter::CacheWrite5m, 3), rate(Meter::Output, 10)];
        ModelPrices { rates, output_tokens_max }
    }

    fn most(output_max: Option<u64>, asked: Option<u64>) -> Most {
        let terms = Terms { input_tokens: 100, ..Terms::default() };
        Most::of(Some(&prices(output_max)), UnpricedRule::Allow, &terms, asked)
    }

    #[test]
    fn the_dearest_rates_count_and_the_answer_is_as_long_as_it_may_be() {
        for (max, asked, output) in
            [(Some(50), None, 50), (Some(50), Some(20), 20), (Some(50), Some(80), 50), (None, None, 4_096)]
        {
            let most = most(max, asked);
            let cost = 100 * 3 + i128::from(output) * 10;
            assert_eq!((most.output_tokens, most.cost, most.input_cost), (output, Some(cost), Some(300)));
        }
    }

    #[test]
    fn an_answer_without_a_limit_holds_no_more_than_a_tenth_of_the_cap() {
        let cap = |unit, limit| CapSpec::plain("c", unit, limit, Window::Day);
        let (free, limited) = (most(None, None), most(None, Some(1_000)));
        assert_eq!(free.of_cap(&cap(Unit::Usd, 50_000), 50_000), 5_000);
        assert_eq!(free.of_cap(&cap(Unit::Usd, 1_000), 1_000), 300, "never less than the prompt");
        assert_eq!(limited.of_cap(&cap(Unit::Usd, 1_000), 1_000), 10_300);
        assert_eq!(limited.of_cap(&cap(Unit::Tokens, 1_000), 1_000), 1_100);
        assert_eq!(free.of_cap(&cap(Unit::Calls, 5), 5), 1);
    }

    #[test]
    fn without_a_price_the_rule_for_it_says_what_is_held() {
        let terms = Terms { input_tokens: 100, ..Terms::default() };
        let of = |rule| Most::of(None, rule, &terms, Some(10)).cost;
        assert_eq!(of(UnpricedRule::Allow), None);
        assert_eq!(of(UnpricedRule::Refuse), None);
        assert_eq!(of(UnpricedRule::Ceiling(PicoUsdPerUnit::new(7))), Some(770));
    }
}
