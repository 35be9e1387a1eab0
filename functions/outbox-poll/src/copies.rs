//! Copies of dead letters, on their way from the ledger to the queue.

use std::time::{Duration, Instant};

use adapters::dead_letter_queue::ENTRIES;
use adapters::ledger::LedgerError;

use crate::Poller;

/// When copies are sent again after the queue or the ledger has failed.
const AGAIN: Duration = Duration::from_secs(30);

/// When to look for letters that have no copy yet; `None`: there are none.
#[derive(Debug)]
pub struct Copies(Option<Instant>);

impl Copies {
    /// There may be some.
    #[must_use]
    pub fn due() -> Self {
        Self(Some(Instant::now()))
    }

    /// Sends one call's worth, if it is time to: the stream goes on between two calls. That it fails is logged, and holds
    /// up nothing else; what was sent and could not be marked is sent once more.
    pub async fn send(&mut self, poller: &Poller) {
        if self.0.is_none_or(|due| Instant::now() < due) {
            return;
        }
        if let Err(error) = self.send_some(poller).await {
            tracing::error!(error = %error, "dead letters cannot be copied");
            self.0 = Some(Instant::now() + AGAIN);
        }
    }

    async fn send_some(&mut self, poller: &Poller) -> Result<(), LedgerError> {
        let letters = poller.ledger.dead_letters_to_queue(ENTRIES).await?;
        if letters.is_empty() {
            self.0 = None;
            return Ok(());
        }
        let queued = poller.queue.send(&letters).await.unwrap_or_else(|error| {
            tracing::error!(error = %error, "no copies were made");
            Vec::new()
        });
        if queued.len() < letters.len() {
            tracing::error!(
                dead_letters = letters.len() - queued.len(),
                "dead letters have no copy yet"
            );
            self.0 = Some(Instant::now() + AGAIN);
        }
        poller.ledger.mark_queued(&queued).await
    }
}
