//! A settlement against its log and its entries.

use std::fmt;

use crate::ids::{LedgerKey, TenantId};
use crate::money::Amount;
use crate::settlement::log::{StepLog, StepOutcome};
use crate::settlement::plan;
use crate::settlement::status::Status;
use crate::settlement::step::{Action, Party};

/// What the ledger holds of one settlement, read in one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub settlement: LedgerKey,
    /// How it says that it stands.
    pub status: Status,
    /// Whether people had to decide, also when they have.
    pub was_in_limbo: bool,
    /// What the buyer pays.
    pub amount: Amount,
    /// What the platform takes of it, in minor units.
    pub fee: i64,
    /// The rows under the keys of its actions.
    pub rows: Vec<Row>,
    /// What the entries under those keys have moved.
    pub moved: Moved,
}

/// A row under the key of one of its actions, as the ledger holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The action's own key.
    pub key: LedgerKey,
    /// What it says it did.
    pub kind: String,
    /// What it says became of it.
    pub outcome: String,
}

/// The sums of entries, credits less debits, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// To who pays.
    pub buyer: i64,
    /// To where the money waits.
    pub escrow: i64,
    /// To who is paid.
    pub merchant: i64,
    /// To who takes the fee.
    pub platform: i64,
    /// How many entries are of other accounts, or of another currency.
    pub elsewhere: i64,
}

/// What is wrong with a settlement's books. Each of them is tampering, or a defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Its rows cannot have come about; why.
    LogImpossible(String),
    /// Its status is not what its rows say.
    StatusDiffers {
        /// By its rows.
        by_log: Status,
    },
    /// It has ended, and the money did not leave escrow, or more than it did.
    EscrowLeft {
        /// What is left, in minor units; negative: what is missing.
        left: i64,
    },
    /// It has ended, and the platform has another fee.
    FeeWrong {
        /// In minor units.
        expected: i64,
        /// In minor units.
        taken: i64,
    },
    /// Its entries moved other money than its status or its rows say.
    EntriesDiffer {
        /// To whom.
        party: Party,
        /// In minor units.
        expected: i64,
        /// In minor units.
        moved: i64,
    },
    /// Entries under its keys are of accounts, or in a currency, that it has nothing to do with.
    EntriesElsewhere(i64),
}

impl Books {
    /// What is wrong with them; nothing, as a rule.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let log = self.log();
        let mut faults = Vec::new();
        match &log {
            Ok(log) => faults.extend(self.status_fault(log)),
            Err(why) => faults.push(Fault::LogImpossible(why.clone())),
        }
        if self.moved.elsewhere != 0 {
            faults.push(Fault::EntriesElsewhere(self.moved.elsewhere));
        }
        if let Some(expected) = self.expected(log.ok().as_ref()) {
            faults.extend(self.money_faults(&expected));
        }
        faults
    }

    fn log(&self) -> Result<StepLog, String> {
        let read = |row: &Row| -> Result<(Action, StepOutcome), String> {
            let of = |action: &Action| LedgerKey::of_action(self.tenant, self.settlement, *action) == row.key;
            let action = Action::ALL
                .into_iter()
                .find(of)
                .ok_or_else(|| format!("{} is the key of none of its actions", row.key))?;
            if row.kind != action.as_str() {
                return Err(format!("under the key of {action} stands {:?}", row.kind));
            }
            let outcome = row
                .outcome
                .parse()
                .map_err(|_| format!("{action} is {:?}", row.outcome))?;
            Ok((action, outcome))
        };
        let rows: Vec<_> = self.rows.iter().map(read).collect::<Result<_, _>>()?;
        StepLog::read(self.fee > 0, rows).map_err(|impossible| impossible.to_string())
    }

    /// Two statuses stand beside the log: waiting for the provider, before the verification, and for people.
    fn status_fault(&self, log: &StepLog) -> Option<Fault> {
        let by_log = plan::status(log);
        let agrees = match self.status {
            Status::Parked => by_log == Status::Held && !self.was_in_limbo,
            // Stopping takes the keys of all steps that have none.
            Status::Limbo => self.was_in_limbo && !by_log.is_final() && log.free().next().is_none(),
            Status::Settled | Status::Compensated => self.status == by_log,
            Status::Accepted | Status::Held | Status::Verified | Status::Released | Status::Compensating => {
                self.status == by_log && !self.was_in_limbo
            }
        };
        (!agrees).then_some(Fault::StatusDiffers { by_log })
    }

    /// What must have moved: of what has ended by its status alone, since that is what its parties were told.
    fn expected(&self, log: Option<&StepLog>) -> Option<Moved> {
        let (amount, fee) = (self.amount.minor(), self.fee);
        match (self.status, log) {
            (Status::Settled, _) => Some(Moved {
                buyer: -amount,
                merchant: amount - fee,
                platform: fee,
                ..Moved::default()
            }),
            (Status::Compensated, _) => Some(Moved::default()),
            (
                Status::Accepted
                | Status::Held
                | Status::Parked
                | Status::Verified
                | Status::Released
                | Status::Compensating
                | Status::Limbo,
                log,
            ) => log.map(|log| {
                let shares: Vec<_> = log.shares(self.amount, fee).collect();
                let of = |party| {
                    shares
                        .iter()
                        .find(|(who, _)| *who == party)
                        .map_or(0, |(_, share)| *share)
                };
                Moved {
                    buyer: of(Party::Buyer) - amount,
                    escrow: of(Party::Escrow),
                    merchant: of(Party::Merchant),
                    platform: of(Party::Platform),
                    elsewhere: 0,
                }
            }),
        }
    }

    fn money_faults(&self, expected: &Moved) -> impl Iterator<Item = Fault> {
        let has_ended = self.status.is_final();
        let parties = [
            (Party::Buyer, expected.buyer, self.moved.buyer),
            (Party::Escrow, expected.escrow, self.moved.escrow),
            (Party::Merchant, expected.merchant, self.moved.merchant),
            (Party::Platform, expected.platform, self.moved.platform),
        ];
        let wrong = parties.into_iter().filter(|(_, expected, moved)| expected != moved);
        wrong.map(move |(party, expected, moved)| match party {
            Party::Escrow if has_ended => Fault::EscrowLeft { left: moved },
            Party::Platform if has_ended => Fault::FeeWrong { expected, taken: moved },
            Party::Buyer | Party::Escrow | Party::Merchant | Party::Platform => {
                Fault::EntriesDiffer { party, expected, moved }
            }
        })
    }
}

impl Fault {
    /// What a finding is called.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::LogImpossible(_) => "settlement_log_impossible",
            Self::StatusDiffers { .. } => "settlement_status_differs",
            Self::EscrowLeft { .. } => "settlement_escrow_left",
            Self::FeeWrong { .. } => "settlement_fee_wrong",
            Self::EntriesDiffer { .. } => "settlement_entries_differ",
            Self::EntriesElsewhere(_) => "settlement_entries_elsewhere",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogImpossible(why) => write!(f, "its log cannot have come about: {why}"),
            Self::StatusDiffers { by_log } => write!(f, "by its log it is {by_log}"),
            Self::EscrowLeft { left } => write!(f, "it has ended with {left} minor units in escrow"),
            Self::FeeWrong { expected, taken } => {
                write!(f, "it has ended with a fee of {taken} minor units, not {expected}")
            }
            Self::EntriesDiffer { party, expected, moved } => {
                write!(f, "its entries moved {moved} minor units to {party:?}, not {expected}")
            }
            Self::EntriesElsewhere(count) => write!(f, "{count} entries under its keys are of no account of its"),
        }
    }
}

#[cfg(test)]
mod tests;
