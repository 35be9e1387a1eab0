//! Σ entries = 0: of each transaction, of what is new in each currency, and of what all accounts hold together.

use std::collections::BTreeMap;

use domain::reconciliation::{Budget, Check, Finding, Section, Severity};

use super::CheckError;
use crate::Run;

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
                critical(&mut section, "transaction_not_zero", transaction.to_owned(), detail);
            }
            for _ in of_currency.wrong.len()..usize::try_from(of_currency.wrong_total).unwrap_or_default() {
                critical(&mut section, "transaction_not_zero", String::new(), String::new());
            }
        }
    }
    for (currency, sum) in sums.into_iter().filter(|(_, sum)| *sum != 0) {
        critical(
            &mut section,
            "currency_not_zero",
            currency,
            format!("what is new sums to {sum}"),
        );
    }
    for (currency, held, proved) in run.reach.ledger.sums_of_balances().await? {
        section.count("currencies");
        let wrongs = [("all accounts hold", held), ("all proved entries are", proved)];
        for (what, sum) in wrongs.into_iter().filter(|(_, sum)| sum != "0") {
            critical(
                &mut section,
                "currency_not_zero",
                currency.clone(),
                format!("{what} {sum} together"),
            );
        }
    }
    let late = run.reach.ledger.held_back(window.slice.to).await?;
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
    Ok(section)
}

fn critical(section: &mut Section, what: &'static str, subject: String, detail: String) {
    section.find(Finding {
        severity: Severity::Critical,
        what,
        subject,
        detail,
    });
}
