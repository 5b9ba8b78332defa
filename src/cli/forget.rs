//! `ilk forget`: takes one customer out of everything that was written, and proves it.

use super::{Voice, config};
use crate::error::{Error, Result};
use crate::export::{csv, parquet};
use crate::store::Store;
use clap::Args;
use serde_json::json;

/// Arguments of `ilk forget`.
#[derive(Debug, Args)]
pub struct Forget {
    /// The customer
    #[arg(value_name = "CUSTOMER_ID")]
    customer: String,
}

impl Forget {
    pub(crate) fn run(&self, store: &Store, voice: &Voice) -> Result<i32> {
        let _lock = store.lock()?;
        let id = self.customer.as_str();
        let (mut rows, mut files, mut versions) = (0, 0, 0);
        for model in store.every_version() {
            let mut rewritten = Vec::new();
            for (file, bytes) in store.artifacts(&model)? {
                let (left, gone) = if file.ends_with(".parquet") {
                    parquet::without(&bytes, id)?
                } else if file.ends_with(".csv") {
                    csv::without(&bytes, id)?
                } else {
                    continue;
                };
                if gone > 0 {
                    rows += gone;
                    rewritten.push((file, left));
                }
            }
            files += rewritten.len();
            versions += usize::from(!rewritten.is_empty());
            store.rewrite(&model, rewritten)?;
        }
        // The proof reads what is on the disk now.
        let (mut looked_through, mut left) = (0, Vec::new());
        for path in store.every_file() {
            looked_through += 1;
            let bytes = store.bytes(&path)?;
            let mentions = match path.extension().and_then(|e| e.to_str()) {
                Some("parquet") => parquet::without(&bytes, id)?.1 > 0,
                Some("csv") => csv::without(&bytes, id)?.1 > 0,
                _ => names(&bytes, id),
            };
            if mentions {
                left.push(path.display().to_string());
            }
        }
        if rows == 0 && left.is_empty() {
            return Err(Error::new("E0504", format!("no customer `{id}` in any of {looked_through} files"))
                .help("ids are text as in the file"));
        }
        if !left.is_empty() {
            return Err(Error::new("E0616", format!("{} files still have {id}: {}", left.len(), left.join(", ")))
                .why("nothing but tables of customers is rewritten")
                .help("delete them, or make them again"));
        }
        let inputs = config(store).map(|config| config.input.paths()).unwrap_or_default();
        voice.say(format!("Forgot {id}: {rows} rows in {files} files of {versions} versions"));
        voice.say(format!("Proof: none of the {looked_through} files under models and reports has the id any more"));
        if !inputs.is_empty() {
            voice.say(format!("Inputs are yours, and a new run reads them again: {}", inputs.join(", ")));
        }
        voice.document(&json!({ "rows": rows, "files": files, "versions": versions, "looked_through": looked_through, "inputs": inputs }))?;
        Ok(0)
    }
}

/// Whether a text names the id by itself, not as part of another word.
fn names(text: &[u8], id: &str) -> bool {
    let id = id.as_bytes();
    if id.is_empty() || text.len() < id.len() {
        return false;
    }
    let apart = |at: Option<&u8>| at.is_none_or(|c| !c.is_ascii_alphanumeric());
    // A number alone may be a count: only as text is it an id.
    let quoted = id.iter().all(u8::is_ascii_digit);
    (0..=text.len() - id.len()).filter(|at| text[*at..].starts_with(id)).any(|at| {
        let (before, after) = (at.checked_sub(1).and_then(|at| text.get(at)), text.get(at + id.len()));
        if quoted { before == Some(&b'"') && after == Some(&b'"') } else { apart(before) && apart(after) }
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn an_id_is_a_word_of_its_own() {
        assert!(names(b"{\"id\": \"C01\"}", "C01") && names(b"C01", "C01") && !names(b"C011 AC01", "C01"));
        assert!(names(b"\"17850\"", "17850") && !names(b"<td>17850</td>", "17850") && !names(b"x", "C01"));
    }
}
