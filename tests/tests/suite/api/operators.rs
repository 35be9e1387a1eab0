//! The operators' routes: people who sign what they ask for, and are named in the audit.

mod deciding;
mod freezing;
mod halting;
mod justifying;
mod looking;
mod people;
pub mod scene;
mod stopping;
