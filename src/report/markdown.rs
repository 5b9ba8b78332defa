//! `summary.md`: the report in a screenful, for mail and chat.

use super::Report;
use super::words::{findings, headline_numbers, leads, looked_at, profile_cells, segment_columns};
use std::fmt::Write;

/// The summary as Markdown.
pub fn render(report: &Report) -> String {
    report.look.locale.text(&compose(report))
}

/// As English writes numbers.
fn compose(report: &Report) -> String {
    let mut text = String::new();
    let as_of = report.as_of.as_deref().map(|d| format!(", as of {d}")).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# {}: customer segments, {}\n", plain(&report.project), report.period);
    let _ = writeln!(text, "Model {}{as_of}.\n", plain(&report.model));
    if let Some(said) = super::evidence::said(report) {
        let _ = writeln!(text, "**{}.** {} {}\n", said.heading, plain(&said.sentence), plain(&said.because));
    }
    let numbers: Vec<String> =
        headline_numbers(report).into_iter().map(|(label, value)| format!("{label}: {value}")).collect();
    let _ = writeln!(text, "{}\n", plain(&numbers.join(" · ")));
    for sentence in findings(report) {
        let _ = writeln!(text, "- {}", plain(&sentence));
    }
    let columns = segment_columns(report);
    let _ = writeln!(
        text,
        "\n| ID | Persona | Customers | Share |{}",
        columns.iter().map(|c| format!(" {} |", plain(&c.label))).collect::<String>()
    );
    let _ = writeln!(text, "|---|---|---:|---:|{}", "---:|".repeat(columns.len()));
    let rows = report
        .segments
        .iter()
        .map(|s| (s.id.as_str(), s.persona.name.as_str(), &s.profile))
        .chain(report.unclustered.iter().map(|p| ("–", "Unclustered", p)));
    for (id, name, profile) in rows {
        let cells = profile_cells(report, &columns, profile);
        let _ = writeln!(
            text,
            "| {id} | {} | {} | {:.1} % |{}",
            plain(name),
            profile.customers,
            profile.share_customers * 100.0,
            cells.iter().map(|c| format!(" {} |", plain(c))).collect::<String>()
        );
    }
    if let Some((id, name, customers)) = leads(report) {
        let _ = writeln!(text, "| {id} | {name} | {customers} | – |{}", " – |".repeat(columns.len()));
    }
    if let Some(line) = looked_at(report) {
        let _ = writeln!(text, "\n{line}");
    }
    if let Some(line) = super::rfm::line(report) {
        let _ = writeln!(text, "\n{}", plain(&line));
    }
    if !report.warnings.is_empty() {
        let _ = writeln!(text, "\nWorth knowing:\n");
        for warning in &report.warnings {
            let _ = writeln!(text, "- {} ({})", plain(&warning.title), warning.code);
        }
    }
    text
}

/// Text that Markdown does not read as marks or HTML.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::sample::report;
    use super::*;

    #[test]
    fn the_summary_names_every_segment_and_warning() {
        let mut report = report(6);
        report.segments[0].persona.name = "<b>|x".into();
        let text = render(&report);
        assert!(text.contains("\\<b\\>\\|x"));
        assert!(text.contains("**Natural segments.** These segments are there in the data"), "{text}");
        for segment in &report.segments[1..] {
            assert!(text.contains(&segment.persona.name), "{text}");
        }
        assert!(text.contains("| leads | Leads: known, no order yet | 12 | – | – |"), "{text}");
        assert!(text.contains("W0331") && text.contains("Classic RFM grid"));
    }
}
