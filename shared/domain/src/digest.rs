//! The books of a day as one number that nobody can bend afterwards: a Merkle tree over the day's transactions (RFC 9162),
//! its root in a text that names the day before, that text signed.
//!
//! | module | what it decides |
//! |---|---|
//! | [`leaf`] | the text that stands for one transaction |
//! | [`tree`] | the root of many, and whether a leaf is one of them |
//! | [`seal`] | the text that is signed, and whether one follows another |
//! | [`sealed`] | whether the text was signed by that key |
//! | [`difference`] | what has become of sealed transactions |
//! | [`proof`] | what somebody without the ledger checks one transaction with |

pub mod difference;
pub mod hash;
pub mod leaf;
pub mod proof;
pub mod seal;
pub mod sealed;
pub mod tree;
