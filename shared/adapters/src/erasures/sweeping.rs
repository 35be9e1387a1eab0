//! Removing what keys opened, when they are destroyed.

use std::time::SystemTime;

use domain::erasure::{Erasure, Whom};
use domain::ids::CustomerId;
use time::OffsetDateTime;

use super::{ErasureError, Erasures, now};
use crate::vault::Whose;
use crate::vault::erasing::Known;

impl Erasures {
    /// Destroys a tenant's key, and removes what the keys opened. `false`: it met somebody else, and must be looked at again.
    pub(super) async fn remove(
        &self,
        erasure: &Erasure,
        (at, swept): (Option<OffsetDateTime>, Option<CustomerId>),
        until: SystemTime,
    ) -> Result<bool, ErasureError> {
        let (id, Whom { tenant, customer }) = (erasure.id, erasure.asked.whom);
        if let Some(customer) = customer {
            self.shredder.sweep(Whose { tenant, customer }).await?;
            return self.table.end_removing(id).await;
        }
        let Some(at) = at else {
            // What is said to be destroyed is: the time is taken when the secret is gone.
            self.shredder.destroy_secret(tenant).await?;
            return self.table.note_secret_destroyed(id, now()).await;
        };
        let mut after = swept;
        while let Some(last) = self.shredder.sweep_page(tenant, after, (id, at)).await? {
            self.table.swept(id, last).await?;
            after = Some(last);
            if SystemTime::now() >= until {
                return Ok(true);
            }
        }
        self.table.end_removing(id).await
    }

    /// Removes what is there of somebody whom another erasure has dealt with. `false`: not all of it, for want of time.
    pub(super) async fn sweep_again(
        &self,
        erasure: &Erasure,
        swept: Option<CustomerId>,
        until: SystemTime,
    ) -> Result<bool, ErasureError> {
        let (id, whom) = (erasure.id, erasure.asked.whom);
        let Whom { tenant, customer } = whom;
        if let Some(customer) = customer {
            self.shredder.sweep(Whose { tenant, customer }).await?;
        } else if let Known::ErasedBy { erasure: by, .. } = self.shredder.known(whom).await? {
            self.shredder.destroy_secret(tenant).await?;
            let mut after = swept;
            while let Some(last) = self.shredder.sweep_page(tenant, after, (by, now())).await? {
                self.table.swept_again(id, last).await?;
                after = Some(last);
                if SystemTime::now() >= until {
                    return Ok(false);
                }
            }
        }
        self.table.end_repeating(id).await?;
        Ok(true)
    }
}
