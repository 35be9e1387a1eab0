//! The checks, each by itself. A check is a module with its [`Check`] and a `run`; it is carried out because it is in
//! [`ALL`].

pub(crate) mod announcements;
mod audit;
pub(crate) mod balances;
pub(crate) mod dead_letters;
pub(crate) mod floors;
pub(crate) mod freezes;
pub(crate) mod gate;
mod keys;
pub(crate) mod limbo;
pub(crate) mod outbox;
pub(crate) mod partitions;
pub(crate) mod postings;
pub(crate) mod seals;
pub(crate) mod settlements;
mod statements;
pub(crate) mod zero_sum;

use std::pin::Pin;

use adapters::digest::DigestError;
use adapters::executions::ExecutionsError;
use adapters::gate::GateError;
use adapters::ledger::LedgerError;
use adapters::ledger::audit::Wrong;
use adapters::queues::QueuesError;
use adapters::signer::SignerError;
use domain::reconciliation::{Check, Finding, Section, Severity};

use crate::Run;

/// Why a check could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The state machines.
    #[error(transparent)]
    Executions(#[from] ExecutionsError),
    /// The seals.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The queues.
    #[error(transparent)]
    Queues(#[from] QueuesError),
    /// The key of the audit.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// More than a run can remember: it says so and does not guess.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it could have remembered.
        limit: usize,
    },
    /// It was shown nothing where there must be something.
    #[error("it sees none of the {0}, and there are some")]
    Blind(&'static str),
    /// Rows of this table are hidden from it.
    #[error("a policy may hide rows of {0} from it, or it is no table")]
    Hidden(String),
    /// This table is empty, and was not.
    #[error("{0} is empty, and the books were proved when it was not")]
    Emptied(String),
    /// What is to be proved could not be learnt.
    #[error("what is new is not known: {0}")]
    NoWindow(String),
    /// It took too long and was stopped.
    #[error("it was not done after {0} s")]
    TooLong(u64),
}

impl CheckError {
    /// What the finding is called that stands for it.
    pub(crate) const fn what(&self) -> &'static str {
        match self {
            Self::Blind(_) | Self::Hidden(_) | Self::Emptied(_) | Self::Digest(DigestError::Blind) => "check_blind",
            Self::Digest(DigestError::Regressed(_)) => "numbers_began_anew",
            Self::TooLong(_) => "check_over_budget",
            Self::Ledger(_)
            | Self::Gate(_)
            | Self::Executions(_)
            | Self::Queues(_)
            | Self::Signer(_)
            | Self::Digest(_)
            | Self::TooMany { .. }
            | Self::NoWindow(_) => "check_failed",
        }
    }
}

/// A check that is being carried out.
pub(crate) type Running<'r> = Pin<Box<dyn Future<Output = Result<Section, CheckError>> + Send + 'r>>;

/// A check, and how it is carried out.
pub(crate) type Step = (&'static Check, for<'r> fn(&'r Run<'r>) -> Running<'r>);

/// Every check, in the order in which they are carried out: the gate first, since it repairs
/// what retries wait for; `floors` goes by what `balances` has proved.
pub(crate) const ALL: [Step; 15] = [
    (&gate::CHECK, |run| Box::pin(gate::run(run))),
    (&settlements::CHECK, |run| Box::pin(settlements::run(run))),
    (&zero_sum::CHECK, |run| Box::pin(zero_sum::run(run))),
    (&balances::CHECK, |run| Box::pin(balances::run(run))),
    (&postings::CHECK, |run| Box::pin(postings::run(run))),
    (&announcements::CHECK, |run| Box::pin(announcements::run(run))),
    (&audit::CHECK, |run| Box::pin(audit::run(run))),
    (&outbox::CHECK, |run| Box::pin(outbox::run(run))),
    (&dead_letters::CHECK, |run| Box::pin(dead_letters::run(run))),
    (&floors::CHECK, |run| Box::pin(floors::run(run))),
    (&limbo::CHECK, |run| Box::pin(limbo::run(run))),
    (&freezes::CHECK, |run| Box::pin(freezes::run(run))),
    (&statements::CHECK, |run| Box::pin(statements::run(run))),
    (&seals::CHECK, |run| Box::pin(seals::run(run))),
    (&partitions::CHECK, |run| Box::pin(partitions::run(run))),
];

/// Those that a full run needs, each part of it.
pub(crate) const OF_A_PART: [Step; 5] = [
    (&settlements::CHECK, |run| Box::pin(settlements::run(run))),
    (&zero_sum::CHECK, |run| Box::pin(zero_sum::run(run))),
    (&balances::CHECK, |run| Box::pin(balances::run(run))),
    (&postings::CHECK, |run| Box::pin(postings::run(run))),
    (&audit::CHECK, |run| Box::pin(audit::run(run))),
];

/// Those that what is left of a night needs.
pub(crate) const OF_THE_REST: [Step; 5] = [
    (&zero_sum::CHECK, |run| Box::pin(zero_sum::run(run))),
    (&balances::CHECK, |run| Box::pin(balances::run(run))),
    (&postings::CHECK, |run| Box::pin(postings::run(run))),
    (&announcements::CHECK, |run| Box::pin(announcements::run(run))),
    (&audit::CHECK, |run| Box::pin(audit::run(run))),
];

/// Those that look at what is new. Only if all of them were carried out is it proved, and not looked at again.
pub(crate) const OF_THE_BOOKS: [&Check; 5] = [
    &zero_sum::CHECK,
    &balances::CHECK,
    &postings::CHECK,
    &announcements::CHECK,
    &audit::CHECK,
];

/// Adds what a statement found, each as severe as its kind.
fn find_all(section: &mut Section, wrongs: Vec<Wrong>, severity: impl Fn(&str) -> Severity) {
    for wrong in wrongs {
        section.find(Finding {
            severity: severity(wrong.what),
            what: wrong.what,
            subject: wrong.subject,
            detail: wrong.detail,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_checks_bear_one_name_and_all_budgets_fit_into_the_function_s_time() {
        let names: HashSet<_> = ALL.iter().map(|(check, _)| check.name).collect();
        assert_eq!(names.len(), ALL.len());
        let seconds: u64 = ALL.iter().map(|(check, _)| check.budget.seconds).sum();
        assert!(
            seconds <= 840,
            "{seconds}: the function has 900, and has to write its report"
        );
    }
}
