//! How functions get to the ledger: only to a database that proves its name, with a token of their own, by one connection
//! that is made anew when it leads nowhere any more.

mod connection;
mod front;
mod functions;
mod token;
mod trust;
