//! The end of an erasure: what is left is looked at once more, and the certificate says what was found.

use std::time::SystemTime;

use domain::digest::hash::Hash;
use domain::erasure::certificate::{Certificate, Destroyed};
use domain::erasure::{Count, Erasure, Whom};
use time::OffsetDateTime;

use super::{ErasureError, Erasures, subject};
use crate::ledger::compliance::Act;
use crate::vault::Whose;

impl Erasures {
    /// Issues the certificate, unless there is no time for it: then the next run goes on. Told before it is said to be told:
    /// twice is better than never.
    pub(super) async fn certify(
        &self,
        erasure: &Erasure,
        at: OffsetDateTime,
        count: Count,
        until: SystemTime,
    ) -> Result<bool, ErasureError> {
        let (id, asked) = (erasure.id, &erasure.asked);
        if self.shredder.is_copied().await? {
            return Err(ErasureError::Copied);
        }
        let Some(destroyed) = self.destroyed(erasure, count, until).await? else {
            return Ok(true);
        };
        let certificate = Certificate::of(id, asked, at, destroyed, self.certificates.key().to_owned());
        let document = self.certificates.issue(id, &certificate).await?;
        let sha256 = Hash::of(&document);
        let issued = Act::certified(&asked.by, &subject(id, asked.whom), &format!("SHA-256 {sha256}")).done();
        self.audit.record_compliance(issued).await?;
        self.notices.completed(id, asked, &sha256.to_string()).await?;
        self.table.certify(id, sha256).await
    }

    /// What was destroyed: read from what is left of it, so that it is the same whoever asks and however often. `None`: there
    /// was no time for all of it.
    async fn destroyed(
        &self,
        erasure: &Erasure,
        mut count: Count,
        until: SystemTime,
    ) -> Result<Option<Destroyed>, ErasureError> {
        let Whom { tenant, customer } = erasure.asked.whom;
        if let Some(customer) = customer {
            let left = self.shredder.left_of(Whose { tenant, customer }).await?;
            return Ok(Some(Destroyed::Subject {
                wrapped_key_sha256: left.wrapped,
                ciphertext_sha256: left.sealed,
            }));
        }
        loop {
            let page = self.shredder.left_of_page(tenant, count.last).await?;
            if page.is_empty() {
                break;
            }
            count = page.iter().fold(count, |count, left| count.with(left, erasure.id));
            self.table.counted(erasure.id, &count).await?;
            if SystemTime::now() >= until {
                return Ok(None);
            }
        }
        self.shredder.has_left_nothing(tenant).await?;
        // Last of all: whoever saw the tenant before it was marked may have made another one in the meantime.
        self.shredder.destroy_secret(tenant).await?;
        Ok(Some(Destroyed::Tenant {
            secret: self.shredder.secret(tenant),
            customers: count.customers,
            erased_before: count.erased_before,
            customers_sha256: count.chain,
        }))
    }
}
