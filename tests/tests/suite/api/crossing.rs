//! Nothing crosses from one merchant to another, and nobody comes in with a token that is not ours: tried on every route
//! that is deployed. A route that nobody has thought of here makes these tests fail.

mod forged;
mod holdings;
mod merchants;
mod routes;
