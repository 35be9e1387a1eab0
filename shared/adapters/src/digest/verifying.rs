//! Comparing the ledger's rows with a seal.

use domain::digest::difference::{Difference, Kind, differences};
use domain::digest::leaf::Leaf;
use domain::digest::seal::{Seal, entries_of};
use domain::digest::tree::Tree;
use time::OffsetDateTime;

use super::{Digest, DigestError, SealsError};
use crate::ledger::Ledger;
use crate::ledger::audit::slices::Walk;

/// What does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// By name: `seal_covered`, `seal_forged`, `seal_unreadable`, `chain_broken`, `leaves_missing`, `transaction_missing`,
    /// `transaction_added`, `transaction_changed`, `root_differs`.
    pub what: &'static str,
    /// A transaction's id, the number that a seal begins at, or the name of what is none.
    pub subject: String,
    /// For people: of which day, and how.
    pub detail: String,
    /// When it was put among the seals. `None`: it is about what was sealed.
    pub put_at: Option<OffsetDateTime>,
}

impl Flaw {
    pub(super) fn of_seal(what: &'static str, from: u64, detail: impl Into<String>) -> Self {
        Self {
            what,
            subject: from.to_string(),
            detail: detail.into(),
            put_at: None,
        }
    }

    /// Of something that somebody has put there then.
    pub(super) fn put_at(self, at: OffsetDateTime) -> Self {
        Self {
            put_at: Some(at),
            ..self
        }
    }

    fn of_transaction(seal: &Seal, difference: Difference) -> Self {
        Self {
            what: match difference.kind {
                Kind::Missing => "transaction_missing",
                Kind::Added => "transaction_added",
                Kind::Changed => "transaction_changed",
            },
            subject: difference.transaction.to_string(),
            detail: format!("{} in {seal}", difference.kind),
            put_at: None,
        }
    }
}

impl Digest {
    /// Compares what the ledger holds of a seal's numbers with the seal, in the order of the numbers.
    ///
    /// # Errors
    /// [`DigestError`]: it could not be read; that is no word about the rows.
    pub async fn compare(&self, ledger: &Ledger, seal: &Seal) -> Result<Vec<Flaw>, DigestError> {
        let (mut flaws, mut tree, mut at) = (Vec::new(), Tree::default(), seal.from_transaction);
        for file in &seal.leaves {
            let found = rows(ledger, at, file.to_transaction, &mut tree).await?;
            match self.seals.leaves(seal.from_transaction, file.sha256).await {
                Ok(bytes) => {
                    let told = differences(entries_of(&bytes), &found).into_iter();
                    flaws.extend(told.map(|difference| Flaw::of_transaction(seal, difference)));
                }
                Err(SealsError::Missing(key) | SealsError::Unreadable(key)) => {
                    flaws.push(Flaw::of_seal("leaves_missing", seal.from_transaction, key));
                }
                Err(error @ SealsError::Failed(_)) => return Err(error.into()),
            }
            at = file.to_transaction;
        }
        // Behind its last leaf, the seal has numbers and no leaves.
        let more = rows(ledger, at, seal.to_transaction, &mut tree).await?;
        let added = differences([], &more).into_iter();
        flaws.extend(added.map(|difference| Flaw::of_transaction(seal, difference)));
        if flaws.iter().all(|flaw| flaw.what == "leaves_missing") && tree.root() != seal.root {
            let detail = format!("{seal}: the ledger's rows have the root {}", tree.root());
            flaws.push(Flaw::of_seal("root_differs", seal.from_transaction, detail));
        }
        Ok(flaws)
    }
}

/// The leaves of these numbers, each also pushed to the tree.
async fn rows(ledger: &Ledger, from: u64, to: u64, tree: &mut Tree) -> Result<Vec<Leaf>, DigestError> {
    let (mut walk, mut found) = (Walk::through(from, to), Vec::new());
    while let Some(slice) = walk.next(ledger).await? {
        slice.leaves.iter().for_each(|leaf| tree.push(leaf.hash()));
        found.extend(slice.leaves);
    }
    Ok(found)
}
