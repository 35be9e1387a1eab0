//! Σ entries = 0: of each transaction, of what is new in each currency, and of what all accounts hold together.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::reconciliation::{Budget, Check, Finding, Section, Severity};

use super::{CheckError, find_all};
use crate::Run;
use crate::window::Window;

/// A transaction of ours takes seconds.
const LONG: Duration = Duration::from_hours(1);

pub(crate) const CHECK: Check = Check {
    name: "zero_sum",
    title: "Entries sum to zero: by transaction, by currency, and over all accounts",
    severity: Severity::Critical,
    budget: Budget {
        statements: 20_000,
        seconds: 90,
    },
    reads: &[
        "ledger_entries",
        "accounts",
        "balance_checkpoints",
        "balance_tail",
        "proved_balances",
    ],
};

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let window = run.window()?;
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for slice in window.slices() {
        for of_currency in run.reach.ledger.sums_of(slice).await? {
            section.read += u64::try_from(of_currency.entries).unwrap_or_default();
            section.add(
                "transactions",
                u64::try_from(of_currency.transactions).unwrap_or_default(),
            );
            let sum = sums.entry(of_currency.currency.clone()).or_default();
            *sum = sum.saturating_add(of_currency.sum.parse().unwrap_or(i128::MAX));
            for wrong in &of_currency.wrong {
                let (transaction, sum) = wrong.split_once(' ').unwrap_or((wrong, "?"));
                let detail = format!("its entries sum to {sum} {}", of_currency.currency);
                section.critical("transaction_not_zero", transaction.to_owned(), detail);
            }
            for _ in of_currency.wrong.len()..usize::try_from(of_currency.wrong_total).unwrap_or_default() {
                section.critical("transaction_not_zero", String::new(), String::new());
            }
        }
    }
    for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        section.critical("currency_not_zero", currency, format!("what is new sums to {sum}"));
    }
    if window.reaches_the_end() {
        look_at_the_whole(run, window, &mut section).await?;
    }
    Ok(section)
}

/// What is about everything at once: of a run in parts, in the last.
async fn look_at_the_whole(run: &Run<'_>, window: &Window, section: &mut Section) -> Result<(), CheckError> {
    for (currency, held, proved) in run.reach.ledger.sums_of_balances().await? {
        section.count("currencies");
        let wrongs = [("all accounts hold", held), ("all proved entries are", proved)];
        for (what, sum) in wrongs.into_iter().filter(|(_, sum)| sum != "0") {
            section.critical("currency_not_zero", currency.clone(), format!("{what} {sum} together"));
        }
    }
    find_all(section, run.reach.ledger.of_the_future().await?, |_| Severity::Critical);
    let late = run.reach.ledger.held_back(window.slice.to, LONG).await?;
    if late > 0 {
        section.find(Finding {
            severity: Severity::Warning,
            what: "proof_held_back",
            subject: window.slice.to.to_string(),
            detail: format!(
                "{late} entries older than an hour are not proved: the transaction of that number still runs"
            ),
        });
    }
    Ok(())
}
