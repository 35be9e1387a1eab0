//! The ledger's schema is brought up to date once, wholly or not at all, by the deployment and by nobody else.

mod answering;
mod applying;
mod deployed;
mod first;
mod leave;
mod losing;
mod scene;
