//! Settlements against their logs, their entries and their executions.

pub mod books;
pub mod waiting;
