//! How a [`Diagnostic`] looks on a terminal: rustc's layout, so that the eye knows where the fix stands.

use crate::error::{Diagnostic, Note, Place};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

/// Source lines longer than this (in characters) are cut around the marked part.
const SOURCE_WIDTH: usize = 100;

/// Lines a note may take. Help is never cut: it is there to be copied.
const NOTE_LINES: usize = 3;

/// The diagnostic as text without a final line break: header, place with the marked source, notes in order, and where to
/// read more. `colour` adds ANSI escapes. Text from the user's files has its control characters made visible.
pub fn render(d: &Diagnostic, colour: bool) -> String {
    let level = if d.code.starts_with('W') { Level::WARNING } else { Level::ERROR };
    let mut group = Group::with_title(level.primary_title(one_line(&d.title)).id(d.code.clone()));
    if let Some(place) = &d.place {
        group = locate(group, place);
    }
    for note in &d.notes {
        let level = if note.kind == "help" { Level::HELP } else { Level::NOTE };
        group = group.element(level.with_name(note.kind.clone()).message(note_text(note)));
    }
    let more = format!("ilk explain {}", normalize_untrusted_str(&d.code));
    group = group.element(Level::NOTE.with_name("more").message(more));
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(SOURCE_WIDTH).render(&[group])
}

/// Adds `--> file:line:column` and, where the place has text, the source line with its marked part.
fn locate<'a>(group: Group<'a>, place: &'a Place) -> Group<'a> {
    let origin = Origin::path(place.file.as_str());
    if place.line == 0 {
        return group.element(origin);
    }
    if place.text.is_empty() {
        let group = group.element(origin.line(place.line));
        return match place.label.as_str() {
            "" => group,
            label => group.element(Level::NOTE.message(normalize_untrusted_str(label))),
        };
    }
    let line = one_line(&place.text);
    let start = line.floor_char_boundary(place.span.start);
    let end = line.ceil_char_boundary(place.span.end).max(start);
    let mut mark = AnnotationKind::Primary.span(start..end);
    if !place.label.is_empty() {
        mark = mark.label(normalize_untrusted_str(&one_line(&place.label)));
    }
    group.element(Snippet::source(line).path(place.file.as_str()).line_start(place.line).annotation(mark))
}

/// The text with every line break turned into a space, byte for byte, so that spans still hold.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// The text of a note, safe to print; long ones say how much is left out.
fn note_text(note: &Note) -> String {
    let text = normalize_untrusted_str(&note.text);
    let lines: Vec<&str> = text.lines().collect();
    if note.kind == "help" || lines.len() <= NOTE_LINES {
        return text;
    }
    let shown = NOTE_LINES - 1;
    format!("{}\n… and {} more lines", lines[..shown].join("\n"), lines.len() - shown)
}
