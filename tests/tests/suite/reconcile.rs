//! Reconciliation: whatever does not agree is found and named, and nothing else is.

mod books;
mod gate;
mod scene;
mod settlements;
