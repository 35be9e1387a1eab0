//! The text that is signed: what a stretch of the books adds up to, and what came before it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use super::hash::Hash;
use super::leaf::Leaf;
use super::tree::Tree;
use crate::answer::timestamp;
use crate::document;

/// Of the text's form.
pub const VERSION: u16 = 1;

/// A day's books are closed a little after its end.
const CLOSED_WITHIN: Duration = Duration::hours(1);

/// What was sealed. Its text is JSON without white space, the members in the order they stand here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// [`VERSION`]
    pub version: u16,
    /// 1 for the first, without gaps.
    pub number: u64,
    /// The day whose end it marks, `YYYY-MM-DD` in UTC: the day that it was an hour before the sealing.
    pub day: String,
    /// The SHA-256 of the previous seal's text; `null` in the first.
    pub previous: Option<Hash>,
    /// Every entry that a database transaction of this number or a later one wrote,
    pub from_transaction: u64,
    /// and below this one, by which time all of those had ended.
    pub to_transaction: u64,
    /// By the database's clock; RFC 3339 in UTC, six decimals.
    pub sealed_at: String,
    /// How many leaves the tree has.
    pub transactions: u64,
    /// How many entries they have.
    pub entries: u64,
    /// By currency, in the alphabet's order; of each that ever was moved.
    pub sums: Vec<Sums>,
    /// Of the tree.
    pub root: Hash,
    /// Where the leaves' hashes are, in the order of the tree.
    pub leaves: Vec<File>,
}

/// What was moved in one currency. Debits and credits are equal, or something is wrong with the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// ISO 4217.
    pub currency: String,
    /// Of this seal.
    pub debits: Total,
    /// Of this seal.
    pub credits: Total,
    /// Of this seal and all before it.
    pub all_debits: Total,
    /// Of this seal and all before it.
    pub all_credits: Total,
}

/// Minor units without a bound: as a string of digits, since many readers of JSON round large numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Total(pub i128);

impl From<Total> for String {
    fn from(total: Total) -> Self {
        total.0.to_string()
    }
}

impl TryFrom<String> for Total {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        i128::from_str(&text).map(Self)
    }
}

/// A file of leaves' hashes: for each leaf the 16 bytes of its transaction's id and the 32 of its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// It holds the leaves below this number that the files before it do not.
    pub to_transaction: u64,
    /// How many leaves.
    pub count: u64,
    /// Of the file, which is named after it.
    pub sha256: Hash,
}

/// Why one seal does not follow another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It is not the next number.
    #[error("its number does not follow")]
    Number,
    /// It was made after another text.
    #[error("the seal before it is not the one it names")]
    Previous,
    /// It leaves something out, covers something twice, or covers nothing.
    #[error("it does not begin where the seal before it ends")]
    Range,
    /// What it adds up to is not what was before and what is in it.
    #[error("its sums do not follow from the sums before it")]
    Sums,
    /// Its files do not hold its leaves.
    #[error("its files do not make up its leaves")]
    Files,
}

/// The number of the horizon lies behind the seal's: the ledger stands on a server whose numbers began anew, and nothing
/// it wrote there would ever be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's horizon {horizon} lies behind {sealed}, up to which it is sealed: its numbers began anew")]
pub struct Regressed {
    /// Where the ledger is.
    pub horizon: u64,
    /// Where the last seal ends.
    pub sealed: u64,
}

/// The newest seal, as far as the next one needs it. `Default` is before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Of the seal.
    pub number: u64,
    /// Of its text.
    pub hash: Option<Hash>,
    /// Where it ends.
    pub to_transaction: u64,
    sums: Vec<Sums>,
}

impl Head {
    /// What follows `seal`, whose text is `text`.
    #[must_use]
    pub fn of(seal: Seal, text: &str) -> Self {
        Self {
            number: seal.number,
            hash: Some(Hash::of(text.as_bytes())),
            to_transaction: seal.to_transaction,
            sums: seal.sums,
        }
    }

    /// Whether there is anything to seal up to `horizon`.
    ///
    /// # Errors
    /// [`Regressed`]
    pub const fn reaches(&self, horizon: u64) -> Result<bool, Regressed> {
        if horizon < self.to_transaction {
            return Err(Regressed {
                horizon,
                sealed: self.to_transaction,
            });
        }
        Ok(horizon > self.to_transaction)
    }

    /// # Errors
    /// [`Broken`]: why `seal` is not the next.
    pub fn followed_by(&self, seal: &Seal) -> Result<(), Broken> {
        let is_ordered = seal
            .leaves
            .iter()
            .try_fold(seal.from_transaction, |from, file| {
                (file.to_transaction > from).then_some(file.to_transaction)
            })
            .is_some_and(|end| end <= seal.to_transaction);
        let this = seal
            .sums
            .iter()
            .map(|sums| (sums.currency.clone(), (sums.debits, sums.credits)));
        if seal.number != self.number + 1 {
            Err(Broken::Number)
        } else if seal.previous != self.hash {
            Err(Broken::Previous)
        } else if seal.from_transaction != self.to_transaction || seal.to_transaction <= seal.from_transaction {
            Err(Broken::Range)
        } else if !is_ordered || seal.leaves.iter().map(|file| file.count).sum::<u64>() != seal.transactions {
            Err(Broken::Files)
        } else if seal.sums != added(&self.sums, &this.collect()) {
            Err(Broken::Sums)
        } else {
            Ok(())
        }
    }
}

/// Debits and credits by currency.
type Moved = BTreeMap<String, (Total, Total)>;

fn added(before: &[Sums], now: &Moved) -> Vec<Sums> {
    let mut all: BTreeMap<&str, Sums> = BTreeMap::new();
    let currencies = before.iter().map(|sums| &sums.currency).chain(now.keys());
    for currency in currencies {
        let earlier = before.iter().find(|sums| sums.currency == *currency);
        let (debits, credits) = now.get(currency).copied().unwrap_or_default();
        let sums = Sums {
            currency: currency.clone(),
            debits,
            credits,
            all_debits: Total(earlier.map_or(0, |sums| sums.all_debits.0).saturating_add(debits.0)),
            all_credits: Total(earlier.map_or(0, |sums| sums.all_credits.0).saturating_add(credits.0)),
        };
        all.insert(currency, sums);
    }
    all.into_values().collect()
}

/// A seal in the making: shown every leaf in the tree's order, which is that of the numbers of the database transactions,
/// and among those of one number of the transactions' ids.
#[derive(Clone, Debug, Default)]
pub struct Sealing {
    tree: Tree,
    entries: u64,
    has_intents: bool,
    moved: Moved,
    files: Vec<File>,
    /// Of the leaves that are in no file yet.
    pending: Vec<u8>,
}

impl Sealing {
    /// Adds the next leaf.
    pub fn add(&mut self, leaf: &Leaf) {
        let hash = leaf.hash();
        self.tree.push(hash);
        self.has_intents |= leaf.intent.is_some();
        self.pending.extend(leaf.transaction_id.uuid().as_bytes());
        self.pending.extend(hash.as_bytes());
        for entry in &leaf.entries {
            self.entries += 1;
            let (debits, credits) = self.moved.entry(entry.currency.clone()).or_default();
            let side = if entry.entry_type == "DEBIT" { debits } else { credits };
            side.0 = side.0.saturating_add(entry.amount.into());
        }
    }

    /// How many leaves it has been shown.
    #[must_use]
    pub const fn transactions(&self) -> u64 {
        self.tree.size()
    }

    /// Whether any of those has its intent.
    #[must_use]
    pub const fn has_intents(&self) -> bool {
        self.has_intents
    }

    /// The root of those.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Ends a file with what was added since the last: all below `to_transaction`. Returns its hash and its bytes, or
    /// nothing if nothing was added.
    pub fn end_file(&mut self, to_transaction: u64) -> Option<(Hash, Vec<u8>)> {
        let bytes = std::mem::take(&mut self.pending);
        let count = entries_of(&bytes).count() as u64;
        if count == 0 {
            return None;
        }
        let sha256 = Hash::of(&bytes);
        self.files.push(File {
            to_transaction,
            count,
            sha256,
        });
        Some((sha256, bytes))
    }

    /// The seal that follows `head` and ends at `to_transaction`; every leaf must be in a file.
    #[must_use]
    pub fn close(self, head: &Head, to_transaction: u64, at: OffsetDateTime) -> Seal {
        Seal {
            version: VERSION,
            number: head.number + 1,
            day: day(at).to_string(),
            previous: head.hash,
            from_transaction: head.to_transaction,
            to_transaction,
            sealed_at: timestamp(at),
            transactions: self.tree.size(),
            entries: self.entries,
            sums: added(&head.sums, &self.moved),
            root: self.tree.root(),
            leaves: self.files,
        }
    }
}

fn day(at: OffsetDateTime) -> Date {
    (at.to_offset(UtcOffset::UTC) - CLOSED_WITHIN).date()
}

/// The length in bytes of an id and a hash.
const ENTRY: usize = 48;

/// What a file of leaves' hashes holds: transactions' ids and leaves' hashes. Bytes that are too few for both are left out.
pub fn entries_of(file: &[u8]) -> impl Iterator<Item = ([u8; 16], Hash)> {
    file.chunks_exact(ENTRY).map(|entry| {
        let id = std::array::from_fn(|index| entry[index]);
        let hash: [u8; 32] = std::array::from_fn(|index| entry[16 + index]);
        (id, Hash::from(hash))
    })
}

impl Seal {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&document::write(self)).into_owned()
    }
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seal {} of {}", self.number, self.day)
    }
}

#[cfg(test)]
pub(crate) mod tests;
