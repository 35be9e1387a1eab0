//! Erasing: from being asked for to the certificate.
//!
//! ```text
//! 1 asked      the table, the audit, the bus: from here on it is carried out, by whoever the event comes to, or the clock
//! 2 destroy    the person's key, or mark the tenant, unless a legal hold stands; together with the note of it  (no return)
//! 3 remove     the tenant's key; the links to accounts, and the records that nothing opens any more
//! 4 certify    look at what is left, sign, keep once, tell, and say so in the table
//! ```
//!
//! The process may die after any line, run twice, or in two places at once. Every step looks at what stands and goes on from
//! there; what it writes is conditional, or the same again.

mod certificates;
mod certify;
mod error;
mod holds;
mod item;
mod notices;
mod sweeping;
mod table;

use std::time::{Duration, SystemTime};

use domain::erasure::{Asked, Erasure, Hold, Scope, Standing, Whom};
use domain::ids::ErasureId;
use domain::justification::{Act as Decision, Asker, Statement};
use time::{OffsetDateTime, UtcOffset};

use self::certificates::Certificates;
pub use self::error::ErasureError;
pub use self::holds::{Held, Lifted};
use self::notices::Notices;
use self::table::Table;
use crate::environment;
use crate::justifier::Justifier;
use crate::ledger::Ledger;
use crate::ledger::compliance::Act;
use crate::vault::erasing::{Known, Shredder, Written};

/// Who tells of erasures on the bus.
pub const SOURCE: &str = "onceledger.compliance";
/// That one was asked for.
pub const REQUESTED: &str = "compliance.erasure-requested";
/// That one is done.
pub const COMPLETED: &str = "compliance.erasure-completed";

/// How often a step that met others' writes is begun anew.
const ROUNDS: u32 = 20;

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asking {
    /// It is, from now on.
    New(Erasure),
    /// It was before, and stands as it does.
    Repeated(Erasure),
    /// Something else was asked for under this id.
    Different,
}

/// How far an erasure was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// As it stands.
    pub erasure: Erasure,
    /// Nothing is left to be done. If not, it wants to be carried out again.
    pub is_through: bool,
}

impl Carried {
    fn through(erasure: Erasure) -> Self {
        let is_through = true;
        Self { erasure, is_through }
    }

    fn as_far_as_it_goes(erasure: Erasure) -> Self {
        let is_through = false;
        Self { erasure, is_through }
    }
}

/// Erasures, and all that they work with.
pub struct Erasures {
    shredder: Shredder,
    table: Table,
    certificates: Certificates,
    notices: Notices,
    audit: Ledger,
    justifier: Justifier,
}

impl Erasures {
    /// Connects to nothing yet.
    pub async fn open(config: environment::Erasing, audit: Ledger) -> Self {
        Self {
            shredder: Shredder::open(&config).await,
            table: Table::open(config.erasures_table).await,
            certificates: Certificates::open(config.certificates_bucket, config.certificate_key).await,
            notices: Notices::open(config.bus).await,
            justifier: Justifier::open(config.audit_key).await,
            audit,
        }
    }

    /// Asks for an erasure. When this returns, it is recorded, in the audit, and told.
    ///
    /// # Errors
    /// [`ErasureError`]: it may be recorded; asking again does no harm.
    pub async fn ask(&self, id: ErasureId, asked: Asked, by: &Asker) -> Result<Asking, ErasureError> {
        // Before it is recorded: what nobody could justify is not there to be carried out.
        let statement = Statement::of(Decision::ErasureAsked, subject(id, asked.whom), &asked.reason, by);
        let act = self.justified(&statement).await?;
        let (erasure, is_new) = self.record(id, asked.clone()).await?;
        if !is_same(&erasure.asked, &asked) {
            self.audit.record_compliance(act.refused()).await?;
            return Ok(Asking::Different);
        }
        if is_new {
            self.audit.record_compliance(act.done()).await?;
        } else {
            self.note_asked(&erasure).await?;
            self.audit.record_compliance(act.repeated()).await?;
        }
        if !erasure.standing.status().is_final() {
            self.notices.requested(id, &erasure.asked).await?;
        }
        Ok(if is_new {
            Asking::New(erasure)
        } else {
            Asking::Repeated(erasure)
        })
    }

    /// Records what an event asks for. `false`: something else was asked for under this id.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub async fn accept(&self, id: ErasureId, asked: Asked) -> Result<bool, ErasureError> {
        let (erasure, _) = self.record(id, asked.clone()).await?;
        Ok(is_same(&erasure.asked, &asked))
    }

    async fn record(&self, id: ErasureId, asked: Asked) -> Result<(Erasure, bool), ErasureError> {
        let is_new = self.table.ask(id, &asked).await?;
        let erasure = self.table.read(id).await?.ok_or(ErasureError::NotAsked)?;
        Ok((erasure, is_new))
    }

    /// An erasure as it stands, for who asks; that it was looked at is in the audit.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub async fn inspect(&self, actor: &str, id: ErasureId) -> Result<Option<Erasure>, ErasureError> {
        let erasure = self.table.read(id).await?;
        self.audit
            .record_compliance(Act::inspected(actor, id, erasure.is_some()))
            .await?;
        Ok(erasure)
    }

    /// The certificate of an erasure, to the byte as it is kept; of one that repeats another, that one's. `None`: there is none.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub async fn certificate(&self, erasure: &Erasure) -> Result<Option<Vec<u8>>, ErasureError> {
        match &erasure.standing {
            Standing::Certified { .. } => self.certificates.read(erasure.id).await,
            Standing::Repeated { of, .. } => self.certificates.read(*of).await,
            Standing::Asked
            | Standing::Blocked(_)
            | Standing::Unknown
            | Standing::Erasing { .. }
            | Standing::Erased { .. } => Ok(None),
        }
    }

    /// Carries an erasure out, as far as it gets before `until`. Safe to repeat, and to run in many places at once.
    ///
    /// # Errors
    /// [`ErasureError`]: carry it out again.
    pub async fn carry_out(&self, id: ErasureId, until: SystemTime) -> Result<Carried, ErasureError> {
        let mut lost = 0;
        loop {
            let erasure = self.table.read(id).await?.ok_or(ErasureError::NotAsked)?;
            let went_on = match &erasure.standing {
                Standing::Asked => self.begin(&erasure).await?,
                Standing::Erasing { .. } | Standing::Erased { .. } if SystemTime::now() >= until => {
                    return Ok(Carried::as_far_as_it_goes(erasure));
                }
                Standing::Erasing { at, swept } => self.remove(&erasure, (*at, *swept), until).await?,
                Standing::Erased { at, count } => self.certify(&erasure, *at, *count, until).await?,
                Standing::Repeated { of, swept } => {
                    // Asked for again, as after records were restored from the past: whatever is there goes once more.
                    let is_through = self.sweep_again(&erasure, *swept, until).await?;
                    Box::pin(self.carry_out(*of, until)).await?;
                    return Ok(Carried { erasure, is_through });
                }
                Standing::Blocked(hold) => {
                    // Here, and not where it is found: what is in the audit has happened, and what has happened is in it.
                    self.audit.record_compliance(blocked(&erasure, hold)).await?;
                    return Ok(Carried::through(erasure));
                }
                Standing::Unknown | Standing::Certified { .. } => return Ok(Carried::through(erasure)),
            };
            if !went_on {
                lost += 1;
                if lost > ROUNDS {
                    return Err(ErasureError::Contended);
                }
                // Others are at it: not again at the same moment as they.
                tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=50))).await;
            }
        }
    }

    /// Tells again that it was asked for: whoever runs out of time lets another one go on.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub async fn hand_on(&self, erasure: &Erasure) -> Result<(), ErasureError> {
        self.notices.requested(erasure.id, &erasure.asked).await
    }

    /// Those that have not ended, and since when each has stood still: the longest first, a thousand at most.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub async fn standing_still(&self) -> Result<Vec<(ErasureId, OffsetDateTime)>, ErasureError> {
        self.table.unfinished().await
    }

    /// Destroys the person's key or marks the tenant, unless something stands against it. `false`: it met somebody else, and
    /// must be looked at again.
    async fn begin(&self, erasure: &Erasure) -> Result<bool, ErasureError> {
        let (id, whom) = (erasure.id, erasure.asked.whom);
        // Before anything is destroyed, also by an event that nobody recorded.
        self.note_asked(erasure).await?;
        let known = self.shredder.known(whom).await?;
        if let Known::ErasedBy { erasure: by, at } = known
            && by == id
        {
            // Others have since come further, or the table of erasures was restored from a time before.
            return self.table.note_destruction(id, at).await;
        }
        if let Some(hold) = self.shredder.hold_against(whom).await? {
            return self.table.block(id, &hold).await;
        }
        match (known, whom.scope()) {
            (Known::Nobody, Scope::Subject) => self.table.end_unknown(id).await,
            (Known::ErasedBy { erasure: other, .. }, _) => self.table.end_repeated(id, other).await,
            // A tenant of whom nothing is known may be about to store its first customer.
            (Known::Nobody, Scope::Tenant) | (Known::Active, _) => {
                let at = now();
                let noting = self.table.noting_destruction(id, whom.customer.map(|_| at))?;
                let destroyed = self.shredder.destroy(whom, id, at, noting).await?;
                Ok(destroyed == Written::Done)
            }
        }
    }

    async fn note_asked(&self, Erasure { id, asked, .. }: &Erasure) -> Result<(), ErasureError> {
        let by = Asker {
            actor: asked.by.clone(),
            request_id: id.to_string(),
            at: now(),
        };
        let statement = Statement::of(Decision::ErasureAsked, subject(*id, asked.whom), &asked.reason, &by);
        let noted = self.justified(&statement).await?;
        Ok(self.audit.record_compliance(noted.done()).await?)
    }

    /// The row of the audit that a statement stands for, with the signature that it needs.
    async fn justified(&self, statement: &Statement) -> Result<Act, ErasureError> {
        let justification = self.justifier.justify(statement).await?;
        Ok(Act::justified(statement, justification))
    }
}

/// As the audit names an erasure.
fn subject(id: ErasureId, whom: Whom) -> String {
    format!("erasure {id} of {whom}")
}

fn blocked(erasure: &Erasure, hold: &Hold) -> Act {
    let why = format!("hold on {} by {}: {}", hold.whom, hold.by, hold.reason);
    Act::blocked(&erasure.asked.by, &subject(erasure.id, erasure.asked.whom), &why).done()
}

/// Whether it is the same that is asked for. By whom and when does not matter: a colleague may try again.
fn is_same(one: &Asked, other: &Asked) -> bool {
    (one.whom, &one.reason) == (other.whom, &other.reason)
}

/// To the microsecond, as it is stored.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc().to_offset(UtcOffset::UTC);
    now.replace_nanosecond(now.microsecond() * 1000).unwrap_or(now)
}
