//! The gate: the soft guard in front of the ledger. It saves work and keeps answers; it never decides about money.

mod key;
mod lease;
mod record;
mod status;

pub use key::{GateKey, NotAGateKey, SHARDS};
pub use lease::{Lease, LeaseTooShort, STATEMENT_TIMEOUT_SECONDS};
pub use record::{Record, Standing};
pub use status::{Event, IllegalTransition, Status, UnknownStatus};

/// How long the gate remembers a key, in seconds: 48 hours.
pub const TTL_SECONDS: i64 = 48 * 3600;
