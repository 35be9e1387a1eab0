//! SQL over HTTPS: the Data API of the database's cluster, which reaches the writer past the proxy and from outside the VPC. For
//! migrations alone: a call takes 45 s at most, and is not fast.
//!
//! A call is one statement of up to 64 KiB, without a colon but before the name of a parameter; what is longer, or several
//! statements, goes into a parameter. Nothing is repeated here: a repeat whose first attempt was carried out would be a second one.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_rdsdata::Client;
use aws_sdk_rdsdata::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rdsdata::types::{Field, SqlParameter};

use crate::{aws, environment};

/// Longer than the service lets a statement run, so that whoever asks hears what became of it.
const CALL_TIMEOUT: Duration = Duration::from_secs(50);

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallFailed {
    /// It was refused, and is not done.
    #[error("{code}: {message}")]
    Refused {
        /// The service's name for it; `DatabaseErrorException` for what the database said.
        code: String,
        /// In the service's words, or in the database's: those end in `SQLState: 42601`.
        message: String,
    },
    /// There is no answer that says whether it is done.
    #[error("no answer: {0}")]
    Lost(String),
}

impl CallFailed {
    /// The database's own code for its refusal.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Refused { message, .. } => message.rsplit_once("SQLState: ").map(|(_, state)| state.trim_end()),
            Self::Lost(_) => None,
        }
    }
}

/// A transaction that has begun. Nothing ends it but [`DataApi::commit`], [`DataApi::roll_back`], or its own time.
#[derive(Clone, Debug)]
pub struct Transaction(String);

/// One database of the cluster, as the role that its secret is of.
#[derive(Clone, Debug)]
pub struct DataApi {
    client: Client,
    config: environment::Migrating,
}

impl DataApi {
    /// The database of this environment. Does not connect yet.
    pub async fn open(config: environment::Migrating) -> Self {
        let sdk = aws::reach(aws::attempts_of(CALL_TIMEOUT), RetryConfig::disabled()).await;
        Self::with(Client::new(&sdk), config)
    }

    /// The database by a client of the caller's, which should repeat nothing.
    #[must_use]
    pub const fn with(client: Client, config: environment::Migrating) -> Self {
        Self { client, config }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`CallFailed`]. One that has begun all the same ends by its own time, and has done nothing.
    pub async fn begin(&self) -> Result<Transaction, CallFailed> {
        let begin = self
            .client
            .begin_transaction()
            .resource_arn(&self.config.cluster_arn)
            .secret_arn(&self.config.secret_arn)
            .database(&self.config.database);
        let answered = begin.send().await.map_err(|error| told(&error))?;
        let id = answered.transaction_id;
        id.map(Transaction)
            .ok_or_else(|| CallFailed::Lost("a transaction without an id".to_owned()))
    }

    /// Carries out one statement; returns its rows, all of whose columns are texts.
    ///
    /// # Errors
    /// [`CallFailed`]. Either way nothing lasts before the transaction is committed.
    pub async fn execute(
        &self,
        transaction: &Transaction,
        sql: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Vec<Vec<String>>, CallFailed> {
        let parameter = |(name, value): &(&str, &str)| {
            SqlParameter::builder()
                .name(*name)
                .value(Field::StringValue((*value).to_owned()))
                .build()
        };
        let execute = self
            .client
            .execute_statement()
            .resource_arn(&self.config.cluster_arn)
            .secret_arn(&self.config.secret_arn)
            .database(&self.config.database)
            .transaction_id(&transaction.0)
            .sql(sql)
            .set_parameters(Some(parameters.iter().map(parameter).collect()));
        let answered = execute.send().await.map_err(|error| told(&error))?;
        let rows = answered.records.unwrap_or_default();
        let texts = |row: Vec<Field>| row.into_iter().map(text).collect();
        rows.into_iter().map(texts).collect()
    }

    /// Makes last what was done.
    ///
    /// # Errors
    /// [`CallFailed`]. After [`CallFailed::Lost`] it may last or not.
    pub async fn commit(&self, transaction: &Transaction) -> Result<(), CallFailed> {
        let commit = self
            .client
            .commit_transaction()
            .resource_arn(&self.config.cluster_arn)
            .secret_arn(&self.config.secret_arn)
            .transaction_id(&transaction.0);
        commit.send().await.map(drop).map_err(|error| told(&error))
    }

    /// Undoes what was done, at once.
    ///
    /// # Errors
    /// [`CallFailed`]. It is undone all the same when the transaction's time is over.
    pub async fn roll_back(&self, transaction: &Transaction) -> Result<(), CallFailed> {
        let roll_back = self
            .client
            .rollback_transaction()
            .resource_arn(&self.config.cluster_arn)
            .secret_arn(&self.config.secret_arn)
            .transaction_id(&transaction.0);
        roll_back.send().await.map(drop).map_err(|error| told(&error))
    }
}

fn text(field: Field) -> Result<String, CallFailed> {
    if let Field::StringValue(text) = field {
        return Ok(text);
    }
    Err(CallFailed::Lost("a column that is no text".to_owned()))
}

/// Five hundreds are the service's own failures, whose calls may have been carried out.
fn told<E: ProvideErrorMetadata>(error: &SdkError<E>) -> CallFailed {
    let code = aws::error_name(error);
    let SdkError::ServiceError(refused) = error else {
        return CallFailed::Lost(code);
    };
    let message = error.message().unwrap_or_default().to_owned();
    if refused.raw().status().as_u16() < 500 {
        CallFailed::Refused { code, message }
    } else {
        CallFailed::Lost(format!("{code}: {message}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_s_code_stands_at_the_end_of_what_it_says() {
        let refused = |message: &str| CallFailed::Refused {
            code: "DatabaseErrorException".to_owned(),
            message: message.to_owned(),
        };
        let said = refused("ERROR: syntax error at or near \"SQLState: 1\"; Position: 1; SQLState: 42601");
        assert_eq!(said.sqlstate(), Some("42601"));
        assert_eq!(refused("not authorized").sqlstate(), None);
        assert_eq!(CallFailed::Lost("SQLState: 42601".to_owned()).sqlstate(), None);
    }
}
