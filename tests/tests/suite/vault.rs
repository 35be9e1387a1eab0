//! The vault: what merchants keep of their customers is theirs to read, nobody's to find, and gone with its keys.

mod cache;
mod crowd;
mod hiding;
mod keeping;
mod linking;
mod lost;
mod places;
mod rotating;
mod rotation;
pub mod scene;
mod service_key;
