//! How a connection is made, and how both its ends prove who they are.

mod tls;
mod token;

use std::error::Error;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls};

use self::tls::Tls;
use super::LedgerError;
use crate::environment::{Auth, Database, Iam};

/// How long to wait for a connection.
const TIMEOUT: Duration = Duration::from_secs(2);

type Failure = Box<dyn Error + Send + Sync>;

/// Connects and signs in, anew each time.
///
/// # Errors
/// [`LedgerError::Unreachable`]
pub(super) async fn open(database: &Database) -> Result<Client, LedgerError> {
    match tokio::time::timeout(TIMEOUT, connect(database)).await {
        Ok(connected) => connected.map_err(|error| LedgerError::Unreachable(with_causes(&*error))),
        Err(late) => Err(LedgerError::Unreachable(late.to_string())),
    }
}

async fn connect(database: &Database) -> Result<Client, Failure> {
    let mut config = Config::new();
    config
        .host(&database.host)
        .port(database.port)
        .dbname(&database.name)
        .user(&database.user)
        .connect_timeout(TIMEOUT);
    match &database.auth {
        Auth::Loopback => Ok(tended(config.connect(NoTls).await?)),
        Auth::Iam(iam) => sign_in(config, database, iam).await,
    }
}

/// Whoever does not prove to be the database, over TLS, is not told the token, nor anything else.
async fn sign_in(mut config: Config, database: &Database, iam: &Iam) -> Result<Client, Failure> {
    let token = token::signed(iam, database, SystemTime::now()).await?;
    config.ssl_mode(SslMode::Require).password(token);
    Ok(tended(config.connect(Tls::trusting(&iam.roots)?).await?))
}

/// What carries the client's requests runs beside it, until one of them ends.
fn tended<S, T>((client, connection): (Client, Connection<S, T>)) -> Client
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T: TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %with_causes(&error), "the connection to the ledger was lost");
        }
    });
    client
}

/// The driver's own words say that something failed, and not what.
pub(super) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a text cannot fail.
        let _ = write!(told, ": {error}");
        cause = error.source();
    }
    told
}
