//! The books against themselves, in a ledger of each test's own.

mod corrupted;
mod failing;
mod full;
mod given_back;
mod house;
mod incremental;
mod quiet;
pub mod scene;
