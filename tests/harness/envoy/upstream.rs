//! Where the provider is: an address, or what a URL says.

use std::{fmt, net::SocketAddr};

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is spoken to by TLS.
    pub tls: bool,
    /// What every path is put behind.
    pub path: Option<String>,
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), tls: false, path: None }
    }
}

impl Upstream {
    /// Reads `https://host[:port][/path]`. A last `/v1` is left out: applications send it themselves.
    pub fn parse(url: &str) -> Result<Self, String> {
        let fault = || format!("{url} is not like https://api.example.com/v1");
        let uri: hyper::Uri = url.parse().map_err(|_| fault())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(fault()),
        };
        let host = uri.host().ok_or_else(fault)?.trim_matches(['[', ']']).to_owned();
        let path = uri.path().trim_end_matches('/').trim_end_matches("/v1");
        Ok(Self {
            host,
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            tls,
            path: (!path.is_empty()).then(|| format!("{path}/")),
        })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_provider() {
        let parse = |url| Upstream::parse(url).map(|upstream| upstream.to_string());
        assert_eq!(parse("https://api.openai.com/v1").unwrap(), "https://api.openai.com:443");
        assert_eq!(parse("http://127.0.0.1:9/openai/v1/").unwrap(), "http://127.0.0.1:9/openai/");
        assert_eq!(parse("https://[::1]:8443").unwrap(), "https://::1:8443");
        assert!(parse("api.openai.com").is_err());
    }
}
