//! What was posted is announced: the real poller, on a database of each test's own, with a bus that fails on purpose.
//!
//! Every test says three things: what the bus was given, under which ids, and what the outbox and the dead letters hold.

pub mod scene;

mod crashes;
mod failing_bus;
mod fairness;
mod ledger_outages;
mod poison;
mod pollers;
mod settlements;
mod unannounceable;
mod upkeep;
