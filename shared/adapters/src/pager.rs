//! Calling people: the topic that those on duty are subscribed to.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_sns::Client;

use crate::aws;

/// Whether anybody was called is not known; what the topic said, by name.
#[derive(Debug, thiserror::Error)]
#[error("the pager failed: {0}")]
pub struct PagerError(String);

/// The topic.
#[derive(Clone, Debug)]
pub struct Pager {
    client: Client,
    topic: String,
}

impl Pager {
    /// The topic of this ARN. Does not connect yet.
    pub async fn open(topic: String) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(3)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            topic,
        }
    }

    /// Calls them. `subject`: up to 100 characters of ASCII.
    ///
    /// # Errors
    /// [`PagerError`]: they may have been called.
    pub async fn call(&self, subject: &str, message: &str) -> Result<(), PagerError> {
        let call = self.client.publish().topic_arn(&self.topic);
        let ended = call.subject(subject).message(message).send().await;
        match ended {
            Ok(_) => Ok(()),
            Err(error) => Err(PagerError(aws::error_name(&error))),
        }
    }
}
