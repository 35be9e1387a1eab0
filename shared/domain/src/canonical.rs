//! Hashing without ambiguity: every part is preceded by its length, so no two lists of parts share one encoding.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A SHA-256 in the making. Begins with a tag that names its purpose and version: hashes of different purposes never
/// coincide, and a changed encoding takes a new tag.
pub(crate) struct Canonical(Sha256);

impl Canonical {
    pub(crate) fn tagged(tag: &str) -> Self {
        Self(Sha256::new()).text(tag)
    }

    pub(crate) fn bytes(mut self, part: &[u8]) -> Self {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    pub(crate) fn text(self, part: &str) -> Self {
        self.bytes(part.as_bytes())
    }

    pub(crate) fn uuid(self, part: Uuid) -> Self {
        self.bytes(part.as_bytes())
    }

    pub(crate) fn integer(self, part: i64) -> Self {
        self.bytes(&part.to_be_bytes())
    }

    /// The count comes first, so that absent (0) and present but empty (1, then nothing) differ.
    pub(crate) fn all<T>(self, parts: impl ExactSizeIterator<Item = T>, add: impl Fn(Self, T) -> Self) -> Self {
        let counted = self.bytes(&(parts.len() as u64).to_be_bytes());
        parts.fold(counted, add)
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The first half of the hash: as much as a UUID holds.
    pub(crate) fn half(self) -> [u8; 16] {
        let hash = self.finish();
        std::array::from_fn(|i| hash[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(parts: &[&str]) -> [u8; 32] {
        parts
            .iter()
            .fold(Canonical::tagged("test"), |hash, part| hash.text(part))
            .finish()
    }

    #[test]
    fn moving_a_letter_between_parts_changes_the_hash() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["ab"]), hash(&["a", "b"]));
    }

    #[test]
    fn absent_and_empty_differ() {
        let option = |part: Option<&str>| {
            Canonical::tagged("test")
                .all(part.into_iter(), Canonical::text)
                .finish()
        };
        assert_ne!(option(None), option(Some("")));
    }

    #[test]
    fn the_tag_separates_purposes() {
        assert_ne!(
            Canonical::tagged("a").text("x").finish(),
            Canonical::tagged("b").text("x").finish()
        );
    }
}
