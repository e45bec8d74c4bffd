//! How a call ended, from what Envoy says of its stream.

use protocol::event::Ending;

/// What Envoy knows of a stream when it is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamEnd {
    /// Envoy's response flags, one bit each.
    pub flags: u64,
    /// `%RESPONSE_CODE_DETAILS%`.
    pub details: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
    /// The upstream address.
    pub upstream: Option<String>,
    /// Attempts made.
    pub attempts: u32,
}

/// Envoy's `CoreResponseFlag`, in the order of its bits (1.40), by the short names of its access log.
const FLAGS: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX",
    "SI", "IH", "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

/// The flags by their short names, comma-separated.
pub fn flag_names(flags: u64) -> String {
    let set = FLAGS.iter().enumerate().filter(|(bit, _)| is_set(flags, *bit)).map(|(_, name)| *name);
    set.collect::<Vec<_>>().join(",")
}

fn is_set(flags: u64, bit: usize) -> bool {
    u32::try_from(bit).ok().and_then(|bit| flags.checked_shr(bit)).is_some_and(|rest| rest & 1 == 1)
}

fn any_set(flags: u64, names: &[&str]) -> bool {
    FLAGS.iter().enumerate().any(|(bit, name)| names.contains(name) && is_set(flags, bit))
}

impl StreamEnd {
    /// The client went away first.
    fn by_client(&self) -> bool {
        any_set(self.flags, &["DC", "DR", "DPE"])
    }

    fn by_time(&self) -> bool {
        any_set(self.flags, &["UT", "SI", "UMSDR", "DT"])
    }

    /// The request never reached a provider.
    pub fn never_sent(&self) -> bool {
        any_set(
            self.flags,
            &["UH", "UF", "UO", "NR", "NC", "DF", "RL", "UAEX", "IH", "OM", "DO", "UDO", "NFCF"],
        )
    }

    /// Classifies. `response_begun`: a response head was seen. `response_whole`: its body's end was, too.
    pub fn ending(&self, response_begun: bool, response_whole: bool) -> Ending {
        // A client that leaves as the last byte is sent has had its answer.
        if response_whole && self.flags == 0 {
            Ending::Complete
        } else if self.by_time() {
            Ending::Timeout
        } else if response_whole && self.by_client() {
            Ending::Complete
        } else if self.by_client() {
            Ending::ClientAbort
        } else if any_set(self.flags, &["UR", "UC", "UPE", "LR"]) && !self.never_sent() {
            Ending::UpstreamReset
        } else if self.flags != 0 && self.details.as_deref() != Some("via_upstream") {
            Ending::LocalReply
        } else if response_begun {
            Ending::Complete
        } else {
            // No response, and no flag that says why: the stream was torn down.
            Ending::ClientAbort
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_envoys_names() {
        assert_eq!(flag_names(0x4000), "DC");
        assert_eq!(flag_names(0x80_0000), "UPE");
        assert_eq!(flag_names(0x8020), "UF,URX");
        assert_eq!(flag_names(0), "");
        assert_eq!(flag_names(u64::MAX).split(',').count(), 30);
    }

    #[test]
    fn the_stream_tells_how_it_ended() {
        let end = |flags, details: &str, begun, whole| {
            StreamEnd { flags, details: Some(details.to_owned()), ..StreamEnd::default() }
                .ending(begun, whole)
        };
        assert_eq!(end(0, "via_upstream", true, true), Ending::Complete);
        assert_eq!(end(0, "via_upstream", true, false), Ending::Complete, "trailers hide the body's end");
        assert_eq!(end(0x4000, "downstream_remote_disconnect", true, false), Ending::ClientAbort);
        assert_eq!(end(0x4000, "downstream_remote_disconnect", false, false), Ending::ClientAbort);
        assert_eq!(
            end(0x80_0000, "upstream_reset_after_response_started{protocol_error}", true, false),
            Ending::UpstreamReset
        );
        assert_eq!(
            end(0x40, "upstream_reset_before_response_started{connection_termination}", true, true),
            Ending::UpstreamReset
        );
        assert_eq!(end(0x4, "response_timeout", true, true), Ending::Timeout);
        assert_eq!(
            end(0x20, "upstream_reset_before_response_started{connection_failure}", true, true),
            Ending::LocalReply
        );
        assert_eq!(
            end(0x8000, "via_upstream", true, true),
            Ending::Complete,
            "retries used up, the last answer passed on"
        );
    }
}
