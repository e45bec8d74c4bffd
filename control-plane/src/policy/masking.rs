//! Addresses as they are shown. One of a destination is a password, as Slack's are; one of a catalogue may have a
//! password or a key in it. Enough is left to see where it leads and whether it is still the same; a policy that was
//! read so can be put back, as long as it is known what it stands for.

use super::{Fault, Policy};
use sha2::{Digest as _, Sha256};
use std::{borrow::Cow, fmt::Write as _};

/// Stands in no address that works.
const MARK: &str = "/…";

/// Scheme, host and a digest.
fn masked(url: &str) -> String {
    let (scheme, host, _) = parts(url);
    digested(format!("{scheme}://{host}"), url)
}

/// What people may see of a catalogue's address: all of it, where it has neither user nor query; else where it leads,
/// and a digest.
pub fn masked_catalogue(url: &str) -> Cow<'_, str> {
    let (scheme, host, path) = parts(url);
    let shown = format!("{scheme}://{host}{path}");
    if shown == url || is_masked(url) { url.into() } else { digested(shown, url).into() }
}

/// Scheme, host and path.
fn parts(url: &str) -> (&str, &str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (scheme, authority.rsplit('@').next().unwrap_or_default(), path)
}

fn digested(mut text: String, url: &str) -> String {
    text.push_str(MARK);
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
        for url in shown.prices.refresh.iter_mut().filter_map(|refresh| refresh.url.as_mut()) {
            *url = masked_catalogue(url).into();
        }
        shown
    }

    /// With the addresses that another policy knows in place of those that stand for them. On failure, a fault of
    /// `file` for each destination and catalogue whose address nobody knows.
    pub fn unmasked(mut self, known: &Self, file: &str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        for (name, destination) in self.destinations.iter_mut().filter(|(_, shown)| is_masked(&shown.url)) {
            match known.destinations.values().find(|known| masked(&known.url) == *destination.url) {
                Some(meant) => destination.url = meant.url.clone(),
                None => faults.push(nobodys(file, format!("destinations.{name}.url"))),
            }
        }
        let known: Vec<_> = known.prices.refresh.iter().filter_map(|known| known.url.as_ref()).collect();
        for (index, refresh) in self.prices.refresh.iter_mut().enumerate() {
            let Some(url) = refresh.url.as_mut().filter(|url| is_masked(url)) else { continue };
            match known.iter().find(|known| masked_catalogue(known) == **url) {
                Some(meant) => *url = (*meant).clone(),
                None => faults.push(nobodys(file, format!("prices.refresh[{index}].url"))),
            }
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }
}

fn nobodys(file: &str, path: String) -> Fault {
    Fault {
        file: file.to_owned(),
        line: 1,
        column: 1,
        path,
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

    #[test]
    fn an_address_of_a_catalogue_shows_all_but_what_may_be_secret() {
        let with = |urls: &[&str]| {
            let entry = |url: &&str| format!("{{url: \"{url}\"}}");
            let entries: Vec<String> = urls.iter().map(entry).collect();
            parse(&format!("version: 1\nprices: {{refresh: [{}]}}\n", entries.join(", ")), "p").unwrap()
        };
        let urls = [
            "https://prices.example/list.json",
            "https://me:pass@prices.example:8443/list.json",
            "https://prices.example/list.json?token=secret",
            "https://prices.example?token=secret",
            "https://prices.example/list.json#secret",
        ];
        let secret = with(&urls);
        let shown = secret.masked();
        let seen: Vec<String> =
            shown.prices.refresh.iter().map(|entry| entry.url.as_deref().unwrap().to_owned()).collect();
        assert_eq!(seen[0], urls[0]);
        for (url, start) in seen.iter().zip([
            "https://prices.example/list.json",
            "https://prices.example:8443/list.json/…",
            "https://prices.example/list.json/…",
            "https://prices.example/…",
            "https://prices.example/list.json/…",
        ]) {
            assert!(url.starts_with(start) && !url.contains("pass") && !url.contains("secret"), "{url}");
        }
        assert_eq!(shown.masked(), shown);
        assert_eq!(shown.clone().unmasked(&secret, "p"), Ok(secret.clone()));
        // Another key is another address.
        let other = with(&["https://prices.example/list.json?token=other"]);
        let faults = shown.unmasked(&other, "p").unwrap_err();
        let paths: Vec<&str> = faults.iter().map(|fault| &*fault.path).collect();
        assert_eq!(paths, [1, 2, 3, 4].map(|index| format!("prices.refresh[{index}].url")));
    }
}
