//! A policy as people write it: what is shown of one can be read again and says the same.

use super::Policy;
use serde_saphyr::{SerializeError, ser_options, to_string_with_options};

impl Policy {
    /// As YAML, with everything that was left to its default; comments and the order of keys are not kept.
    pub fn yaml(&self) -> Result<String, SerializeError> {
        // A line a value: folded text is hard to compare, and to read when it holds code.
        to_string_with_options(self, ser_options! { prefer_block_scalars: false })
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{Policy, parse};

    fn same_again(policy: &Policy) -> String {
        let yaml = policy.yaml().unwrap();
        let again = parse(&yaml, "shown").unwrap_or_else(|faults| panic!("{faults:#?} in {yaml}"));
        assert_eq!(again, *policy, "{yaml}");
        yaml
    }

    #[test]
    fn what_is_shown_of_a_policy_says_the_same_when_it_is_read() {
        let everything = include_str!("written/everything.yaml");
        let yaml = same_again(&parse(everything, "everything").unwrap());
        assert!(yaml.starts_with("version: 1\n") && yaml.contains("limit_usd: \"30\""), "{yaml}");
        same_again(&Policy { version: 1, ..Policy::default() });
    }

    #[test]
    fn text_that_is_no_line_of_its_own_stays_as_it_is() {
        for source in
            ["a\nb\n", "\n", "\ta", "a\r\nb", "\u{1}", "\u{7f}", " \n x", "# x\n- y: 1\n", "a: |\n  b"]
        {
            let source = serde_json::to_string(source).unwrap().replace('\u{7f}', "\\u007f");
            let text = format!("version: 1\ncustomers: {{acme: {{utm: {{source: {source}}}}}}}\n");
            same_again(&parse(&text, "p").unwrap());
        }
    }

    #[test]
    fn words_that_yaml_would_take_for_something_else_stay_what_they_are() {
        let long = "word ".repeat(24);
        for name in [
            "yes",
            "NO",
            "null",
            "~",
            "4711",
            "007",
            "1e3",
            "0x1f",
            "1:30",
            "2026-11-24",
            ".inf",
            "true",
            "- a",
            "a: b",
            "a #b",
            "#a",
            "'",
            "\"",
            "\\",
            "{x}",
            "[x]",
            "*a",
            "&a",
            "!a",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "?",
            "ä €",
            "<<",
            "=",
            "</textarea>",
            "\u{feff}x",
            "a\u{2028}b",
            "a\u{200b}b",
            "\u{1f980}",
            " a",
            "a ",
            &long,
        ] {
            // JSON is YAML; names may not hold what cannot be printed.
            let quoted = serde_json::to_string(name).unwrap();
            let text = format!(
                "version: 1\ncustomers: {{{quoted}: {{utm: {{source: {quoted}}}}}}}\ncaps: [{{name: {quoted}, subject: {{user: {quoted}}}, limit_calls: 1, window: day}}]\n"
            );
            match parse(&text, "p") {
                Ok(policy) => drop(same_again(&policy)),
                Err(faults) => {
                    assert!(faults.iter().all(|fault| fault.message.contains("name")), "{faults:#?}")
                }
            }
        }
    }
}
