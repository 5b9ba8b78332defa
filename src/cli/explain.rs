//! `ilk explain`: the long form of any error or warning code. The pages are the Markdown files in `explain/`.

use super::Voice;
use crate::error::{Error, Result};
use clap::Args;
use serde_json::json;

macro_rules! pages {
    ($($code:ident)+) => {
        /// Every code and its page, ascending by code.
        pub const CODES: &[(&str, &str)] =
            &[$((stringify!($code), include_str!(concat!("explain/", stringify!($code), ".md")))),+];
    };
}

pages! {
    E0070
    E0101 E0102 E0103 E0104 E0105 E0106 E0110 E0111 E0112 E0113 E0130 E0131
    E0201 E0202 E0203 E0204 E0205 E0206 E0207 E0208 E0209 E0290
    E0302 E0312 E0313 E0314 E0315 E0322 E0323 E0331 E0341 E0343 E0346
    E0401 E0403 E0404 E0411 E0413 E0499
    E0502 E0503 E0504
    E0601 E0603 E0604 E0605 E0611 E0612 E0613 E0615
    E0701
    W0108 W0109
    W0206
    W0301 W0316 W0317 W0321 W0324 W0331 W0332 W0341 W0342 W0344 W0345 W0351 W0352 W0353 W0354 W0355
    W0402 W0403 W0404 W0405 W0410 W0412 W0422
    W0501 W0505
}

/// Arguments of `ilk explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Such as E0312; without it every code is listed
    code: Option<String>,
}

impl Explain {
    pub(crate) fn run(&self, voice: &Voice) -> Result<i32> {
        let Some(code) = &self.code else {
            for (code, page) in CODES {
                voice.say(format!("{code}  {}", title(page)));
            }
            let all: Vec<_> = CODES.iter().map(|(code, page)| json!({ "code": code, "title": title(page) })).collect();
            return voice.document(&all).map(|()| 0);
        };
        let Some((code, page)) = find(code) else {
            let error = Error::new("E0209", format!("there is no code `{code}`"));
            return Err(match closest(code) {
                Some(near) => error.help(format!("did you mean {near}?     ilk explain {near}")),
                None => {
                    error.help("a code is a letter and four digits: ilk explain E0312; `ilk explain` lists them all")
                }
            });
        };
        voice.say(page.trim_end());
        let status = code.starts_with('E').then(|| Error::new(code, "").exit_code());
        if let Some(status) = status {
            voice.say(format!("\nExit status when it stops a command: {status}"));
        }
        voice.document(&json!({ "code": code, "title": title(page), "page": page, "exit_code": status }))?;
        Ok(0)
    }
}

/// The page of a code, in Markdown; upper or lower case.
pub fn page(code: &str) -> Option<&'static str> {
    find(code).map(|(_, page)| page)
}

/// The code nearest to a mistyped one, if it is near enough to be a slip: at most two letters or digits off.
pub fn closest(code: &str) -> Option<&'static str> {
    let wanted = code.trim().to_uppercase();
    CODES
        .iter()
        .map(|(code, _)| (strsim::osa_distance(&wanted, code), *code))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, code)| code)
}

fn find(code: &str) -> Option<(&'static str, &'static str)> {
    let wanted = code.trim().to_uppercase();
    CODES.binary_search_by(|(code, _)| (*code).cmp(&wanted)).ok().map(|i| CODES[i])
}

/// What stands after the code in the first line.
fn title(page: &'static str) -> &'static str {
    page.lines().next().and_then(|line| line.split_once(": ")).map_or("", |(_, title)| title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// Codes of the form `E0312` in a text.
    fn codes_in(text: &str) -> Vec<&str> {
        let bytes = text.as_bytes();
        (0..bytes.len().saturating_sub(4))
            .filter(|i| matches!(bytes[*i], b'E' | b'W') && bytes[i + 1] == b'0')
            .filter(|i| bytes[i + 1..i + 5].iter().all(u8::is_ascii_digit))
            .map(|i| &text[i..i + 5])
            .collect()
    }

    /// The folder of the crate's sources, from the place of this file.
    fn sources() -> PathBuf {
        Path::new(file!()).ancestors().nth(2).map(Path::to_path_buf).unwrap_or_default()
    }

    fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder of sources").map(|e| e.expect("an entry").path()) {
            if entry.is_dir() {
                rust_files(&entry, found);
            } else if entry.extension().is_some_and(|e| e == "rs") {
                found.push(entry);
            }
        }
    }

    #[test]
    fn pages_have_their_parts() {
        for (code, page) in CODES {
            let first = page.lines().next().unwrap_or_default();
            let title = first.strip_prefix(&format!("# {code}: ")).unwrap_or_default();
            assert!(!title.is_empty(), "{code} begins with: {first}");
            assert!(page.lines().any(|l| l == "## Fix"), "{code} has no fix");
            assert!((8..=40).contains(&page.lines().count()), "{code} has {} lines", page.lines().count());
            assert!(page.lines().all(|l| l.chars().count() <= 100), "{code} has a line above 100 characters");
            assert!(page.matches("\n```").count() % 2 == 0, "{code} has an open code block");
        }
    }

    #[test]
    fn codes_ascend_without_duplicates() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn pages_refer_to_pages() {
        for (code, page) in CODES {
            for named in codes_in(page) {
                assert!(super::page(named).is_some(), "{code} names {named}");
            }
        }
    }

    #[test]
    fn every_page_file_is_listed() {
        let folder = sources().join("cli").join("explain");
        for entry in std::fs::read_dir(folder).expect("the pages").map(|e| e.expect("an entry").path()) {
            let name = entry.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            assert!(page(&name).is_some(), "{} is in no list", entry.display());
        }
    }

    #[test]
    fn every_code_that_can_be_said_has_a_page() {
        let mut files = Vec::new();
        rust_files(&sources(), &mut files);
        let mut said = 0;
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a source file");
            let dense: String = text.split_whitespace().collect();
            for after in dense.split("::new(\"").skip(1) {
                let Some(code) = codes_in(after.get(..5).unwrap_or_default()).pop() else { continue };
                assert!(page(code).is_some(), "{} says {code}, which has no page", file.display());
                said += 1;
            }
        }
        assert!(said > 20, "only {said} messages were found");
    }

    #[test]
    fn toml_to_paste_is_toml() {
        for (code, page) in CODES {
            for block in page.split("```toml\n").skip(1) {
                let block = block.split("```").next().unwrap_or_default();
                assert!(block.parse::<toml::Table>().is_ok(), "{code}: {block}");
            }
        }
    }

    #[test]
    fn codes_are_found_in_any_case_and_slips_are_caught() {
        assert_eq!(page("e0312"), page("E0312"));
        assert!(page("E0312").is_some());
        assert_eq!(page("E9999"), None);
        assert_eq!(page(""), None);
        assert_eq!(closest("W0312"), Some("E0312"));
        assert_eq!(closest("e0132"), Some("E0131"));
        assert_eq!(closest("nonsense"), None);
    }
}
