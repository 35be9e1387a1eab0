//! The seals as a chain: which of what lies among them is signed, and follows another.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::digest::seal::{Head, Seal};
use domain::digest::sealed::Sealed;
use domain::signature::Forged;
use time::OffsetDateTime;

use super::{Digest, DigestError, Flaw, Kept, SealsError};

/// What our key signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// As it can be read.
    pub seal: Seal,
    /// As it is kept.
    pub sealed: Sealed,
}

impl Signed {
    pub(super) fn head(&self) -> Head {
        Head::of(self.seal.clone(), &self.sealed.seal)
    }
}

/// Why something is no seal.
#[derive(Clone, Debug)]
enum NoSeal {
    Unreadable,
    Forged(Forged),
}

/// All that lies among the seals, in order, by its place from 0. Each is read when it is asked for, and once.
#[derive(Debug)]
pub struct Chain<'d> {
    digest: &'d Digest,
    kept: Vec<Kept>,
    strays: Vec<(String, OffsetDateTime)>,
    opened: BTreeMap<usize, Result<Arc<Signed>, NoSeal>>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Link {
    /// `None`: our key did not sign it.
    pub signed: Option<Arc<Signed>>,
    /// Why it does not stand in the chain. `None`: it does.
    pub flaw: Option<Flaw>,
}

impl Digest {
    /// Lists the seals and reads none yet.
    ///
    /// # Errors
    /// [`DigestError`]
    pub async fn chain(&self) -> Result<Chain<'_>, DigestError> {
        let listed = self.seals.list().await?;
        Ok(Chain {
            digest: self,
            kept: listed.kept,
            strays: listed.strays,
            opened: BTreeMap::new(),
        })
    }

    /// What the next seal follows: the newest that stands in the chain. What somebody else has put among the seals stops nothing.
    ///
    /// # Errors
    /// [`DigestError::NoneStands`]: to begin anew would put a seal under whatever has become of the books since. The same for what
    /// is signed and cannot be read, and lies behind the newest that can: a later version of this program made it.
    pub(super) async fn head(&self) -> Result<Head, DigestError> {
        let mut chain = self.chain().await?;
        if chain.is_empty() {
            return Ok(Head::default());
        }
        let (newest, signed) = chain.newest(u64::MAX).await?.ok_or(DigestError::NoneStands)?;
        for at in newest + 1..chain.len() {
            if let Err(NoSeal::Forged(Forged::Unreadable)) = chain.open(at).await? {
                return Err(Forged::Unreadable.into());
            }
        }
        Ok(signed.head())
    }

    /// What lies there, if our key signed it.
    pub(super) async fn opened(&self, kept: &Kept) -> Result<Result<Signed, Forged>, DigestError> {
        let sealed = self.seals.read(kept).await?;
        let opened = sealed.open(&self.signer.public_key().await?);
        Ok(opened.map(|seal| Signed { seal, sealed }))
    }
}

impl Chain<'_> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether it was put there since then, by the bucket's clock.
    #[must_use]
    pub fn is_since(&self, at: usize, then: OffsetDateTime) -> bool {
        self.kept[at].kept_at >= then
    }

    /// What the list alone shows: things that were put over seals, and things that are none by their name.
    pub fn listed_flaws(&self) -> impl Iterator<Item = Flaw> {
        let stray = |(key, at): &(String, OffsetDateTime)| Flaw {
            what: "seal_unreadable",
            subject: key.clone(),
            detail: "no seal has that name".to_owned(),
            put_at: Some(*at),
        };
        let covered = (0..self.len()).filter_map(|at| self.covered(at));
        covered.chain(self.strays.iter().map(stray))
    }

    /// That something was put over it.
    pub(super) fn covered(&self, at: usize) -> Option<Flaw> {
        let detail = "something was put over it later; its first version is still there";
        let kept = &self.kept[at];
        let at = kept.covered_at?;
        Some(Flaw::of_seal("seal_covered", kept.from, detail).put_at(at))
    }

    /// One of them, and whether it stands in the chain: at the place that it was made for, as the first there, and behind a seal
    /// that it follows. A first seal begins at 0.
    ///
    /// # Errors
    /// [`DigestError`]: it could not be read; that is no word about it.
    pub async fn link(&mut self, at: usize) -> Result<Link, DigestError> {
        let from = self.kept[at].from;
        let signed = match self.open(at).await? {
            Ok(signed) => signed,
            Err(why) => {
                let flaw = match why {
                    NoSeal::Unreadable => Flaw::of_seal("seal_unreadable", from, self.kept[at].key()),
                    NoSeal::Forged(forged) => Flaw::of_seal("seal_forged", from, forged.to_string()),
                };
                return Ok(Link {
                    signed: None,
                    flaw: Some(flaw.put_at(self.kept[at].kept_at)),
                });
            }
        };
        let broken = self.broken(at, &signed.seal).await?;
        Ok(Link {
            flaw: broken.map(|why| Flaw::of_seal("chain_broken", from, format!("{}: {why}", signed.seal))),
            signed: Some(signed),
        })
    }

    /// The newest that stands in the chain and begins at that number or below, and its place.
    ///
    /// # Errors
    /// [`DigestError`]
    pub async fn newest(&mut self, up_to: u64) -> Result<Option<(usize, Arc<Signed>)>, DigestError> {
        for at in (0..self.len()).rev() {
            if self.kept[at].from > up_to {
                continue;
            }
            if let Link {
                signed: Some(signed),
                flaw: None,
            } = self.link(at).await?
            {
                return Ok(Some((at, signed)));
            }
        }
        Ok(None)
    }

    /// The first that our key signed, and its place.
    ///
    /// # Errors
    /// [`DigestError`]
    pub async fn first(&mut self) -> Result<Option<(usize, Arc<Signed>)>, DigestError> {
        for at in 0..self.len() {
            if let Ok(signed) = self.open(at).await? {
                return Ok(Some((at, signed)));
            }
        }
        Ok(None)
    }

    /// Why it does not stand in the chain.
    async fn broken(&mut self, at: usize, seal: &Seal) -> Result<Option<String>, DigestError> {
        let from = self.kept[at].from;
        if seal.from_transaction != from {
            return Ok(Some("it was made for another place".to_owned()));
        }
        // It is behind the next of those that are seals; what is none lies between two that follow each other, and harms nothing.
        let mut why = None;
        for before in (0..at).rev() {
            let Ok(signed) = self.open(before).await? else {
                continue;
            };
            if signed.seal.from_transaction == from && self.kept[before].from == from {
                return Ok(Some("another seal has its place".to_owned()));
            }
            match signed.head().followed_by(seal) {
                Ok(()) => return Ok(None),
                Err(broken) => why = why.or(Some(broken.to_string())),
            }
        }
        if from == 0 {
            return Ok(Head::default().followed_by(seal).err().map(|why| why.to_string()));
        }
        Ok(Some(why.unwrap_or_else(|| "there is none before it".to_owned())))
    }

    async fn open(&mut self, at: usize) -> Result<Result<Arc<Signed>, NoSeal>, DigestError> {
        if let Some(opened) = self.opened.get(&at) {
            return Ok(opened.clone());
        }
        let opened = match self.digest.opened(&self.kept[at]).await {
            Ok(Ok(signed)) => Ok(Arc::new(signed)),
            Ok(Err(forged)) => Err(NoSeal::Forged(forged)),
            // What somebody wrote there that is no seal at all is a flaw, and no failure of the bucket.
            Err(DigestError::Seals(SealsError::Unreadable(_))) => Err(NoSeal::Unreadable),
            Err(error) => return Err(error),
        };
        self.opened.insert(at, opened.clone());
        Ok(opened)
    }
}
