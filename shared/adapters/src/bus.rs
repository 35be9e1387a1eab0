//! The event bus: EventBridge. Says what became of a call; whose fault it was is decided elsewhere.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::operation::describe_event_bus::DescribeEventBusError;
use aws_sdk_eventbridge::operation::put_events::PutEventsError;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use domain::event::Event;

use crate::{aws, environment};

/// How many events one call takes.
pub const ENTRIES: usize = 10;
/// The longest that a call takes, connecting included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the bus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// It is not there. Publishing to it all the same would be answered 200.
    #[error("there is no event bus {0:?}")]
    Missing(String),
    /// Whether it is there could not be learnt.
    #[error("the event bus does not answer: {0}")]
    Unavailable(String),
}

/// What became of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// An answer for each entry, as many as the bus sent. `Ok`: it was accepted.
    Answered(Vec<Result<(), Refusal>>),
    /// The call was refused as a whole: none was accepted.
    Refused {
        /// Of the HTTP response.
        status: u16,
        /// Why.
        refusal: Refusal,
    },
    /// No answer: all, some or none may have been accepted.
    Lost(String),
}

/// A refusal in the bus's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Its name, such as `ThrottlingException`; empty: it gave none.
    pub code: String,
    /// For people.
    pub message: String,
}

/// The bus of this environment.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
    name: String,
    /// Set when it was found.
    found: OnceLock<()>,
}

impl Bus {
    /// Does not connect yet. Nothing is retried here: an event that was not accepted is still in the outbox.
    pub async fn open(config: &environment::Announcing) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(CALL_TIMEOUT);
        let sdk = aws::reach(timeouts.build(), RetryConfig::disabled()).await;
        Self {
            client: Client::new(&sdk),
            name: config.bus.clone(),
            found: OnceLock::new(),
        }
    }

    /// Makes sure that the bus is there. Once found, it is until it is known to be missing: that it cannot be asked
    /// must not keep it from being told.
    ///
    /// # Errors
    /// [`BusError`]
    pub async fn verify(&self) -> Result<(), BusError> {
        match self.client.describe_event_bus().name(&self.name).send().await {
            Ok(_) => {
                self.found.get_or_init(|| ());
                Ok(())
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeEventBusError::is_resource_not_found_exception) =>
            {
                Err(BusError::Missing(self.name.clone()))
            }
            Err(error) => {
                let unavailable = BusError::Unavailable(DisplayErrorContext(&error).to_string());
                if self.found.get().is_none() {
                    return Err(unavailable);
                }
                tracing::warn!(error = %unavailable, "the event bus is taken to be where it was");
                Ok(())
            }
        }
    }

    /// Publishes up to [`ENTRIES`] events in one call.
    pub async fn put(&self, events: &[&Event]) -> Put {
        let entries: Result<Vec<_>, _> = events.iter().map(|event| self.entry(event)).collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return Put::Lost(error.to_string()),
        };
        match self.client.put_events().set_entries(Some(entries)).send().await {
            Ok(answer) => Put::Answered(
                answer
                    .entries
                    .unwrap_or_default()
                    .into_iter()
                    .map(entry_answer)
                    .collect(),
            ),
            Err(error) => failed(&error),
        }
    }

    fn entry(&self, event: &Event) -> Result<PutEventsRequestEntry, serde_json::Error> {
        Ok(PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(Event::SOURCE)
            .detail_type(event.event_type().as_str())
            .time(DateTime::from_secs(event.occurred_at().unix_timestamp()))
            .detail(serde_json::to_string(event)?)
            .build())
    }
}

/// Accepted is what the bus gave an id of its own.
fn entry_answer(entry: PutEventsResultEntry) -> Result<(), Refusal> {
    if entry.event_id.is_some() && entry.error_code.is_none() {
        return Ok(());
    }
    Err(Refusal {
        code: entry.error_code.unwrap_or_default(),
        message: entry.error_message.unwrap_or_default(),
    })
}

fn failed(error: &SdkError<PutEventsError>) -> Put {
    let SdkError::ServiceError(refused) = error else {
        return Put::Lost(DisplayErrorContext(error).to_string());
    };
    Put::Refused {
        status: refused.raw().status().as_u16(),
        refusal: Refusal {
            code: refused.err().code().unwrap_or_default().to_owned(),
            message: refused.err().message().unwrap_or_default().to_owned(),
        },
    }
}
