//! Providers' files, by the real function with real objects, against a ledger of each test's own.

mod classes;
mod deployed;
mod hostile;
mod large;
mod refusals;
mod repeats;
mod scene;
mod sql;
