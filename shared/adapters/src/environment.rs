//! The functions' configuration, read once at cold start. What is missing or malformed fails by its name.

use std::env;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use domain::email_address::EmailAddress;
use domain::gate::Lease;
use domain::settlement::fee::Fees;
use hyper::Uri;
use hyper::http::uri::{Authority, Parts, PathAndQuery, Scheme};

/// A variable of the environment is not what the template promises.
#[derive(Debug, thiserror::Error)]
pub enum Misconfigured {
    /// It is not there at all.
    #[error("the environment variable {0} is missing")]
    Missing(&'static str),
    /// It is there, and cannot be used.
    #[error("the environment variable {name} cannot be used: {why}")]
    Unusable {
        /// Which one.
        name: &'static str,
        /// What is wrong with it. Never its value.
        why: String,
    },
}

fn text(name: &'static str) -> Result<String, Misconfigured> {
    env::var(name).map_err(|_| Misconfigured::Missing(name))
}

fn parsed<T: FromStr<Err: fmt::Display>>(name: &'static str) -> Result<T, Misconfigured> {
    text(name)?.parse().map_err(|error: T::Err| Misconfigured::Unusable {
        name,
        why: error.to_string(),
    })
}

/// Where the ledger is and as whom to go there: `DATABASE_HOST`, `_PORT`, `_NAME`, `_USER`, `_AUTH`.
#[derive(Clone, Debug)]
pub struct Database {
    /// A host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The database.
    pub name: String,
    /// The function's own role.
    pub user: String,
}

impl Database {
    /// Reads the five variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name. `DATABASE_AUTH=loopback` means no password and no TLS, and is refused
    /// for any host that is not a loopback address.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        let database = Self {
            host: text("DATABASE_HOST")?,
            port: parsed("DATABASE_PORT")?,
            name: text("DATABASE_NAME")?,
            user: text("DATABASE_USER")?,
        };
        let unusable = |why: &str| Misconfigured::Unusable {
            name: "DATABASE_AUTH",
            why: why.to_owned(),
        };
        match text("DATABASE_AUTH")?.as_str() {
            "loopback" if is_loopback(&database.host) => Ok(database),
            "loopback" => Err(unusable("loopback goes with a loopback address only")),
            _ => Err(unusable("loopback is the only way in that is built")),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The gate's table and how long a claim lasts: `GATE_TABLE`, `LEASE_SECONDS`, `FUNCTION_TIMEOUT_SECONDS`.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The table's name.
    pub table: String,
    /// How long a claim is its owner's alone.
    pub lease: Lease,
}

impl Gate {
    /// Reads the three variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name, also for a lease that its owner could outlive.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        let lease = Lease::new(parsed("LEASE_SECONDS")?, parsed("FUNCTION_TIMEOUT_SECONDS")?);
        Ok(Self {
            table: text("GATE_TABLE")?,
            lease: lease.map_err(|error| Misconfigured::Unusable {
                name: "LEASE_SECONDS",
                why: error.to_string(),
            })?,
        })
    }
}

/// Where events go and how long they are remembered: `EVENT_BUS`, `DEAD_LETTER_QUEUE_URL`, `KEEP_PUBLISHED_HOURS`.
#[derive(Clone, Debug)]
pub struct Announcing {
    /// The bus's name.
    pub bus: String,
    /// The queue for copies of what the bus refuses.
    pub dead_letter_queue_url: String,
    /// How long the ledger keeps what it has announced.
    pub keep_published_hours: i32,
}

impl Announcing {
    /// Reads the three variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            bus: text("EVENT_BUS")?,
            dead_letter_queue_url: text("DEAD_LETTER_QUEUE_URL")?,
            keep_published_hours: parsed("KEEP_PUBLISHED_HOURS")?,
        })
    }
}

/// The table of consumed events and how long its users run: `CONSUMED_TABLE`, `FUNCTION_TIMEOUT_SECONDS`.
#[derive(Clone, Debug)]
pub struct Consumed {
    /// The table's name.
    pub table: String,
    /// How long an invocation may take.
    pub function_timeout_seconds: u32,
}

impl Consumed {
    /// Reads the two variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            table: text("CONSUMED_TABLE")?,
            function_timeout_seconds: parsed("FUNCTION_TIMEOUT_SECONDS")?,
        })
    }
}

/// The breakers' table and what they allow: `BREAKER_TABLE`, `BREAKER_IN_FLIGHT`, `BREAKER_OPEN_SECONDS`.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// The table's name.
    pub table: String,
    /// How many calls may be on their way at a time, from all environments together.
    pub in_flight: usize,
    /// How long an endpoint that fails is left alone before the next probe.
    pub open_seconds: u32,
}

impl Breaker {
    /// Reads the three variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            table: text("BREAKER_TABLE")?,
            in_flight: parsed("BREAKER_IN_FLIGHT")?,
            open_seconds: parsed("BREAKER_OPEN_SECONDS")?,
        })
    }
}

/// Where merchants are verified: `KYC_ORIGIN`, `KYC_TIMEOUT_SECONDS`.
#[derive(Clone, Debug)]
pub struct Kyc {
    /// The only place that may be asked.
    pub origin: Origin,
    /// How long an answer may take, from the connecting to its last byte.
    pub timeout: Duration,
}

impl Kyc {
    /// Reads the two variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            origin: parsed("KYC_ORIGIN")?,
            timeout: Duration::from_secs(parsed("KYC_TIMEOUT_SECONDS")?),
        })
    }
}

/// Where parked verifications wait, and how they are woken: `PARKED_QUEUE_URL`, `WAKE_PER_SECOND`, `KYC_ORIGIN`.
#[derive(Clone, Debug)]
pub struct Waking {
    /// The queue they wait in.
    pub parked_queue_url: String,
    /// How many are woken a second, at most.
    pub per_second: NonZeroU16,
    /// The provider that they wait for.
    pub origin: Origin,
}

impl Waking {
    /// Reads the three variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            parked_queue_url: text("PARKED_QUEUE_URL")?,
            per_second: parsed("WAKE_PER_SECOND")?,
            origin: parsed("KYC_ORIGIN")?,
        })
    }
}

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

/// `FEES`: what the platform takes of a settlement in each currency, such as `EUR:290:30`.
///
/// # Errors
/// [`Misconfigured`]
pub fn fees() -> Result<Fees, Misconfigured> {
    parsed("FEES")
}

/// `CONTACTS_TABLE`: the table of the merchants' addresses.
///
/// # Errors
/// [`Misconfigured`]
pub fn contacts_table() -> Result<String, Misconfigured> {
    text("CONTACTS_TABLE")
}

/// `MAIL_FROM`: the address that mail is sent from.
///
/// # Errors
/// [`Misconfigured`]
pub fn mail_from() -> Result<EmailAddress, Misconfigured> {
    parsed("MAIL_FROM")
}

/// `LONG_MACHINE_ARN`: the state machine that carries out whatever takes time.
///
/// # Errors
/// [`Misconfigured`]
pub fn long_machine_arn() -> Result<String, Misconfigured> {
    text("LONG_MACHINE_ARN")
}

/// `GATE_TABLE`: the gate's table, for who claims nothing in it.
///
/// # Errors
/// [`Misconfigured`]
pub fn gate_table() -> Result<String, Misconfigured> {
    text("GATE_TABLE")
}

/// `REPORTS_BUCKET`: the bucket that reconciliation's reports are kept in.
///
/// # Errors
/// [`Misconfigured`]
pub fn reports_bucket() -> Result<String, Misconfigured> {
    text("REPORTS_BUCKET")
}

/// `PAGER_TOPIC_ARN`: the topic that people on duty are subscribed to.
///
/// # Errors
/// [`Misconfigured`]
pub fn pager_topic() -> Result<String, Misconfigured> {
    text("PAGER_TOPIC_ARN")
}

/// `DEAD_LETTER_QUEUES`: the URLs of queues that should be empty, with a comma between each two.
///
/// # Errors
/// [`Misconfigured`]
pub fn dead_letter_queues() -> Result<Vec<String>, Misconfigured> {
    Ok(text("DEAD_LETTER_QUEUES")?.split(',').map(str::to_owned).collect())
}

/// `ARCHIVE_BUCKET`: the bucket that events are archived in.
///
/// # Errors
/// [`Misconfigured`]
pub fn archive_bucket() -> Result<String, Misconfigured> {
    text("ARCHIVE_BUCKET")
}

/// `STATEMENTS_BUCKET`: the bucket that providers' files are put in.
///
/// # Errors
/// [`Misconfigured`]
pub fn statements_bucket() -> Result<String, Misconfigured> {
    text("STATEMENTS_BUCKET")
}

/// `TOKENS_TABLE`: the table of the task tokens of those who wait for people's decision.
///
/// # Errors
/// [`Misconfigured`]
pub fn tokens_table() -> Result<String, Misconfigured> {
    text("TOKENS_TABLE")
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
