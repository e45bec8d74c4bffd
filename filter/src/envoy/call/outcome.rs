//! Answers of an application's own backend, which may say what a task was worth.

use super::{
    super::{
        abi::{self, HostError, Map},
        host,
    },
    Call,
};
use crate::{
    head::{Headers, split_pairs},
    outcome::{self, HEADERS, Said},
};

impl Call {
    /// Takes what such an answer says, and the headers that say it.
    pub(super) fn hear_outcome(&self) {
        let Some(node) = self.node.as_ref().filter(|node| node.config.outcome_headers) else { return };
        let Ok(bytes) = abi::header_pairs(Map::Response) else { return node.stats.fault("response_headers") };
        let said = outcome::read(&Headers::new(&split_pairs(&bytes)), host::now());
        match &said {
            Said::Nothing => return,
            Said::Report(report) => {
                let queued = node.outbox.borrow_mut().outcome(report);
                node.queued(queued);
            }
            Said::Nonsense => node.stats.fault("outcome_header"),
        }
        for name in HEADERS {
            if let Err(HostError) = abi::set_header(Map::Response, name.as_bytes(), None) {
                node.stats.fault("response_headers");
            }
        }
    }
}
