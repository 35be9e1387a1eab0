//! What has become of sealed transactions.

use std::collections::BTreeMap;
use std::fmt;

use uuid::Uuid;

use super::hash::Hash;
use super::leaf::Leaf;
use crate::ids::LedgerKey;

/// A transaction that is not what was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which one.
    pub transaction: LedgerKey,
    /// What was done to it.
    pub kind: Kind,
}

/// How a transaction differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was sealed, and is not in the ledger any more, or at another place.
    Missing,
    /// It is in the ledger at a place where it was not when that was sealed.
    Added,
    /// It is there, and something of it is not what it was: its intent, or an entry more, less or other.
    Changed,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Added => "added",
            Self::Changed => "changed",
        })
    }
}

/// Compares what a file of leaves' hashes holds with what the ledger holds of the same numbers: in the order of the file,
/// then what was added.
pub fn differences(sealed: impl IntoIterator<Item = ([u8; 16], Hash)>, found: &[Leaf]) -> Vec<Difference> {
    let mut left: BTreeMap<[u8; 16], Vec<Hash>> = BTreeMap::new();
    for leaf in found {
        left.entry(leaf.transaction_id.uuid().into_bytes())
            .or_default()
            .push(leaf.hash());
    }
    let mut unmet = Vec::new();
    for (id, hash) in sealed {
        let of_id = left.entry(id).or_default();
        match of_id.iter().position(|found| *found == hash) {
            Some(at) => drop(of_id.swap_remove(at)),
            None => unmet.push(id),
        }
    }
    let difference = |id, kind| Difference {
        transaction: Uuid::from_bytes(id).into(),
        kind,
    };
    let mut differences = Vec::new();
    for id in unmet {
        let changed = left.get_mut(&id).and_then(Vec::pop).is_some();
        differences.push(difference(id, if changed { Kind::Changed } else { Kind::Missing }));
    }
    let added = left
        .into_iter()
        .flat_map(|(id, hashes)| hashes.into_iter().map(move |_| id));
    differences.extend(added.map(|id| difference(id, Kind::Added)));
    differences
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::digest::leaf::tests::payment;

    fn sealed(numbers: impl IntoIterator<Item = u64>) -> Vec<([u8; 16], Hash)> {
        let numbers = numbers.into_iter().map(payment);
        numbers
            .map(|leaf| (leaf.transaction_id.uuid().into_bytes(), leaf.hash()))
            .collect()
    }

    #[test]
    fn what_is_missing_changed_and_added_is_told_apart_and_all_else_is_left_in_peace() {
        let mut found: Vec<_> = [1, 3, 4, 6].map(payment).into();
        found[1].entries[0].amount += 1;
        let told = differences(sealed(1..6), &found);
        let told: Vec<_> = told.iter().map(|each| (each.transaction, each.kind)).collect();
        let id = |number| payment(number).transaction_id;
        assert_eq!(
            told,
            [
                (id(2), Kind::Missing),
                (id(3), Kind::Changed),
                (id(5), Kind::Missing),
                (id(6), Kind::Added)
            ]
        );
    }

    #[test]
    fn a_second_leaf_of_a_transaction_is_one_more() {
        let found = [payment(1), payment(1)];
        let told = differences(sealed([1]), &found);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].kind, Kind::Added);
    }

    proptest! {
        #[test]
        fn whatever_is_changed_in_a_row_is_told(number in 0..9_u64, field in 0..12_u8, side in 0..2_usize) {
            let mut found: Vec<_> = (0..9).map(payment).collect();
            let leaf = &mut found[usize::try_from(number).unwrap()];
            let other = Uuid::from_u64_pair(99, 99);
            let (intent, entry) = (leaf.intent.as_mut().unwrap(), &mut leaf.entries[side]);
            match field {
                0 => intent.tenant_id = other.into(),
                1 => intent.kind.push('s'),
                2 => "refused".clone_into(&mut intent.outcome),
                3 => std::mem::swap(&mut intent.source, &mut intent.destination),
                4 => intent.amount += 1,
                5 => intent.created_at.push('0'),
                6 => entry.account_id = other.into(),
                7 => entry.amount -= 1,
                8 => "USD".clone_into(&mut entry.currency),
                9 => entry.tenant_id = other.into(),
                10 => entry.id += 1,
                _ => leaf.intent = None,
            }
            let id = payment(number).transaction_id;
            prop_assert_eq!(differences(sealed(0..9), &found), [Difference { transaction: id, kind: Kind::Changed }]);
        }
    }
}
