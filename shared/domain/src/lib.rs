//! What Onceledger decides, without doing any of it: no I/O, no clock, no randomness. Cargo proves the first, since
//! this crate depends on no runtime, no AWS SDK and no database driver.
//!
//! In the order in which one payment meets them:
//!
//! | module | what it decides |
//! |---|---|
//! | [`client_key`] | whether the `Idempotency-Key` header holds a key |
//! | [`intent`] | whether a body is a request, and all that is wrong with it if not |
//! | [`card_number`] | whether it holds what must never be stored |
//! | [`fingerprint`] | whether two requests are the same |
//! | [`gate`] | what a claimant may do about a key that is already claimed |
//! | [`ledger_key`] | which row of the ledger an intent is |
//! | [`window`] | how old a key may be when it first posts |
//! | [`outcome`], [`recorded`] | what the ledger decided, and how it says so |
//! | [`answer`] | the bytes the client gets, now and for every retry |
//! | [`settlement`] | what is done of a settlement, and in which order it is undone |
//! | [`kyc`] | what the word of the provider who verifies merchants is worth |
//! | [`breaker`] | whether that provider may be called at all |
//! | [`event`] | what other systems are told, under which id |
//! | [`halt`] | whose postings an operator halts |
//! | [`reconciliation`] | whether gate, ledger and settlements say the same |
//! | [`digest`] | whether the books of a sealed day are what they were |
//! | [`justification`] | what a privileged act is justified by, and whether a row of the audit is what was signed |
//! | [`principal`] | whether a signature names somebody who can be held to account |
//! | [`statement`] | where a provider's file and the ledger differ |
//! | [`customer`] | what is known of a person, sealed and shown |
//! | [`erasure`] | how far the erasing of that has come, and what is certified of it |
//! | [`problem`], [`problem_body`] | every way to fail, and how the client is told |
//!
//! [`money`], [`ids`], [`email_address`] and [`signature`] are the words all of them use.

pub mod answer;
pub mod breaker;
mod canonical;
pub mod card_number;
pub mod client_key;
pub mod customer;
pub mod digest;
mod document;
pub mod email_address;
pub mod erasure;
pub mod event;
pub mod fingerprint;
pub mod gate;
pub mod halt;
pub mod ids;
pub mod intent;
pub mod justification;
pub mod kyc;
pub mod ledger_key;
pub mod money;
pub mod outcome;
pub mod principal;
pub mod problem;
pub mod problem_body;
pub mod reconciliation;
pub mod recorded;
pub mod settlement;
pub mod signature;
pub mod statement;
pub mod window;
