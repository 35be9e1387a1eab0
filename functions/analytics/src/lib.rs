//! Archives events as they came, of whatever type, for those who count and compare: one object per batch and day.

use std::collections::BTreeMap;

use adapters::archive::{Archive, Object};
use adapters::bucket::BucketError;
use adapters::consumed::{Claimed, Consumed, ConsumedError};
use adapters::delivery::{Batch, Failures, Message, NotOurs};
use domain::ids::EventId;
use futures_util::stream::{self, StreamExt};
use time::{Date, UtcOffset};

/// How many events the memory is asked about, or told of, at a time.
const SIDE_BY_SIDE: usize = 50;

/// What the function works with.
#[derive(Clone, Debug)]
pub struct Analytics {
    /// Which events it has dealt with.
    pub consumed: Consumed,
    /// Where events go.
    pub archive: Archive,
}

/// An event that is ours to archive.
struct Line<'a> {
    message: &'a Message,
    id: EventId,
    date: Date,
    json: &'a str,
}

/// Why a message must come again.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    #[error("another invocation is at it")]
    InOtherHands,
    #[error(transparent)]
    Consumed(#[from] ConsumedError),
}

impl Analytics {
    /// Archives the events that nobody has archived yet; returns the messages to bring again.
    pub async fn handle(&self, batch: &Batch) -> Failures {
        let lines = stream::iter(&batch.messages).map(|message| self.line(message));
        let lines: Vec<_> = lines.buffered(SIDE_BY_SIDE).collect().await;
        let mut days: BTreeMap<Date, Vec<Line>> = BTreeMap::new();
        let mut again = Vec::new();
        for (message, line) in batch.messages.iter().zip(lines) {
            match line {
                Ok(Some(line)) => days.entry(line.date).or_default().push(line),
                Ok(None) => tracing::info!(message.id = message.message_id, "archived before"),
                Err(failed) => {
                    tracing::warn!(message.id = message.message_id, error = %failed, "an event must come again");
                    again.push(message.message_id.clone());
                }
            }
        }
        for (date, lines) in days {
            if let Err(failed) = self.day(date, &lines).await {
                tracing::warn!(archive.date = %date, events = lines.len(), error = %failed, "events must come again");
                again.extend(lines.iter().map(|line| line.message.message_id.clone()));
            }
        }
        Failures::counted(again)
    }

    /// The message's line, if it is not archived yet, and ours to archive from now on.
    async fn line<'a>(&self, message: &'a Message) -> Result<Option<Line<'a>>, Failed> {
        let (header, json) = message.verbatim()?;
        match self.consumed.claim(header.event_id).await? {
            Claimed::Ours => Ok(Some(Line {
                message,
                id: header.event_id,
                date: header.occurred_at.to_offset(UtcOffset::UTC).date(),
                json: json.get(),
            })),
            Claimed::Done => Ok(None),
            Claimed::Theirs => Err(Failed::InOtherHands),
        }
    }

    async fn day(&self, date: Date, lines: &[Line<'_>]) -> Result<(), BucketError> {
        let events: Vec<_> = lines.iter().map(|line| line.json).collect();
        let object = Object::of(date, &events);
        self.archive.put(&object).await?;
        tracing::info!(archive.key = object.key, events = lines.len(), "archived");
        let marks = stream::iter(lines).map(|line| self.consumed.done(line.id));
        for marked in marks.buffered(SIDE_BY_SIDE).collect::<Vec<_>>().await {
            // Archived is archived: bringing the message again for the sake of this mark would repeat the line.
            if let Err(error) = marked {
                tracing::warn!(error = %error, "an event is archived and cannot be marked so");
            }
        }
        Ok(())
    }
}
