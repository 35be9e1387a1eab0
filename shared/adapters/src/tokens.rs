//! Where people's decision finds the execution that waits for it: the latest task token of each settlement in limbo.
//!
//! A token that is lost here loses nothing: its settlement's execution is begun anew a minute after the decision.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::LedgerKey;
use time::OffsetDateTime;

use crate::aws;

/// How long a token is kept: an execution waits for a day with one.
const KEEP: time::Duration = time::Duration::days(2);

/// The tokens cannot be used; what the table said, by name.
#[derive(Debug, thiserror::Error)]
#[error("the table of task tokens failed: {0}")]
pub struct TokensError(String);

/// The table of tokens: `pk` S the settlement's id, `token` S, `expires_at` N in Unix seconds.
#[derive(Clone, Debug)]
pub struct Tokens {
    client: Client,
    table: String,
}

impl Tokens {
    /// The tokens in this table. Does not connect yet.
    pub async fn open(table: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(1)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            table,
        }
    }

    /// Keeps the token of whoever waits now, in place of an earlier one.
    ///
    /// # Errors
    /// [`TokensError`]: it may have been stored.
    pub async fn put(&self, settlement: LedgerKey, token: &str) -> Result<(), TokensError> {
        let expires_at = (OffsetDateTime::now_utc() + KEEP).unix_timestamp();
        let ended = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(&settlement))
            .item("token", text(&token))
            .item("expires_at", AttributeValue::N(expires_at.to_string()))
            .send()
            .await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) => Err(TokensError(aws::error_name(&error))),
        }
    }

    /// The token of whoever waits for the decision. `None`: nobody is known to.
    ///
    /// # Errors
    /// [`TokensError`]
    pub async fn get(&self, settlement: LedgerKey) -> Result<Option<String>, TokensError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(&settlement))
            // Whoever waits stores its token and then asks for the decision; whoever decides does so and then looks
            // here. One of them has to see the other.
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| TokensError(aws::error_name(&error)))?;
        match found.item.and_then(|mut item| item.remove("token")) {
            None => Ok(None),
            Some(AttributeValue::S(token)) => Ok(Some(token)),
            Some(_) => Err(TokensError("Unreadable".to_owned())),
        }
    }
}

fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
