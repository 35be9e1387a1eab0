//! The functions' configuration, read once at cold start. What is missing or malformed fails by its name.

mod auth;
mod origin;

use std::env;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::str::FromStr;
use std::time::Duration;

use domain::email_address::EmailAddress;
use domain::gate::Lease;
use domain::settlement::fee::Fees;

pub use self::auth::{Auth, Iam};
pub use self::origin::{NotAnOrigin, Origin};

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

/// Where the ledger is, as whom to go there and how that is proved: `DATABASE_HOST`, `_PORT`, `_NAME`, `_USER`, `_AUTH`.
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
    /// How both prove who they are.
    pub auth: Auth,
}

impl Database {
    /// Reads the five variables, and those that the way in takes.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name. `DATABASE_AUTH=loopback` means no password and no TLS, and is refused
    /// for any host that is not a loopback address.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        let host = text("DATABASE_HOST")?;
        Ok(Self {
            port: parsed("DATABASE_PORT")?,
            name: text("DATABASE_NAME")?,
            user: text("DATABASE_USER")?,
            auth: Auth::towards(&host)?,
            host,
        })
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

/// Where customers' data lies: `CUSTOMERS_TABLE`, `CUSTOMER_KEYS_TABLE`, `TENANT_KEYS`, `VAULT_KEY`, `VAULT_KEY_SECONDS`.
#[derive(Clone, Debug)]
pub struct Vault {
    /// The table of sealed records.
    pub customers_table: String,
    /// The table of wrapped keys, and of whose account is whose.
    pub keys_table: String,
    /// What the names of the tenants' secrets begin with, less the `/` before the tenant.
    pub tenant_keys: String,
    /// The id or ARN of the service's key.
    pub service_key: String,
    /// How long a key stays in memory after it was asked for.
    pub keys_live: Duration,
}

impl Vault {
    /// The longest that a key may stay in memory, in seconds: whoever is erased is read until then, if all else fails.
    const LONGEST: u64 = 300;

    /// Reads the five variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name, also for keys that would stay longer than five minutes.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        let seconds: u64 = parsed("VAULT_KEY_SECONDS")?;
        if seconds > Self::LONGEST {
            return Err(Misconfigured::Unusable {
                name: "VAULT_KEY_SECONDS",
                why: format!("keys stay for {} seconds at most", Self::LONGEST),
            });
        }
        Ok(Self {
            customers_table: text("CUSTOMERS_TABLE")?,
            keys_table: text("CUSTOMER_KEYS_TABLE")?,
            tenant_keys: text("TENANT_KEYS")?,
            service_key: text("VAULT_KEY")?,
            keys_live: Duration::from_secs(seconds),
        })
    }
}

/// What is erased, and where that is written down: `CUSTOMERS_TABLE`, `CUSTOMER_KEYS_TABLE`, `TENANT_KEYS`, `ERASURES_TABLE`,
/// `CERTIFICATES_BUCKET`, `CERTIFICATE_KEY`, `AUDIT_KEY`, `EVENT_BUS`.
#[derive(Clone, Debug)]
pub struct Erasing {
    /// The table of sealed records.
    pub customers_table: String,
    /// The table of wrapped keys, and of whose account is whose.
    pub keys_table: String,
    /// What the names of the tenants' secrets begin with, less the `/` before the tenant.
    pub tenant_keys: String,
    /// The table of erasures.
    pub erasures_table: String,
    /// The bucket that certificates are kept in.
    pub certificates_bucket: String,
    /// The ARN of the key that certificates are signed with.
    pub certificate_key: String,
    /// The id or ARN of the key that justifications are signed with.
    pub audit_key: String,
    /// The bus's name.
    pub bus: String,
}

impl Erasing {
    /// Reads the eight variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            customers_table: text("CUSTOMERS_TABLE")?,
            keys_table: text("CUSTOMER_KEYS_TABLE")?,
            tenant_keys: text("TENANT_KEYS")?,
            erasures_table: text("ERASURES_TABLE")?,
            certificates_bucket: text("CERTIFICATES_BUCKET")?,
            certificate_key: text("CERTIFICATE_KEY")?,
            audit_key: audit_key()?,
            bus: text("EVENT_BUS")?,
        })
    }
}

/// Whose schema is brought up to date, and as whom: `DATABASE_CLUSTER_ARN`, `DATABASE_SECRET_ARN`, `DATABASE_NAME`.
#[derive(Clone, Debug)]
pub struct Migrating {
    /// The cluster, whose Data API is enabled.
    pub cluster_arn: String,
    /// The secret with the name and the password of the database's owner.
    pub secret_arn: String,
    /// The database.
    pub database: String,
}

impl Migrating {
    /// Reads the three variables.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name.
    pub fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            cluster_arn: text("DATABASE_CLUSTER_ARN")?,
            secret_arn: text("DATABASE_SECRET_ARN")?,
            database: text("DATABASE_NAME")?,
        })
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

/// `DIGEST_BUCKET`: the bucket that seals are kept in.
///
/// # Errors
/// [`Misconfigured`]
pub fn digest_bucket() -> Result<String, Misconfigured> {
    text("DIGEST_BUCKET")
}

/// `DIGEST_KEY`: the id or ARN of the key that seals are signed with.
///
/// # Errors
/// [`Misconfigured`]
pub fn digest_key() -> Result<String, Misconfigured> {
    text("DIGEST_KEY")
}

/// `AUDIT_KEY`: the id or ARN of the key that justifications are signed with.
///
/// # Errors
/// [`Misconfigured`]
pub fn audit_key() -> Result<String, Misconfigured> {
    text("AUDIT_KEY")
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
