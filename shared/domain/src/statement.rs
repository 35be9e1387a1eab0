//! What a payment provider or a bank says it moved, against what the ledger holds: a file of theirs, the mapping by which
//! it is read, and where the two differ.
//!
//! A file is read line by line and no line is ever passed over: what cannot be read is a break like any other. Whoever
//! sends these files is not us, so nothing of a line is kept but what was understood of it.

pub mod amount;
pub mod breaks;
pub mod csv;
pub mod date;
pub mod file;
pub mod line;
pub mod mapping;
pub mod matching;
pub mod name;
