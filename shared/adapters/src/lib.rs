//! What the functions are made of besides decisions: the gate on DynamoDB, the ledger on PostgreSQL, HTTP in and out.
//!
//! The walk of a payment: [`http`] reads the request, [`once`] takes it past the [`gate`] to the [`ledger`] and back.

pub mod environment;
pub mod gate;
pub mod http;
pub mod ledger;
pub mod log;
pub mod once;
