//! AWS's signature of a request (SigV4): which parts of it must reach the provider as they were signed.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html> (read November 2026)

use crate::head::Headers;

/// The signature of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature<'a> {
    /// The names of the headers that it covers, lower-case, with `;` or its escape between them.
    names: &'a str,
}

impl<'a> Signature<'a> {
    /// Of a request that has one: in its `authorization`, or in its query.
    pub fn of(headers: &Headers<'a>) -> Option<Self> {
        let in_header = || {
            let value = headers.text("authorization")?;
            let parameters = value.strip_prefix("AWS4-")?;
            parameters
                .split(',')
                .find_map(|parameter| parameter.split_once("SignedHeaders="))
                .map(|(_, names)| names)
        };
        let in_query = || {
            let (_, query) = headers.text(":path")?.split_once('?')?;
            query.split('&').find_map(|parameter| parameter.strip_prefix("X-Amz-SignedHeaders="))
        };
        in_header().or_else(in_query).map(|names| Self { names })
    }

    /// Whether a header is covered. The body always is.
    pub fn covers(&self, name: &[u8]) -> bool {
        let names =
            self.names.split(';').flat_map(|names| names.split("%3B")).flat_map(|names| names.split("%3b"));
        names.into_iter().any(|covered| covered.trim().as_bytes() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(pairs: &[(&str, &str)]) -> Option<Vec<&'static str>> {
        let pairs: Vec<(&[u8], &[u8])> =
            pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let signature = Signature::of(&Headers::new(&pairs))?;
        let names = ["host", "x-amz-date", "x-bursar-customer", "accept-encoding"];
        Some(names.into_iter().filter(|name| signature.covers(name.as_bytes())).collect())
    }

    #[test]
    fn a_signature_says_which_headers_it_covers() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/bedrock/aws4_request, \
            SignedHeaders=content-type;host;x-amz-date, Signature=abc";
        assert_eq!(covered(&[("authorization", header)]), Some(vec!["host", "x-amz-date"]));
        let path = "/model/m/invoke?X-Amz-Signature=abc&X-Amz-SignedHeaders=host%3Bx-bursar-customer";
        assert_eq!(covered(&[(":path", path)]), Some(vec!["host", "x-bursar-customer"]));
        assert_eq!(covered(&[("authorization", "Bearer sk-1"), (":path", "/v1/x?a=b")]), None);
    }
}
