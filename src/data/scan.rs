//! The quick look at a delimited file: in parallel, and only for files without a flaw. Whatever is odd (a record with another
//! number of fields, a stray quote, an empty line, bytes that are no UTF-8) makes it give up, and the slow look of
//! [`inspect`](super::inspect) says where and what.

use memchr::{memchr, memchr_iter, memchr3};
use rayon::prelude::*;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes that one thread looks at at a time.
const PIECE: u64 = 8 << 20;

/// A part of a file without a flaw.
pub(crate) struct Piece<S> {
    /// What was gathered from its records.
    pub(crate) state: S,
    /// Byte of the file where the first of them begins.
    pub(crate) from: u64,
    /// Where each of them begins, counted from there.
    pub(crate) starts: Vec<u32>,
}

/// Looks at the records from byte `start`, the first after the header, to the end. Each must have `fields` fields; `look` is
/// given them one after the other without delimiters and quotes, and where each ends. The pieces are in the order of the
/// file. `None` if anything is odd or cannot be read.
pub(crate) fn scan<S: Default + Send>(
    path: &Path,
    start: u64,
    delimiter: u8,
    fields: usize,
    look: impl Fn(&mut S, &[u8], &[usize]) + Sync,
) -> Option<Vec<Piece<S>>> {
    let end = path.metadata().ok()?.len();
    let pieces: Vec<u64> = (start..end).step_by(PIECE as usize).collect();
    // A quote opens or closes, a doubled one does both: so the number of quotes before a byte tells whether it is inside.
    let quotes: Vec<usize> = pieces
        .par_iter()
        .map(|from| Some(memchr_iter(b'"', &read(path, *from, (from + PIECE).min(end))?).count()))
        .collect::<Option<_>>()?;
    let mut inside = false;
    let mut bounds = Vec::with_capacity(pieces.len() + 1);
    for (from, quotes) in pieces.iter().zip(&quotes) {
        bounds.push(if *from == start { start } else { next_record(path, *from, end, inside)? });
        inside ^= quotes % 2 == 1;
    }
    if inside {
        return None;
    }
    bounds.push(end);
    let quoted = quotes.iter().any(|n| *n > 0);
    bounds
        .par_windows(2)
        .map(|bound| {
            let mut piece = Piece { state: S::default(), from: bound[0], starts: Vec::new() };
            if bound[0] >= bound[1] {
                return Some(piece);
            }
            let bytes = read(path, bound[0], bound[1])?;
            std::str::from_utf8(&bytes).ok()?;
            let (mut record, mut ends) = (Vec::new(), Vec::new());
            let mut at = 0;
            while at < bytes.len() {
                record.clear();
                ends.clear();
                let one = if quoted { one_quoted } else { one_plain };
                let length = one(&bytes[at..], delimiter, &mut record, &mut ends)?;
                if ends.len() != fields {
                    return None;
                }
                piece.starts.push(u32::try_from(at).ok()?);
                look(&mut piece.state, &record, &ends);
                at += length;
            }
            Some(piece)
        })
        .collect()
}

fn read(path: &Path, from: u64, to: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = vec![0; usize::try_from(to - from).ok()?];
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// The first byte at or after `from` where a record starts; `inside` is whether `from` is between quotes. The end of the file
/// if there is none.
fn next_record(path: &Path, from: u64, end: u64, mut inside: bool) -> Option<u64> {
    // The byte before may be the line break that ends the record before.
    let mut at = from - 1;
    let mut first = true;
    while at < end {
        let bytes = read(path, at, (at + 65_536).min(end))?;
        for (i, byte) in bytes.iter().enumerate() {
            match byte {
                b'"' if !(first && i == 0) => inside = !inside,
                b'\n' if !inside => return Some(at + i as u64 + 1),
                _ => {}
            }
        }
        first = false;
        at += bytes.len() as u64;
    }
    Some(end)
}

/// One record of a file without quotes; returns its length with the line break.
fn one_plain(text: &[u8], delimiter: u8, record: &mut Vec<u8>, ends: &mut Vec<usize>) -> Option<usize> {
    let (line, length) = match memchr(b'\n', text) {
        Some(at) => (&text[..at], at + 1),
        None => (text, text.len()),
    };
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || memchr(b'\r', line).is_some() {
        return None;
    }
    let mut start = 0;
    for at in memchr_iter(delimiter, line) {
        record.extend_from_slice(&line[start..at]);
        ends.push(record.len());
        start = at + 1;
    }
    record.extend_from_slice(&line[start..]);
    ends.push(record.len());
    Some(length)
}

/// One record of a file with quotes. A quote must open at the start of a field and close at its end.
fn one_quoted(text: &[u8], delimiter: u8, record: &mut Vec<u8>, ends: &mut Vec<usize>) -> Option<usize> {
    if matches!(text[0], b'\n' | b'\r') {
        return None;
    }
    let mut at = 0;
    loop {
        if text.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let close = at + memchr(b'"', &text[at..])?;
                record.extend_from_slice(&text[at..close]);
                at = close + 1;
                if text.get(at) == Some(&b'"') {
                    record.push(b'"');
                    at += 1;
                } else {
                    break;
                }
            }
        } else {
            let end = memchr3(delimiter, b'\n', b'"', &text[at..]).map_or(text.len(), |i| at + i);
            let field = &text[at..end];
            let field = if text.get(end) == Some(&b'\n') { field.strip_suffix(b"\r").unwrap_or(field) } else { field };
            if text.get(end) == Some(&b'"') || memchr(b'\r', field).is_some() {
                return None;
            }
            record.extend_from_slice(field);
            at = end;
        }
        ends.push(record.len());
        match (text.get(at), text.get(at + 1)) {
            (None, _) => return Some(at),
            (Some(b'\n'), _) => return Some(at + 1),
            (Some(b'\r'), Some(b'\n')) => return Some(at + 2),
            (Some(byte), _) if *byte == delimiter => at += 1,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look(text: &[u8], fields: usize) -> Option<Vec<Vec<u8>>> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("text");
        let pieces = scan(file.path(), 0, b',', fields, |all: &mut Vec<Vec<u8>>, record, ends| {
            assert_eq!((ends.len(), ends.last()), (fields, Some(&record.len())));
            all.push(record.to_vec());
        });
        pieces.map(|pieces| pieces.into_iter().flat_map(|p| p.state).collect())
    }

    /// What the csv crate reads, if every record has as many fields.
    fn slow(text: &[u8], fields: usize) -> Option<Vec<Vec<u8>>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        reader
            .byte_records()
            .map(|record| {
                let record = record.expect("a record");
                (record.len() == fields).then(|| record.as_slice().to_vec())
            })
            .collect()
    }

    #[test]
    fn clean_files_are_read_and_odd_ones_left() {
        assert_eq!(look(b"a,b\nc,d\n", 2), Some(vec![b"ab".to_vec(), b"cd".to_vec()]));
        assert_eq!(look(b"a,b\r\nc,d", 2), Some(vec![b"ab".to_vec(), b"cd".to_vec()]));
        assert_eq!(look(b"\"a,\"\"x\n\",b\nc,d\n", 2), Some(vec![b"a,\"x\nb".to_vec(), b"cd".to_vec()]));
        for odd in [
            &b"a,b\nc\n"[..],
            b"a,b\n\nc,d\n",
            b"a,5\"\nc,d\n",
            b"\"a,b\nc,d\n",
            b"a,\xf6\n",
            b"\"a\"x,b\n",
            b"a\rb,c\n",
        ] {
            assert_eq!(look(odd, 2), None, "{}", String::from_utf8_lossy(odd));
        }
    }

    #[test]
    fn records_across_pieces_are_whole() {
        let mut text = Vec::new();
        let mut records = 0;
        while text.len() < 2 * PIECE as usize + 1000 {
            text.extend_from_slice(if records % 3 == 0 {
                b"\"line\nbreak, and \"\"more\"\"\",1\n"
            } else {
                b"plain,22\n"
            });
            records += 1;
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), &text).expect("text");
        let pieces = scan(file.path(), 0, b',', 2, |all: &mut Vec<usize>, record, _| all.push(record.len()));
        let pieces = pieces.expect("a clean file");
        assert!(pieces.len() > 2);
        let lengths: Vec<usize> = pieces.iter().flat_map(|p| p.state.iter().copied()).collect();
        assert_eq!(lengths.len(), records);
        assert!(lengths.iter().enumerate().all(|(i, n)| *n == if i % 3 == 0 { 23 } else { 7 }));
        for piece in &pieces {
            for start in &piece.starts {
                assert!(matches!(text[(piece.from + u64::from(*start)) as usize], b'"' | b'p'));
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_csv_crate_reads(text in "[ab\",\n\r]{1,40}", fields in 1usize..4) {
            if let Some(found) = look(text.as_bytes(), fields) {
                prop_assert_eq!(Some(found), slow(text.as_bytes(), fields));
            }
        }
    }
}
