//! The time in which a client key that carries a timestamp may post for the first time.
//!
//! Published here, enforced by the database on its own clock, for first postings from HTTP only: a retry of what is
//! already in the ledger is answered whatever its age.

use crate::gate::TTL_SECONDS;

/// How old a key's timestamp may be: as long as the gate remembers it.
pub const BACK_SECONDS: i64 = TTL_SECONDS;

/// How far ahead a key's timestamp may be, for clients whose clocks are wrong.
pub const AHEAD_SECONDS: i64 = 24 * 3600;
