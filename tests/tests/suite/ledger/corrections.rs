//! What is given back of a payment: never more than it, whoever writes it and however many at once.

mod at_once;
mod deciding;
mod guard;
pub mod scene;
mod shown;
