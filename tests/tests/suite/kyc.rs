//! Verifying merchants: whatever the provider does, the answer is one verdict, in time, and it is called no more than
//! its breaker allows.

mod breaker;
mod provider;
mod storm;
pub mod table;
mod trust;
