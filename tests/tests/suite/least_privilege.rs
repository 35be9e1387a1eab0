//! No permission of an execution role on the money path is there without need: the real functions, each with every
//! permission of its role taken away in turn. Without one, something does not happen, nothing is said to have happened that did not, and with
//! all of them again it happens once.
//!
//! The roles are copies of the deployed ones, of names of their own, so that nobody beside a test misses anything.

mod announcing;
mod justifying;
mod ledger;
mod payments;
mod resuming;
pub mod role;
mod settling;
mod waiting;
