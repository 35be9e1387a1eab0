//! The queue of verifications that wait for their provider: one message per waiting execution, with the task token that
//! wakes it. `statemachines/settlement-long.asl.json` puts them in.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message};
use domain::ids::{LedgerKey, TenantId};
use serde::Deserialize;
use tracing::error;

use crate::{aws, environment};

/// The most that one call receives.
const ENTRIES: usize = 10;

/// How long the queue is waited for while it is empty, in seconds.
const WAIT_SECONDS: i32 = 1;
/// How long a call takes at most, the waiting included.
const CALL: Duration = Duration::from_secs(3);
/// After how many seconds a message that was received comes back: longer than waking ten of them takes.
const VISIBLE_AGAIN_SECONDS: i32 = 30;

/// The queue cannot be used; what it said, by name.
#[derive(Debug, thiserror::Error)]
#[error("the queue of parked verifications failed: {0}")]
pub struct ParkedError(String);

/// What a message says.
#[derive(Deserialize)]
pub struct Parked {
    /// Whose settlement it is.
    #[serde(rename = "tenant_id")]
    pub tenant: TenantId,
    /// The settlement.
    #[serde(rename = "settlement_id")]
    pub settlement: LedgerKey,
    /// Wakes the execution, whoever has it: it is in no log.
    pub task_token: String,
}

/// A message that nobody else receives for a while.
pub struct Received {
    /// What it says.
    pub parked: Parked,
    receipt: String,
}

/// The queue of this environment.
#[derive(Clone, Debug)]
pub struct ParkedQueue {
    client: Client,
    url: String,
}

impl ParkedQueue {
    /// Does not connect yet. Nothing is retried here: what was not received or deleted is, in a later round.
    pub async fn open(config: &environment::Waking) -> Self {
        let sdk = aws::reach(aws::attempts_of(CALL), RetryConfig::disabled()).await;
        Self {
            client: Client::new(&sdk),
            url: config.parked_queue_url.clone(),
        }
    }

    /// Up to `most` messages, and no more than ten; waits a second for the first. What is not deleted comes back, and
    /// what says nothing of a settlement goes to the dead letters by coming back too often.
    ///
    /// # Errors
    /// [`ParkedError`]
    pub async fn receive(&self, most: usize) -> Result<Vec<Received>, ParkedError> {
        let call = self.client.receive_message().queue_url(&self.url);
        let received = call
            .max_number_of_messages(i32::try_from(most.min(ENTRIES)).unwrap_or(i32::MAX))
            .wait_time_seconds(WAIT_SECONDS)
            .visibility_timeout(VISIBLE_AGAIN_SECONDS)
            .send()
            .await
            .map_err(|error| ParkedError(aws::error_name(&error)))?;
        Ok(received
            .messages
            .unwrap_or_default()
            .into_iter()
            .filter_map(read)
            .collect())
    }

    /// Deletes messages. One that cannot be comes back, and its execution was woken already: nobody is harmed.
    ///
    /// # Errors
    /// [`ParkedError`]: none may have been deleted.
    pub async fn delete(&self, done: &[Received]) -> Result<(), ParkedError> {
        if done.is_empty() {
            return Ok(());
        }
        let entries: Result<Vec<_>, _> = (0..).zip(done).map(|(id, message)| message.entry(id)).collect();
        let entries = entries.map_err(|error| ParkedError(error.to_string()))?;
        let call = self
            .client
            .delete_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        let deleted = call
            .send()
            .await
            .map_err(|error| ParkedError(aws::error_name(&error)))?;
        for failed in deleted.failed() {
            error!(
                error = failed.code(),
                "a parked message was not deleted, and comes back"
            );
        }
        Ok(())
    }
}

impl Received {
    fn entry(&self, id: usize) -> Result<DeleteMessageBatchRequestEntry, BuildError> {
        let entry = DeleteMessageBatchRequestEntry::builder().id(id.to_string());
        entry.receipt_handle(&self.receipt).build()
    }
}

/// `None`: it is none of ours, which is logged without what it says.
fn read(message: Message) -> Option<Received> {
    let parked = serde_json::from_str(message.body()?);
    if parked.is_err() {
        error!(
            message.id = message.message_id(),
            "a parked message says nothing of a settlement"
        );
    }
    Some(Received {
        parked: parked.ok()?,
        receipt: message.receipt_handle?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{
        "tenant_id": "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5",
        "settlement_id": "0192f0c1-2b3a-8c4d-8e5f-60718293a4b6",
        "task_token": "AQB8AAAA"
    }"#;

    fn message(body: &str) -> Message {
        Message::builder().body(body).receipt_handle("r").build()
    }

    #[test]
    fn a_message_says_whose_settlement_waits_and_how_to_wake_it() {
        let Received { parked, receipt } = read(message(BODY)).unwrap();
        assert_eq!(parked.tenant.to_string(), "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5");
        assert_eq!(parked.settlement.to_string(), "0192f0c1-2b3a-8c4d-8e5f-60718293a4b6");
        assert_eq!((parked.task_token.as_str(), receipt.as_str()), ("AQB8AAAA", "r"));
    }

    #[test]
    fn what_is_no_such_message_is_left_alone() {
        for body in [
            "",
            "{}",
            "null",
            &BODY.replace("task_token", "token"),
            &BODY.replace("0192f0c1-2b3a-7", "x"),
        ] {
            assert!(read(message(body)).is_none(), "{body}");
        }
        assert!(
            read(Message::builder().body(BODY).build()).is_none(),
            "it could not be deleted"
        );
    }
}
