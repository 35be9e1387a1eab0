//! Sealing: XChaCha20-Poly1305 under a random nonce, bound to the one place where the result may lie.
//!
//! A sealed value is `0x01`, 24 bytes of nonce, the ciphertext and its 16 bytes of tag. With 192 bits a random nonce
//! does not repeat, whoever seals, and nobody has to count.

use chacha20poly1305::aead::rand_core::RngCore;
use chacha20poly1305::aead::{Aead, OsRng, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use domain::ids::{CustomerId, TenantId};
use zeroize::Zeroizing;

/// The first byte: a later way to seal will have another.
const FORMAT: u8 = 1;
const NONCE: usize = 24;
/// Bytes of a key.
pub(super) const KEY: usize = 32;

/// A key in memory. Not `Debug`, not `Clone`; overwritten when dropped.
pub(super) struct Key(Zeroizing<[u8; KEY]>);

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no randomness to be had")]
pub struct NoRandomness;

/// Not sealed under this key for this place, or changed since. Says no more, as there is nothing more to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it does not open")]
pub struct DoesNotOpen;

impl Key {
    /// A new one.
    pub(super) fn random() -> Result<Self, NoRandomness> {
        let mut key = Zeroizing::new([0; KEY]);
        fill(key.as_mut_slice())?;
        Ok(Self(key))
    }

    /// One that was kept; `None` if these are not 32 bytes.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY]);
        (bytes.len() == KEY).then(|| key.copy_from_slice(bytes))?;
        Some(Self(key))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Seals for that place alone.
    pub(super) fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, NoRandomness> {
        let mut sealed = vec![FORMAT; 1 + NONCE];
        fill(&mut sealed[1..])?;
        let payload = Payload {
            msg: plain,
            aad: &place.to_bytes(),
        };
        let nonce = XNonce::from_slice(&sealed[1..]);
        // Fails for plaintexts of 256 GiB, which no request is.
        let ciphertext = self.cipher().encrypt(nonce, payload).map_err(|_| NoRandomness)?;
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`Key::seal`] sealed for that place.
    pub(super) fn open(&self, place: &Place, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let Some(([FORMAT], rest)) = sealed.split_at_checked(1) else {
            return Err(DoesNotOpen);
        };
        let (nonce, msg) = rest.split_at_checked(NONCE).ok_or(DoesNotOpen)?;
        let payload = Payload {
            msg,
            aad: &place.to_bytes(),
        };
        let opened = self.cipher().decrypt(XNonce::from_slice(nonce), payload);
        opened.map(Zeroizing::new).map_err(|_| DoesNotOpen)
    }

    /// Overwrites its own copy of the key when dropped.
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.as_bytes().into())
    }
}

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A customer's key, under the tenant's; the version is that of the tenant's key.
    SubjectKey,
    /// A customer's data, under the customer's key; the version is that of the record.
    Record,
}

/// Where a sealed value lies: authenticated with it, so that it opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) what: What,
    pub(super) tenant: TenantId,
    pub(super) customer: CustomerId,
    /// Of the customer's key.
    pub(super) generation: u64,
    pub(super) version: u64,
}

impl Place {
    /// Every field at a fixed length: no two places have the same bytes.
    fn to_bytes(self) -> [u8; 64] {
        let what = match self.what {
            What::SubjectKey => b"onceledger key 1",
            What::Record => b"onceledger data1",
        };
        let mut bytes = [0; 64];
        bytes[..16].copy_from_slice(what);
        bytes[16..32].copy_from_slice(self.tenant.uuid().as_bytes());
        bytes[32..48].copy_from_slice(self.customer.uuid().as_bytes());
        bytes[48..56].copy_from_slice(&self.generation.to_be_bytes());
        bytes[56..].copy_from_slice(&self.version.to_be_bytes());
        bytes
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), NoRandomness> {
    OsRng.try_fill_bytes(bytes).map_err(|_| NoRandomness)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn place() -> impl Strategy<Value = Place> {
        let what = prop_oneof![Just(What::SubjectKey), Just(What::Record)];
        (what, any::<u128>(), any::<u128>(), any::<u64>(), any::<u64>()).prop_map(
            |(what, tenant, customer, generation, version)| Place {
                what,
                tenant: Uuid::from_u128(tenant).into(),
                customer: Uuid::from_u128(customer).into(),
                generation,
                version,
            },
        )
    }

    /// The place with one bit changed, whichever.
    fn elsewhere(place: Place, bit: usize) -> Place {
        let mut other = place;
        let flip = |uuid: Uuid, bit: usize| Uuid::from_u128(uuid.as_u128() ^ 1 << bit);
        match bit {
            0..128 => other.tenant = flip(place.tenant.uuid(), bit).into(),
            128..256 => other.customer = flip(place.customer.uuid(), bit - 128).into(),
            256..320 => other.generation ^= 1 << (bit - 256),
            320..384 => other.version ^= 1 << (bit - 320),
            _ => {
                other.what = match place.what {
                    What::SubjectKey => What::Record,
                    What::Record => What::SubjectKey,
                }
            }
        }
        other
    }

    fn opened(key: &Key, place: &Place, sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        key.open(place, sealed).map(|plain| plain.to_vec())
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_in_its_place_under_its_key(place in place(), plain: Vec<u8>, kept: [u8; KEY]) {
            let key = Key::from_slice(&kept).unwrap();
            let sealed = key.seal(&place, &plain).unwrap();
            prop_assert_eq!(sealed.len(), plain.len() + 1 + NONCE + 16);
            prop_assert_eq!(opened(&key, &place, &sealed), Ok(plain));
        }

        #[test]
        fn any_bit_of_the_place_the_key_or_the_sealed_bytes_closes_it(
            place in place(),
            plain in prop::collection::vec(any::<u8>(), 0..64),
            kept: [u8; KEY],
            at: prop::sample::Index,
        ) {
            let key = Key::from_slice(&kept).unwrap();
            let sealed = key.seal(&place, &plain).unwrap();
            prop_assert_eq!(opened(&key, &elsewhere(place, at.index(385)), &sealed), Err(DoesNotOpen));

            let (mut other, bit) = (kept, at.index(KEY * 8));
            other[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(opened(&Key::from_slice(&other).unwrap(), &place, &sealed), Err(DoesNotOpen));

            let (mut changed, bit) = (sealed.clone(), at.index(sealed.len() * 8));
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(opened(&key, &place, &changed), Err(DoesNotOpen));
            prop_assert_eq!(opened(&key, &place, &sealed[..at.index(sealed.len())]), Err(DoesNotOpen));
        }
    }

    #[test]
    fn the_same_is_never_sealed_to_the_same_bytes() {
        let key = Key::random().unwrap();
        let place = Place {
            what: What::Record,
            tenant: Uuid::nil().into(),
            customer: Uuid::nil().into(),
            generation: 1,
            version: 1,
        };
        let sealed: std::collections::BTreeSet<_> = (0..100).map(|_| key.seal(&place, b"Ada").unwrap()).collect();
        assert_eq!(sealed.len(), 100);
        assert!(
            sealed
                .iter()
                .all(|sealed| !sealed.windows(3).any(|bytes| bytes == b"Ada"))
        );
    }
}
