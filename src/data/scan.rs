//! The quick look at a delimited file: in parallel, and only for files without a flaw. Whatever is odd (a record with another
//! number of fields, a stray quote, an empty line, bytes that are no UTF-8) makes it give up, and the slow look of
//! [`inspect`](super::inspect) says where and what.

use memchr::{memchr, memchr_iter, memchr2_iter, memchr3};
use rayon::prelude::*;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes that one thread looks at at a time. Tests have few, so that every file has several pieces.
pub(crate) const PIECE: u64 = if cfg!(test) { 256 } else { 8 << 20 };

/// What is done with the fields of a piece, which come one after the other.
pub(crate) trait Look {
    /// What is left of it.
    type Found: Send;
    /// A record begins so many bytes after the piece.
    fn start(&mut self, at: usize);
    /// Takes in the field of a column, from 0, without its quotes; `bare` is whether it had none.
    fn field(&mut self, column: usize, text: &[u8], bare: bool);
    /// The record is over.
    fn end(&mut self);
    /// The piece is over; `None` makes the whole look give up.
    fn found(self) -> Option<Self::Found>;
}

/// A file as [`scan`] takes it.
pub(crate) struct Layout {
    /// The first byte after the header.
    pub(crate) start: u64,
    /// Field delimiter.
    pub(crate) delimiter: u8,
    /// Fields of every record.
    pub(crate) fields: usize,
    /// Bytes of a piece: [`PIECE`].
    pub(crate) piece: u64,
}

/// Looks at the records of a file from the first after the header to the end. `look` is given about how many records a piece
/// has. Each piece, in the order of the file, comes with the byte where it begins. `None` if anything is odd or cannot be read.
pub(crate) fn scan<L: Look>(
    path: &Path,
    layout: &Layout,
    look: impl Fn(usize) -> L + Sync,
) -> Option<Vec<(u64, L::Found)>> {
    let end = path.metadata().ok()?.len();
    let pieces: Vec<u64> = (layout.start..end).step_by(usize::try_from(layout.piece).ok()?).collect();
    let mut first = Vec::new();
    read(path, layout.start, (layout.start + layout.piece).min(end), &mut first)?;
    // Files mostly have no quotes, or some early on. One that has its first quote late is looked at twice.
    if memchr(b'"', &first).is_none() {
        let bounds = bounds(path, &pieces, end, &vec![0; pieces.len()])?;
        if let Some(found) = between(path, layout, &bounds, &look, plain) {
            return Some(found);
        }
    }
    drop(first);
    // A quote opens or closes, a doubled one does both: so the number of quotes before a byte tells whether it is inside.
    let quotes: Vec<usize> = pieces
        .par_iter()
        .map_init(Vec::new, |bytes, from| {
            read(path, *from, (from + layout.piece).min(end), bytes)?;
            Some(memchr_iter(b'"', bytes).count())
        })
        .collect::<Option<_>>()?;
    let all: usize = quotes.iter().sum();
    if all == 0 || all % 2 == 1 {
        return None;
    }
    between(path, layout, &bounds(path, &pieces, end, &quotes)?, &look, quoted)
}

/// Looks at the pieces between consecutive bounds.
fn between<L: Look>(
    path: &Path,
    layout: &Layout,
    bounds: &[u64],
    look: &(impl Fn(usize) -> L + Sync),
    records: impl Fn(&[u8], &Layout, &mut L) -> Option<()> + Sync,
) -> Option<Vec<(u64, L::Found)>> {
    bounds
        .par_windows(2)
        .map_init(Vec::new, |bytes, bound| {
            if bound[0] >= bound[1] {
                return Some((bound[0], look(0).found()?));
            }
            u32::try_from(bound[1] - bound[0]).ok()?;
            read(path, bound[0], bound[1], bytes)?;
            std::str::from_utf8(bytes).ok()?;
            let mut look = look(about(bytes));
            records(bytes, layout, &mut look)?;
            Some((bound[0], look.found()?))
        })
        .collect()
}

/// About how many lines a text has: as the beginning lets expect, and some more.
fn about(text: &[u8]) -> usize {
    let beginning = &text[..text.len().min(1 << 16)];
    let lines = memchr_iter(b'\n', beginning).count() + 1;
    lines * text.len() / beginning.len().max(1) * 17 / 16
}

fn read(path: &Path, from: u64, to: u64, bytes: &mut Vec<u8>) -> Option<()> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(from)).ok()?;
    bytes.resize(usize::try_from(to.checked_sub(from)?).ok()?, 0);
    file.read_exact(bytes).ok()
}

/// Where the records of each piece begin, and the end. `quotes` is how many quotes stand in each.
fn bounds(path: &Path, pieces: &[u64], end: u64, quotes: &[usize]) -> Option<Vec<u64>> {
    let mut inside = false;
    let mut bounds = Vec::with_capacity(pieces.len() + 1);
    for (i, (from, quotes)) in pieces.iter().zip(quotes).enumerate() {
        let bound = if i == 0 { *from } else { next_record(path, *from, end, inside)? };
        // A record may be longer than a piece.
        bounds.push(bound.max(bounds.last().copied().unwrap_or(0)));
        inside ^= quotes % 2 == 1;
    }
    bounds.push(end);
    Some(bounds)
}

/// The first byte at or after `from` where a record starts; `inside` is whether `from` is between quotes. The end of the file
/// if there is none.
fn next_record(path: &Path, from: u64, end: u64, mut inside: bool) -> Option<u64> {
    // The byte before may be the line break that ends the record before.
    let mut at = from - 1;
    let mut first = true;
    let mut bytes = Vec::new();
    while at < end {
        read(path, at, (at + 65_536).min(end), &mut bytes)?;
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

/// Records without quotes.
fn plain<L: Look>(text: &[u8], layout: &Layout, look: &mut L) -> Option<()> {
    if memchr(b'"', text).is_some() {
        return None;
    }
    let returns = memchr(b'\r', text).is_some();
    if returns && !memchr_iter(b'\r', text).all(|at| text.get(at + 1) == Some(&b'\n')) {
        return None;
    }
    let Layout { delimiter, fields, .. } = *layout;
    let (mut record, mut from, mut column) = (0, 0, 0);
    let end_of_record = |record: usize, from: usize, mut to: usize, column: usize, look: &mut L| {
        if returns && to > from && text[to - 1] == b'\r' {
            to -= 1;
        }
        // An empty line is no record.
        if column + 1 != fields || to == record {
            return None;
        }
        look.field(column, &text[from..to], true);
        look.end();
        Some(())
    };
    if !text.is_empty() {
        look.start(0);
    }
    for at in memchr2_iter(delimiter, b'\n', text) {
        if text[at] == delimiter {
            if column + 1 >= fields {
                return None;
            }
            look.field(column, &text[from..at], true);
            column += 1;
        } else {
            end_of_record(record, from, at, column, look)?;
            record = at + 1;
            column = 0;
            if record < text.len() {
                look.start(record);
            }
        }
        from = at + 1;
    }
    if record < text.len() {
        end_of_record(record, from, text.len(), column, look)?;
    }
    Some(())
}

/// Records with quotes. A quote must open at the start of a field and close at its end.
fn quoted<L: Look>(text: &[u8], layout: &Layout, look: &mut L) -> Option<()> {
    let Layout { delimiter, fields, .. } = *layout;
    let mut unescaped = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if matches!(text[at], b'\n' | b'\r') {
            return None;
        }
        look.start(at);
        let mut column = 0;
        loop {
            if column == fields {
                return None;
            }
            if text.get(at) == Some(&b'"') {
                at += 1;
                unescaped.clear();
                let mut from = at;
                loop {
                    let close = at + memchr(b'"', text.get(at..)?)?;
                    at = close + 1;
                    if text.get(at) != Some(&b'"') {
                        let last = &text[from..close];
                        if unescaped.is_empty() {
                            look.field(column, last, false);
                        } else {
                            unescaped.extend_from_slice(last);
                            look.field(column, &unescaped, false);
                        }
                        break;
                    }
                    // Of a doubled quote one stays.
                    unescaped.extend_from_slice(&text[from..at]);
                    at += 1;
                    from = at;
                }
            } else {
                let end = memchr3(delimiter, b'\n', b'"', &text[at..]).map_or(text.len(), |i| at + i);
                let field = &text[at..end];
                let field =
                    if text.get(end) == Some(&b'\n') { field.strip_suffix(b"\r").unwrap_or(field) } else { field };
                if text.get(end) == Some(&b'"') || memchr(b'\r', field).is_some() {
                    return None;
                }
                look.field(column, field, true);
                at = end;
            }
            column += 1;
            match (text.get(at), text.get(at + 1)) {
                (None, _) => break,
                (Some(b'\n'), _) => {
                    at += 1;
                    break;
                }
                (Some(b'\r'), Some(b'\n')) => {
                    at += 2;
                    break;
                }
                (Some(byte), _) if *byte == delimiter => at += 1,
                _ => return None,
            }
        }
        if column != fields {
            return None;
        }
        look.end();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The fields of all records, and where each record begins.
    #[derive(Default)]
    struct Seen {
        fields: Vec<Vec<(Vec<u8>, bool)>>,
        record: Vec<(Vec<u8>, bool)>,
        starts: Vec<usize>,
    }

    impl Look for Seen {
        type Found = Self;

        fn start(&mut self, at: usize) {
            self.starts.push(at);
        }

        fn field(&mut self, column: usize, text: &[u8], bare: bool) {
            assert_eq!(column, self.record.len());
            self.record.push((text.to_vec(), bare));
        }

        fn end(&mut self) {
            self.fields.push(std::mem::take(&mut self.record));
        }

        fn found(self) -> Option<Self> {
            assert_eq!(self.fields.len(), self.starts.len());
            Some(self)
        }
    }

    fn seen(text: &[u8], fields: usize, piece: u64) -> Option<Vec<(u64, Seen)>> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("text");
        scan(file.path(), &Layout { start: 0, delimiter: b',', fields, piece }, |_| Seen::default())
    }

    fn look(text: &[u8], fields: usize) -> Option<Vec<Vec<u8>>> {
        let record = |fields: Vec<(Vec<u8>, bool)>| fields.into_iter().flat_map(|f| f.0).collect();
        seen(text, fields, PIECE).map(|pieces| pieces.into_iter().flat_map(|p| p.1.fields).map(record).collect())
    }

    /// What the csv crate reads, if every record has as many fields.
    fn slow(text: &[u8], fields: usize) -> Option<Vec<Vec<Vec<u8>>>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        reader
            .byte_records()
            .map(|record| {
                let record = record.expect("a record");
                (record.len() == fields).then(|| record.iter().map(<[u8]>::to_vec).collect())
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
            b"a,b\nc,d,e\n",
            b"a,5\"\nc,d\n",
            b"\"a,b\nc,d\n",
            b"a,\xf6\n",
            b"\"a\"x,b\n",
            b"a\rb,c\n",
            b"a,b\r",
        ] {
            assert_eq!(look(odd, 2), None, "{}", String::from_utf8_lossy(odd));
        }
    }

    #[test]
    fn a_quoted_empty_field_is_told_from_nothing() {
        let pieces = seen(b"\"\",\n,\"\"\n", 2, PIECE).expect("a clean file");
        let bare: Vec<Vec<bool>> = pieces[0].1.fields.iter().map(|r| r.iter().map(|f| f.1).collect()).collect();
        assert_eq!(bare, [[false, true], [true, false]]);
    }

    #[test]
    fn a_first_quote_far_into_the_file_is_seen() {
        let text = format!("{}\"x,\ny\",2\n", "plain,1\n".repeat(100));
        let pieces = seen(text.as_bytes(), 2, 64).expect("a clean file");
        let records: Vec<_> = pieces.iter().flat_map(|p| &p.1.fields).collect();
        assert_eq!(records.len(), 101);
        assert_eq!(records[100][0], (b"x,\ny".to_vec(), false));
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_the_csv_crate_reads(
            text in "([ab,\n]|\r\n|\"|\"a,\"|\"\"\"\"){1,60}",
            fields in 1usize..4,
            piece in 1u64..80,
        ) {
            if let Some(pieces) = seen(text.as_bytes(), fields, piece) {
                for (from, seen) in &pieces {
                    for start in &seen.starts {
                        let before = (*from as usize + start).checked_sub(1).map(|i| text.as_bytes()[i]);
                        prop_assert!(before.is_none_or(|byte| byte == b'\n'));
                    }
                }
                let found = pieces.into_iter().flat_map(|p| p.1.fields);
                let found = found.map(|r| r.into_iter().map(|f| f.0).collect()).collect();
                prop_assert_eq!(Some(found), slow(text.as_bytes(), fields));
            }
        }
    }
}
