//! Removing what was published long ago. Nothing waits for it.

use std::time::{Duration, Instant};

use crate::Poller;

/// How often it is done while nothing is published.
const IDLE_EVERY: Duration = Duration::from_secs(5);
/// When it is tried again after it has failed.
const AGAIN: Duration = Duration::from_mins(1);
/// How many rows are removed at least, if that many are old.
const LEAST: usize = 100;

/// When to remove rows.
#[derive(Debug)]
pub struct Cleaning {
    /// Not before then, whatever was published.
    due: Instant,
    idle_due: Instant,
}

impl Cleaning {
    /// Something was or will be published, or it is a while until there is something to do.
    #[must_use]
    pub fn begin(now: Instant) -> Self {
        Self {
            due: now,
            idle_due: now + IDLE_EVERY,
        }
    }

    /// Removes old rows faster than new ones come, in small batches. That it fails is logged.
    pub async fn after(&mut self, published: usize, poller: &Poller) {
        let now = Instant::now();
        if now < self.due || (published == 0 && now < self.idle_due) {
            return;
        }
        self.idle_due = now + IDLE_EVERY;
        let most = i32::try_from(2 * published.max(LEAST / 2)).unwrap_or(i32::MAX);
        if let Err(error) = poller.ledger.remove_published(poller.keep_published_hours, most).await {
            tracing::error!(error = %error, "what was published long ago is not removed");
            self.due = now + AGAIN;
        }
    }
}
