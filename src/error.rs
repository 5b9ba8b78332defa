//! What can go wrong, said so that a person can act on it.
//!
//! Every message has the same parts: *what* (with a count), *where* (file, line, column and the text itself), *why* it
//! matters for segments, and a *help* line to paste. The code is stable and has a page in `ilk explain CODE`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A result whose error can be shown to the person who ran the command.
pub type Result<T> = std::result::Result<T, Error>;

/// Something worth saying, fatal or not: a code, one sentence, a place and notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostic {
    /// Stable code such as `E0312` or `W0331`; `ilk explain CODE` has its page.
    pub code: String,
    /// One sentence with the count that matters.
    pub title: String,
    /// Where it is. Never written to a result file: a place names a path.
    #[serde(skip)]
    pub place: Option<Place>,
    /// Further lines, in the order they are shown.
    pub notes: Vec<Note>,
}

/// A spot in a file, with the text that stands there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file as the user wrote it.
    pub file: String,
    /// Line number, from 1; 0 when only the file is known.
    pub line: usize,
    /// The whole line.
    pub text: String,
    /// The part of `text` that is meant, in bytes.
    pub span: std::ops::Range<usize>,
    /// What to say under the marked part.
    pub label: String,
}

/// One further line of a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    /// `help`, `why`, `seen`, `note`, `all`, …: printed before the text.
    pub kind: String,
    /// The text; may span lines.
    pub text: String,
}

/// A diagnostic that does not stop the run.
pub type Warning = Diagnostic;

/// A diagnostic that stops the run. Boxed, so that `Result` stays small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(pub Box<Diagnostic>);

impl Diagnostic {
    /// A diagnostic with nothing but its code and sentence.
    pub fn new(code: &str, title: impl Into<String>) -> Self {
        Self { code: code.into(), title: title.into(), place: None, notes: Vec::new() }
    }

    /// Adds the place it speaks of.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds a line of the given kind.
    #[must_use]
    pub fn note(mut self, kind: &str, text: impl Into<String>) -> Self {
        self.notes.push(Note { kind: kind.into(), text: text.into() });
        self
    }

    /// Adds the line to paste.
    #[must_use]
    pub fn help(self, text: impl Into<String>) -> Self {
        self.note("help", text)
    }

    /// Adds what it does to segments.
    #[must_use]
    pub fn why(self, text: impl Into<String>) -> Self {
        self.note("why", text)
    }
}

impl Error {
    /// An error with nothing but its code and sentence; the builders of [`Diagnostic`] add the rest.
    pub fn new(code: &str, title: impl Into<String>) -> Self {
        Self(Box::new(Diagnostic::new(code, title)))
    }

    /// See [`Diagnostic::at`].
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self(Box::new(self.0.at(place)))
    }

    /// See [`Diagnostic::note`].
    #[must_use]
    pub fn note(self, kind: &str, text: impl Into<String>) -> Self {
        Self(Box::new(self.0.note(kind, text)))
    }

    /// See [`Diagnostic::help`].
    #[must_use]
    pub fn help(self, text: impl Into<String>) -> Self {
        self.note("help", text)
    }

    /// See [`Diagnostic::why`].
    #[must_use]
    pub fn why(self, text: impl Into<String>) -> Self {
        self.note("why", text)
    }

    /// The stable code.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The process exit status that scripts rely on: 2 usage or config, 3 input data, 4 model or artifact, 5 machine,
    /// 6 data that cannot be segmented, 130 interrupted, 70 a bug of ours.
    pub fn exit_code(&self) -> i32 {
        match self.code() {
            "E0101" | "E0604" | "E0605" | "E0615" => 2,
            "E0130" => 130,
            "E0070" => 70,
            code => match code.get(..3) {
                Some("E01" | "E03") => 3,
                Some("E02" | "E07") => 2,
                Some("E04") => 6,
                Some("E05") => 4,
                Some("E06") if code >= "E0610" => 5,
                Some("E06") => 4,
                _ => 70,
            },
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.code, self.title)?;
        if let Some(place) = &self.place {
            write!(f, " ({}:{})", place.file, place.line)?;
        }
        for note in &self.notes {
            write!(f, "\n  {}: {}", note.kind, note.text)?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}
