//! What the functions are made of besides decisions: the gate on DynamoDB, the ledger on PostgreSQL, HTTP in and out.
//!
//! The walk of a payment: [`http`] reads the request, [`once`] takes it past the [`gate`] to the [`ledger`] and back.
//!
//! The walk of its event: [`bus`] takes it from the ledger's outbox; [`delivery`] hands it to a consumer, which asks
//! [`consumed`] whether it is new and passes it on to [`mail`] or the [`archive`].
//!
//! What was posted is sealed by the [`digest`].
//!
//! A merchant is verified by [`kyc`], as far as its [`breaker`] allows. What has to wait for that is [`parked`], and
//! woken through its task token by [`executions`].
//!
//! What merchants keep of their customers lies in the [`vault`]; [`erasures`] destroy it.
//!
//! What operators decide goes to the ledger with a justification that the [`justifier`] has signed.
//!
//! A provider's file is read from [`statement_files`].
//!
//! The ledger's schema is changed by the [`data_api`], when CloudFormation asks for it as a [`custom_resource`].

pub mod archive;
mod aws;
pub mod breaker;
pub mod bucket;
pub mod bus;
pub mod consumed;
pub mod contacts;
pub mod custom_resource;
pub mod data_api;
pub mod dead_letter_queue;
pub mod delivery;
pub mod digest;
pub mod environment;
pub mod erasures;
pub mod executions;
pub mod gate;
pub mod http;
pub mod justifier;
pub mod kyc;
pub mod ledger;
pub mod log;
pub mod mail;
pub mod metrics;
pub mod once;
pub mod pager;
pub mod parked;
pub mod queues;
pub mod signer;
pub mod statement_files;
pub mod task;
mod tls;
pub mod tokens;
pub mod vault;
