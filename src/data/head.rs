//! What the first bytes of a text file tell: how it is packed and encoded, its delimiter and its header.

use super::inspect::{Declared, place, unreadable};
use crate::error::{Error, Result, Warning};
use csv::ReaderBuilder;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Delimiters that are tried, in order of preference.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The text below its first lines.
pub(super) fn below(text: &str, lines: u32) -> &str {
    let mut rest = text;
    for _ in 0..lines {
        rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest
}

pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

pub(super) fn head_raw(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path).and_then(|f| f.take(8).read_to_end(&mut bytes)).map_err(|e| unreadable(&shown, &e))?;
    Ok(bytes)
}

pub(super) fn raw(path: &Path) -> Result<Box<dyn Read>> {
    let shown = path.display().to_string();
    let gzip = is_gzip(&head_raw(path)?);
    let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(|e| unreadable(&shown, &e))?);
    Ok(if gzip { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) })
}

pub(super) fn head(path: &Path, shown: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    raw(path)?.take(1 << 18).read_to_end(&mut bytes).map_err(|e| unreadable(shown, &e))?;
    if bytes.is_empty() {
        return Err(Error::new("E0102", format!("{shown} is empty (0 bytes)")).help("was the export interrupted?"));
    }
    Ok(bytes)
}

pub(super) fn hash(file: &File, shown: &str) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(|e| unreadable(shown, &e))?;
    Ok(hasher.finalize().to_hex().to_string())
}

pub(super) fn refuse_other_formats(head: &[u8], shown: &str) -> Result<()> {
    let start: String = head.iter().take(64).map(|b| b.to_ascii_lowercase() as char).collect();
    let start = start.trim_start();
    let what = if head.starts_with(b"PK\x03\x04") {
        "an Excel workbook or a zip archive"
    } else if head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        "an old Excel workbook"
    } else if start.starts_with("<!doctype html") || start.starts_with("<html") {
        "an HTML page"
    } else {
        return Ok(());
    };
    Err(Error::new("E0110", format!("{shown} is {what}, not CSV"))
        .help("open it and save it as CSV UTF-8, or export Parquet"))
}

pub(super) fn encoding(head: &[u8], declared: &Declared, shown: &str) -> Result<(&'static Encoding, Vec<Warning>)> {
    if let Some(label) = &declared.encoding {
        return match Encoding::for_label(label.as_bytes()) {
            Some(found) => Ok((found, Vec::new())),
            None => Err(Error::new("E0204", format!("`{label}` is not an encoding that is known"))
                .help("encoding = \"utf-8\", \"windows-1252\", \"utf-16le\", …")),
        };
    }
    let found = match head {
        [0xff, 0xfe, ..] => UTF_16LE,
        [0xfe, 0xff, ..] => UTF_16BE,
        _ => return Ok((UTF_8, Vec::new())),
    };
    let name = Path::new(shown).file_name().map_or_else(|| shown.to_string(), |n| n.to_string_lossy().into_owned());
    let warning = Warning::new("W0109", format!("{name} is {}: converted to UTF-8", found.name()))
        .help(format!("to state it: encoding = \"{}\"", found.name().to_lowercase()));
    Ok((found, vec![warning]))
}

pub(super) fn decode(bytes: &[u8], encoding: &'static Encoding) -> String {
    if encoding == UTF_8 && std::str::from_utf8(bytes).is_err() {
        return WINDOWS_1252.decode(bytes).0.into_owned();
    }
    encoding.decode(bytes).0.into_owned()
}

/// How many fields each of the first records has under a delimiter.
pub(super) fn widths(text: &str, delimiter: u8) -> Vec<usize> {
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes());
    reader.byte_records().take(101).map_while(|r| r.ok().map(|r| r.len())).collect()
}

pub(super) fn delimiter(text: &str, declared: &Declared, shown: &str) -> Result<u8> {
    let best = DELIMITERS
        .iter()
        .map(|d| {
            let widths = widths(text, *d);
            let first = widths.iter().rev().nth(usize::from(widths.len() > 2)).copied().unwrap_or(1);
            let agree = widths.iter().filter(|w| **w == first).count();
            (*d, first, agree, widths.len())
        })
        .filter(|(_, width, agree, n)| *width > 1 && *agree * 2 > *n)
        .max_by_key(|(_, width, agree, _)| agree * width);
    let Some(given) = declared.delimiter else {
        return Ok(best.map_or(b',', |(d, ..)| d));
    };
    let width = widths(text, given).first().copied().unwrap_or(1);
    match best {
        Some((other, found, agree, _)) if width == 1 && other != given => {
            Err(Error::new(
                "E0104",
                format!(
                    "`{}` does not split {shown}: every line has 1 column, while `{}` appears {} times on each of the first {agree} lines",
                    shown_delimiter(given),
                    shown_delimiter(other),
                    found - 1
                ),
            )
            .why("with one column there is no customer, no date and no amount to read")
            .help(format!("delimiter = \"{}\"", shown_delimiter(other))))
        }
        _ => Ok(given),
    }
}

/// A delimiter as it is written in a config.
pub(super) fn shown_delimiter(delimiter: u8) -> String {
    if delimiter == b'\t' { "\\t".into() } else { (delimiter as char).to_string() }
}

/// The column names. `text` is what stands below the skipped lines.
pub(super) fn header(text: &str, delimiter: u8, shown: &str, declared: &Declared) -> Result<Vec<String>> {
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().take(101).map_while(std::result::Result::ok).collect();
    let Some(first) = records.first() else {
        return Err(Error::new("E0102", format!("{shown} holds no text")).help("was the export interrupted?"));
    };
    let line = declared.skip as usize + first.position().map_or(1, |p| p.line() as usize);
    let found: Vec<String> = first
        .iter()
        .enumerate()
        .map(|(i, n)| if i == 0 { n.trim_start_matches('\u{feff}') } else { n }.to_string())
        .collect();
    if !declared.names.is_empty() && declared.names.len() != found.len() {
        return Err(Error::new(
            "E0112",
            format!("`names` lists {} columns and {shown} has {}", declared.names.len(), found.len()),
        )
        .at(place(shown, line, &found, delimiter, None, &format!("{} fields", found.len())))
        .help(format!("names = [{}]", listed(&(1..=found.len()).map(|i| format!("column_{i}")).collect::<Vec<_>>()))));
    }
    if declared.headless && declared.names.is_empty() {
        return Ok((1..=found.len()).map(|i| format!("column_{i}")).collect());
    }
    let names = if declared.names.is_empty() { found.clone() } else { declared.names.clone() };
    if !declared.headless {
        above_the_header(&records, shown, declared.skip)?;
        let is_data = |n: &&String| n.trim().parse::<f64>().is_ok() || super::dates::looks_like_date(n);
        let looks_like_data = found.iter().filter(is_data).count();
        if looks_like_data > 0 {
            let columns: Vec<String> = (1..=found.len()).map(|i| format!("column_{i}")).collect();
            return Err(Error::new(
                "E0111",
                format!(
                    "the first line of {shown} looks like data: {looks_like_data} of its {} fields are numbers or dates",
                    found.len()
                ),
            )
            .at(place(shown, line, &found, delimiter, None, "no column names here"))
            .why("without names it can only be guessed which column is the customer")
            .help(format!(
                "put a line with the column names on top, or name them in ilk.toml beside `path`\nheader = false\nnames = [{}]",
                listed(&columns)
            )));
        }
    }
    let renamed = |i: usize, name: &str| {
        let mut all = names.clone();
        all[i] = name.into();
        format!(
            "give every column a name of its own, in the file or in ilk.toml beside `path`\nnames = [{}]",
            listed(&all)
        )
    };
    for (i, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(Error::new("E0112", format!("column {} of {shown} has no name", i + 1))
                .at(place(shown, line, &found, delimiter, Some(i), "blank"))
                .help(renamed(i, &format!("column_{}", i + 1))));
        }
        if let Some(j) = names[..i].iter().position(|n| n == name) {
            return Err(Error::new(
                "E0112",
                format!("two columns of {shown} are called `{name}` ({} and {})", j + 1, i + 1),
            )
            .at(place(shown, line, &found, delimiter, Some(i), "again"))
            .why("the wrong one of them could be read")
            .help(renamed(i, &format!("{name}_{}", i + 1))));
        }
    }
    Ok(names)
}

pub(super) fn listed(names: &[String]) -> String {
    names.iter().map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(", ")
}

/// Fails with E0113 if the first lines are titles: one cell with something in it, where the lines below have several.
pub(super) fn above_the_header(records: &[csv::StringRecord], shown: &str, skipped: u32) -> Result<()> {
    let filled = |record: &csv::StringRecord| record.iter().filter(|f| !f.trim().is_empty()).count();
    let usual = records.iter().rev().nth(usize::from(records.len() > 2)).map_or(0, filled);
    let Some(header) = records.iter().find(|r| filled(r) > 1).filter(|_| usual > 1) else { return Ok(()) };
    if records.first().is_none_or(|first| filled(first) > 1) {
        return Ok(());
    }
    let above = header.position().map_or(1, |p| p.line() as usize).saturating_sub(1) + skipped as usize;
    Err(Error::new(
        "E0113",
        format!(
            "the header of {shown} seems to be in line {}: {}",
            above + 1,
            if above == 1 {
                "the line above has 1 field".to_string()
            } else {
                format!("the {above} lines above have 1 field")
            }
        ),
    )
    .why("without the header no column has a name")
    .help(format!("put this in ilk.toml beside `path`\nskip = {above}")))
}
