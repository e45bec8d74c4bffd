//! Who a call is for, as far as its body says; and what has to be said.

use super::Exchange;
use crate::{admission::Refused, attribution::Unasked, request::RequestReader};
use protocol::event::{CallHead, Refusal};
use std::rc::Rc;

/// Adds what the body names, as far as it was read.
pub(super) fn complete(head: &mut Rc<CallHead>, unasked: Option<&Unasked>, reader: &RequestReader) {
    if let Some(unasked) = unasked {
        unasked.complete(&mut Rc::make_mut(head).attribution, |path| reader.found(path));
    }
}

impl Exchange {
    /// A refusal, where the configuration asks for a dimension that the call does not name. No cap is asked before.
    pub(super) fn unnamed(&self) -> Option<Refused> {
        let missing = self.unasked.as_ref()?.missing(&self.head.attribution)?;
        Some(Refused { missing: Some(missing), ..Refused::because(Refusal::Unattributed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        admission::Recourse,
        config::Config,
        counters::tests::InMemory,
        exchange::{Step, Surroundings},
        head::Headers,
        refusal::LocalReply,
    };
    use protocol::{ids::CallId, snapshot::Snapshot};

    const CONFIG: &[u8] = br#"{"identity": {
        "customer": {"from": [{"body": "metadata.customer"}, {"body": "user"}], "required": true}, "task": {"required": true}
    }}"#;

    fn begin(content_type: &str, task: bool) -> Exchange {
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"POST"),
            (b":path", b"/v1/chat/completions"),
            (b"content-type", content_type.as_bytes()),
            // Not a source here, so it must not be read.
            (b"x-bursar-customer", b"globex"),
        ];
        headers.extend(task.then_some((b"x-bursar-task".as_slice(), b"t".as_slice())));
        let (config, id) = (Config::parse(CONFIG).unwrap(), CallId::new(1, [0; 10]));
        Exchange::begin(&config, &Headers::new(&headers), Surroundings::default(), id, 1).unwrap()
    }

    fn decide(exchange: &mut Exchange) -> Step {
        let snapshot = Snapshot::default();
        exchange.decide(&snapshot, &InMemory::default(), true, Recourse::Ask, 1).unwrap()
    }

    fn refused(step: Option<Step>) -> LocalReply {
        match step {
            Some(Step::Refuse(reply)) => reply,
            other => panic!("not refused but {other:?}"),
        }
    }

    #[track_caller]
    fn names(content_type: &str, body: &str, customer: Option<&str>) {
        for size in [1, 7, body.len()] {
            let mut exchange = begin(content_type, true);
            body.as_bytes().chunks(size).for_each(|piece| exchange.read_request(piece));
            match (decide(&mut exchange), customer) {
                (Step::Proceed(head, _), Some(customer)) => {
                    assert_eq!(
                        head.attribution.customer.as_ref().unwrap().value.as_str(),
                        customer,
                        "{body}"
                    );
                }
                (Step::Refuse(reply), None) => {
                    assert!(reply.body.contains("names no customer"), "{}", reply.body)
                }
                (step, _) => panic!("{step:?} of {body}"),
            }
        }
    }

    #[test]
    fn a_field_names_the_customer_however_the_body_arrives() {
        let json = "application/json";
        let long = "a".repeat(10_000);
        names(json, r#"{"model":"m","user":"acme"}"#, Some("acme"));
        names(
            json,
            r#"{"user":"acme","metadata":{"x":{"customer":"deep"},"customer":"first"}}"#,
            Some("first"),
        );
        names(json, r#"{"user":"acme","metadata":{"customer":null}}"#, Some("acme"));
        names(json, r#"{"user":"Zo\u00eb \"A\""}"#, Some("Zoë \"A\""));
        names(json, r#"{"user":4711}"#, Some("4711"));
        // As for a parser, the last of many counts.
        let many = format!(r#"{{{}"user":"acme"}}"#, r#""user":"globex","#.repeat(500));
        names(json, &many, Some("acme"));
        names(json, r#"{"messages":[{"user":"acme"}],"x":{"user":"acme"}}"#, None);
        names(json, r#"{"user":{"id":"acme"}}"#, None);
        names(json, r#"{"user":"a\u0000b"}"#, None);
        names(json, r#"{"user":4.5}"#, None);
        names(json, &format!(r#"{{"user":"{long}"}}"#), None);
        names(json, "no JSON", None);
    }

    #[test]
    fn what_is_required_is_required_without_a_control_plane_too() {
        let mut exchange = begin("application/json", false);
        exchange.read_request(br#"{"model":"m","user":"acme"}"#);
        let reply = refused(exchange.pass_undecided(1));
        assert!(reply.body.contains("names no task"), "{}", reply.body);
        assert_eq!((reply.status, reply.details), (403, "bursar_refused_unattributed"));
        let mut exchange = begin("application/json", true);
        exchange.read_request(br#"{"model":"m","user":"acme"}"#);
        assert!(matches!(exchange.pass_undecided(1), Some(Step::Proceed(..))));
    }
}
