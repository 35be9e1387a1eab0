//! Writes to merchants about what was posted: a mail per event, to the contact that the merchant was onboarded with.

mod letter;

use adapters::consumed::{Claimed, Consumed, ConsumedError};
use adapters::contacts::{Contacts, ContactsError};
use adapters::delivery::{Batch, Failures, Message, NotOurs};
use adapters::mail::{MailError, Mailer};
use adapters::metrics::{self, Unit};
use domain::event::Event;
use futures_util::future::join_all;

/// What the function works with.
#[derive(Clone, Debug)]
pub struct Notifier<M> {
    /// Which events it has dealt with.
    pub consumed: Consumed,
    /// Where merchants are written to.
    pub contacts: Contacts,
    /// What takes the mail.
    pub mailer: M,
}

/// What became of an event that needs no further delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Sent,
    NoContact,
    DoneBefore,
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
    #[error(transparent)]
    Contacts(#[from] ContactsError),
    #[error(transparent)]
    Mail(#[from] MailError),
}

impl<M: Mailer> Notifier<M> {
    /// Deals with each message of the batch by itself, side by side; returns those to bring again.
    pub async fn handle(&self, batch: Batch) -> Failures {
        let ended = join_all(batch.messages.iter().map(|message| self.message(message))).await;
        let again = batch.messages.into_iter().zip(ended).filter(|(_, done)| !done);
        Failures::counted(again.map(|(message, _)| message.message_id).collect())
    }

    /// Whether the message is done with. Logs what became of it.
    async fn message(&self, message: &Message) -> bool {
        let event = message.event();
        let id = event.as_ref().ok().map(|event| event.id().to_string());
        let ended = match event {
            Ok(event) => self.event(&event).await,
            Err(not_ours) => Err(not_ours.into()),
        };
        match &ended {
            Ok(ended) => tracing::info!(event.id = id, notify.outcome = ended.as_str(), "event"),
            Err(failed) => {
                let message = &message.message_id;
                tracing::warn!(event.id = id, message.id = message, error = %failed, "an event must come again");
            }
        }
        ended.is_ok()
    }

    async fn event(&self, event: &Event) -> Result<Ended, Failed> {
        match self.consumed.claim(event.id()).await? {
            Claimed::Ours => (),
            Claimed::Theirs => return Err(Failed::InOtherHands),
            Claimed::Done => return Ok(Ended::DoneBefore),
        }
        let ended = self.write(event).await?;
        // Sent is sent: bringing the message again for the sake of this mark would send it twice.
        if let Err(error) = self.consumed.done(event.id()).await {
            tracing::warn!(event.id = %event.id(), error = %error, "a mail is out and cannot be marked so");
        }
        Ok(ended)
    }

    async fn write(&self, event: &Event) -> Result<Ended, Failed> {
        let Some(to) = self.contacts.of(event.tenant()).await? else {
            metrics::emit(&[("NotifyWithoutContact", Unit::Count, 1)]);
            return Ok(Ended::NoContact);
        };
        self.mailer.send(&letter::about(event, to)).await?;
        Ok(Ended::Sent)
    }
}

impl Ended {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::NoContact => "no-contact",
            Self::DoneBefore => "done-before",
        }
    }
}
