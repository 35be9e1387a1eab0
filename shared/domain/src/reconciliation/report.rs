//! What a run says as a whole.

use serde::Serialize;
use time::OffsetDateTime;
use time::serde::rfc3339;
use uuid::Uuid;

use super::{Finding, Section, Severity};

/// What calls people at once, by itself, and again in each run: money was made or lost, a client was told of a payment that is not
/// there, or the books are not what was sealed. An alarm that rings already calls nobody.
const PAGES: [&str; 9] = [
    "transaction_not_zero",
    "currency_not_zero",
    "corrected_above_payment",
    "gate_without_outcome",
    "transaction_changed",
    "transaction_missing",
    "transaction_added",
    "root_differs",
    "numbers_began_anew",
];

/// Which of the ledger's transactions were looked at: those with numbers of `from` and above, below `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// Where the run before ended.
    pub from: i64,
    /// Below every transaction that ran when this run began: nothing can be added any more.
    pub to: i64,
}

/// All that one run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Names it.
    pub run: Uuid,
    /// When it began.
    #[serde(with = "rfc3339")]
    pub began: OffsetDateTime,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Whether all there ever was was looked at, and not what is new.
    pub full: bool,
    /// What it proved of the books. `None`: that could not be learnt.
    pub slice: Option<Slice>,
    /// The highest of its sections. `None`: nothing was found.
    pub severity: Option<Severity>,
    /// What each check has to say.
    pub sections: Vec<Section>,
}

impl Report {
    /// How many findings of all sections ask for that. Those beyond the first that a section names count as the worst of
    /// the section.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.sections.iter().map(|section| count(section, severity)).sum()
    }

    /// How many checks could not be carried out.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.sections
            .iter()
            .map(|section| u64::from(section.failed.is_some()))
            .sum()
    }

    /// The findings that call people at once.
    pub fn pages(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.sections.iter().flat_map(|section| &section.findings);
        findings.filter(|finding| PAGES.contains(&finding.what))
    }

    /// Where it is kept, without what says its form: `reports/YYYY/MM/DD/<run>`.
    #[must_use]
    pub fn place(&self) -> String {
        let (year, month, day) = (self.began.year(), u8::from(self.began.month()), self.began.day());
        format!("reports/{year:04}/{month:02}/{day:02}/{}", self.run)
    }
}

/// How many findings of a section ask for that.
#[must_use]
pub fn count(section: &Section, severity: Severity) -> u64 {
    let named = section
        .findings
        .iter()
        .filter(|finding| finding.severity == severity)
        .count();
    let named = u64::try_from(named).unwrap_or(u64::MAX);
    let unnamed = section.total
        - u64::try_from(section.findings.len())
            .unwrap_or(u64::MAX)
            .min(section.total);
    named + if section.severity == Some(severity) { unnamed } else { 0 }
}

#[cfg(test)]
pub(super) mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::reconciliation::{Budget, Check};

    const CHECK: Check = Check {
        name: "zero_sum",
        title: "Sums <to> zero",
        severity: Severity::Critical,
        budget: Budget {
            statements: 1,
            seconds: 1,
        },
        reads: &[],
    };

    pub(in crate::reconciliation) fn report(findings: usize, what: &'static str) -> Report {
        let mut section = Section::of(&CHECK);
        for number in 0..findings {
            section.find(Finding {
                severity: Severity::Critical,
                what,
                subject: number.to_string(),
                detail: "<b>\"&'".to_owned(),
            });
        }
        Report {
            run: Uuid::nil(),
            began: datetime!(2026-03-04 05:06:07 UTC),
            took_ms: 12,
            full: false,
            slice: Some(Slice { from: 7, to: 9 }),
            severity: section.severity,
            sections: vec![section, Section::failed(&CHECK, "check_failed", "gone".to_owned())],
        }
    }

    #[test]
    fn findings_that_are_not_named_are_counted() {
        let report = report(250, "transaction_not_zero");
        assert_eq!(report.count(Severity::Critical), 251);
        assert_eq!(report.count(Severity::Warning), 0);
        assert_eq!(report.failed(), 1);
        assert_eq!(report.pages().count(), 100);
    }

    #[test]
    fn only_what_cannot_wait_calls_people_by_itself() {
        assert_eq!(report(3, "outbox_late").pages().count(), 0);
    }

    #[test]
    fn a_report_lies_where_its_day_is() {
        assert_eq!(
            report(0, "").place(),
            "reports/2026/03/04/00000000-0000-0000-0000-000000000000"
        );
    }
}
