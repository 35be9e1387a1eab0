//! The circuit breaker on DynamoDB: one item per endpoint, shared by all environments. What it decides is
//! [`domain::breaker`]; each of its changes is one conditional write here.
//!
//! If the item cannot be read or written, no call is made: a breaker that cannot be asked protects nobody, and whoever
//! wanted to call can wait. A result that cannot be written is lost, and its permit ends by itself.

mod item;
mod write;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use domain::breaker::change::Change;
use domain::breaker::{Ask, Breaker as Record, Ended, Outlook, Permit, Refused, Settings, Standing, Unsound};
use domain::ids::Owner;
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::{info, warn};
use uuid::Uuid;

use crate::metrics::{self, Unit};
use crate::{aws, environment};

/// How many failures in the window open it, if they are half of its calls.
const MINIMUM: u32 = 10;
const FAILURE_PERCENT: u32 = 50;
/// The window: long enough to see a time-out's worth of calls end, short enough that a good hour does not count against
/// a bad minute.
const BUCKET: Duration = Duration::from_secs(2);
const BUCKETS: i64 = 5;
/// The longest that entering may take, so that what is left of the permit is enough for the call.
const ENTERING: Duration = Duration::from_secs(3);
/// More than clocks of different environments differ by.
const CLOCKS: Duration = Duration::from_secs(1);
/// How often a caller decides anew because others were faster, before it takes the endpoint for busy.
const TRIES: u32 = 12;

/// Why no call may be made.
#[derive(Debug, thiserror::Error)]
pub enum NoCall {
    /// The breaker says so.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// What the breaker says is not known.
    #[error("the breaker cannot be asked: {0}")]
    Unreachable(String),
}

/// The right to make a call, until a moment.
#[derive(Debug)]
pub struct Entered {
    permit: Permit,
    /// When the call has to have ended.
    pub deadline: Instant,
}

/// The breaker of one endpoint.
#[derive(Clone, Debug)]
pub struct Breaker {
    client: Client,
    table: String,
    endpoint: String,
    settings: Settings,
}

/// The settings for an endpoint whose calls take `call` at most, in this environment.
///
/// # Errors
/// [`Unsound`]
pub fn settings(config: &environment::Breaker, call: Duration) -> Result<Settings, Unsound> {
    let settings = Settings {
        in_flight: config.in_flight,
        minimum: MINIMUM,
        failure_percent: FAILURE_PERCENT,
        bucket_ms: milliseconds(BUCKET),
        buckets: BUCKETS,
        open_ms: i64::from(config.open_seconds) * 1000,
        lease_ms: milliseconds(call + ENTERING + CLOCKS),
    };
    settings.checked()
}

impl Breaker {
    /// The breaker of `endpoint`. Does not connect yet.
    pub async fn open(config: &environment::Breaker, endpoint: &str, settings: Settings) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(2);
        let sdk = aws::reach(aws::attempts_of(Duration::from_secs(1)), retries).await;
        Self::at(Client::new(&sdk), &config.table, endpoint, settings)
    }

    /// The breaker of `endpoint` in this table.
    #[must_use]
    pub fn at(client: Client, table: &str, endpoint: &str, settings: Settings) -> Self {
        Self {
            client,
            table: table.to_owned(),
            endpoint: endpoint.to_owned(),
            settings,
        }
    }

    /// Asks to make one call. Who is let in makes it before the deadline, and [leaves](Self::leave).
    ///
    /// # Errors
    /// [`NoCall`]: the call must not be made.
    pub async fn enter(&self) -> Result<Entered, NoCall> {
        let entered = self.find_a_way_in().await;
        let (standing, refused, unreachable) = match &entered {
            Ok(entered) if entered.permit.is_probe => (Some(Standing::HalfOpen), 0, 0),
            Ok(_) => (Some(Standing::Closed), 0, 0),
            Err(NoCall::Refused(Refused::Busy)) => (Some(Standing::Closed), 1, 0),
            Err(NoCall::Refused(Refused::Probed)) => (Some(Standing::HalfOpen), 1, 0),
            Err(NoCall::Refused(Refused::Open { .. })) => (Some(Standing::Open), 1, 0),
            Err(NoCall::Unreachable(why)) => {
                warn!(
                    breaker.endpoint = self.endpoint,
                    why, "no call is made: its breaker cannot be asked"
                );
                (None, 0, 1)
            }
        };
        let mut line = vec![
            ("BreakerRefused", Unit::Count, refused),
            ("BreakerUnreachable", Unit::Count, unreachable),
        ];
        line.extend(standing.map(|standing| ("BreakerState", Unit::Count, degree(standing))));
        metrics::emit(&line);
        entered
    }

    async fn find_a_way_in(&self) -> Result<Entered, NoCall> {
        let mut found = self.read().await?;
        for _ in 0..TRIES {
            let (asked, now_ms, owner) = (Instant::now(), now_ms(), Owner::from(Uuid::new_v4()));
            let Some(record) = found else {
                found = Some(self.begin(now_ms).await?);
                continue;
            };
            found = match record.ask(&self.settings, owner, now_ms) {
                Ask::Refused(refused) => return Err(refused.into()),
                Ask::First(change) => self.make(&change).await?.found(),
                Ask::Enter(permit, change) => {
                    let written = self.make(&change).await?;
                    // Lost and yet there: our own write, whose first response was lost.
                    if written.is_done() || written.holds(owner) {
                        return self.in_time(permit, asked).await;
                    }
                    written.found()
                }
            };
        }
        Err(Refused::Busy.into())
    }

    /// A permit that came too late for a whole call is given back: the endpoint would get the blame for our delay.
    async fn in_time(&self, permit: Permit, asked: Instant) -> Result<Entered, NoCall> {
        if asked.elapsed() > ENTERING {
            self.make(&Change::Sweep {
                dead: vec![permit.owner],
            })
            .await?;
            return Err(NoCall::Unreachable("it took too long to enter".to_owned()));
        }
        let deadline = asked + Duration::from_millis(self.settings.lease_ms.unsigned_abs()) - CLOCKS;
        Ok(Entered { permit, deadline })
    }

    /// Says how the call ended. Nobody waits for this to succeed: the permit ends by itself.
    pub async fn leave(&self, entered: Entered, ended: Ended) {
        let is_probe = entered.permit.is_probe;
        if let Err(error) = self.give_back(entered.permit, ended).await {
            warn!(breaker.endpoint = self.endpoint, is_probe, %error, "how a call ended could not be told");
        }
    }

    async fn give_back(&self, permit: Permit, ended: Ended) -> Result<(), NoCall> {
        let (owner, now_ms) = (permit.owner, now_ms());
        let written = self.make(&permit.end(ended, &self.settings, now_ms)).await?;
        let next = match &written {
            Written::Lost(_) if written.holds(owner) => Some(Change::Sweep { dead: vec![owner] }),
            Written::Done(record) => record.due(&self.settings, now_ms),
            Written::Lost(_) => None,
        };
        if let Some(change) = next {
            self.make(&change).await?;
        }
        Ok(())
    }

    /// How many calls would be let in now, for whoever sends callers this way. Changes nothing.
    ///
    /// # Errors
    /// [`NoCall::Unreachable`]
    pub async fn outlook(&self) -> Result<Outlook, NoCall> {
        // An endpoint that was never called has no record.
        let record = self.read().await?.unwrap_or_else(|| Record::new(now_ms()));
        Ok(record.outlook(&self.settings, now_ms()))
    }

    /// The record as it stands; `None` if there is none.
    ///
    /// # Errors
    /// [`NoCall::Unreachable`]
    pub async fn read(&self) -> Result<Option<Record>, NoCall> {
        let read = self.client.get_item().table_name(&self.table).key("pk", self.key());
        let read = read.consistent_read(true).send().await;
        let read = read.map_err(|error| NoCall::Unreachable(aws::error_name(&error)))?;
        read.item().map(item::read).transpose()
    }

    /// The record of a closed breaker, unless another has written one.
    ///
    /// # Errors
    /// [`NoCall::Unreachable`]
    pub async fn begin(&self, now_ms: i64) -> Result<Record, NoCall> {
        let record = Record::new(now_ms);
        let ended = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item::write(self.key(), &record)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = ended else {
            return Ok(record);
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => failed.item().map_or(Ok(record), item::read),
            Some(_) | None => Err(NoCall::Unreachable(aws::error_name(&error))),
        }
    }

    /// Makes one change, if its condition holds.
    ///
    /// # Errors
    /// [`NoCall::Unreachable`]: it may have been made.
    pub async fn make(&self, change: &Change) -> Result<Written, NoCall> {
        let write = write::of(change);
        let ended = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", self.key())
            .update_expression(write.update)
            .condition_expression(write.condition)
            .set_expression_attribute_names((!write.names.is_empty()).then_some(write.names))
            .set_expression_attribute_values((!write.values.is_empty()).then_some(write.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match ended {
            Ok(done) => {
                self.say(change);
                let after = done
                    .attributes()
                    .ok_or_else(|| NoCall::Unreachable("no attributes".to_owned()))?;
                item::read(after).map(Written::Done)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::Lost(failed.item().map(item::read).transpose()?))
                }
                Some(_) | None => Err(NoCall::Unreachable(aws::error_name(&error))),
            },
        }
    }

    /// Openings and closings are rare, and worth a line each.
    fn say(&self, change: &Change) {
        let metric = match change {
            Change::Open { .. } => "BreakerOpened",
            Change::Reopen { .. } => "BreakerReopened",
            Change::Close { .. } => "BreakerClosed",
            Change::Admit { .. } | Change::Sweep { .. } | Change::Count { .. } => return,
        };
        info!(breaker.endpoint = self.endpoint, "{metric}");
        metrics::emit(&[(metric, Unit::Count, 1)]);
    }

    fn key(&self) -> AttributeValue {
        AttributeValue::S(self.endpoint.clone())
    }
}

/// How a conditional write ended, and what stands now.
#[derive(Clone, Debug)]
pub enum Written {
    /// The condition held.
    Done(Record),
    /// It did not. `None`: there is no record.
    Lost(Option<Record>),
}

impl Written {
    /// Whether the condition held.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn holds(&self, owner: Owner) -> bool {
        match self {
            Self::Done(record) | Self::Lost(Some(record)) => record.calls.contains_key(&owner),
            Self::Lost(None) => false,
        }
    }

    /// The record after it.
    #[must_use]
    pub fn found(self) -> Option<Record> {
        match self {
            Self::Done(record) => Some(record),
            Self::Lost(record) => record,
        }
    }
}

/// For a graph: the higher, the fewer calls.
const fn degree(standing: Standing) -> i64 {
    match standing {
        Standing::Closed => 0,
        Standing::HalfOpen => 1,
        Standing::Open => 2,
    }
}

fn now_ms() -> i64 {
    i64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
