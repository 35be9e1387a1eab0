//! A newtype per id, so that no account is ever passed where a tenant is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is not a UUID in its hyphenated form of 36 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in its hyphenated form")]
pub struct NotAnId;

/// Reads the hyphenated form only, case ignored: the library's own parser also takes braces, URNs and bare hex.
pub(crate) fn hyphenated(text: &str) -> Result<Uuid, NotAnId> {
    const LENGTH: usize = uuid::fmt::Hyphenated::LENGTH;
    if text.len() == LENGTH {
        Uuid::try_parse(text).map_err(|_| NotAnId)
    } else {
        Err(NotAnId)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        #[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
        pub struct $name(Uuid);

        impl $name {
            /// The bare UUID, as the database and the wire carry it.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                hyphenated(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    )*};
}

ids! {
    /// A merchant of the marketplace. Only ever taken from a verified token.
    TenantId
    /// An account of the ledger, owned by one tenant.
    AccountId
    /// A person whose data the vault keeps for a merchant, which minted the id: nothing personal is in it.
    CustomerId
    /// The erasing of a person's data, or of a tenant's: the key that it was asked for with.
    ErasureId
    /// The `Idempotency-Key` a client minted for one intent.
    ClientKey
    /// What the ledger knows an intent by, derived from tenant, client key and step. Also the payment's public id.
    LedgerKey
    /// What an event is known by, derived from its intent's key and its sequence ([`crate::event`]).
    EventId
    /// The token of one invocation: whoever holds a gate record with it is that invocation.
    Owner
}

impl TenantId {
    /// The house itself, which owns the accounts that fees are collected in. No merchant's token carries it.
    pub const PLATFORM: Self = Self(Uuid::from_u128(0x0000_0000_0000_8000_8000_0000_0000_0000));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0192f0c1-2b3a-7c4d-8e5f-60718293a4b5";

    #[test]
    fn an_id_reads_the_hyphenated_form_in_any_case_and_writes_lower_case() {
        assert_eq!(ID.to_uppercase().parse::<AccountId>().unwrap().to_string(), ID);
    }

    #[test]
    fn an_id_reads_no_other_form() {
        let bare = ID.replace('-', "");
        for text in [
            &bare,
            &format!("{{{ID}}}"),
            &format!("urn:uuid:{ID}"),
            "",
            &format!("{ID} "),
            &"-".repeat(36),
        ] {
            assert_eq!(text.parse::<TenantId>(), Err(NotAnId), "{text}");
        }
    }

    #[test]
    fn an_id_is_a_plain_string_in_json() {
        let id: Owner = serde_json::from_str(&format!("\"{ID}\"")).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{ID}\""));
    }
}
