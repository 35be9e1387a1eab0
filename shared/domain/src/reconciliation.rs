//! What reconciliation says: which parts of the whole agree with each other, and where they do not.
//!
//! | module | what it decides |
//! |---|---|
//! | [`gate`] | what becomes of an item of the gate, by the ledger's row under its key |
//! | [`settlements`] | whether a settlement's books are right, and whether anything carries it on |
//! | [`report`], [`page`] | what a run says as a whole, to machines and to people |

pub mod gate;
pub mod page;
pub mod report;
pub mod settlements;

use std::collections::BTreeMap;

use serde::Serialize;

/// How many findings a section names; the others are counted.
pub const NAMED: usize = 100;

/// What a finding asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be known.
    Notice,
    /// To be looked at on a working day.
    Warning,
    /// Money, or the word about it, is not where it should be: now.
    Critical,
}

impl Severity {
    /// Its name on the wire and on the page.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a check may cost. One that needs more is a finding itself: it would be slower still tomorrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Statements sent to the ledger.
    pub statements: u64,
    /// Whole seconds from its beginning to its end. It is stopped when they are over.
    pub seconds: u64,
}

/// A check as it is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// What its section is called.
    pub name: &'static str,
    /// What it compares, for people.
    pub title: &'static str,
    /// The worst that it can find.
    pub severity: Severity,
    /// What it may cost.
    pub budget: Budget,
    /// The ledger's tables that it must see whole. Where a policy hides rows from it, it fails and says nothing else.
    pub reads: &'static [&'static str],
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it asks for.
    pub severity: Severity,
    /// Its kind, such as `gate_answer_differs`.
    pub what: &'static str,
    /// Which row, item or execution: an id.
    pub subject: String,
    /// For people.
    pub detail: String,
}

/// What one check has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Of the check.
    pub name: &'static str,
    /// Of the check.
    pub title: &'static str,
    /// Why it could not be carried out, or not to its end. `None`: it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The highest of its findings. `None`: it has none.
    pub severity: Option<Severity>,
    /// How many rows, items and executions it looked at.
    pub read: u64,
    /// What it did and passed over, by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first [`NAMED`] of its findings.
    pub findings: Vec<Finding>,
    /// How many there are in all.
    pub total: u64,
    /// How many statements it sent to the ledger.
    pub statements: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Section {
    /// Of a check that has read nothing yet.
    #[must_use]
    pub const fn of(check: &Check) -> Self {
        Self {
            name: check.name,
            title: check.title,
            failed: None,
            severity: None,
            read: 0,
            counts: BTreeMap::new(),
            findings: Vec::new(),
            total: 0,
            statements: 0,
            took_ms: 0,
        }
    }

    /// Of a check that could not be carried out: that is a critical finding, since nobody knows what it would have found.
    #[must_use]
    pub fn failed(check: &Check, what: &'static str, why: String) -> Self {
        let mut section = Self::of(check);
        section.find(Finding {
            severity: Severity::Critical,
            what,
            subject: check.name.to_owned(),
            detail: why.clone(),
        });
        section.failed = Some(why);
        section
    }

    /// Adds a finding, or counts it if there are enough.
    pub fn find(&mut self, finding: Finding) {
        self.severity = self.severity.max(Some(finding.severity));
        self.total += 1;
        if self.findings.len() < NAMED {
            self.findings.push(finding);
        }
    }

    /// Adds a critical finding: what nothing but a defect or tampering brings about.
    pub fn critical(&mut self, what: &'static str, subject: String, detail: String) {
        self.find(Finding {
            severity: Severity::Critical,
            what,
            subject,
            detail,
        });
    }

    /// Counts one more of what bears that name.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    /// Counts so many more of what bears that name.
    pub fn add(&mut self, name: &'static str, more: u64) {
        *self.counts.entry(name).or_default() += more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECK: Check = Check {
        name: "gate",
        title: "The gate",
        severity: Severity::Critical,
        budget: Budget {
            statements: 1,
            seconds: 1,
        },
        reads: &[],
    };

    #[test]
    fn a_check_that_was_not_carried_out_is_a_critical_finding() {
        let section = Section::failed(&CHECK, "check_failed", "no connection".to_owned());
        assert_eq!((section.severity, section.total), (Some(Severity::Critical), 1));
        assert_eq!(section.failed.as_deref(), Some("no connection"));
    }

    #[test]
    fn a_section_names_the_first_findings_counts_all_and_has_the_severity_of_the_worst() {
        let mut section = Section::of(&CHECK);
        assert_eq!(section.severity, None);
        for number in 0..150 {
            let severity = if number == 149 {
                Severity::Critical
            } else {
                Severity::Notice
            };
            section.find(Finding {
                severity,
                what: "gate_answer_differs",
                subject: number.to_string(),
                detail: String::new(),
            });
        }
        assert_eq!((section.findings.len(), section.total), (NAMED, 150));
        assert_eq!(section.severity, Some(Severity::Critical));
        assert_eq!(section.findings[NAMED - 1].subject, "99");
    }
}
