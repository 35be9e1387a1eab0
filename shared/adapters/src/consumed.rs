//! Which events a consumer has dealt with: one DynamoDB item per consumer and event.
//!
//! Claim, do the work, say that it is done. Whoever dies in between leaves a claim that ends by itself, and the next
//! delivery does the work again: a second mail is better than none. See docs/events.md.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::ids::{EventId, Owner};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{aws, environment};

/// How much longer than the function a claim lives, in seconds: its owner is gone before it ends, by any clock in use.
const LEASE_BEYOND_FUNCTION: i64 = 5;

/// How long an event is remembered: the bus tries for a day, a queue and its dead letters keep a message for fourteen,
/// and whoever then moves it back gives it fourteen more.
const KEEP: time::Duration = time::Duration::days(30);

/// The memory cannot be used; what it said, by name.
#[derive(Debug, thiserror::Error)]
#[error("the table of consumed events failed: {0}")]
pub struct ConsumedError(String);

/// Whose an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Ours, for as long as this invocation may last.
    Ours,
    /// Somebody's who may be alive. It will be done, or come again.
    Theirs,
    /// Nobody's any more: it is done.
    Done,
}

/// What one consumer has dealt with.
#[derive(Clone, Debug)]
pub struct Consumed {
    client: Client,
    table: String,
    consumer: &'static str,
    lease: time::Duration,
}

impl Consumed {
    /// The memory of `consumer`, a name that no other consumer has.
    pub async fn open(consumer: &'static str, config: environment::Consumed) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(1)), RetryConfig::standard()).await;
        let lease = i64::from(config.function_timeout_seconds) + LEASE_BEYOND_FUNCTION;
        Self {
            client: Client::new(&sdk),
            table: config.table,
            consumer,
            lease: time::Duration::seconds(lease),
        }
    }

    /// Makes the event ours, unless it is done or somebody who may be alive is at it.
    ///
    /// # Errors
    /// [`ConsumedError`]: nothing may be done about the event now.
    pub async fn claim(&self, event: EventId) -> Result<Claimed, ConsumedError> {
        let (now, owner) = (OffsetDateTime::now_utc(), Owner::from(Uuid::new_v4()));
        let ended = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", self.key(event))
            .item("claimed_by", text(&owner))
            .item("lease_until", milliseconds(now + self.lease))
            .item("expires_at", seconds(now + KEEP))
            // TTL deletes days late; what has expired counts as absent already.
            .condition_expression(
                "attribute_not_exists(pk) OR expires_at < :now_s \
                 OR (attribute_not_exists(done_at) AND lease_until < :now_ms)",
            )
            .expression_attribute_values(":now_s", seconds(now))
            .expression_attribute_values(":now_ms", milliseconds(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = ended else {
            return Ok(Claimed::Ours);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let found = |name| failed.item().and_then(|item| item.get(name));
                Ok(if found("done_at").is_some() {
                    Claimed::Done
                } else if found("claimed_by") == Some(&text(&owner)) {
                    // The SDK repeats by itself: this is our own write, whose first response was lost.
                    Claimed::Ours
                } else {
                    Claimed::Theirs
                })
            }
            Some(_) | None => Err(ConsumedError(aws::error_name(&error))),
        }
    }

    /// Says that the work is done, so that no delivery after this one does it again. That is a fact, whoever holds the
    /// claim by now.
    ///
    /// # Errors
    /// [`ConsumedError`]: the work is done all the same, and only another copy of the event would do it again.
    pub async fn done(&self, event: EventId) -> Result<(), ConsumedError> {
        let now = OffsetDateTime::now_utc();
        let ended = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", self.key(event))
            .update_expression("SET done_at = :now, expires_at = :expires")
            .expression_attribute_values(":now", milliseconds(now))
            .expression_attribute_values(":expires", seconds(now + KEEP))
            .send()
            .await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) => Err(ConsumedError(aws::error_name(&error))),
        }
    }

    fn key(&self, event: EventId) -> AttributeValue {
        AttributeValue::S(format!("{}#{event}", self.consumer))
    }
}

fn text(value: &impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

fn seconds(at: OffsetDateTime) -> AttributeValue {
    AttributeValue::N(at.unix_timestamp().to_string())
}

fn milliseconds(at: OffsetDateTime) -> AttributeValue {
    AttributeValue::N((at.unix_timestamp_nanos() / 1_000_000).to_string())
}
