//! The gate against the ledger, both ways: what the gate says is what the ledger's row renders, and what the ledger
//! decided lately the gate stands for. What nobody completed is completed.
//!
//! The gate's table is read whole, since it remembers two days and no more; the ledger's rows by their keys.

use std::collections::HashMap;

use adapters::gate::audit::{Found, Position, Segment};
use adapters::gate::{GateError, Written};
use domain::answer::Answer;
use domain::fingerprint::Fingerprint;
use domain::ids::{LedgerKey, Owner};
use domain::reconciliation::gate::{Item, LOOK_BACK_SECONDS, MARGIN_SECONDS, Verdict, Word};
use domain::reconciliation::{Budget, Check, Finding, Section, Severity};
use futures_util::future::try_join_all;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::CheckError;
use super::keys::{Closed, Keys};
use crate::Run;

pub(crate) const CHECK: Check = Check {
    name: "gate",
    title: "The gate against the ledger, both ways",
    severity: Severity::Critical,
    // A statement for each page of a megabyte, and for each quarter of an hour.
    budget: Budget {
        statements: 20_000,
        seconds: 180,
    },
    reads: &["ledger_transactions"],
};

/// How many parts of the gate are read at a time.
const SEGMENTS: i32 = 4;

/// How much of the ledger's recent past is read at a time.
const SLICE: Duration = Duration::minutes(15);

/// How many of the intents that the gate does not know are named.
const NAMED: usize = 20;

/// One look at both.
struct Look<'a> {
    run: &'a Run<'a>,
    /// When it began, before anything was read.
    began: OffsetDateTime,
    section: Section,
}

/// # Errors
/// [`CheckError`]
pub(crate) async fn run(run: &Run<'_>) -> Result<Section, CheckError> {
    let mut look = Look {
        run,
        began: OffsetDateTime::now_utc(),
        section: Section::of(&CHECK),
    };
    let keys = look.at_the_gate().await?;
    look.at_the_ledger(&keys).await?;
    Ok(look.section)
}

impl Look<'_> {
    /// Every item, a page of each segment at a time. Returns what the gate stands for.
    async fn at_the_gate(&mut self) -> Result<Closed, CheckError> {
        let mut keys = Keys::default();
        let segments = (0..SEGMENTS).map(|number| Segment { number, of: SEGMENTS });
        let mut open: Vec<(Segment, Option<Position>)> = segments.map(|segment| (segment, None)).collect();
        while !open.is_empty() {
            let gate = &self.run.reach.gate;
            let pages = open.drain(..).map(|(segment, after)| async move {
                let page = gate.page(segment, after).await?;
                Ok::<_, GateError>((segment, page))
            });
            let pages = try_join_all(pages.collect::<Vec<_>>()).await?;
            for (segment, page) in pages {
                self.judge(page.items, &mut keys).await?;
                open.extend(page.next.map(|next| (segment, Some(next))));
            }
        }
        Ok(keys.close())
    }

    /// A page of items: those that are due against the ledger's rows, which are read after them.
    async fn judge(&mut self, found: Vec<Found>, keys: &mut Keys) -> Result<(), CheckError> {
        let mut due = Vec::new();
        for found in found {
            self.section.read += 1;
            match found {
                Found::Unreadable { place, why } => {
                    self.section
                        .critical("gate_unreadable", place, format!("{why} cannot be read"));
                }
                Found::Item(item) => {
                    keys.add(item.ledger_key())?;
                    match item.at_first_sight(self.now_ms()) {
                        Some(verdict) => self.carry_out(&item, verdict).await,
                        None => due.push(item),
                    }
                }
            }
        }
        if due.is_empty() {
            return Ok(());
        }
        let asked: Vec<LedgerKey> = due.iter().map(Item::ledger_key).collect();
        let told = self.run.reach.ledger.transactions_of(&asked).await?;
        let rows: HashMap<_, _> = told.into_iter().map(|found| (found.key, found.row)).collect();
        for item in due {
            let word = match rows.get(&item.ledger_key()) {
                None => Word::Nothing,
                Some(None) => Word::Unreadable,
                Some(Some(row)) => Word::Decided(row),
            };
            self.carry_out(&item, item.against(word, self.now_ms())).await;
        }
        Ok(())
    }

    async fn carry_out(&mut self, item: &Item, verdict: Verdict) {
        match verdict {
            Verdict::Young => self.section.count("young"),
            Verdict::Expired => self.section.count("expired"),
            Verdict::Sound => self.section.count("sound"),
            Verdict::Abandoned => self.section.count("abandoned"),
            Verdict::Repair { fingerprint, answer } => self.repair(item, fingerprint, &answer).await,
            Verdict::Wrong(wrong) => {
                let record = &item.record;
                let detail = format!("tenant {}, key {}, {}", item.tenant, item.key, record.status);
                self.section
                    .critical(wrong.as_str(), item.ledger_key().to_string(), detail);
            }
        }
    }

    /// *Death in here: it is repaired, or the next run finds it again.*
    async fn repair(&mut self, item: &Item, decided: Fingerprint, answer: &Answer) {
        let me = Owner::from(Uuid::new_v4());
        let id = item.ledger_key();
        match self.run.reach.gate.repair(item, me, decided, answer).await {
            Ok(Written::Done) => {
                tracing::info!(payment.id = %id, "the gate was given the ledger's answer");
                self.section.count("repaired");
            }
            // Somebody has moved, and will complete it.
            Ok(Written::Lost(_)) => self.section.count("overtaken"),
            Err(error) => {
                tracing::warn!(payment.id = %id, %error, "the gate was not repaired");
                self.section.find(Finding {
                    severity: Severity::Warning,
                    what: "gate_unrepaired",
                    subject: id.to_string(),
                    detail: "its next retry, or the next run, repairs it".to_owned(),
                });
            }
        }
    }

    /// What the ledger decided while the gate must remember it. Whatever is older than the margin stood at the gate before
    /// the first item was read.
    async fn at_the_ledger(&mut self, keys: &Closed) -> Result<(), CheckError> {
        let until = self.began - Duration::seconds(MARGIN_SECONDS);
        let mut since = self.began - Duration::seconds(LOOK_BACK_SECONDS);
        let (mut missing, mut first) = (0_u64, Vec::new());
        while since < until {
            let end = until.min(since + SLICE);
            for key in self.run.reach.ledger.requested_between(since, end).await? {
                self.section.read += 1;
                if !keys.contains(key) {
                    missing += 1;
                    if first.len() < NAMED {
                        first.push(key.to_string());
                    }
                }
            }
            since = end;
        }
        if let Some(subject) = first.first().cloned() {
            self.section.find(Finding {
                severity: Severity::Warning,
                what: "gate_forgot",
                subject,
                detail: format!(
                    "{missing} intents that no item stands for; the first: {}",
                    first.join(" ")
                ),
            });
        }
        Ok(())
    }

    fn now_ms(&self) -> i64 {
        i64::try_from(self.began.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
    }
}
