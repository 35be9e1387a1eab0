//! The books against themselves, in a ledger of each test's own.

mod corrupted;
mod failing;
mod incremental;
mod quiet;
mod scene;
