//! Where the one provider is that is called over the internet.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use hyper::http::uri::{Authority, Parts, PathAndQuery, Scheme};

use super::is_loopback;

/// Scheme, host and port, such as `https://kyc.example`. Plain HTTP goes with a loopback address only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

/// The text is no origin, or not one that may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOrigin {
    /// Something is missing or too much: an origin has no user, path or query.
    #[error("it is not a scheme, a host and perhaps a port, and nothing else")]
    Malformed,
    /// What is sent could be read and changed on its way.
    #[error("only https will do, or http with a loopback address")]
    Unprotected,
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, NotAnOrigin> {
        let uri: Uri = text.parse().map_err(|_| NotAnOrigin::Malformed)?;
        let is_bare = uri.path() == "/" && uri.query().is_none() && !text.contains(['@', '#']) && !text.ends_with('/');
        let (Some(scheme), Some(authority), true) = (uri.scheme(), uri.authority(), is_bare) else {
            return Err(NotAnOrigin::Malformed);
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_protected = *scheme == Scheme::HTTPS || *scheme == Scheme::HTTP && is_loopback(host);
        if !is_protected {
            return Err(NotAnOrigin::Unprotected);
        }
        Ok(Self {
            scheme: scheme.clone(),
            authority: authority.clone(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl Origin {
    /// Whether it is reached over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// An address there.
    #[must_use]
    pub fn with_path(&self, path: &'static str) -> Uri {
        let mut parts = Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_https_or_on_this_machine() {
        for text in [
            "https://kyc.example",
            "https://kyc.example:8443",
            "http://127.0.0.1:4000",
            "http://[::1]:4000",
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
        for text in [
            "http://kyc.example",
            "http://localhost:4000",
            "http://10.0.0.1",
            "ftp://kyc.example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(NotAnOrigin::Unprotected), "{text}");
        }
    }

    #[test]
    fn an_origin_is_nothing_more_than_that() {
        for text in [
            "",
            "kyc.example",
            "kyc.example:443",
            "/v1",
            "https://",
            "https://kyc.example/",
            "https://kyc.example/v1",
            "https://kyc.example?to=elsewhere",
            "https://kyc.example#part",
            "https://127.0.0.1@kyc.example",
            "https://kyc.example https://elsewhere.example",
        ] {
            assert_eq!(text.parse::<Origin>(), Err(NotAnOrigin::Malformed), "{text}");
        }
    }

    #[test]
    fn an_address_at_an_origin_keeps_it() {
        let origin: Origin = "https://kyc.example:8443".parse().unwrap();
        assert_eq!(origin.with_path("/v1/a"), "https://kyc.example:8443/v1/a");
    }
}
