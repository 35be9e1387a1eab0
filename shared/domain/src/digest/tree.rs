//! The Merkle tree of RFC 9162, section 2.1: a leaf is hashed behind a zero byte and a node behind a one, so that no node
//! passes for a leaf; the left side of a node is the largest full tree that is smaller than the whole.

use std::ops::Range;

use super::hash::Hash;

/// The hash of a leaf of that text.
#[must_use]
pub fn leaf(text: &[u8]) -> Hash {
    Hash::of_all(&[&[0], text])
}

fn node(left: Hash, right: Hash) -> Hash {
    Hash::of_all(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// A tree that grows leaf by leaf and remembers as many hashes as its size has binary digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The roots of full trees, from the largest to the smallest: a full tree of 2^n leaves for each bit n of the size.
    full: Vec<Hash>,
    size: u64,
}

impl Tree {
    /// Adds the hash of the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut grown = leaf;
        // As carrying in an addition: two full trees of one size are one of the next.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.full.pop() {
                grown = node(left, grown);
            }
        }
        self.full.push(grown);
        self.size += 1;
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Of an empty one it is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut smallest_first = self.full.iter().rev().copied();
        let last = smallest_first.next().unwrap_or_else(|| Hash::of(b""));
        smallest_first.fold(last, |right, left| node(left, right))
    }
}

/// The way from one leaf to the root, found while all leaves go by once.
#[derive(Clone, Debug)]
pub struct PathFinder {
    /// Which leaves lie below each node of the path, from the leaf's own sibling up.
    siblings: Vec<(Range<u64>, Tree)>,
    next: u64,
}

impl PathFinder {
    /// The path of the leaf at `index` (from 0) in a tree of `size`. `None`: there is no such leaf.
    #[must_use]
    pub fn to(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut siblings, mut within) = (Vec::new(), 0..size);
        while within.end - within.start > 1 {
            let split = within.start + left_size(within.end - within.start);
            let (left, right) = (within.start..split, split..within.end);
            let sibling;
            (sibling, within) = if index < split { (right, left) } else { (left, right) };
            siblings.push((sibling, Tree::default()));
        }
        siblings.reverse();
        Some(Self { siblings, next: 0 })
    }

    /// Shows it the next leaf, from the first on.
    pub fn push(&mut self, leaf: Hash) {
        let index = self.next;
        if let Some((_, tree)) = self.siblings.iter_mut().find(|(range, _)| range.contains(&index)) {
            tree.push(leaf);
        }
        self.next += 1;
    }

    /// The path, from the leaf to the root; all leaves must have gone by.
    #[must_use]
    pub fn path(&self) -> Vec<Hash> {
        self.siblings.iter().map(|(_, tree)| tree.root()).collect()
    }
}

/// The largest power of two below `size`, which is 2 or more.
const fn left_size(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The root that a leaf at `index` of `size` and that path make (RFC 9162, section 2.1.3.2). `None`: they cannot belong
/// together. It does not prove the size, which must be known from elsewhere.
#[must_use]
pub fn root_by(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    let (mut at, mut last) = (index, size.checked_sub(1)?);
    if at > last {
        return None;
    }
    let mut root = leaf;
    for &sibling in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node(sibling, root);
            // The last leaf of an incomplete level goes up until it is on the right of something.
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            root = node(root, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, word by word.
    fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of(b""),
            [one] => *one,
            more => {
                let split = usize::try_from(left_size(more.len() as u64)).unwrap();
                node(by_definition(&more[..split]), by_definition(&more[split..]))
            }
        }
    }

    fn leaves(size: u64) -> Vec<Hash> {
        (0..size).map(|number| leaf(&number.to_be_bytes())).collect()
    }

    fn grown(leaves: &[Hash]) -> Tree {
        let mut tree = Tree::default();
        for &leaf in leaves {
            tree.push(leaf);
        }
        tree
    }

    fn path(index: u64, leaves: &[Hash]) -> Vec<Hash> {
        let mut finder = PathFinder::to(index, leaves.len() as u64).unwrap();
        for &leaf in leaves {
            finder.push(leaf);
        }
        finder.path()
    }

    #[test]
    fn roots_are_those_of_certificate_transparency() {
        // The leaves and roots that RFC 6962's implementations test with; RFC 9162 kept the tree.
        let texts: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(tree.root().to_string(), *root, "of {size}");
            texts.get(size).into_iter().for_each(|text| tree.push(leaf(text)));
        }
    }

    #[test]
    fn every_leaf_of_every_tree_is_proved_and_no_other_place_is() {
        for size in 1..=70 {
            let leaves = leaves(size);
            let root = by_definition(&leaves);
            assert_eq!(grown(&leaves).root(), root, "of {size}");
            for (index, &leaf) in (0..).zip(&leaves) {
                let path = path(index, &leaves);
                assert_eq!(root_by(leaf, index, size, &path), Some(root), "{index} of {size}");
                for other in (0..size + 2).filter(|&other| other != index) {
                    assert_ne!(
                        root_by(leaf, other, size, &path),
                        Some(root),
                        "{index} as {other} of {size}"
                    );
                }
            }
        }
    }

    #[test]
    fn there_is_no_leaf_behind_the_last() {
        assert!(PathFinder::to(0, 0).is_none());
        assert!(PathFinder::to(3, 3).is_none());
        assert_eq!(root_by(leaf(b""), 0, 0, &[]), None);
    }

    proptest! {
        #[test]
        fn a_path_with_one_bit_changed_or_one_step_more_or_less_proves_nothing(
            (size, index, at) in (1..300_u64).prop_flat_map(|size| (Just(size), 0..size, any::<prop::sample::Index>())),
            bit in 0..256_usize,
        ) {
            let leaves = leaves(size);
            let root = grown(&leaves).root();
            let mine = leaves[usize::try_from(index).unwrap()];
            let path = path(index, &leaves);
            prop_assert_eq!(root_by(mine, index, size, &path), Some(root));
            let flipped = |hash: Hash| {
                let mut bytes = *hash.as_bytes();
                bytes[bit / 8] ^= 1 << (bit % 8);
                Hash::from(bytes)
            };
            prop_assert_ne!(root_by(flipped(mine), index, size, &path), Some(root));
            if !path.is_empty() {
                let mut bent = path.clone();
                let at = at.index(path.len());
                bent[at] = flipped(bent[at]);
                prop_assert_ne!(root_by(mine, index, size, &bent), Some(root));
                prop_assert_ne!(root_by(mine, index, size, &path[1..]), Some(root));
            }
            let longer = [path.as_slice(), &[root]].concat();
            prop_assert_ne!(root_by(mine, index, size, &longer), Some(root));
        }
    }
}
