//! What somebody checks one transaction with who has neither the ledger nor an account with whoever keeps it: the public
//! key, and a document that holds everything else.

use serde::{Deserialize, Serialize};

use super::hash::Hash;
use super::leaf::{self, Leaf};
use super::seal::Seal;
use super::sealed::{self, Sealed};
use super::tree;
use crate::document;
use crate::signature::{Forged, PublicKey};

/// Of the document's form.
pub const VERSION: u16 = 1;

/// A transaction, its way to the root, and the signed seal with that root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// [`VERSION`]
    pub version: u16,
    /// The leaf's text, to the byte.
    pub leaf: String,
    /// The leaf's place in the tree, from 0.
    pub index: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// The siblings' hashes from the leaf to the root.
    pub path: Vec<Hash>,
    /// The seal's text, to the byte.
    pub seal: String,
    /// In DER, as base64.
    pub signature: String,
    /// [`crate::signature::ALGORITHM`]
    pub algorithm: String,
}

/// What a proof proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The transaction.
    pub leaf: Leaf,
    /// Where it is sealed.
    pub seal: Seal,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Something is missing, too much, or in a form of another version.
    #[error("it is not a proof that can be read")]
    Unreadable,
    /// Of the seal.
    #[error("the seal: {0}")]
    Seal(#[from] Forged),
    /// It speaks of another tree than the seal.
    #[error("the sealed tree has another size")]
    Size,
    /// The transaction was changed, or was never there.
    #[error("the transaction is not in the sealed tree at that place")]
    Root,
}

impl Proof {
    /// That the leaf of that text stands at `index` in what was sealed.
    #[must_use]
    pub fn new(leaf: String, index: u64, size: u64, path: Vec<Hash>, sealed: Sealed) -> Self {
        Self {
            version: VERSION,
            leaf,
            index,
            size,
            path,
            seal: sealed.seal,
            signature: sealed.signature,
            algorithm: sealed.algorithm,
        }
    }

    /// As JSON.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        document::write(self)
    }

    /// # Errors
    /// [`Flaw`]
    pub fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        serde_json::from_slice(bytes).map_err(|_| Flaw::Unreadable)
    }

    /// The transaction and the seal it is in, if `key` signed that.
    ///
    /// # Errors
    /// [`Flaw`]
    pub fn check(&self, key: &PublicKey) -> Result<Proven, Flaw> {
        if self.version != VERSION {
            return Err(Flaw::Unreadable);
        }
        let seal = sealed::open(key, &self.seal, &self.algorithm, &self.signature)?;
        // A path alone proves no size: the seal says it.
        if self.size != seal.transactions {
            return Err(Flaw::Size);
        }
        let hash = tree::leaf(self.leaf.as_bytes());
        if tree::root_by(hash, self.index, self.size, &self.path) != Some(seal.root) {
            return Err(Flaw::Root);
        }
        let leaf: Leaf = serde_json::from_str(&self.leaf).map_err(|_| Flaw::Unreadable)?;
        if leaf.version != leaf::VERSION {
            return Err(Flaw::Unreadable);
        }
        Ok(Proven { leaf, seal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::leaf::tests::payment;
    use crate::digest::seal::Head;
    use crate::digest::seal::tests::sealed;
    use crate::digest::sealed::tests::signed;
    use crate::digest::tree::PathFinder;
    use crate::signature::tests::Signer;

    fn proof(signer: &Signer, index: u64, size: u64) -> Proof {
        let sealed = signed(signer, sealed(&Head::default(), 0..size).text());
        let mut finder = PathFinder::to(index, size).unwrap();
        (0..size).for_each(|number| finder.push(payment(number).hash()));
        let leaf = String::from_utf8(payment(index).text()).unwrap();
        Proof::new(leaf, index, size, finder.path(), sealed)
    }

    #[test]
    fn every_transaction_of_a_day_is_proved() {
        let signer = Signer::new();
        for size in 1..=33 {
            for index in 0..size {
                let proof = Proof::read(&proof(&signer, index, size).document()).unwrap();
                assert_eq!(proof.check(&signer.public()).unwrap().leaf, payment(index));
            }
        }
    }

    #[test]
    fn nothing_is_proved_after_any_bit_of_the_document_was_changed() {
        let signer = Signer::new();
        let key = signer.public();
        for (index, size) in [(0, 1), (0, 5), (4, 5), (10, 21)] {
            let document = proof(&signer, index, size).document();
            for bit in 0..document.len() * 8 {
                let mut bent = document.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                let checked = Proof::read(&bent).and_then(|proof| proof.check(&key));
                assert!(checked.is_err(), "bit {bit}: {}", String::from_utf8_lossy(&bent));
            }
        }
    }

    #[test]
    fn every_part_is_bound_to_every_other() {
        let signer = Signer::new();
        let key = signer.public();
        let flaw = |bend: &dyn Fn(&mut Proof)| {
            let mut proof = proof(&signer, 0, 5);
            bend(&mut proof);
            proof.check(&key).unwrap_err()
        };
        // The path of the first of five is also that of the first of seven.
        assert_eq!(flaw(&|proof| proof.size = 7), Flaw::Size);
        assert_eq!(flaw(&|proof| proof.index = 1), Flaw::Root);
        assert_eq!(
            flaw(&|proof| proof.leaf = proof.leaf.replace("1250", "1251")),
            Flaw::Root
        );
        assert_eq!(flaw(&|proof| proof.version = 2), Flaw::Unreadable);
        assert_eq!(flaw(&|proof| proof.algorithm.clear()), Flaw::Seal(Forged::Signature));
        let other = sealed(&Head::default(), 1..6).text();
        assert_eq!(
            flaw(&|proof| proof.seal.clone_from(&other)),
            Flaw::Seal(Forged::Signature)
        );
        let other = signed(&signer, other);
        let bend = |proof: &mut Proof| {
            proof.seal.clone_from(&other.seal);
            proof.signature.clone_from(&other.signature);
        };
        assert_eq!(flaw(&bend), Flaw::Root);
    }
}
