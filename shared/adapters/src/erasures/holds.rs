//! Legal holds: what is held is not erased. Setting and lifting one is in the audit before it is done.

use domain::erasure::{Hold, Whom};
use domain::ids::TenantId;
use domain::justification::{Act as Decision, Asker, Statement};

use super::{ErasureError, Erasures, ROUNDS, now};
use crate::ledger::compliance::Act;
use crate::vault::erasing::{Known, Written};

/// What came of setting a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// It holds: this one, or the one that stood.
    Holds(Hold),
    /// There is nothing to hold any more.
    Erased,
    /// There never was.
    Nobody,
}

/// What came of lifting a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifted {
    /// There is none now, nor perhaps before.
    Done,
    /// There is nobody of that id whom it could have been on.
    Nobody,
}

impl Erasures {
    /// Sets a hold. One that stands stays as it is.
    ///
    /// # Errors
    /// [`ErasureError`]: it may be set; setting it again does no harm.
    pub async fn hold(&self, by: &Asker, whom: Whom, reason: &str) -> Result<Held, ErasureError> {
        let [asked, set] = self
            .both([Decision::HoldAsked, Decision::HoldSet], whom, reason, by)
            .await?;
        self.audit.record_compliance(asked).await?;
        let hold = Hold {
            whom,
            by: by.actor.clone(),
            reason: reason.to_owned(),
            at: now(),
        };
        for _ in 0..ROUNDS {
            let (came_of_it, act) = if self.shredder.set_hold(&hold).await? == Written::Done {
                (Held::Holds(hold), set.done())
            } else if let Some(stands) = self.shredder.hold(whom).await? {
                (Held::Holds(stands), set.repeated())
            } else {
                match self.known(whom).await? {
                    Known::Active => continue,
                    Known::ErasedBy { .. } => (Held::Erased, set.refused()),
                    Known::Nobody => (Held::Nobody, set.unknown()),
                }
            };
            self.audit.record_compliance(act).await?;
            return Ok(came_of_it);
        }
        Err(ErasureError::Contended)
    }

    /// Lifts a hold. Nothing is erased by that: what it has blocked must be asked for again.
    ///
    /// # Errors
    /// [`ErasureError`]: it may be lifted; lifting it again does no harm.
    pub async fn lift(&self, by: &Asker, whom: Whom, reason: &str) -> Result<Lifted, ErasureError> {
        let acts = [Decision::HoldLiftAsked, Decision::HoldLifted];
        let [asked, lift] = self.both(acts, whom, reason, by).await?;
        self.audit.record_compliance(asked).await?;
        for _ in 0..ROUNDS {
            let (lifted, act) = if self.shredder.lift_hold(whom).await? == Written::Done {
                (Lifted::Done, lift.done())
            } else if self.shredder.hold(whom).await?.is_some() {
                continue;
            } else if self.known(whom).await? == Known::Nobody {
                (Lifted::Nobody, lift.unknown())
            } else {
                (Lifted::Done, lift.repeated())
            };
            self.audit.record_compliance(act).await?;
            return Ok(lifted);
        }
        Err(ErasureError::Contended)
    }

    /// The rows of asking and of what comes of it. Both before anything is done: what was begun could not be justified any more.
    async fn both(&self, acts: [Decision; 2], whom: Whom, reason: &str, by: &Asker) -> Result<[Act; 2], ErasureError> {
        let [asked, done] = acts.map(|act| Statement::of(act, whom, reason, by));
        Ok([self.justified(&asked).await?, self.justified(&done).await?])
    }

    /// All holds on a tenant and its customers; that they were looked at is in the audit.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub async fn holds(&self, actor: &str, tenant: TenantId) -> Result<Vec<Hold>, ErasureError> {
        let whom = Whom { tenant, customer: None };
        self.audit
            .record_compliance(Act::holds_listed(actor, &whom.to_string()))
            .await?;
        Ok(self.shredder.holds(tenant).await?)
    }

    /// Of a customer also whether its tenant was erased, which may not have come to the customer yet.
    async fn known(&self, whom: Whom) -> Result<Known, ErasureError> {
        let tenant = Whom { customer: None, ..whom };
        match self.shredder.known(tenant).await? {
            erased @ Known::ErasedBy { .. } => Ok(erased),
            Known::Active | Known::Nobody => Ok(self.shredder.known(whom).await?),
        }
    }
}
