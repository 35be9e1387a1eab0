//! The report as a page for people: one file, no script, nothing fetched. Whatever comes from the books is escaped.

use std::fmt::{self, Write};

use super::report::Report;
use super::{Finding, Section, Severity};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ddd}\
code{font-size:.9em;overflow-wrap:anywhere}.critical{color:#b00020;font-weight:600}.warning{color:#8a5a00}.notice{color:#445}.clean{color:#1b6e2b}";

/// Text as it stands between tags and in attributes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '&' => out.write_str("&amp;"),
            '<' => out.write_str("&lt;"),
            '>' => out.write_str("&gt;"),
            '"' => out.write_str("&quot;"),
            '\'' => out.write_str("&#39;"),
            other => out.write_char(other),
        })
    }
}

/// An HTML document.
#[must_use]
pub fn page(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_page(&mut out, report);
    out
}

fn write_page(out: &mut String, report: &Report) -> fmt::Result {
    let word = word(report.severity);
    let kind = if report.full {
        "everything there ever was"
    } else {
        "what is new"
    };
    write!(
        out,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Onceledger: {word}</title><style>{STYLE}</style>\
         <h1>Reconciliation: <span class=\"{word}\">{word}</span></h1>\
         <p>Run <code>{}</code>, begun {} UTC, {} ms, {kind}.",
        report.run,
        Escaped(&crate::answer::timestamp(report.began)),
        report.took_ms
    )?;
    if let Some(slice) = report.slice {
        write!(out, " Database transactions from {} up to {}.", slice.from, slice.to)?;
    }
    out.write_str("</p><table><tr><th>Check<th>Says<th>Findings<th>Read<th>Statements<th>ms</tr>")?;
    for section in &report.sections {
        let word = self::word(section.severity);
        write!(
            out,
            "<tr><td><a href=\"#{name}\">{title}</a><td class=\"{word}\">{word}<td>{}<td>{}<td>{}<td>{}</tr>",
            section.total,
            section.read,
            section.statements,
            section.took_ms,
            name = Escaped(section.name),
            title = Escaped(section.title),
        )?;
    }
    out.write_str("</table>")?;
    report
        .sections
        .iter()
        .try_for_each(|section| write_section(out, section))?;
    out.write_str("<p>What each finding means and what to do: <code>docs/reconciliation.md</code>.</p></html>\n")
}

fn write_section(out: &mut String, section: &Section) -> fmt::Result {
    write!(
        out,
        "<h2 id=\"{}\">{}</h2>",
        Escaped(section.name),
        Escaped(section.title)
    )?;
    if let Some(failed) = &section.failed {
        write!(
            out,
            "<p class=\"critical\">It could not be carried out: {}</p>",
            Escaped(failed)
        )?;
    }
    if !section.counts.is_empty() {
        out.write_str("<p>")?;
        for (name, count) in &section.counts {
            write!(out, "{} {count}. ", Escaped(name))?;
        }
        out.write_str("</p>")?;
    }
    if section.findings.is_empty() {
        return out.write_str("<p>Nothing found.</p>");
    }
    out.write_str("<table><tr><th>Severity<th>What<th>Which<th>Detail</tr>")?;
    section
        .findings
        .iter()
        .try_for_each(|finding| write_finding(out, finding))?;
    out.write_str("</table>")?;
    let named = u64::try_from(section.findings.len()).unwrap_or(u64::MAX);
    if section.total > named {
        write!(out, "<p>And {} more.</p>", section.total - named)?;
    }
    Ok(())
}

fn write_finding(out: &mut String, finding: &Finding) -> fmt::Result {
    write!(
        out,
        "<tr><td class=\"{word}\">{word}<td><code>{}</code><td><code>{}</code><td>{}</tr>",
        Escaped(finding.what),
        Escaped(&finding.subject),
        Escaped(&finding.detail),
        word = finding.severity.as_str(),
    )
}

fn word(severity: Option<Severity>) -> &'static str {
    severity.map_or("clean", Severity::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn a_page_names_each_finding_and_what_failed() {
        let page = page(&report(101, "transaction_not_zero"));
        assert!(page.contains("<h1>Reconciliation: <span class=\"critical\">critical</span></h1>"));
        assert!(page.contains("<code>transaction_not_zero</code><td><code>42</code>"));
        assert!(page.contains("And 1 more."));
        assert!(page.contains("It could not be carried out: gone"));
    }

    #[test]
    fn whatever_comes_from_the_books_is_escaped() {
        let page = page(&report(1, "transaction_not_zero"));
        assert!(page.contains("&lt;b&gt;&quot;&amp;&#39;"));
        assert!(page.contains("Sums &lt;to&gt; zero"));
        assert!(!page.contains("<b>"));
    }
}
