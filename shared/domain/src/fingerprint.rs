//! What tells a retry from another intent under the same key.

use std::fmt;

use crate::canonical::Canonical;

/// A SHA-256 over every field of a parsed request.
///
/// Taken after parsing, so white space, the order of names and the spelling of an escape do not change it, and any
/// difference in meaning does.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// A stored fingerprint has another length than 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 32 bytes, not {0}")]
pub struct NotAFingerprint(usize);

impl Fingerprint {
    /// The 32 bytes both guards store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Begins the fingerprint of one request of the named operation.
    pub(crate) fn of(operation: &str) -> Canonical {
        Canonical::tagged("onceledger/fingerprint/1").text(operation)
    }
}

impl From<Canonical> for Fingerprint {
    fn from(request: Canonical) -> Self {
        Self(request.finish())
    }
}

impl From<[u8; 32]> for Fingerprint {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Fingerprint {
    type Error = NotAFingerprint;

    fn try_from(bytes: &[u8]) -> Result<Self, NotAFingerprint> {
        bytes.try_into().map(Self).map_err(|_| NotAFingerprint(bytes.len()))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_survives_being_stored() {
        let fingerprint = Fingerprint::from(Fingerprint::of("payment").text("x"));
        assert_eq!(
            Fingerprint::try_from(fingerprint.as_bytes().as_slice()),
            Ok(fingerprint)
        );
    }

    #[test]
    fn anything_but_32_bytes_is_no_fingerprint() {
        assert_eq!(Fingerprint::try_from([0; 31].as_slice()), Err(NotAFingerprint(31)));
        assert_eq!(Fingerprint::try_from([].as_slice()), Err(NotAFingerprint(0)));
    }
}
