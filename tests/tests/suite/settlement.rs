//! Settlements as they run: the machines of `statemachines/` in the emulator, the real functions, the real ledger; and
//! between the machines and the functions a test that decides what becomes of each call.

mod case;
mod crowd;
mod decisions;
mod desk;
mod faults;
mod halted;
mod outages;
pub mod stage;
pub mod tasks;
mod together;
mod verification;
