//! How much lies in queues that should be empty.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::aws;

/// A queue's length could not be learnt; what it said, by name.
#[derive(Debug, thiserror::Error)]
#[error("the queue {queue} failed: {why}")]
pub struct QueuesError {
    queue: String,
    why: String,
}

/// Some queues.
#[derive(Clone, Debug)]
pub struct Queues {
    client: Client,
    urls: Vec<String>,
}

impl Queues {
    /// These. Does not connect yet.
    pub async fn open(urls: Vec<String>) -> Self {
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(2)), RetryConfig::standard()).await;
        Self {
            client: Client::new(&sdk),
            urls,
        }
    }

    /// Each queue's name, and about how many messages lie in it.
    ///
    /// # Errors
    /// [`QueuesError`]
    pub async fn lengths(&self) -> Result<Vec<(String, u64)>, QueuesError> {
        let mut lengths = Vec::with_capacity(self.urls.len());
        for url in &self.urls {
            let name = url.rsplit('/').next().unwrap_or(url).to_owned();
            let attribute = QueueAttributeName::ApproximateNumberOfMessages;
            let call = self.client.get_queue_attributes().queue_url(url);
            let told = match call.attribute_names(attribute.clone()).send().await {
                Ok(told) => told,
                Err(error) => {
                    let why = aws::error_name(&error);
                    return Err(QueuesError { queue: name, why });
                }
            };
            let length = told.attributes().and_then(|all| all.get(&attribute)?.parse().ok());
            let Some(length) = length else {
                let why = "it does not say how long it is".to_owned();
                return Err(QueuesError { queue: name, why });
            };
            lengths.push((name, length));
        }
        Ok(lengths)
    }
}
