//! What accounts hold against their entries. The sum of each account's entries is kept from night to night, so that a night
//! reads the entries of the day alone; what an account holds is compared with it every night.

use adapters::ledger::audit::balances::Differing;
use domain::reconciliation::{Budget, Check, Finding, Section, Severity};
use uuid::Uuid;

use super::CheckError;
use crate::Run;
use crate::window::Part;

pub(crate) const CHECK: Check = Check {
    name: "balances",
    title: "Checkpoints and tails are the sums of the entries",
    severity: Severity::Critical,
    budget: Budget {
        statements: 20_000,
        seconds: 120,
    },
    reads: &[
        "accounts",
        "ledger_entries",
        "balance_checkpoints",
        "balance_tail",
        "proved_balances",
    ],
};

/// Who reads them in the statements that write down what is proved.
const PROVER: &str = "ledger_proving";
/// How many accounts are compared at a time. Each is, every night: two checkpoints changed in opposite directions, of accounts that
/// have not moved since, cancel out in every sum. It costs a night the accounts there are, never their history.
const PAGE: i32 = 5000;
/// How many at a time from all their entries.
const FULL_PAGE: i64 = 2000;

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut section = Section::of(&CHECK);
    let ledger = &run.reach.ledger;
    let window = run.window()?;
    // The statements below run as that role: rows that are hidden from it would be proved to be nothing.
    if ledger.hidden_table(&CHECK.reads[1..], Some(PROVER)).await?.is_some() {
        return Err(CheckError::Blind("rows, through the eyes of ledger_proving"));
    }
    for slice in window.slices_from(ledger.balances_proved_to().await?) {
        let entries = ledger.prove_balances(slice.to).await?;
        section.read += u64::try_from(entries).unwrap_or_default();
    }
    let (first, behind) = window.part.map_or((Uuid::nil(), Uuid::max()), Part::accounts);
    let mut after = Some(first);
    while let Some(last) = after {
        let compared = ledger.compare_balances(last, behind, PAGE).await?;
        section.add("compared", u64::try_from(compared.accounts).unwrap_or_default());
        for differing in compared.differing {
            section.find(finding(&differing));
        }
        after = compared.last;
    }
    if run.is_full {
        look_at_all(run, first, behind, &mut section).await?;
    }
    Ok(section)
}

/// Every account from all its entries, whatever was proved of it.
async fn look_at_all(run: &Run<'_>, first: Uuid, behind: Uuid, section: &mut Section) -> Result<(), CheckError> {
    let mut after = Some(first);
    while let Some(last) = after {
        let page = run.reach.ledger.every_balance(last, behind, FULL_PAGE).await?;
        section.add("summed", page.accounts);
        super::find_all(section, page.wrong, |_| Severity::Critical);
        after = page.last;
    }
    Ok(())
}

fn finding(differing: &Differing) -> Finding {
    Finding {
        severity: Severity::Critical,
        what: "balance_differs",
        subject: differing.account.to_string(),
        detail: format!(
            "its entries sum to {}, its checkpoint and tail to {}, known since {}",
            differing.proved, differing.held, differing.since
        ),
    }
}
