//! Texts that are signed, ECDSA over P-256 with SHA-256: seals, certificates of erasure, justifications.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest::hash::Hash;
use crate::document;

/// How they are signed, in the words of who signs them.
pub const ALGORITHM: &str = "ECDSA_SHA_256";

/// What every P-256 key begins with in its usual form (RFC 5480), before the 65 bytes of its point.
const PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The key that signatures are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    point: [u8; 65],
}

/// Not a public key of the curve P-256 as RFC 5480 writes it, uncompressed, in DER or PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an uncompressed public key of P-256")]
pub struct NotAKey;

impl PublicKey {
    /// From `SubjectPublicKeyInfo` in DER.
    ///
    /// # Errors
    /// [`NotAKey`]
    pub fn from_der(der: &[u8]) -> Result<Self, NotAKey> {
        let point = der.strip_prefix(&PREFIX).ok_or(NotAKey)?;
        Ok(Self {
            point: point.try_into().map_err(|_| NotAKey)?,
        })
    }

    /// From `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// [`NotAKey`]
    pub fn from_pem(pem: &str) -> Result<Self, NotAKey> {
        let (_, behind) = pem.split_once("-----BEGIN PUBLIC KEY-----").ok_or(NotAKey)?;
        let (body, _) = behind.split_once("-----END PUBLIC KEY-----").ok_or(NotAKey)?;
        let body: String = body.split_whitespace().collect();
        Self::from_der(&STANDARD.decode(body).map_err(|_| NotAKey)?)
    }

    /// The SHA-256 of the key in DER, by which people compare keys.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        Hash::of_all(&[&PREFIX, &self.point])
    }

    /// As PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let body = STANDARD.encode([PREFIX.as_slice(), &self.point].concat());
        let (first, second) = body.split_at(64);
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// Reads what this key signed, by [`ALGORITHM`]: a text that is to the byte what this version writes, with a signature in
    /// base64 of DER. `is_known`: whether it is of a version that is read.
    pub(crate) fn open<T: Serialize + DeserializeOwned>(
        &self,
        text: &str,
        algorithm: &str,
        signature: &str,
        is_known: impl FnOnce(&T) -> bool,
    ) -> Result<T, Forged> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.point);
        let is_signed = |signature: Vec<u8>| key.verify(text.as_bytes(), &signature).is_ok();
        if algorithm != ALGORITHM || !STANDARD.decode(signature).is_ok_and(is_signed) {
            return Err(Forged::Signature);
        }
        read(text, is_known)
    }
}

/// Reads a text that is to the byte what this version writes, whoever wrote it.
pub(crate) fn read<T: Serialize + DeserializeOwned>(
    text: &str,
    is_known: impl FnOnce(&T) -> bool,
) -> Result<T, Forged> {
    let read: T = serde_json::from_str(text).map_err(|_| Forged::Unreadable)?;
    if is_known(&read) && document::write(&read) == text.as_bytes() {
        Ok(read)
    } else {
        Err(Forged::Unreadable)
    }
}

/// A signature under a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// In DER, as base64.
    pub base64: String,
    /// Who signed: the key's ARN. For people; the key that it is checked with is known otherwise.
    pub key_id: String,
}

impl Signature {
    /// What `key_id` made, in DER.
    #[must_use]
    pub fn new(der: &[u8], key_id: String) -> Self {
        Self {
            base64: STANDARD.encode(der),
            key_id,
        }
    }

    /// What is signed of a text: its SHA-256.
    #[must_use]
    pub fn digest_of(text: &str) -> Hash {
        Hash::of(text.as_bytes())
    }
}

/// Why a text is not what that key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    /// The signature is none of this key under this text.
    #[error("its signature is not that key's under this text")]
    Signature,
    /// It is not written, to the byte, as this version writes it.
    #[error("it is not what it should be, or of a version that cannot be read")]
    Unreadable,
}

#[cfg(test)]
pub(crate) mod tests {
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};

    use super::*;

    /// A key pair of the test's own.
    pub(crate) struct Signer(EcdsaKeyPair);

    impl Signer {
        pub(crate) fn new() -> Self {
            let (curve, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
            let document = EcdsaKeyPair::generate_pkcs8(curve, &random).unwrap();
            Self(EcdsaKeyPair::from_pkcs8(curve, document.as_ref(), &random).unwrap())
        }

        pub(crate) fn public(&self) -> PublicKey {
            PublicKey {
                point: self.0.public_key().as_ref().try_into().unwrap(),
            }
        }

        pub(crate) fn sign(&self, text: &str) -> Signature {
            let signature = self.0.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
            Signature::new(signature.as_ref(), "key".to_owned())
        }
    }

    #[test]
    fn a_key_survives_being_written_down() {
        let key = Signer::new().public();
        assert_eq!(PublicKey::from_pem(&key.pem()), Ok(key.clone()));
        for pem in ["", &key.pem().replace('A', ""), &key.pem().replace("PUBLIC", "PRIVATE")] {
            assert_eq!(PublicKey::from_pem(pem), Err(NotAKey), "{pem}");
        }
    }
}
