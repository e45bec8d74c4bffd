//! Addresses of destinations as they are shown: an address of Slack's is a password. Enough is left to see where it
//! leads and whether it is still the same; a policy that was read so can be put back, as long as it is known what it
//! stands for.

use super::{Fault, Policy};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Stands in no address that works.
const MARK: &str = "/…";

/// Scheme, host and a digest.
fn masked(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let mut text = format!("{scheme}://{host}{MARK}");
    for byte in Sha256::digest(url.as_bytes()).iter().take(6) {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

fn is_masked(url: &str) -> bool {
    url.contains(MARK)
}

impl Policy {
    /// As it may be shown.
    #[must_use]
    pub fn masked(&self) -> Self {
        let mut shown = self.clone();
        for destination in shown.destinations.values_mut().filter(|shown| !is_masked(&shown.url)) {
            destination.url = masked(&destination.url).into();
        }
        shown
    }

    /// With the addresses that another policy knows in place of those that stand for them. On failure, a fault of
    /// `file` for each destination whose address nobody knows.
    pub fn unmasked(mut self, known: &Self, file: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        for (name, destination) in self.destinations.iter_mut().filter(|(_, shown)| is_masked(&shown.url)) {
            match known.destinations.values().find(|known| masked(&known.url) == *destination.url) {
                Some(meant) => destination.url = meant.url.clone(),
                None => faults.push(nobodys(file, name.as_str())),
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }
}

fn nobodys(file: &str, destination: &str) -> Fault {
    Fault {
        file: file.to_owned(),
        line: 1,
        column: 1,
        path: format!("destinations.{destination}.url"),
        message: "nobody knows the address that it stands for".to_owned(),
        hint: Some("write the whole address: what is shown of one ends in a digest".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::parse;

    fn policy(url: &str) -> Policy {
        let text = format!("version: 1\ndestinations: {{ops: {{url: \"{url}\", kind: slack}}}}\n");
        parse(&text, "p").unwrap()
    }

    #[test]
    fn an_address_shows_where_it_leads_and_not_what_it_knows() {
        let secret = policy("https://me:pass@hooks.slack.com/services/T0/B0/token?x=y");
        let shown = secret.masked();
        let url = &*shown.destinations.values().next().unwrap().url;
        assert!(url.starts_with("https://hooks.slack.com/…") && url.len() == 26 + 1 + 12, "{url}");
        assert_eq!(shown.masked(), shown);
        assert_ne!(policy("https://hooks.slack.com/services/T0/B0/other").masked(), shown);
    }

    #[test]
    fn what_was_shown_can_be_put_back_where_it_is_known() {
        let secret = policy("https://hooks.slack.com/services/T0/B0/token");
        assert_eq!(secret.masked().unmasked(&secret, "p"), Ok(secret.clone()));
        assert_eq!(secret.clone().unmasked(&Policy::default(), "p"), Ok(secret.clone()));
        let faults = secret.masked().unmasked(&Policy::default(), "p").unwrap_err();
        assert_eq!(faults.iter().map(|fault| &*fault.path).collect::<Vec<_>>(), ["destinations.ops.url"]);
    }
}
