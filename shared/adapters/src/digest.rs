//! The digest carried out: reading the ledger up to its horizon, sealing it, and comparing it with what was sealed.

mod chain;
mod kept;
mod proving;
mod seals;
mod verifying;

pub use self::chain::{Chain, Link, Signed};
pub use self::kept::{Kept, Listed};
pub use self::proving::Proved;
pub use self::seals::{Seals, SealsError};
pub use self::verifying::Flaw;

use std::time::Instant;

use domain::digest::seal::{Head, Regressed, Seal, Sealing};
use domain::digest::sealed::Sealed;
use domain::signature::Forged;

use crate::ledger::audit::slices::Walk;
use crate::ledger::{Ledger, LedgerError};
use crate::signer::{Signer, SignerError};

/// As many leaves as go into a file, if a slice ends there: 3 MiB.
const LEAVES_A_FILE: u64 = 65_536;
/// A seal ends with the slice in which it gets this many leaves. A proof reads the hashes of all of its seal.
const LEAVES_A_SEAL: u64 = 250_000;

/// What the digest is made with.
#[derive(Debug)]
pub struct Digest {
    /// Where seals are kept.
    pub seals: Seals,
    /// Who signs them.
    pub signer: Signer,
}

/// Why nothing was sealed, or nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The bucket.
    #[error(transparent)]
    Seals(#[from] SealsError),
    /// The key.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The newest seal cannot be read, so that none can follow it.
    #[error("the newest seal: {0}")]
    Forged(#[from] Forged),
    /// There is something where the seals are, and none of it is a seal of our key that stands in the chain.
    #[error("none of the seals stands: were they signed with this key?")]
    NoneStands,
    /// Rows that must be there are not shown: a seal would say for ever that there were none.
    #[error("the ledger shows no entries or no intents, and there are some")]
    Blind,
    /// The numbers of the ledger's transactions have begun anew.
    #[error(transparent)]
    Regressed(#[from] Regressed),
}

/// What came of sealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Sealed, up to the horizon or, if `has_more`, up to a number below it.
    Sealed {
        /// What was.
        seal: Box<Seal>,
        /// There is more to seal.
        has_more: bool,
    },
    /// The horizon stands where the last seal ends: a transaction has been running since, or nothing was written.
    NothingNew,
    /// Another run has sealed after the same seal, and was first.
    Stands,
}

impl Digest {
    /// Connects to nothing yet.
    pub async fn open(bucket: String, key: String) -> Self {
        Self {
            seals: Seals::open(bucket).await,
            signer: Signer::open(key).await,
        }
    }

    /// Seals what was written since the last seal, and has ended; begins no slice after `until`.
    ///
    /// Leaves go first and the seal last: whoever dies in between leaves files that nothing names, and a repeat begins where
    /// it did. Of two at once, one gets the place behind the last seal.
    ///
    /// # Errors
    /// [`DigestError`]: it may have been sealed all the same, which the next run finds.
    pub async fn seal(&self, ledger: &Ledger, until: Instant) -> Result<Ended, DigestError> {
        let head = self.head().await?;
        let horizon = ledger.horizon().await?;
        if !head.reaches(horizon.number)? {
            return Ok(Ended::NothingNew);
        }
        let (from, mut sealing, mut to, mut in_file) =
            (head.to_transaction, Sealing::default(), head.to_transaction, 0);
        let mut walk = Walk::through(from, horizon.number);
        while let Some(slice) = walk.next(ledger).await? {
            to = slice.to;
            in_file += slice.leaves.len() as u64;
            slice.leaves.iter().for_each(|leaf| sealing.add(leaf));
            if in_file >= LEAVES_A_FILE {
                self.end_file(&mut sealing, from, to).await?;
                in_file = 0;
            }
            if sealing.transactions() >= LEAVES_A_SEAL || Instant::now() >= until {
                break;
            }
        }
        self.end_file(&mut sealing, from, to).await?;
        if ledger.is_blind(&sealing).await? {
            return Err(DigestError::Blind);
        }
        let seal = sealing.close(&head, to, horizon.at);
        let text = seal.text();
        let signature = self.signer.sign(&text).await?;
        let sealed = Sealed::new(text, signature);
        let is_ours = self.keep(&head, &seal, &sealed).await?;
        if !is_ours {
            return Ok(Ended::Stands);
        }
        Ok(Ended::Sealed {
            has_more: to < horizon.number,
            seal: Box::new(seal),
        })
    }

    async fn end_file(&self, sealing: &mut Sealing, from: u64, to: u64) -> Result<(), SealsError> {
        match sealing.end_file(to) {
            Some((sha256, bytes)) => self.seals.keep_leaves(from, sha256, &bytes).await,
            None => Ok(()),
        }
    }

    /// Keeps the seal at the first place behind `head` where nothing lies. `false`: another seal does, which follows `head` too.
    async fn keep(&self, head: &Head, seal: &Seal, sealed: &Sealed) -> Result<bool, DigestError> {
        let (from, mut nth) = (seal.from_transaction, 0);
        while !self.seals.keep(from, nth, sealed).await? {
            let there = self.seals.at(from, nth).await?;
            match self.opened(&there).await {
                // Ours after all, if an answer was lost and the SDK has tried again.
                Ok(Ok(there)) if head.followed_by(&there.seal).is_ok() => return Ok(there.seal == *seal),
                // Of a later version of this program.
                Ok(Err(Forged::Unreadable)) => return Err(Forged::Unreadable.into()),
                Ok(_) | Err(DigestError::Seals(SealsError::Unreadable(_))) => nth += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
