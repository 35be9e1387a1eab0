//! The net under the settlements: what is parked is woken when its provider is back, and what nobody attends to is
//! resumed.

mod executions;
mod machine;
mod parking;
mod recovery;
mod resuming;
mod waking;
