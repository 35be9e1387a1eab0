//! A seal and its signature.

use serde::{Deserialize, Serialize};

use super::seal::{self, Seal};
use crate::document;
use crate::signature::{ALGORITHM, Forged, PublicKey, Signature};

/// A seal as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// The text, to the byte.
    pub seal: String,
    /// In DER, as base64.
    pub signature: String,
    /// [`ALGORITHM`]
    pub algorithm: String,
    /// Who signed: the key's ARN. For people; the key that seals are checked with is known otherwise.
    pub key_id: String,
}

impl Sealed {
    /// A seal's text and the signature under it.
    #[must_use]
    pub fn new(text: String, signature: Signature) -> Self {
        Self {
            seal: text,
            signature: signature.base64,
            algorithm: ALGORITHM.to_owned(),
            key_id: signature.key_id,
        }
    }

    /// As JSON, as it is stored.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        document::write(self)
    }

    /// The seal, if this key signed it.
    ///
    /// # Errors
    /// [`Forged`]
    pub fn open(&self, key: &PublicKey) -> Result<Seal, Forged> {
        open(key, &self.seal, &self.algorithm, &self.signature)
    }
}

pub(super) fn open(key: &PublicKey, text: &str, algorithm: &str, signature: &str) -> Result<Seal, Forged> {
    key.open(text, algorithm, signature, |seal: &Seal| seal.version == seal::VERSION)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::digest::seal::Head;
    use crate::digest::seal::tests::sealed;
    use crate::signature::tests::Signer;

    pub(crate) fn signed(signer: &Signer, text: String) -> Sealed {
        let signature = signer.sign(&text);
        Sealed::new(text, signature)
    }

    #[test]
    fn a_seal_opens_with_the_key_that_signed_it_and_with_no_other() {
        let (signer, other) = (Signer::new(), Signer::new());
        let seal = sealed(&Head::default(), 1..5);
        let kept = signed(&signer, seal.text());
        assert_eq!(kept.open(&signer.public()), Ok(seal));
        assert_eq!(kept.open(&other.public()), Err(Forged::Signature));
    }

    #[test]
    fn a_text_that_was_changed_is_not_signed() {
        let signer = Signer::new();
        let mut kept = signed(&signer, sealed(&Head::default(), 1..5).text());
        kept.seal = kept.seal.replace("2026-02-03", "2026-02-02");
        assert_eq!(kept.open(&signer.public()), Err(Forged::Signature));
    }

    #[test]
    fn another_form_or_another_version_is_no_seal_though_it_is_signed() {
        let signer = Signer::new();
        let text = sealed(&Head::default(), 1..5).text();
        for other in [
            text.replace(':', ": "),
            text.replacen("\"version\":1", "\"version\":2", 1),
            text.replacen('{', "{\"more\":1,", 1),
            "{}".to_owned(),
        ] {
            assert_eq!(signed(&signer, other).open(&signer.public()), Err(Forged::Unreadable));
        }
    }
}
