//! Results as Markdown: one page a document, one for the archive, and an index.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::model::{QuoteLine, Report, Status, Summary};
use super::naming::ARCHIVE;
use crate::text::one_line;

/// The page of every document that has a result, each with the document's path, in reading order.
pub fn document_pages(report: &Report) -> impl Iterator<Item = (&str, String)> {
    let summaries = by_path(report);
    report.documents.iter().filter_map(move |document| {
        let summary = summaries.get(document.path.as_str())?;
        Some((document.path.as_str(), page(&document.path, &summary.text, &summary.quotes)))
    })
}

fn by_path(report: &Report) -> HashMap<&str, &Summary> {
    report.summaries.iter().flatten().map(|summary| (summary.path.as_str(), summary)).collect()
}

/// The page of the whole archive: the result of the only document there is stands for the archive.
#[must_use]
pub fn archive_page(report: &Report) -> Option<String> {
    if let Some(answer) = &report.answer {
        return Some(page("Answer", answer, &report.quotes));
    }
    let summaries = report.summaries.as_ref()?;
    let overview = summaries.iter().find(|summary| summary.path == ARCHIVE);
    match (overview, summaries.as_slice()) {
        (Some(overview), _) => Some(page("The archive", &overview.text, &overview.quotes)),
        // One of several that is done says nothing of the others.
        (None, [only]) if report.documents.len() == 1 => Some(page(&only.path, &only.text, &only.quotes)),
        (None, _) => None,
    }
}

/// A page that lists every document with how it fared.
#[must_use]
pub fn index_page(report: &Report) -> String {
    let mut page = format!("# {}\n\nWorkflow `{}`, {}.\n\n", report.run, report.workflow, report.outcome);
    let summaries = by_path(report);
    for document in &report.documents {
        let state = match document.status {
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Open => "not finished",
            Status::Waiting => "waiting for a person",
        };
        let path = &document.path;
        let name = if summaries.contains_key(path.as_str()) {
            format!("[{path}](<{path}.md>)")
        } else {
            format!("`{path}`")
        };
        // Writing to a string cannot fail.
        let _ = writeln!(page, "- {name}: {state}, {} bytes", document.bytes);
    }
    if !report.failed.is_empty() {
        page.push_str("\n## Failed\n\n");
        for failure in &report.failed {
            let _ = writeln!(page, "- `{}`: {}", failure.path, failure.error);
        }
    }
    page
}

/// A result that consists of quotes is shown as a list, each with its place; a worded one with its quotes below.
fn page(title: &str, text: &str, quotes: &[QuoteLine]) -> String {
    let mut page = format!("# {title}\n\n");
    let lines: Vec<String> = quotes.iter().map(|quote| one_line(&quote.text)).collect();
    // An answer that happens to be one of its quotes is still an answer: only a result that is all of them is a list.
    let all_quotes = !quotes.is_empty()
        && text.lines().all(|line| lines.iter().any(|quote| quote == line))
        && lines.iter().all(|quote| text.lines().any(|line| quote == line));
    if !all_quotes {
        page.push_str(text.trim());
        page.push('\n');
        if !quotes.is_empty() {
            page.push_str("\nIt rests on:\n\n");
        }
    }
    for (quote, line) in quotes.iter().zip(&lines) {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "- {line} ({}:{}-{})", quote.document, quote.start, quote.end);
    }
    page
}
