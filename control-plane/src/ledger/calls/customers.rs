//! Customers as the policy has them now: by plan, and by where they came from. A call keeps neither; what reports on who
//! pays count is told by the policy in force.

use crate::{
    policy::{Customer, Policy},
    store::{StoreError, word_id},
};
use protocol::ids::Name;
use rusqlite::Connection;

/// Some customers, or all but some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customers {
    names: Vec<Name>,
    are_meant: bool,
}

impl Customers {
    /// The parameters by which they are asked for. An empty text: those that have none, and calls of nobody.
    pub const PARAMETERS: [&str; 4] = ["plan_now", "utm_source", "utm_medium", "utm_campaign"];

    /// Of what somebody said; `None`: nothing.
    pub(super) fn parse<'a>(said: impl Fn(&'static str) -> Option<&'a str>, policy: &Policy) -> Option<Self> {
        let asked: Vec<(&str, &str)> =
            Self::PARAMETERS.into_iter().filter_map(|name| Some((name, said(name)?))).collect();
        let is_asked_for = |(name, customer): &(&Name, &Customer)| {
            asked.iter().all(|(parameter, text)| value(policy, parameter, name, customer) == *text)
        };
        // Whom the policy does not know has no plan, and came from nowhere.
        let are_meant = asked.iter().any(|(_, text)| !text.is_empty());
        let names = policy.customers.iter().filter(|customer| is_asked_for(customer) == are_meant);
        let names = names.map(|(name, _)| name.clone()).collect();
        (!asked.is_empty()).then_some(Self { names, are_meant })
    }

    /// As an SQL condition with one value. Calls are read by time all the same: there may be very many customers.
    pub(super) fn condition(&self, connection: &Connection) -> Result<(&'static str, String), StoreError> {
        let mut ids = Vec::new();
        for name in &self.names {
            ids.extend(word_id(connection, name.as_str())?.map(|id| id.to_string()));
        }
        let condition = match self.are_meant {
            true => "+customer IN (SELECT value FROM json_each(?))",
            false => "+customer NOT IN (SELECT value FROM json_each(?))",
        };
        Ok((condition, format!("[{}]", ids.join(","))))
    }
}

fn value<'a>(policy: &'a Policy, parameter: &str, name: &Name, customer: &'a Customer) -> &'a str {
    let utm = customer.utm.as_ref();
    let value = match parameter {
        "plan_now" => policy.plan_of(name.as_str()).map(|(plan, _)| plan.as_str()),
        "utm_source" => utm.and_then(|utm| utm.source.as_deref()),
        "utm_medium" => utm.and_then(|utm| utm.medium.as_deref()),
        _ => utm.and_then(|utm| utm.campaign.as_deref()),
    };
    value.unwrap_or_default()
}
