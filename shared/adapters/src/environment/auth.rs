//! How a function and the database prove to each other who they are.

use std::sync::Arc;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use rustls::RootCertStore;

use super::{Misconfigured, is_loopback, text};

/// The variable that says which way.
const DATABASE_AUTH: &str = "DATABASE_AUTH";

/// The ways in.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Nobody proves anything and nothing is encrypted. For a database on this machine, and for no other.
    Loopback,
    /// The database proves its name by a certificate, over TLS; the function its role by a signed token.
    Iam(Iam),
}

/// What [`Auth::Iam`] takes.
#[derive(Clone, Debug)]
pub struct Iam {
    /// The region that the database is in.
    pub region: String,
    /// Where the keys of the function's role come from, asked for every connection.
    pub credentials: SharedCredentialsProvider,
    /// Who may vouch for the database's name.
    pub roots: Arc<RootCertStore>,
}

impl Auth {
    /// Reads `DATABASE_AUTH`, for a database at `host`; and for `iam` the region, and the roots that the system trusts.
    ///
    /// # Errors
    /// [`Misconfigured`] by the variable's name: another word, `loopback` with a host that is not a loopback address, or no
    /// roots to trust.
    pub(super) fn towards(host: &str) -> Result<Self, Misconfigured> {
        match text(DATABASE_AUTH)?.as_str() {
            "iam" => Iam::from_environment().map(Self::Iam),
            "loopback" if is_loopback(host) => Ok(Self::Loopback),
            "loopback" => Err(unusable("loopback goes with a loopback address only")),
            _ => Err(unusable("it is neither iam nor loopback")),
        }
    }
}

impl Iam {
    /// `AWS_REGION` and the keys are what Lambda gives every function.
    fn from_environment() -> Result<Self, Misconfigured> {
        Ok(Self {
            region: text("AWS_REGION")?,
            credentials: SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()),
            roots: Arc::new(roots()?),
        })
    }
}

/// The system's, or those of `SSL_CERT_FILE`. Certificates of AWS's proxy are a public authority's.
fn roots() -> Result<RootCertStore, Misconfigured> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(unusable("iam takes roots to trust, and there are none"));
    }
    Ok(roots)
}

fn unusable(why: &str) -> Misconfigured {
    Misconfigured::Unusable {
        name: DATABASE_AUTH,
        why: why.to_owned(),
    }
}
