//! What is given back of a payment: never more than it, whoever writes it and however many at once.

mod at_once;
mod deciding;
mod for_good;
mod guard;
pub mod scene;
mod settlements;
mod shown;
