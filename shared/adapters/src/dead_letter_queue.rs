//! Where people find what could not be announced: a copy of every dead letter, in a queue that an alarm watches.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{BuildError, DisplayErrorContext};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::answer::timestamp;
use serde_json::json;

use crate::ledger::outbox::Unqueued;
use crate::{aws, environment};

/// How many copies one call takes.
pub const ENTRIES: i32 = 10;

/// No copy is known to be in the queue.
#[derive(Debug, thiserror::Error)]
#[error("the dead letter queue does not answer: {0}")]
pub struct NotQueued(String);

/// The queue of this environment.
#[derive(Clone, Debug)]
pub struct DeadLetterQueue {
    client: Client,
    url: String,
}

impl DeadLetterQueue {
    /// Does not connect yet. A call takes two seconds at most; what it did not do is done later.
    pub async fn open(config: &environment::Announcing) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(2));
        let sdk = aws::reach(timeouts.build(), RetryConfig::disabled()).await;
        Self {
            client: Client::new(&sdk),
            url: config.dead_letter_queue_url.clone(),
        }
    }

    /// Sends copies of up to [`ENTRIES`] dead letters in one call. Each is
    /// `{"dead_letter_id", "event_id", "event_type", "tenant_id", "ledger_key", "sequence", "attempts", "last_error",
    /// "died_at"}`. Returns which of them are in the queue now. A copy may come twice.
    ///
    /// # Errors
    /// [`NotQueued`]
    pub async fn send(&self, letters: &[Unqueued]) -> Result<Vec<i64>, NotQueued> {
        let entries: Result<Vec<_>, _> = letters.iter().map(copy).collect();
        let call = self.client.send_message_batch().queue_url(&self.url);
        let sent = call
            .set_entries(Some(entries.map_err(|error| NotQueued(error.to_string()))?))
            .send()
            .await
            .map_err(|error| NotQueued(DisplayErrorContext(&error).to_string()))?;
        Ok(sent
            .successful()
            .iter()
            .filter_map(|copy| copy.id().parse().ok())
            .collect())
    }
}

fn copy(letter: &Unqueued) -> Result<SendMessageBatchRequestEntry, BuildError> {
    let body = json!({
        "dead_letter_id": letter.id,
        "event_id": letter.event_id,
        "event_type": letter.event_type,
        "tenant_id": letter.tenant,
        "ledger_key": letter.ledger_key,
        "sequence": letter.sequence,
        "attempts": letter.attempts,
        "last_error": letter.last_error,
        "died_at": timestamp(letter.died_at),
    });
    SendMessageBatchRequestEntry::builder()
        .id(letter.id.to_string())
        .message_body(body.to_string())
        .build()
}
