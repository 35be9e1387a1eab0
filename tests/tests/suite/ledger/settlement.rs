//! Settlements in the ledger: each condition in its commit, against `domain::settlement` and against other sessions.

mod attention;
mod books;
mod crowd;
mod every_state;
mod freezes;
mod limbo;
mod races;
mod request;
pub mod scene;
