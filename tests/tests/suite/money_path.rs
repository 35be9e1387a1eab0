//! The money path: the real binaries, with faults on the wire between them and the gate and the ledger.
//!
//! Every test says three things: what was posted, what bytes were answered, and which guard caught the repeat.

mod merchant;
pub mod scene;

mod concurrency;
mod cost;
mod crashes;
mod gate_off;
mod logs;
mod lost_responses;
mod metrics;
mod outages;
mod refunds;
mod reuse;
mod round_trips;
mod wiped_gate;
mod zombies;
