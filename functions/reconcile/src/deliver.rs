//! What is done with a report: metrics, the log, the bucket, and a call where it cannot wait.

use adapters::metrics::{self, Unit};
use domain::reconciliation::Severity;
use domain::reconciliation::page::page;
use domain::reconciliation::report::{Report, count};
use lambda_runtime::Error;
use serde_json::{Value, json};

use crate::Reconciler;
use crate::event::Event;

/// How many findings a call names.
const NAMED: usize = 5;

/// Metrics first: they call nothing, so the alarms ring whatever else fails. Then the call, then the report. *Death anywhere: the
/// metrics are written, and the run counts as one that did not complete.*
///
/// # Errors
/// The pager's or the bucket's, after both were tried.
pub(crate) async fn deliver(
    reconciler: &Reconciler,
    report: &Report,
    event: Event,
    next: Option<Event>,
) -> Result<Value, Error> {
    // What could not be looked at is tried again, and tells of nothing.
    let is_to_be_repeated = event.is_of_the_past() && report.failed() > 0;
    if is_to_be_repeated {
        tracing::error!(reconciliation.run = %report.run, "a part of the past could not be looked at");
    } else if event.is_of_the_past() {
        emit_of_the_past(event.found, report.count(Severity::Critical), next.is_none());
    } else {
        emit(report, event.rest);
    }
    for finding in report.sections.iter().flat_map(|section| &section.findings) {
        if finding.severity == Severity::Critical {
            tracing::error!(reconciliation.run = %report.run, what = finding.what, subject = %finding.subject, "critical");
        }
    }
    let called = call(reconciler, report).await;
    let kept = keep(reconciler, report).await;
    called?;
    let kept = kept?;
    if is_to_be_repeated {
        return Err(format!(
            "a check failed: {}.html in {}",
            report.place(),
            reconciler.reports.name()
        )
        .into());
    }
    if !event.is_of_the_past() && next.is_none() {
        metrics::emit(&[("ReconciliationCompleted", Unit::Count, 1)]);
    }
    let mut answer = serde_json::to_value(report)?;
    if event.brief {
        answer.as_object_mut().and_then(|answer| answer.remove("sections"));
    }
    answer["kept"] = kept;
    answer["next"] = serde_json::to_value(next)?;
    Ok(answer)
}

/// A full run has a metric of its own: a night, which does not look at the past, is not to say that it is as it was proved. And only
/// the run as a whole says so, at its end.
fn emit_of_the_past(found: Option<u64>, now: u64, is_end: bool) {
    let told = found.unwrap_or(now);
    if told > 0 || (is_end && found.is_some()) {
        metrics::emit(&[("PastCriticalFindings", Unit::Count, number(told))]);
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What is left of a night does not take back what the night has told.
fn emit(report: &Report, is_rest: bool) {
    let severities = [
        ("CriticalFindings", Severity::Critical),
        ("WarningFindings", Severity::Warning),
        ("NoticeFindings", Severity::Notice),
    ];
    let mut line = severities
        .map(|(name, severity)| (name, Unit::Count, number(report.count(severity))))
        .to_vec();
    line.push(("FailedChecks", Unit::Count, number(report.failed())));
    line.retain(|(_, _, count)| !is_rest || *count > 0);
    line.push(("ReconciliationSeconds", Unit::Seconds, number(report.took_ms / 1000)));
    if !line.is_empty() {
        metrics::emit(&line);
    }
    for section in &report.sections {
        let line = severities.map(|(name, severity)| (name, Unit::Count, number(count(section, severity))));
        metrics::emit_of(("Check", section.name), &line);
    }
}

/// Calls whoever is on duty if that cannot wait for an alarm.
async fn call(reconciler: &Reconciler, report: &Report) -> Result<(), Error> {
    let lines: Vec<String> = report
        .pages()
        .take(NAMED)
        .map(|finding| format!("{}: {}", finding.what, finding.subject))
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} critical findings. The first that called:\n{}\n{}.html in the bucket {}. What to do: docs/reconciliation.md",
        report.count(Severity::Critical),
        lines.join("\n"),
        report.place(),
        reconciler.reports.name(),
    );
    let called = reconciler
        .pager
        .call("Onceledger: the books do not agree", &message)
        .await;
    if let Err(error) = &called {
        tracing::error!(%error, "nobody was called");
    }
    Ok(called?)
}

/// Keeps both forms of the report; returns where.
async fn keep(reconciler: &Reconciler, report: &Report) -> Result<Value, Error> {
    let (json, html) = (format!("{}.json", report.place()), format!("{}.html", report.place()));
    let bucket = &reconciler.reports;
    bucket
        .put(&json, "application/json", serde_json::to_vec_pretty(report)?)
        .await?;
    bucket
        .put(&html, "text/html; charset=utf-8", page(report).into_bytes())
        .await?;
    Ok(json!({ "bucket": bucket.name(), "json": json, "html": html }))
}
