//! What a policy comes to: as a whole, and for one call that somebody has in mind: which caps apply, what it would hold of
//! them, by which prices, and from which rule the rest comes. Answers by the code that rates, counts and compiles;
//! decides nothing.

mod caps;
mod overall;
mod prices;
mod question;
mod rules;

pub use overall::overall;
pub use question::{NotAsked, Question};

use crate::{
    allowances::CapState,
    hold::Most,
    instant::Instant,
    policy::Policy,
    prices::PriceTable,
    reports::{Cell, Column, Report, Section},
};
use protocol::{
    attribution::Dimension,
    cap::{Amount, CapSpec, Facets, SubjectMatch, Unit},
    money::PicoUsd,
    price::{ModelPrices, Terms},
};

/// What is known beside the policy, where a control plane is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The price table, with what the policy says of prices.
    pub prices: Option<&'a PriceTable>,
    /// How full the caps are.
    pub caps: Option<&'a [CapState]>,
}

/// A call as it meets a policy.
struct Meeting<'a> {
    policy: &'a Policy,
    question: &'a Question,
    known: Known<'a>,
    plan: Option<&'a str>,
    most: Most,
    /// Whether it goes by a route of the policy.
    is_routed: bool,
    is_priced: bool,
    /// The model's longest answer, where it is known.
    output_max: Option<u64>,
}

/// What a policy says of a call.
pub fn call(policy: &Policy, question: &Question, known: Known<'_>) -> Report {
    let routed = question.routed(policy);
    let is_routed = routed.is_some();
    let question = routed.as_ref().unwrap_or(question);
    let customer = question.attribution.name(Dimension::Customer);
    let plan = customer.and_then(|name| policy.plan_of(name.as_str())).map(|(name, _)| name.as_str());
    let prices = held_prices(question, known);
    let terms = question.terms();
    let most = Most::of(prices.as_ref(), policy.unpriced_rule(), &terms, question.max_tokens);
    let (is_priced, output_max) = (prices.is_some(), prices.and_then(|prices| prices.output_tokens_max));
    let meeting = Meeting { policy, question, known, plan, most, is_routed, is_priced, output_max };
    let sections = vec![meeting.call(), meeting.caps(), meeting.prices(), meeting.rules()];
    Report { title: "What the policy says of a call".to_owned(), range: None, sections }
}

/// The prices by which a filter holds.
fn held_prices(question: &Question, known: Known<'_>) -> Option<ModelPrices> {
    let book = known.prices?.book(question.at);
    let (account, model) = (question.account.as_deref(), question.model.as_deref());
    book.find(question.provider(), account, None, model).cloned()
}

impl Meeting<'_> {
    fn facets(&self) -> Facets<'_> {
        Facets {
            attribution: &self.question.attribution,
            plan: self.plan,
            provider: self.question.provider(),
            model: self.question.model.as_deref(),
            route: self.question.route.as_deref(),
        }
    }

    fn call(&self) -> Section {
        let question = self.question;
        let named = Dimension::ALL.into_iter().map(|dimension| {
            (dimension.as_str(), question.attribution.name(dimension).map(|name| name.as_str()))
        });
        let others = [
            ("plan", self.plan),
            ("provider", question.provider.as_deref()),
            ("account", question.account.as_deref()),
            ("model", question.model.as_deref()),
            ("route", question.route.as_deref()),
            ("region", question.region.as_deref()),
            ("tier", question.tier.as_deref()),
        ];
        let texts = named.chain(others).map(|(key, value)| (key, value.map(str::to_owned)));
        let max_tokens = match (question.max_tokens, self.output_max) {
            (Some(asked), Some(max)) if asked > max => {
                format!("{max}, the model's longest; asked for: {asked}")
            }
            (Some(asked), _) => asked.to_string(),
            (None, Some(max)) => format!("{max}, the model's longest"),
            (None, None) => format!("{}, for want of a limit", self.most.output_tokens),
        };
        let most = self.most.cost.map(|cost| format!("{} USD", PicoUsd::new(cost)));
        let more = [
            ("at", Some(Instant(question.at).to_string())),
            ("input_tokens", Some(question.input_tokens.to_string())),
            ("max_tokens", Some(max_tokens)),
            ("costs_at_most", Some(most.unwrap_or_else(|| "unknown: no price".to_owned()))),
        ];
        let row = |(key, value): (&str, Option<String>)| {
            vec![Cell::text(key), Cell::text(value.unwrap_or_else(|| "–".to_owned()))]
        };
        let routed = self.is_routed.then_some(
            "It goes by the policy's route for the model that was named, to the first target: provider, account and \
             model are the target's.",
        );
        let most_note = "What it costs at most is taken from the dearest rates of prompt and answer, as filters take it \
             before they know more; images, audio, characters and long-lived caches of a real request may add to it. The \
             prompt's size is as given here, and 0 where it is not.";
        Section {
            key: "call",
            title: "The call",
            columns: vec![column("key", "what"), column("value", "value")],
            rows: texts.chain(more).map(row).collect(),
            total: None,
            notes: routed.into_iter().chain([most_note]).map(str::to_owned).collect(),
            empty: "",
        }
    }
}

impl Question {
    /// What decides which of a model's rates hold.
    fn terms(&self) -> Terms<'_> {
        Terms {
            tier: self.tier.as_deref(),
            region: self.region.as_deref(),
            at: self.at,
            input_tokens: self.input_tokens,
        }
    }
}

fn column(key: &'static str, title: &'static str) -> Column {
    Column::new(key, title)
}

/// What a cap is about, for people.
pub fn about(cap: &CapSpec) -> String {
    let parts = cap.subject.iter().map(|(dimension, matcher)| match matcher {
        SubjectMatch::Is(name) => format!("{dimension} {name}"),
        SubjectMatch::Each => format!("each {dimension}"),
        SubjectMatch::Absent => format!("no {dimension}"),
    });
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "all traffic".to_owned() } else { parts.join(", ") }
}

/// An amount of a cap, with its unit.
pub fn amount(cap: &CapSpec, amount: Amount) -> String {
    match cap.unit {
        Unit::Usd => format!("{} USD", PicoUsd::new(i128::from(amount))),
        Unit::Tokens => format!("{amount} tokens"),
        Unit::Calls => format!("{amount} calls"),
    }
}

/// What a cap does where it has no room.
pub fn mode(cap: &CapSpec) -> &'static str {
    match &cap.downgrade {
        _ if cap.shadow => "shadow",
        Some(_) => "downgrade",
        None => "enforce",
    }
}

#[cfg(test)]
mod tests;
