//! The gate against the ledger, both ways.

mod clean;
mod forged;
mod repair;
mod scene;
mod wiped;
