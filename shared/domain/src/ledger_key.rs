//! Deriving the ledger's keys and the accounts' ids, as `UUIDv8` (RFC 9562).
//!
//! Nothing here is stored: whoever knows tenant, client key and step can always compute the key again, so a retry, a
//! takeover and a reconciliation meet at the same row without asking each other.

use uuid::{Uuid, Variant};

use crate::canonical::Canonical;
use crate::ids::{AccountId, ClientKey, LedgerKey, TenantId};
use crate::money::Currency;
use crate::settlement::step::Action;

/// The step of an intent that a client's key begins. What follows from it by itself, each step and each undo of a
/// settlement, has a key of its own ([`LedgerKey::of_action`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Whatever moves money at a client's word. Payments and deposits share it on purpose: a client key then names one
    /// intent per tenant, whatever the route it was sent to, and using it twice is found out. Opening an account moves
    /// nothing and has keys of its own ([`AccountId::opened_with`]).
    Request,
}

impl Step {
    /// The name that enters the hash. Renaming a step would give old intents new keys.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
        }
    }
}

impl LedgerKey {
    /// 48 bits of place, then 74 bits of hash, around the version and variant of a `UUIDv8`.
    ///
    /// The place is the client key's own millisecond timestamp when that is a `UUIDv7`: partitions are months. Any
    /// other key gets a zero byte and 40 bits of hash, and so lands below November 2004, in the one partition under
    /// all months. A `UUIDv7` that claims to be that old lands there as well.
    #[must_use]
    pub fn derive(tenant: TenantId, client_key: ClientKey, step: Step) -> Self {
        let mut bytes = Canonical::tagged("onceledger/ledger-key/1")
            .uuid(tenant.uuid())
            .uuid(client_key.uuid())
            .text(step.as_str())
            .half();
        if is_v7(client_key.uuid()) {
            bytes[..6].copy_from_slice(&client_key.uuid().as_bytes()[..6]);
        } else {
            bytes[0] = 0;
        }
        Self::from(Uuid::new_v8(bytes))
    }

    /// The key of one action of a settlement, in the settlement's own place: its partition, and its month.
    ///
    /// Of the settlement's id and not of the client's key, so that whoever has the id can find the whole log. Hashed
    /// under a tag of its own: no client can mint a key that is derived to one of these.
    #[must_use]
    pub fn of_action(tenant: TenantId, settlement: Self, action: Action) -> Self {
        let mut bytes = Canonical::tagged("onceledger/settlement-key/1")
            .uuid(tenant.uuid())
            .uuid(settlement.uuid())
            .text(action.as_str())
            .half();
        bytes[..6].copy_from_slice(&settlement.uuid().as_bytes()[..6]);
        Self::from(Uuid::new_v8(bytes))
    }

    /// The client key's timestamp in Unix milliseconds, `None` when the key has no place in time.
    #[must_use]
    pub fn timestamp_ms(self) -> Option<u64> {
        let (place, _) = self.uuid().as_u64_pair();
        let timestamp = place >> 16;
        (timestamp >> 40 != 0).then_some(timestamp)
    }
}

impl AccountId {
    /// The account a tenant has for a purpose of the ledger's own, such as `escrow` or `external`: one per currency.
    #[must_use]
    pub fn of_purpose(tenant: TenantId, purpose: &str, currency: Currency) -> Self {
        let hash = Canonical::tagged("onceledger/account-of-purpose/1")
            .uuid(tenant.uuid())
            .text(purpose)
            .text(currency.code());
        Self::from(Uuid::new_v8(hash.half()))
    }

    /// The account a client's request opens: a retry opens the same one.
    #[must_use]
    pub fn opened_with(tenant: TenantId, client_key: ClientKey) -> Self {
        let hash = Canonical::tagged("onceledger/opened-account/1")
            .uuid(tenant.uuid())
            .uuid(client_key.uuid());
        Self::from(Uuid::new_v8(hash.half()))
    }
}

fn is_v7(uuid: Uuid) -> bool {
    uuid.get_version_num() == 7 && uuid.get_variant() == Variant::RFC4122
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TENANT: u128 = 0x1111_1111_1111_4111_8111_1111_1111_1111;
    const V7: u128 = 0x0192_f0c1_2b3a_7c4d_8e5f_6071_8293_a4b5;
    const V4: u128 = 0x9192_f0c1_2b3a_4c4d_8e5f_6071_8293_a4b5;

    fn tenant(id: u128) -> TenantId {
        Uuid::from_u128(id).into()
    }

    fn client_key(id: u128) -> ClientKey {
        Uuid::from_u128(id).into()
    }

    fn derive(tenant_id: u128, key: u128) -> LedgerKey {
        LedgerKey::derive(tenant(tenant_id), client_key(key), Step::Request)
    }

    /// Stored rows are found again only while these hold: a change here loses every key ever posted.
    #[test]
    fn derived_ids_never_change() {
        assert_eq!(derive(TENANT, V7).to_string(), "0192f0c1-2b3a-8731-8a54-b40dc9b8b89e");
        assert_eq!(derive(TENANT, V4).to_string(), "004a1d47-f9c9-8cf5-a8ae-0b9b67267ffc");
        let escrow = AccountId::of_purpose(tenant(TENANT), "escrow", "EUR".parse().unwrap());
        assert_eq!(escrow.to_string(), "8a9f3c2e-bccd-85c4-b8fd-725bbdce95fa");
        let opened = AccountId::opened_with(tenant(TENANT), client_key(V7));
        assert_eq!(opened.to_string(), "a23497f8-629d-8034-8dd1-14cb8289c597");
    }

    /// As above, and computed apart from this code.
    #[test]
    fn keys_of_actions_never_change() {
        let listed = [
            [
                "0192f0c1-2b3a-810d-8ac2-be2565a995e4",
                "004a1d47-f9c9-8b2c-a1bf-a4c458ab7350",
            ],
            [
                "0192f0c1-2b3a-85ba-9d15-bfa3a9f2a407",
                "004a1d47-f9c9-83c3-a116-3e856efe2b56",
            ],
            [
                "0192f0c1-2b3a-808b-bfd1-1692b2c51590",
                "004a1d47-f9c9-8c6f-9630-b32d37f4adbd",
            ],
            [
                "0192f0c1-2b3a-89da-8152-589e45443bb6",
                "004a1d47-f9c9-8a5b-ae38-c78a19df4e1d",
            ],
            [
                "0192f0c1-2b3a-897a-92d3-3f8ddc2a6af6",
                "004a1d47-f9c9-8933-81a6-e87b8974f4aa",
            ],
            [
                "0192f0c1-2b3a-8c99-bff6-9de9f90c5a73",
                "004a1d47-f9c9-882e-bd5f-6a86a2849e0f",
            ],
            [
                "0192f0c1-2b3a-8744-84ca-d342a4e0b318",
                "004a1d47-f9c9-8c36-9530-9630eb8875d8",
            ],
            [
                "0192f0c1-2b3a-859b-9637-aad70db1ea13",
                "004a1d47-f9c9-8899-a5a3-2bc0c0bc427f",
            ],
            [
                "0192f0c1-2b3a-8f51-9cd0-9d71fbd17b50",
                "004a1d47-f9c9-839a-be92-9cc4ac6cecb4",
            ],
        ];
        for (action, expected) in Action::ALL.into_iter().zip(listed) {
            let keys =
                [V7, V4].map(|key| LedgerKey::of_action(tenant(TENANT), derive(TENANT, key), action).to_string());
            assert_eq!(keys, expected, "{action}");
        }
    }

    #[test]
    fn a_version_7_key_lends_its_timestamp() {
        assert_eq!(derive(TENANT, V7).timestamp_ms(), Some(0x0192_f0c1_2b3a));
    }

    #[test]
    fn a_key_without_a_time_and_one_from_before_2004_lie_below_all_months() {
        let ancient = 0x0092_f0c1_2b3a_7c4d_8e5f_6071_8293_a4b5;
        for key in [V4, ancient] {
            assert_eq!(derive(TENANT, key).uuid().as_bytes()[0], 0);
            assert_eq!(derive(TENANT, key).timestamp_ms(), None);
        }
    }

    #[test]
    fn a_seven_in_the_version_place_of_another_variant_is_no_timestamp() {
        let microsoft_variant = 0x0192_f0c1_2b3a_7c4d_ce5f_6071_8293_a4b5;
        assert_eq!(derive(TENANT, microsoft_variant).timestamp_ms(), None);
    }

    #[test]
    fn purposes_and_currencies_have_accounts_of_their_own() {
        let account = |purpose, code: &str| AccountId::of_purpose(tenant(1), purpose, code.parse().unwrap());
        assert_ne!(account("escrow", "EUR"), account("external", "EUR"));
        assert_ne!(account("escrow", "EUR"), account("escrow", "USD"));
    }

    proptest! {
        #[test]
        fn a_ledger_key_is_a_version_8_of_the_standard_variant(tenant_id: u128, key: u128) {
            let uuid = derive(tenant_id, key).uuid();
            prop_assert_eq!((uuid.get_version_num(), uuid.get_variant()), (8, Variant::RFC4122));
        }

        #[test]
        fn two_tenants_or_two_keys_never_share_a_ledger_key(tenant_id: u128, key: u128, bit in 0..128u32) {
            let flip = 1 << bit;
            prop_assert_ne!(derive(tenant_id, key), derive(tenant_id ^ flip, key));
            prop_assert_ne!(derive(tenant_id, key), derive(tenant_id, key ^ flip));
            let opened = |t, k| AccountId::opened_with(tenant(t), client_key(k));
            prop_assert_ne!(opened(tenant_id, key), opened(tenant_id ^ flip, key));
            prop_assert_ne!(opened(tenant_id, key), opened(tenant_id, key ^ flip));
        }

        /// Neither with each other, nor with a request, be it of the client who sends the settlement's id as its key.
        #[test]
        fn no_two_actions_or_settlements_share_a_key(tenant_id: u128, key: u128, bit in 0..128u32) {
            let flip = 1 << bit;
            let settlement = derive(tenant_id, key);
            let as_client_key = derive(tenant_id, settlement.uuid().as_u128());
            let mut keys = std::collections::HashSet::from([settlement, as_client_key]);
            for action in Action::ALL {
                let of = |t, id: LedgerKey| LedgerKey::of_action(tenant(t), id, action);
                let other = LedgerKey::from(Uuid::from_u128(settlement.uuid().as_u128() ^ flip));
                prop_assert!(keys.insert(of(tenant_id, settlement)));
                prop_assert!(keys.insert(of(tenant_id ^ flip, settlement)));
                prop_assert!(keys.insert(of(tenant_id, other)));
            }
        }

        #[test]
        fn an_action_has_the_place_of_its_settlement(tenant_id: u128, key: u128, nth in 0..Action::ALL.len()) {
            let settlement = derive(tenant_id, key);
            let action = LedgerKey::of_action(tenant(tenant_id), settlement, Action::ALL[nth]);
            prop_assert_eq!(action.timestamp_ms(), settlement.timestamp_ms());
            prop_assert_eq!(action.uuid().as_u128() >> 80, settlement.uuid().as_u128() >> 80);
            prop_assert_eq!((action.uuid().get_version_num(), action.uuid().get_variant()), (8, Variant::RFC4122));
        }
    }
}
