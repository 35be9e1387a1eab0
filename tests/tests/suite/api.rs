//! The deployed API, called over HTTP with real tokens: what each request is answered with, and that nothing else happens.

mod accounts;
mod bad_input;
mod books;
mod crossing;
pub mod dead_letters;
mod entries;
pub mod merchant;
pub mod operators;
mod payments;
mod problems;
mod refunds;
mod refusals;
mod samples;
mod settlements;
mod stack;
mod tokens;
