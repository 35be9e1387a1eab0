//! One transaction as a text: what was asked and decided, and every entry of it.

use serde::{Deserialize, Serialize};

use super::tree;
use crate::digest::hash::Hash;
use crate::document;
use crate::ids::{AccountId, LedgerKey, TenantId};

/// Of the text's form. Another form is another version beside this one: the text must be the same for ever.
pub const VERSION: u16 = 1;

/// One transaction. Its text is JSON without white space, the members in the order they stand here.
///
/// Plain values throughout: a row that somebody has bent still has a text, or it could not be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// [`VERSION`]
    pub version: u16,
    /// The transaction's and the payment's id.
    pub transaction_id: LedgerKey,
    /// What was asked, `null` if there is no such row.
    pub intent: Option<Intent>,
    /// By account and side.
    pub entries: Vec<Entry>,
}

/// What was asked for and decided; what the client wrote for people is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Whose it is.
    pub tenant_id: TenantId,
    /// `payment`, `deposit`, an action of a settlement, …
    pub kind: String,
    /// What the ledger decided.
    pub outcome: String,
    /// The account debited.
    pub source: AccountId,
    /// The account credited.
    pub destination: AccountId,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// Of what was asked, 64 hexadecimal digits.
    pub fingerprint: String,
    /// RFC 3339 in UTC, six decimals.
    pub created_at: String,
}

/// One side of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its number.
    pub id: i64,
    /// Of which account.
    pub account_id: AccountId,
    /// `DEBIT` or `CREDIT`.
    pub entry_type: String,
    /// Minor units.
    pub amount: i64,
    /// ISO 4217.
    pub currency: String,
    /// The account's owner.
    pub tenant_id: TenantId,
    /// RFC 3339 in UTC, six decimals.
    pub created_at: String,
    /// The number of the database transaction that wrote it.
    pub posted_in: u64,
}

impl Leaf {
    /// The number of the database transaction that wrote it: its place in the tree, before its id.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.entries.first().map_or(0, |entry| entry.posted_in)
    }

    /// Puts the entries in the order of the text, whatever order they were read in.
    pub fn sort(&mut self) {
        self.entries.sort_by(|one, other| {
            (one.account_id, &one.entry_type, one.id).cmp(&(other.account_id, &other.entry_type, other.id))
        });
    }

    /// The text that is hashed.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        document::write(self)
    }

    /// The leaf's hash in the tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        tree::leaf(&self.text())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use uuid::Uuid;

    use super::*;

    /// A payment, the `number`th.
    pub(crate) fn payment(number: u64) -> Leaf {
        let id = |part: u64| Uuid::from_u64_pair(number, part);
        let side = |part: u64, entry_type: &str| Entry {
            id: i64::try_from(2 * number + part).unwrap(),
            account_id: id(part).into(),
            entry_type: entry_type.to_owned(),
            amount: 1250,
            currency: "EUR".to_owned(),
            tenant_id: id(9).into(),
            created_at: "2026-02-03T04:05:06.000007Z".to_owned(),
            posted_in: number,
        };
        Leaf {
            version: VERSION,
            transaction_id: id(0).into(),
            intent: Some(Intent {
                tenant_id: id(9).into(),
                kind: "payment".to_owned(),
                outcome: "posted".to_owned(),
                source: id(1).into(),
                destination: id(2).into(),
                amount: 1250,
                currency: "EUR".to_owned(),
                fingerprint: "00".repeat(32),
                created_at: "2026-02-03T04:05:06.000007Z".to_owned(),
            }),
            entries: vec![side(1, "DEBIT"), side(2, "CREDIT")],
        }
    }

    #[test]
    fn the_text_of_a_transaction_is_this_for_ever() {
        let mut leaf = payment(1);
        let entries = r#"[{"id":3,"account_id":"00000000-0000-0001-0000-000000000001","entry_type":"DEBIT","amount":1250,"currency":"EUR","tenant_id":"00000000-0000-0001-0000-000000000009","created_at":"2026-02-03T04:05:06.000007Z","posted_in":1},{"id":4,"account_id":"00000000-0000-0001-0000-000000000002","entry_type":"CREDIT","amount":1250,"currency":"EUR","tenant_id":"00000000-0000-0001-0000-000000000009","created_at":"2026-02-03T04:05:06.000007Z","posted_in":1}]"#;
        let intent = r#"{"tenant_id":"00000000-0000-0001-0000-000000000009","kind":"payment","outcome":"posted","source":"00000000-0000-0001-0000-000000000001","destination":"00000000-0000-0001-0000-000000000002","amount":1250,"currency":"EUR","fingerprint":"0000000000000000000000000000000000000000000000000000000000000000","created_at":"2026-02-03T04:05:06.000007Z"}"#;
        let text = |intent: &str| {
            format!(
                r#"{{"version":1,"transaction_id":"00000000-0000-0001-0000-000000000000","intent":{intent},"entries":{entries}}}"#
            )
        };
        assert_eq!(String::from_utf8(leaf.text()).unwrap(), text(intent));
        leaf.intent = None;
        assert_eq!(String::from_utf8(leaf.text()).unwrap(), text("null"));
    }
}
