//! The functions' configuration, read once at cold start. What is missing or malformed fails by its name.

use std::env;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use domain::email_address::EmailAddress;
use domain::gate::Lease;

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

/// `ARCHIVE_BUCKET`: the bucket that events are archived in.
///
/// # Errors
/// [`Misconfigured`]
pub fn archive_bucket() -> Result<String, Misconfigured> {
    text("ARCHIVE_BUCKET")
}
