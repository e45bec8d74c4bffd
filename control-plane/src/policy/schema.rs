//! The JSON Schema of the policy, which is also what a policy is held against, and the parts of it that cannot be
//! derived because their types are the protocol's.

use super::Policy;
use protocol::{
    cap::Facet,
    meters::{Meter, Side},
};
use schemars::{Schema, SchemaGenerator, json_schema};
use std::collections::BTreeMap;

/// The whole schema.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Policy).to_value()
}

pub(super) fn allow(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["allow", "refuse"]})
}

pub(super) fn loop_action(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["refuse", "throttle", "warn", "shadow"]})
}

pub(super) fn window(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "enum": ["minute", "hour", "day", "week", "month", "billing_period", "lifetime"]
    })
}

pub(super) fn token_meters(_: &mut SchemaGenerator) -> Schema {
    let meters = Meter::ALL.into_iter().filter(|meter| meter.side() != Side::Service);
    let words: Vec<&str> = meters.map(Meter::as_str).collect();
    json_schema!({"type": "array", "items": {"type": "string", "enum": words}})
}

pub(super) fn each(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"anyOf": [facet(), {"type": "array", "items": facet()}]})
}

pub(super) fn subject(_: &mut SchemaGenerator) -> Schema {
    let name = json_schema!({"type": "string", "format": "name"});
    let properties: BTreeMap<&str, &Schema> =
        Facet::ALL.iter().map(|facet| (facet.as_str(), &name)).collect();
    json_schema!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn facet() -> Schema {
    json_schema!({"type": "string", "enum": Facet::ALL.map(Facet::as_str)})
}
