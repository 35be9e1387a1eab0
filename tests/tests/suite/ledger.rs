//! The ledger on real PostgreSQL through PgBouncer in transaction mode, called with the functions' roles and statements.
//!
//! Tests share one database and keep apart by tenant. A test that takes a guard away does so in a database of its own.

mod audit;
mod balances;
mod concurrency;
pub mod corrections;
mod crossing;
mod guards;
mod guards_alone;
pub mod halts;
pub mod justified;
mod key_window;
pub mod merchant;
mod pages;
mod posting;
mod refusals;
pub mod roles;
pub mod scratch;
pub mod settlement;
mod simulation;
pub mod statements;
mod tenants;
