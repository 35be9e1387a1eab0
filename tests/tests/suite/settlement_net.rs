//! The net under the settlements: what is parked is woken when its provider is back, and what nobody attends to is
//! resumed.

pub mod executions;
pub mod machine;
pub mod parking;
mod recovery;
pub mod resuming;
mod waking;
