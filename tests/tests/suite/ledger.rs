//! The ledger on real PostgreSQL through PgBouncer in transaction mode, called with the functions' roles and statements.
//!
//! Tests share one database and keep apart by tenant. A test that takes a guard away does so in a database of its own.

mod balances;
mod concurrency;
pub mod corrections;
mod guards;
mod guards_alone;
mod halts;
mod key_window;
pub mod merchant;
mod pages;
mod posting;
mod refusals;
mod roles;
pub mod scratch;
pub mod settlement;
mod simulation;
pub mod statements;
mod tenants;
