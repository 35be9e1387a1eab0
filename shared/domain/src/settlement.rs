//! A settlement: the buyer's money is held in escrow, the merchant is verified, the money is released, the fee is
//! collected; or all that was done of it is undone.
//!
//! | module | what it decides |
//! |---|---|
//! | [`fee`] | what the platform takes |
//! | [`step`] | which actions there are, and which money each moves |
//! | [`log`] | what stands under the key of each, and whether that can be true |
//! | [`plan`] | what is next, from the log alone |
//! | [`course`] | the same, and what people decided, as the state machines' next word |
//! | [`status`] | how it stands, in one word |
//! | [`failure`] | why a task of theirs failed |
//!
//! Every action has a ledger key of its own ([`crate::ids::LedgerKey::of_action`]), and its row is inserted once and
//! never changed. Compensation *burns* first: it takes the keys of all steps that have no row, in one commit. From then
//! on a late step finds its key taken, so what stands can be undone without a look over the shoulder.
//!
//! **Invariant:** whatever runs twice, late, beside another or not at all, a settlement ends with the money at the
//! merchant or back at the buyer, and escrow without it. `tests/settlement_model.rs` explores every state there is.

/// An enum that reads what it writes: `ALL` of its values, by their `as_str`.
macro_rules! named {
    ($name:ident, $unknown:ident) => {
        impl FromStr for $name {
            type Err = $unknown;

            fn from_str(name: &str) -> Result<Self, $unknown> {
                let known = Self::ALL.into_iter().find(|it| it.as_str() == name);
                known.ok_or_else(|| $unknown(name.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub mod course;
pub mod failure;
pub mod fee;
mod impossible_log;
pub mod log;
mod outcome;
pub mod plan;
mod standing;
pub mod status;
pub mod step;
