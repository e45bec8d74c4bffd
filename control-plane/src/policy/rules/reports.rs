//! Reports that go out by themselves: to somebody, with a link that leads to the console.

use crate::policy::{fault::Faults, tree::Located};

pub(super) fn check(root: &Located, faults: &mut Faults) {
    let Some(reports) = root.field("reports") else { return };
    if let Some(to) = reports.field("weekly").and_then(|weekly| weekly.field("to"))
        && to.items().is_empty()
    {
        let hint = "write names of destinations, or leave `weekly` out".to_owned();
        faults.add(to.place, "reports.weekly.to", "names nobody".to_owned(), Some(hint));
    }
    let Some(url) = reports.field("console_url") else { return };
    let text = url.scalar().unwrap_or_default();
    let rest = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // The address of a page is put behind it. It is not repeated: a password may stand in it.
    let fault = if rest.contains(['?', '#']) {
        "has a query or a fragment"
    } else if authority.contains('@') {
        "has a name or a password in it, which everybody who gets a message would see"
    } else {
        return;
    };
    let hint = "write where the console is, for example https://bursar.example.com".to_owned();
    faults.add(url.place, "reports.console_url", fault.to_owned(), Some(hint));
}

#[cfg(test)]
mod tests {
    use crate::policy::parse;

    fn faults(reports: &str) -> Vec<(String, String)> {
        let text = format!(
            "version: 1\ndestinations: {{ops: {{url: \"https://a.b/c\", kind: slack}}}}\nreports: {reports}\n"
        );
        let faults = parse(&text, "p").err().unwrap_or_default();
        faults.into_iter().map(|fault| (fault.path, fault.message)).collect()
    }

    #[test]
    fn a_weekly_report_is_for_somebody() {
        assert_eq!(faults("{weekly: {to: [ops]}}"), []);
        assert_eq!(
            faults("{weekly: {to: []}}"),
            [("reports.weekly.to".to_owned(), "names nobody".to_owned())]
        );
    }

    #[test]
    fn the_console_s_address_is_one_that_a_page_can_be_put_behind() {
        for url in ["https://bursar.example", "http://10.0.0.1:7700/", "https://example.com/bursar"] {
            assert_eq!(faults(&format!("{{console_url: \"{url}\"}}")), [], "{url}");
        }
        for (url, why) in [
            ("https://bursar.example/?x=y", "has a query or a fragment"),
            ("https://bursar.example?x", "has a query or a fragment"),
            ("https://bursar.example/#top", "has a query or a fragment"),
            ("https://me:secret@bursar.example", "has a name or a password in it"),
            ("https://me@bursar.example/console", "has a name or a password in it"),
        ] {
            let found = faults(&format!("{{console_url: \"{url}\"}}"));
            let [(path, message)] = &*found else { panic!("{url}: {found:?}") };
            assert_eq!(path, "reports.console_url");
            assert!(message.starts_with(why) && !message.contains("secret"), "{url}: {message}");
        }
    }
}
