//! Every way a request can fail, as RFC 9457 names them. The table below is the documentation's source.

use std::fmt;

use crate::client_key::ClientKeyError;

/// The kinds of failure that differ in what the caller should do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request itself, or the state of the accounts, is the reason. It will fail again.
    Rejected,
    /// Something else was decided before, and stands. It will fail again.
    Conflict,
    /// The same intent is being worked on right now.
    InProgress,
    /// A part of the service cannot be reached, or its answer was lost.
    Unavailable,
    /// A defect of ours.
    Internal,
}

impl Class {
    /// Whether the same request, under the same key, is worth sending again by itself after a pause.
    #[must_use]
    pub const fn retryable(self) -> bool {
        match self {
            Self::InProgress | Self::Unavailable => true,
            Self::Rejected | Self::Conflict | Self::Internal => false,
        }
    }
}

macro_rules! problems {
    ($($name:ident, $slug:literal, $status:literal $class:ident, $title:literal: $detail:literal;)*) => {
        /// A failure as the client is told of it. Carries nothing of what went wrong inside.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Problem {
            $(#[doc = $detail] $name,)*
        }

        impl Problem {
            /// Every problem there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable name that clients match on.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What the caller should do next.
            #[must_use]
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)* }
            }

            /// The same few words for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// One or two sentences: what happened to the money, and what helps.
            #[must_use]
            pub const fn detail(self) -> &'static str {
                match self { $(Self::$name => $detail,)* }
            }
        }
    };
}

problems! {
    IdempotencyKeyMissing, "idempotency-key-missing", 400 Rejected, "Idempotency key missing":
        "Send an Idempotency-Key header with a UUID, minted once per intent and repeated with every retry.";
    IdempotencyKeyMalformed, "idempotency-key-malformed", 400 Rejected, "Idempotency key malformed":
        "The Idempotency-Key header must hold one hyphenated UUID, bare or in double quotes, neither nil nor max.";
    IdempotencyKeyExpired, "idempotency-key-expired", 400 Rejected, "Idempotency key expired":
        "The time in which this key could be used has passed. Nothing was posted under it and nothing will be.";
    IdempotencyKeyTooEarly, "idempotency-key-too-early", 400 Rejected, "Idempotency key from the future":
        "The key's timestamp is more than a day ahead. Nothing was posted; check the clock that mints the keys.";
    MalformedJson, "malformed-json", 400 Rejected, "Malformed JSON":
        "The body must be one JSON document in UTF-8 in which no object repeats a name.";
    InvalidRequest, "invalid-request", 400 Rejected, "Invalid request":
        "The fields listed in errors must be corrected. The key has not been used.";
    CardNumberRefused, "card-number-refused", 400 Rejected, "Card number refused":
        "The request holds what looks like a payment card's number. Send a token from your card vault instead.";
    TenantMissing, "tenant-missing", 403 Rejected, "Tenant missing":
        "The access token names no tenant.";
    ActorMissing, "actor-missing", 403 Rejected, "Actor missing":
        "Neither an access token nor a signature says who is asking.";
    SamePerson, "same-person", 403 Rejected, "Same person":
        "Whoever proposed a decision cannot approve it as well. Nothing was decided.";
    NotFound, "not-found", 404 Rejected, "Not found":
        "There is nothing here that this token may see.";
    InProgress, "in-progress", 409 InProgress, "Request in progress":
        "A request with this key is being worked on. Send the same request again after the time in Retry-After.";
    NotSealedYet, "not-sealed-yet", 409 InProgress, "Not sealed yet":
        "The books are sealed once a day, and this transaction is younger. Ask again after the time in Retry-After.";
    BodyTooLarge, "body-too-large", 413 Rejected, "Body too large":
        "A request body may have at most 16 KiB.";
    UnsupportedMediaType, "unsupported-media-type", 415 Rejected, "Unsupported media type":
        "Send the body as application/json.";
    InsufficientFunds, "insufficient-funds", 402 Rejected, "Insufficient funds":
        "The source account does not hold enough. Nothing moved; this key will always be answered so.";
    AccountUnknown, "account-unknown", 422 Rejected, "Account unknown":
        "An account named does not exist. Nothing moved; this key will always be answered so.";
    AccountFrozen, "account-frozen", 422 Rejected, "Account frozen":
        "An account named is frozen. Nothing moved; this key will always be answered so.";
    CurrencyMismatch, "currency-mismatch", 422 Rejected, "Currency mismatch":
        "An account named holds another currency. Nothing moved; this key will always be answered so.";
    AccountNotEligible, "account-not-eligible", 422 Rejected, "Account not eligible":
        "An account named is not open to payments. Nothing moved; this key will always be answered so.";
    FeeAboveAmount, "fee-above-amount", 422 Rejected, "Fee above the amount":
        "The fee would be more than the amount. Nothing moved; this key will always be answered so.";
    RefundAbovePayment, "refund-above-payment", 422 Rejected, "Refund above the payment":
        "The refund is of more than is left of the payment. Nothing moved; this key will always be answered so.";
    PaymentAlreadyCorrected, "payment-already-corrected", 422 Rejected, "Payment already corrected":
        "The payment was refunded or reversed before. Nothing moved; this key will always be answered so.";
    PaymentNeverPosted, "payment-never-posted", 422 Rejected, "Payment never posted":
        "The payment was refused, or the settlement undone. Nothing moved; this key will always be answered so.";
    NotReversible, "not-reversible", 422 Rejected, "Not reversible":
        "A settlement is undone by itself or refunded when it is settled. Nothing moved; this key will always be answered so.";
    NotAPayment, "not-a-payment", 422 Rejected, "Not a payment":
        "Only payments and settlements are given back. Nothing moved; this key will always be answered so.";
    CurrencyNotEnabled, "currency-not-enabled", 422 Rejected, "Currency not enabled":
        "The merchant is not onboarded in this currency. Nothing was opened.";
    NotABuyersAccount, "not-a-buyers-account", 422 Rejected, "Not a buyer's account":
        "Only a buyer's account belongs to a customer. Nothing was linked.";
    TooManyAccounts, "too-many-accounts", 422 Rejected, "Too many accounts":
        "The customer has as many accounts as one may have. Nothing was linked.";
    AccountLinked, "account-linked", 409 Conflict, "Account linked":
        "The account belongs to another customer, which stands. Nothing was linked.";
    CustomerErased, "customer-erased", 410 Rejected, "Customer erased":
        "What was known of this customer has been erased, and the id cannot be used again.";
    IdempotencyKeyReused, "idempotency-key-reused", 422 Conflict, "Idempotency key reused":
        "This key was first used for a different request, which stands. Mint a new key for a new intent.";
    PaymentNotPosted, "payment-not-posted", 409 Conflict, "Payment not posted":
        "The settlement has not ended. This request moved nothing; repeat it with the same key when it is settled: a new key is a new refund.";
    DeadLetterResolved, "dead-letter-resolved", 409 Conflict, "Dead letter resolved":
        "This dead letter was replayed or discarded before, which stands. Nothing was done.";
    BreakResolved, "break-resolved", 409 Conflict, "Break resolved":
        "This break was resolved before, which stands. Nothing was done.";
    AnotherHaltHolds, "another-halt-holds", 409 Conflict, "Another halt holds":
        "The halt to be lifted has ended, and somebody has halted postings since. Nothing was lifted; halt is what holds.";
    NotInLimbo, "not-in-limbo", 409 Conflict, "Not in limbo":
        "This settlement goes on by itself, or has ended. There is nothing to decide.";
    SettlementEnded, "settlement-ended", 409 Conflict, "Settlement ended":
        "It has ended, or ended by this: there is nothing to decide.";
    SettlementDecided, "settlement-decided", 409 Conflict, "Settlement decided":
        "Two people have decided about this settlement before, which stands. Nothing was done.";
    Internal, "internal", 500 Internal, "Internal error":
        "Something went wrong on our side. Asking again with the same key cannot move the money twice.";
    GateUnavailable, "gate-unavailable", 503 Unavailable, "Temporarily unavailable":
        "This request moved nothing. Send it again with the same key after the time in Retry-After.";
    LedgerUnavailable, "ledger-unavailable", 503 Unavailable, "Temporarily unavailable":
        "This request moved nothing. Send it again with the same key after the time in Retry-After.";
    PostingsHalted, "postings-halted", 503 Unavailable, "Postings halted":
        "No money moves at present, by an operator's decision. This request moved nothing. Send it again with the same key after the time in Retry-After.";
    ContactsUnavailable, "contacts-unavailable", 503 Unavailable, "Temporarily unavailable":
        "The merchant is onboarded; its contact may not have been stored or removed. Send the same request again.";
    VaultUnavailable, "vault-unavailable", 503 Unavailable, "Temporarily unavailable":
        "What was sent may or may not have been stored. Send the same request again after the time in Retry-After.";
    JustificationNotSigned, "justification-not-signed", 503 Unavailable, "Temporarily unavailable":
        "Why this is asked for could not be signed for the audit. Nothing was done. Send the same request again after the time in Retry-After.";
    OutcomeUnknown, "outcome-unknown", 503 Unavailable, "Outcome unknown":
        "The money may have moved. Send the same request with the same key again: the answer will tell.";
}

impl Problem {
    /// The RFC 9457 `type` member.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("urn:onceledger:problem:{}", self.slug())
    }

    /// See [`Class::retryable`].
    #[must_use]
    pub const fn retryable(self) -> bool {
        self.class().retryable()
    }
}

impl From<ClientKeyError> for Problem {
    fn from(error: ClientKeyError) -> Self {
        match error {
            ClientKeyError::Missing => Self::IdempotencyKeyMissing,
            ClientKeyError::Malformed => Self::IdempotencyKeyMalformed,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.slug())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_problems_share_a_type() {
        let types: BTreeSet<String> = Problem::ALL.iter().map(|problem| problem.type_uri()).collect();
        assert_eq!(types.len(), Problem::ALL.len());
        assert!(types.contains("urn:onceledger:problem:outcome-unknown"));
    }

    #[test]
    fn slugs_are_the_names_in_kebab_case() {
        for problem in Problem::ALL {
            let spoken: String = problem.slug().split('-').collect();
            assert_eq!(spoken, format!("{problem:?}").to_lowercase());
        }
    }

    #[test]
    fn the_status_fits_the_class() {
        for problem in Problem::ALL {
            let expected = match problem.class() {
                Class::Rejected => {
                    matches!(problem.status(), 400 | 402 | 403 | 404 | 410 | 413 | 415 | 422)
                }
                Class::Conflict => matches!(problem.status(), 409 | 422),
                Class::InProgress => problem.status() == 409,
                Class::Unavailable => problem.status() == 503,
                Class::Internal => problem.status() == 500,
            };
            assert!(expected, "{problem}");
        }
    }

    #[test]
    fn what_may_pass_by_itself_is_retryable_and_nothing_else() {
        let retryable: Vec<&str> = Problem::ALL
            .iter()
            .filter(|p| p.retryable())
            .map(|p| p.slug())
            .collect();
        assert_eq!(
            retryable,
            [
                "in-progress",
                "not-sealed-yet",
                "gate-unavailable",
                "ledger-unavailable",
                "postings-halted",
                "contacts-unavailable",
                "vault-unavailable",
                "justification-not-signed",
                "outcome-unknown"
            ]
        );
    }
}
