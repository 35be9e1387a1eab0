//! Reconciliation: whatever does not agree is found and named, and nothing else is.

mod audit;
mod books;
mod gate;
mod machine;
mod scene;
mod seals;
mod settlements;
