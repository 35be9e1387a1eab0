//! The gate: who is working on a client's key, and the answer once there is one. One DynamoDB item per key.
//!
//! Every write here is conditional and has three ends: done, lost (with what stands there instead), and unknown (an
//! error: the write may have landed). The SDK repeats by itself, so "lost" is looked at once more: what stands there
//! under our own token is our own write, whose first response was lost.

pub mod audit;
mod item;
mod table;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::answer::Answer;
use domain::fingerprint::Fingerprint;
use domain::gate::{Lease, Record, Status, TTL_SECONDS};
use domain::ids::{ClientKey, Owner, TenantId};

use crate::environment;
use item::{blob, number, text};
use table::{Changes, Table, written};

/// The gate cannot be used: what it said, or whether it did the write, is unknown.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The write may have landed.
    #[error("the gate did not answer: {0}")]
    Unknown(String),
    /// The item is not one that this version wrote.
    #[error("the gate holds an item that cannot be read: {0}")]
    Unreadable(&'static str),
}

/// How a conditional write ended.
#[derive(Debug)]
pub enum Written {
    /// The condition held.
    Done,
    /// It did not. What stands there; `None` if nothing does.
    Lost(Option<Record>),
}

/// One key of one tenant, in the hands of one invocation.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Whose key it is.
    pub tenant: TenantId,
    /// The key.
    pub key: ClientKey,
    /// Minted for this invocation.
    pub owner: Owner,
    /// Of this invocation's request.
    pub fingerprint: Fingerprint,
}

/// The gate table.
#[derive(Clone, Debug)]
pub struct Gate {
    table: Table,
    lease: Lease,
}

impl Gate {
    /// The gate of this environment. Credentials, region and endpoint come from the SDK's own variables.
    pub async fn open(config: environment::Gate) -> Self {
        // Two attempts of a second each: an answer later than that is no use to a payment that must take 200 ms.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(1))
            .operation_timeout(Duration::from_secs(2));
        let sdk = aws_config::from_env()
            .http_client(
                aws_smithy_http_client::Builder::new()
                    .tls_provider(aws_smithy_http_client::tls::Provider::Rustls(
                        aws_smithy_http_client::tls::rustls_provider::CryptoMode::Ring,
                    ))
                    .build_https(),
            )
            .timeout_config(timeouts.build())
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .load()
            .await;
        Self {
            table: Table {
                client: Client::new(&sdk),
                name: config.table,
            },
            lease: config.lease,
        }
    }

    /// How long a claim lasts.
    #[must_use]
    pub const fn lease(&self) -> Lease {
        self.lease
    }

    /// Step 1: makes the key ours if nobody has it, or nobody has had it for the time the gate remembers.
    ///
    /// # Errors
    /// [`GateError`]: nothing moves, the client is told to try again, and finds its own claim or none.
    pub async fn claim(&self, claim: &Claim, now_ms: i64) -> Result<Written, GateError> {
        let ended = self
            .table
            .client
            .put_item()
            .table_name(&self.table.name)
            .set_item(Some(item::write(claim, &self.fresh(claim, now_ms))))
            // TTL deletes days late; what has expired counts as absent already.
            .condition_expression("attribute_not_exists(pk) OR expires_at < :now")
            .expression_attribute_values(":now", number(&(now_ms / 1000)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        written(ended, |error| {
            if let PutItemError::ConditionalCheckFailedException(failed) = error {
                Some(failed)
            } else {
                None
            }
        })
    }

    /// Takes the key from `dead`, whose lease has ended, unless something has happened to it since it was read.
    ///
    /// # Errors
    /// [`GateError`]: as for [`Self::claim`].
    pub async fn take_over(&self, claim: &Claim, dead: &Record, now_ms: i64) -> Result<Written, GateError> {
        let record = self.fresh(claim, now_ms);
        let changes = Changes {
            expression: "SET #status = :pending, #owner = :me, fingerprint = :fingerprint, lease_until = :lease, \
                         attempt = :attempt, expires_at = :expires",
            condition: "#owner = :dead AND attempt = :dead_attempt AND attribute_not_exists(response_body)",
            values: vec![
                (":pending", text(&Status::Pending.as_str())),
                (":me", text(&record.owner)),
                (":fingerprint", blob(record.fingerprint.as_bytes())),
                (":lease", number(&record.lease_until_ms)),
                (":attempt", number(&(dead.attempt + 1))),
                (":expires", number(&record.expires_at_s)),
                (":dead", text(&dead.owner)),
                (":dead_attempt", number(&dead.attempt)),
            ],
        };
        self.table
            .update((claim.tenant, claim.key), claim.owner, changes, Status::Pending)
            .await
    }

    /// Step 2: says that the ledger is about to be asked. Must succeed before it is.
    ///
    /// # Errors
    /// [`GateError`]: nothing moves; the client retries after the lease.
    pub async fn start(&self, claim: &Claim) -> Result<Written, GateError> {
        let changes = Changes {
            expression: "SET #status = :processing",
            condition: "#owner = :me AND #status = :pending",
            values: vec![
                (":processing", text(&Status::Processing.as_str())),
                (":pending", text(&Status::Pending.as_str())),
                (":me", text(&claim.owner)),
            ],
        };
        self.table
            .update((claim.tenant, claim.key), claim.owner, changes, Status::Processing)
            .await
    }

    /// Instead of step 4: ends the lease of a claim under which certainly nothing was or will be posted.
    ///
    /// # Errors
    /// [`GateError`]: the lease ends by itself.
    pub async fn release(&self, claim: &Claim, now_ms: i64) -> Result<Written, GateError> {
        let changes = Changes {
            expression: "SET lease_until = :now",
            condition: "#owner = :me AND #status = :processing",
            values: vec![
                (":now", number(&now_ms)),
                (":processing", text(&Status::Processing.as_str())),
                (":me", text(&claim.owner)),
            ],
        };
        self.table
            .update((claim.tenant, claim.key), claim.owner, changes, Status::Processing)
            .await
    }

    /// Step 4: keeps the ledger's answer, under the ledger's fingerprint, for whoever asks next.
    ///
    /// # Errors
    /// [`GateError`]: the client still gets its answer, because the ledger has it; reconciliation repairs the gate.
    pub async fn complete(&self, claim: &Claim, decided: Fingerprint, answer: &Answer) -> Result<Written, GateError> {
        let mut values = table::completion(claim.owner, decided, answer);
        values.push((":processing", text(&Status::Processing.as_str())));
        let changes = Changes {
            expression: table::COMPLETION,
            condition: "#owner = :me AND #status = :processing",
            values,
        };
        self.table
            .update((claim.tenant, claim.key), claim.owner, changes, Status::Complete)
            .await
    }

    fn fresh(&self, claim: &Claim, now_ms: i64) -> Record {
        Record {
            status: Status::Pending,
            owner: claim.owner,
            lease_until_ms: self.lease.until_ms(now_ms),
            attempt: 1,
            fingerprint: claim.fingerprint,
            answer: None,
            expires_at_s: now_ms / 1000 + TTL_SECONDS,
        }
    }
}
