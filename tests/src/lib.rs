//! The harness of the integration tests: the deployed local cloud, the real function binaries behind a Lambda Runtime API
//! that a test controls, and proxies that fail on purpose at a named step of the money path.
//!
//! The harness panics with a sentence when it cannot go on: the test that called it has failed, and the sentence says why.

#![allow(clippy::disallowed_types, reason = "serde's derived code names floats")]
#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "a harness that cannot go on fails the test that called it"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "a test passes literals, numbers and ids alike, without a reference before each"
)]

pub mod alarms;
pub mod api;
pub mod bus;
pub mod cloud;
pub mod custom_resource;
pub mod fault;
mod http;
pub mod kyc_simulator;
pub mod lambda;
pub mod patience;
pub mod post_office;
pub mod relay;
pub mod signature;
pub mod token;
