//! What certificates say in words. Each sentence of the proof is about something that is looked at before a certificate is
//! issued; had anything else been found, there would be none.

use super::{Destroyed, Remains, Tried};

/// What was looked for, and what was found.
pub(super) fn proof(destroyed: &Destroyed) -> Vec<Tried> {
    let looked: &[(&str, &str)] = match destroyed {
        Destroyed::Subject {
            ciphertext_sha256: Some(_),
            ..
        } => &[PERSONS_KEY, REMOVED_RECORD, PERSONS_LINKS, COPIES],
        Destroyed::Subject {
            ciphertext_sha256: None,
            ..
        } => &[PERSONS_KEY, NO_RECORD, PERSONS_LINKS, COPIES],
        Destroyed::Tenant { .. } => &[SECRET, KEYS, RECORDS, LINKS, COPIES],
    };
    let tried = |&(tried, found): &(&str, &str)| Tried {
        tried: tried.to_owned(),
        found: found.to_owned(),
    };
    looked.iter().map(tried).collect()
}

const PERSONS_KEY: (&str, &str) = (
    "to read the person's wrapped key, with which the vault begins to open a record, from the one table that holds keys: before \
     the record was removed, and again before this certificate",
    "the person's id, marked as erased; no wrapped key, and so nothing to open the record with",
);
const REMOVED_RECORD: (&str, &str) = (
    "to read the sealed record whose fingerprint is above, after its removal",
    "no record",
);
const NO_RECORD: (&str, &str) = (
    "to read a sealed record of the person, after the key was destroyed, and again before this certificate",
    "no record, neither time: there was none to destroy",
);
const PERSONS_LINKS: (&str, &str) = (
    "to read each link from an account to the person that the person's key listed, after its removal",
    "none leads to the person; then the list was removed too",
);
const SECRET: (&str, &str) = (
    "to find the secret that held the tenant's key, after it was deleted without recovery, and again before this certificate",
    "no such secret",
);
const KEYS: (&str, &str) = (
    "to read the wrapped key of each of the tenant's customers from the one table that holds keys, after their removal",
    "their ids, marked as erased; no wrapped key",
);
const RECORDS: (&str, &str) = ("to find a sealed record of any of the tenant's customers", "no record");
const LINKS: (&str, &str) = (
    "to find a link from any account to any of the tenant's customers",
    "no link",
);
const COPIES: (&str, &str) = (
    "to ask the service what copies it makes of the table that held the keys",
    "point-in-time recovery is disabled, and the table has no stream",
);

/// What is still there.
pub(super) fn remains() -> Vec<Remains> {
    [
        (
            "accounts, transactions and entries in the ledger, under random ids: amounts, currencies, times and the texts that \
             the merchant sent with a payment. No link from a person to an account remains",
            "records of payments are kept as the law of accounting and of money laundering demands, which the GDPR leaves \
             untouched (article 17(3)(b))",
            "seven years after the transaction",
        ),
        (
            "the person's id as the merchant minted it, the mark that it is erased, and the fingerprints above",
            "so that nobody is stored under it again, and that this certificate can be held against what is found",
            "as long as the vault stands",
        ),
        (
            "sealed records in recovery points of the table of records",
            "they expire by themselves; the key that would open them is in none of them",
            "35 days after the erasure",
        ),
        (
            "in the memory of a function that opened the person's record before: its key, and what the function's libraries \
             copied of keys, requests and answers",
            "the function looks for the mark at every request, and uses none of it; it cannot be made to forget from outside",
            "one minute, five at most, after the tenant's key was last asked for; of a function that is frozen between requests, \
             and of what libraries copied, until it is ended",
        ),
        (
            "this certificate, and the rows of the audit about it: ids, times, who asked and why",
            "to prove that and when it was done",
            "seven years after the erasure",
        ),
    ]
    .map(|(what, why, until)| Remains {
        what: what.to_owned(),
        why: why.to_owned(),
        until: until.to_owned(),
    })
    .into()
}

/// What a certificate does not say.
pub(super) const LIMIT: &str = "Amount and time of a payment remain, and whoever holds other data about it can link them: the payment provider, the bank, \
     the merchant's own systems. This service certifies what it has destroyed; it cannot speak for what others hold, for what a \
     merchant's employees have read before, nor for a copy that an administrator made of the table of keys by hand.";
