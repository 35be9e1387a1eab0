//! Finding a transaction in what was sealed.

use domain::digest::leaf::Leaf;
use domain::digest::proof::Proof;
use domain::digest::seal::entries_of;
use domain::digest::tree::PathFinder;

use super::{Digest, DigestError};

/// What there is to show of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proved {
    /// That it is sealed.
    Sealed(Box<Proof>),
    /// It is not.
    NotYet,
    /// It should be, and is not in its seal, or not as it is now.
    Differs,
}

impl Digest {
    /// Makes the proof of a transaction, by the newest seal of those that can cover it. Reads all leaves' hashes of that one.
    ///
    /// # Errors
    /// [`DigestError`]
    pub async fn prove(&self, leaf: &Leaf) -> Result<Proved, DigestError> {
        let (number, id, hash) = (leaf.number(), leaf.transaction_id.uuid().into_bytes(), leaf.hash());
        let Some((_, signed)) = self.chain().await?.newest(number).await? else {
            return Ok(Proved::NotYet);
        };
        let seal = &signed.seal;
        if number >= seal.to_transaction {
            return Ok(Proved::NotYet);
        }
        let (mut hashes, mut place) = (Vec::new(), None);
        for file in &seal.leaves {
            for (found, each) in entries_of(&self.seals.leaves(seal.from_transaction, file.sha256).await?) {
                if found == id && each == hash {
                    place = Some(hashes.len() as u64);
                }
                hashes.push(each);
            }
        }
        let finder = place.and_then(|index| Some((index, PathFinder::to(index, seal.transactions)?)));
        let Some((index, mut finder)) = finder else {
            return Ok(Proved::Differs);
        };
        for hash in hashes {
            finder.push(hash);
        }
        let text = String::from_utf8_lossy(&leaf.text()).into_owned();
        let proof = Proof::new(text, index, seal.transactions, finder.path(), signed.sealed.clone());
        Ok(Proved::Sealed(Box::new(proof)))
    }
}
