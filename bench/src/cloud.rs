//! The database the local cloud started, as its state file describes it.

use std::{env, fs};

use serde::Deserialize;
use tokio_postgres::{Client, Config, NoTls};

use crate::Outcome;
use crate::contender::Lane;

/// Where a TCP service listens.
#[derive(Clone, Deserialize)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

/// The database server itself, not the pooler.
#[derive(Deserialize)]
pub struct Postgres {
    #[serde(flatten)]
    pub address: Address,
    /// Passes every policy, and no trigger.
    pub superuser: String,
    pub database: String,
}

#[derive(Deserialize)]
pub struct Cloud {
    pub postgres: Postgres,
    pub pgbouncer: Address,
}

impl Cloud {
    /// Reads the state file. Fails by name when `ONCELEDGER_CLOUD` is missing.
    pub fn from_environment() -> Outcome<Self> {
        let path = env::var("ONCELEDGER_CLOUD").map_err(|_| "ONCELEDGER_CLOUD is not set: run this by `make bench`")?;
        Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
    }

    /// Connects as `user` to whatever listens at `address`.
    pub async fn connect(&self, address: &Address, user: &str) -> Outcome<Client> {
        let (client, connection) = Config::new()
            .host(&address.host)
            .port(address.port)
            .user(user)
            .dbname(&self.postgres.database)
            .connect(NoTls)
            .await?;
        // Its error, if any, is also the error of whatever the client asked.
        tokio::spawn(connection);
        Ok(client)
    }

    /// Connects to the server itself as `user`.
    pub async fn direct(&self, user: &str) -> Outcome<Client> {
        self.connect(&self.postgres.address, user).await
    }

    /// Connects to the server itself as its superuser.
    pub async fn superuser(&self) -> Outcome<Client> {
        self.direct(&self.postgres.superuser).await
    }

    /// The role that a lane's statements run as.
    pub fn user_of(&self, lane: Lane) -> &str {
        match lane {
            Lane::Poster | Lane::Pooled => "poster",
            Lane::Superuser => &self.postgres.superuser,
        }
    }
}
