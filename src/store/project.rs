//! What a person wrote in the project's folder.

use super::Store;
use crate::error::{Error, Result};
use base64::Engine;
use std::fs;
use std::path::Path;

impl Store {
    /// The text of `ilk.toml`.
    ///
    /// # Errors
    /// E0202 if there is none.
    pub fn config_text(&self) -> Result<String> {
        let path = self.root.join(crate::config::FILE);
        fs::read_to_string(&path).map_err(|e| {
            if e.kind() == std::io::ErrorKind::NotFound {
                Error::new("E0202", format!("there is no {} in {}", crate::config::FILE, self.root.display()))
                    .help("`ilk init orders.csv` writes one; `ilk demo` makes a whole project")
            } else {
                Error::new("E0202", format!("{} cannot be read: {e}", path.display()))
                    .help("is it a text file, in UTF-8?")
            }
        })
    }

    /// The text of `personas.toml`; `None` if there is none.
    ///
    /// # Errors
    /// E0202 if it cannot be read.
    pub fn personas_text(&self) -> Result<Option<String>> {
        match fs::read_to_string(self.root.join(crate::config::PERSONAS)) {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::new("E0202", format!("{} cannot be read: {e}", crate::config::PERSONAS))
                .help("is it a text file, in UTF-8?")),
        }
    }

    /// A picture as a `data:` address, to be part of a page.
    ///
    /// # Errors
    /// E0213 if it cannot be read, is no picture by its ending, or is larger than 100 KB.
    pub fn picture(&self, path: &str) -> Result<String> {
        const MOST: usize = 100_000;
        const KINDS: [(&str, &str); 5] = [
            ("png", "image/png"),
            ("jpg", "image/jpeg"),
            ("jpeg", "image/jpeg"),
            ("webp", "image/webp"),
            ("svg", "image/svg+xml"),
        ];
        let refuse = |what: String| Error::new("E0213", what).help("logo = \"logo.svg\"  (PNG, JPEG, WebP or SVG)");
        let ending = Path::new(path).extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == ending) else {
            return Err(refuse(format!("`logo = \"{path}\"` is no picture by its ending")));
        };
        let bytes =
            fs::read(self.root.join(path)).map_err(|e| refuse(format!("`logo = \"{path}\"` cannot be read: {e}")))?;
        if bytes.len() > MOST {
            return Err(refuse(format!("`logo = \"{path}\"` has {} KB, and at most 100 KB fit", bytes.len() / 1000))
                .why("it becomes part of a page that people forward"));
        }
        Ok(format!("data:{kind};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes)))
    }
}
