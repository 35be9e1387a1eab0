//! The proofs, as one binary: run them with `make test`, which starts the local cloud they need.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test did not expect fails it"
)]

mod announced;
mod api;
mod buckets;
mod certificates;
mod consumers;
mod documents;
mod erasure;
mod gameday;
mod kyc;
mod least_privilege;
mod ledger;
mod machines;
mod migrate;
mod money_path;
mod outbox;
mod reconcile;
mod settlement;
mod settlement_net;
mod signing_in;
mod statements;
mod template;
mod vault;
