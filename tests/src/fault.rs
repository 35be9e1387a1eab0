//! Faults on purpose, at a named step of the money path, on the wire between a function and what it calls.
//!
//! A test arms a fault, starts the call, waits until the fault's point is reached, does its harm (kills or pauses the
//! function, wipes the gate) and then lets the held message go on or drops it. A held request goes on even when the function
//! that sent it is dead: that is the zombie's late write.

mod cutter;
mod data_api;
mod dynamodb;
mod postgres;
mod script;

pub use self::cutter::{Cut, Cutter};
pub use self::data_api::{DataApiProxy, Fate};
pub use self::dynamodb::{DynamoProxy, GateCall};
pub use self::postgres::{PgProxy, Sent};
pub use self::script::{Exchange, Fault, Point, Script, Step};
use crate::cloud::Cloud;

/// The proxies between one function and the world, and the script that both follow.
#[derive(Debug)]
pub struct Faults {
    /// What is to go wrong, and what was seen.
    pub script: Script,
    /// Stands before the gate.
    pub gate: DynamoProxy,
    /// Stands before the pooler.
    pub ledger: PgProxy,
}

impl Faults {
    /// Puts fresh proxies before the gate's table and the pooler.
    pub async fn between(cloud: &Cloud) -> Self {
        let script = Script::default();
        let gate = cloud.aws.endpoint.trim_start_matches("http://").trim_end_matches('/');
        let ledger = format!("{}:{}", cloud.pgbouncer.host, cloud.pgbouncer.port);
        Self {
            gate: DynamoProxy::start(gate, script.clone()).await,
            ledger: PgProxy::start(&ledger, script.clone()).await,
            script,
        }
    }
}
