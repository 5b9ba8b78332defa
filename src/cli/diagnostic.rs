//! How a [`Diagnostic`] looks on a terminal: rustc's layout, so that the eye knows where the fix stands.

use crate::error::{Diagnostic, Note, Place};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

/// Width in columns beyond which a source line is cut around the marked part; the line number takes a few of them.
const WIDTH: usize = 106;

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
        group = group.element(level.with_name(normalize_untrusted_str(&note.kind)).message(note_text(note)));
    }
    let more = format!("ilk explain {}", normalize_untrusted_str(&d.code));
    group = group.element(Level::NOTE.with_name("more").message(more));
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(WIDTH).render(&[group])
}

/// Adds `--> file:line:column` and, where the place has text, the source line with its marked part.
fn locate<'a>(group: Group<'a>, place: &'a Place) -> Group<'a> {
    let file = normalize_untrusted_str(&one_line(&place.file));
    let origin = Origin::path(file.clone());
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
    group.element(Snippet::source(line).path(file).line_start(place.line).annotation(mark))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize, text: &str, span: std::ops::Range<usize>, label: &str) -> Place {
        Place { file: "orders.csv".into(), line, text: text.into(), span, label: label.into() }
    }

    fn plain(line: usize, text: &str, span: std::ops::Range<usize>, label: &str) -> String {
        render(&Diagnostic::new("E0341", "2 values are not numbers").at(place(line, text, span, label)), false)
    }

    #[test]
    fn an_error_with_every_part() {
        let d = Diagnostic::new("E0341", "3,118 values of `amount` are not numbers (1.9%, limit 1%)")
            .at(place(88, "20417,2025-02-11,\"1.234,50 €\"", 18..30, "decimal comma and a currency sign"))
            .note("seen", "3,102 × decimal comma\n14 × \"n/a\"")
            .help("put this in ilk.toml:\n  number = { decimal = \",\" }")
            .why("spend would be missing for 812 customers");
        let expected = "\
error[E0341]: 3,118 values of `amount` are not numbers (1.9%, limit 1%)
  --> orders.csv:88:19
   |
88 | 20417,2025-02-11,\"1.234,50 €\"
   |                   ^^^^^^^^^^ decimal comma and a currency sign
   |
   = seen: 3,102 × decimal comma
           14 × \"n/a\"
   = help: put this in ilk.toml:
             number = { decimal = \",\" }
   = why: spend would be missing for 812 customers
   = more: ilk explain E0341";
        assert_eq!(render(&d, false), expected);
    }

    #[test]
    fn a_warning_without_a_place() {
        let d = Diagnostic::new("W0331", "24.9% of lines have no customer id").why("guests are in no segment");
        let expected = "\
warning[W0331]: 24.9% of lines have no customer id
  |
  = why: guests are in no segment
  = more: ilk explain W0331";
        assert_eq!(render(&d, false).replace("\n ", "\n  "), expected);
    }

    #[test]
    fn colour_only_adds_escapes() {
        let d = Diagnostic::new("E0341", "2 values").at(place(8, "a,b", 2..3, "not a number")).help("fix it");
        let coloured = render(&d, true);
        assert!(coloured.contains("\u{1b}["));
        let mut stripped = String::new();
        let mut escape = false;
        for c in coloured.chars() {
            match c {
                '\u{1b}' => escape = true,
                'm' if escape => escape = false,
                c if !escape => stripped.push(c),
                _ => {}
            }
        }
        assert_eq!(stripped, render(&d, false));
    }

    #[test]
    fn without_a_line_only_the_file_is_named() {
        let text = plain(0, "ignored", 0..3, "ignored");
        assert!(text.contains("--> orders.csv\n"), "{text}");
        assert!(!text.contains("ignored"), "{text}");
    }

    #[test]
    fn a_place_without_text_keeps_its_label() {
        let text = plain(8, "", 0..0, "nothing here");
        assert!(text.contains("--> orders.csv:8\n"), "{text}");
        assert!(text.contains("= note: nothing here"), "{text}");
    }

    #[test]
    fn columns_count_characters() {
        let text = plain(3, "é\té,x", 4..5, "comma?");
        assert!(text.contains("orders.csv:3:3\n"), "{text}");
        assert!(text.contains("3 | é    é,x\n  |      ^ comma?"), "{text}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("{}BAD{}", "é".repeat(300), "z".repeat(300));
        let text = plain(12, &line, 600..603, "here");
        assert!(text.contains("orders.csv:12:301\n"), "{text}");
        let source = text.lines().find(|l| l.contains("BAD")).expect("the marked part is shown");
        let marks = text.lines().find(|l| l.contains("^^^ here")).expect("the mark is shown");
        assert!(source.chars().count() <= 120, "{text}");
        let at = |line: &str, part: &str| line.find(part).map(|byte| line[..byte].chars().count());
        assert_eq!(at(source, "BAD"), at(marks, "^^^"), "{text}");
    }

    #[test]
    fn text_from_files_cannot_steer_the_terminal() {
        let mut place = place(1, "b\u{1b}[31m", 0..1, "c\u{1b}[0m");
        place.file = "orders\u{1b}[2J.csv".into();
        let d = Diagnostic::new("E0341", "a\u{1b}[2J").at(place).note("se\u{7}en", "d\u{1b}]8;;");
        assert!(!render(&d, false).contains(['\u{1b}', '\u{7}']));
    }

    #[test]
    fn long_notes_are_cut_but_never_help() {
        let many = (1..=9).map(|i| format!("line {i}")).collect::<Vec<_>>().join("\n");
        let cut = render(&Diagnostic::new("E0105", "ragged").note("seen", many.clone()), false);
        assert!(cut.contains("line 2") && !cut.contains("line 3") && cut.contains("… and 7 more lines"), "{cut}");
        let kept = render(&Diagnostic::new("E0105", "ragged").help(many), false);
        assert!(kept.contains("line 9"), "{kept}");
    }

    #[test]
    fn no_text_and_no_span_panics() {
        let long = "日本\t€,".repeat(60);
        for text in ["", "a", "\t\t", "é", "日本語", "a\r\nb\r\n", "\u{feff}id,\u{0}", "e\u{301}🇪🇺", long.as_str()]
        {
            for start in (0..text.len() + 3).step_by(1 + text.len() / 40) {
                for length in [0, 1, 2, 99, 1000] {
                    for label in ["", "a label\nof two lines"] {
                        let out = plain(1, text, start..start + length, label);
                        assert!(out.ends_with("more: ilk explain E0341"), "{out}");
                    }
                }
            }
        }
        #[allow(clippy::reversed_empty_ranges, reason = "a caller's mistake must not hide its message")]
        let backwards = plain(1, "abc", 2..1, "");
        assert!(backwards.contains("orders.csv:1:3"), "{backwards}");
    }
}
