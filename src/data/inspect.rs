//! What one delimited text file is: its delimiter, encoding, header and the lines that do not fit.
//!
//! One pass over the bytes in front of polars, so that polars is only ever given plain UTF-8 with equally long records.
//! What is not (gzip, Windows-1252, UTF-16, ragged lines) is copied into a temporary file that is.

use super::coded::{Keeper, Piece, Take};
use super::duplicates::{digest, sketch};
use super::head::{
    below, decode, delimiter, encoding, hash, head, head_raw, header, is_gzip, raw, refuse_other_formats,
};
use super::numbers::NULL_WORDS;
use super::scan::{Layout, PIECE, scan};
use crate::error::{Error, Place, Result, Warning};
use csv::{ByteRecord, ReaderBuilder};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Records from one remembered place in the file to the next, at most.
pub(super) const STRETCH: usize = 32;

/// What the user says of the file; what is absent is detected.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    /// Field delimiter.
    pub(crate) delimiter: Option<u8>,
    /// Encoding label of the WHATWG standard.
    pub(crate) encoding: Option<String>,
    /// Lines above the header.
    pub(crate) skip: u32,
    /// Whether there is no header.
    pub(crate) headless: bool,
    /// Names of the columns; empty is those of the header.
    pub(crate) names: Vec<String>,
    /// Columns whose cells are taken along where the file has no flaw.
    pub(crate) taken: Vec<String>,
    /// That of them in which one date of each hour may stand for all.
    pub(crate) by_hour: Option<String>,
}

/// Where a record stands: its number among the clean ones, byte offset (without a byte order mark) and line.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    record: u64,
    offset: u64,
    line: u64,
}

/// A delimited file that polars can read.
#[derive(Debug)]
pub(crate) struct Delimited {
    /// The file as the user named it.
    pub(crate) path: PathBuf,
    /// The name shown in messages.
    pub(crate) shown: String,
    /// Field delimiter of the original.
    pub(crate) delimiter: u8,
    /// Encoding of the original.
    pub(crate) encoding: &'static Encoding,
    /// Column names.
    pub(crate) header: Vec<String>,
    /// Records after the header that have as many fields as the header.
    pub(crate) records: u64,
    /// Records with another number of fields: ordinal among all records, and the number of fields.
    pub(crate) ragged: Vec<(u64, usize)>,
    /// What was fixed on the way.
    pub(crate) warnings: Vec<Warning>,
    /// blake3 of the file's bytes.
    pub(crate) hash: String,
    /// Size of the file in bytes.
    pub(crate) bytes: u64,
    /// Fields of the last clean record.
    pub(crate) last: Vec<String>,
    /// Cells that hold a word for "missing": column, word, and how many.
    pub(crate) missing: BTreeMap<(usize, &'static str), u64>,
    skip: u32,
    headless: bool,
    /// Whether lines end in two characters.
    returns: bool,
    /// The sketch of every clean record, in pieces.
    pub(crate) sketches: Vec<Vec<u64>>,
    /// Places in the file, [`STRETCH`] records apart or less, where polars reads the file itself.
    stretches: Vec<Stretch>,
    /// Whether the quick look found nothing odd.
    flawless: bool,
    /// The cells of the columns that are taken along, from a file without a flaw.
    pub(crate) taken: Option<BTreeMap<String, Vec<Piece>>>,
    copy: Option<NamedTempFile>,
}

impl Delimited {
    /// Reads the file once and says what it is.
    pub(crate) fn inspect(path: &Path, declared: &Declared) -> Result<Self> {
        let shown = path.display().to_string();
        let head = head(path, &shown)?;
        refuse_other_formats(&head, &shown)?;
        let (encoding, mut warnings) = encoding(&head, declared, &shown)?;
        let text = decode(&head, encoding);
        let text = below(&text, declared.skip);
        let delimiter = delimiter(text, declared, &shown)?;
        let header = header(text, delimiter, &shown, declared)?;
        let file = File::open(path).map_err(|e| unreadable(&shown, &e))?;
        let bytes = file.metadata().map_err(|e| unreadable(&shown, &e))?.len();
        let mut this = Self {
            path: path.to_path_buf(),
            shown,
            delimiter,
            encoding,
            header,
            records: 0,
            ragged: Vec::new(),
            warnings: Vec::new(),
            hash: String::new(),
            bytes,
            last: Vec::new(),
            missing: BTreeMap::new(),
            skip: declared.skip,
            headless: declared.headless,
            returns: text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r')),
            sketches: Vec::new(),
            stretches: Vec::new(),
            flawless: false,
            taken: None,
            copy: None,
        };
        let mut copy = is_gzip(&head_raw(path)?) || encoding != UTF_8 || declared.skip > 0 || declared.headless;
        let name = this.shown.clone();
        let (hash, passed) = rayon::join(
            || hash(&file, &name),
            || -> Result<()> {
                loop {
                    match this.pass(copy, declared)? {
                        Pass::Clean => return Ok(()),
                        Pass::NotUtf8 { line, byte } => {
                            this.encoding = WINDOWS_1252;
                            copy = true;
                            warnings.push(
                                Warning::new(
                                    "W0108",
                                    format!(
                                        "{} is not UTF-8 (byte 0x{byte:02X} in line {line}): read as windows-1252",
                                        this.name()
                                    ),
                                )
                                .help("save it as UTF-8, or state it: encoding = \"windows-1252\""),
                            );
                        }
                        Pass::Ragged => copy = true,
                    }
                }
            },
        );
        this.hash = hash?;
        passed?;
        if this.records == 0 && this.ragged.is_empty() {
            return Err(Error::new("E0103", format!("{} has a header and no rows", this.name()))
                .why("there is nobody to put into segments")
                .help("check the export: the query may have returned nothing"));
        }
        if !this.ragged.is_empty() {
            let (ordinal, fields) = this.ragged[0];
            let place =
                this.place(ordinal, None, &format!("{fields} fields here, {} in the header", this.header.len()))?;
            warnings.push(
                Warning::new(
                    "E0105",
                    format!(
                        "{} {} of {} {} another number of fields than the header ({})",
                        this.ragged.len(),
                        if this.ragged.len() == 1 { "line" } else { "lines" },
                        this.name(),
                        if this.ragged.len() == 1 { "has" } else { "have" },
                        this.header.len(),
                    ),
                )
                .at(place)
                .why("their values stand in the wrong columns, so they are kept out and listed in rejects.csv")
                .help("look for an unescaped quote or delimiter in these lines"),
            );
        }
        this.warnings = warnings;
        Ok(this)
    }

    /// The name without its folders, for messages and results.
    pub(crate) fn name(&self) -> String {
        self.path.file_name().map_or_else(|| self.shown.clone(), |n| n.to_string_lossy().into_owned())
    }

    /// What polars reads: the file itself, or its clean copy (comma-delimited).
    pub(crate) fn readable(&self) -> (&Path, u8) {
        match &self.copy {
            Some(copy) => (copy.path(), b','),
            None => (&self.path, self.delimiter),
        }
    }

    /// Copies the clean records even if nothing seemed wrong: for when polars counts records differently.
    pub(crate) fn force_copy(&mut self) -> Result<()> {
        if self.copy.is_none() {
            let declared = Declared { encoding: Some(self.encoding.name().into()), ..Declared::default() };
            self.pass(true, &declared)?;
        }
        Ok(())
    }

    /// The line number (from 1) and the fields of the records with these ordinals, in their order. Ordinals count the
    /// records after the header, ragged ones included.
    pub(crate) fn locate(&self, ordinals: &[u64]) -> Result<Vec<(usize, Vec<String>)>> {
        let mut wanted: Vec<u64> = ordinals.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let found = if self.flawless { self.locate_in_stretches(&wanted)? } else { self.locate_from_the_top(&wanted)? };
        Ok(ordinals.iter().filter_map(|o| wanted.binary_search(o).ok().and_then(|i| found.get(i).cloned())).collect())
    }

    fn locate_from_the_top(&self, wanted: &[u64]) -> Result<Vec<(usize, Vec<String>)>> {
        let mut found = Vec::with_capacity(wanted.len());
        let mut reader = self.reader()?;
        let mut record = ByteRecord::new();
        let mut ordinal = 0;
        let mut at = 0;
        while at < wanted.len() && reader.read_byte_record(&mut record).map_err(|e| self.broken(&e))? {
            if ordinal == wanted[at] {
                // Behind a line break of two characters the reader has counted only the lines before it.
                let uncounted = usize::from(self.returns && record.position().is_some_and(|p| p.byte() > 0));
                let line = record.position().map_or(0, |p| p.line() as usize) + uncounted + self.skip as usize;
                found.push((line, record.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect()));
                at += 1;
            }
            ordinal += 1;
        }
        Ok(found)
    }

    fn locate_in_stretches(&self, wanted: &[u64]) -> Result<Vec<(usize, Vec<String>)>> {
        let found: Vec<Vec<(usize, Vec<String>)>> = self.by_stretch(wanted, |rows, from, file| {
            let mut reader = self.plain_reader(file);
            let mut record = ByteRecord::new();
            let mut found = Vec::with_capacity(rows.len());
            let Stretch { record: mut row, mut line, .. } = from;
            while found.len() < rows.len() && reader.read_byte_record(&mut record).map_err(|e| self.broken(&e))? {
                if row == rows[found.len()] {
                    let fields = record.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect();
                    found.push((line as usize, fields));
                }
                row += 1;
                line += 1 + record.as_slice().iter().filter(|b| **b == b'\n').count() as u64;
            }
            Ok(found)
        })?;
        Ok(found.concat())
    }

    /// Calls `read` for every stretch that has some of `rows` (ascending), with these, the place where it begins and the file
    /// from there on; in parallel, the results in order.
    fn by_stretch<T: Send>(
        &self,
        rows: &[u64],
        read: impl Fn(&[u64], Stretch, File) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mark = if head_raw(&self.path)?.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let stretch = |row: u64| self.stretches.partition_point(|s| s.record <= row).saturating_sub(1);
        let groups: Vec<&[u64]> = rows.chunk_by(|a, b| stretch(*a) == stretch(*b)).collect();
        groups
            .into_par_iter()
            .map(|rows| {
                let top = Stretch { record: 0, offset: 0, line: 1 };
                let from = self.stretches.get(stretch(rows[0])).copied().unwrap_or(top);
                let mut file = File::open(&self.path).map_err(|e| unreadable(&self.shown, &e))?;
                file.seek(SeekFrom::Start(mark + from.offset)).map_err(|e| unreadable(&self.shown, &e))?;
                read(rows, from, file)
            })
            .collect()
    }

    /// Reads records from somewhere in a file that needs no decoding.
    fn plain_reader(&self, file: File) -> csv::Reader<File> {
        ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 12)
            .from_reader(file)
    }

    /// The digests of clean records, by their ascending numbers.
    pub(crate) fn digests(&self, rows: &[u64]) -> Result<Vec<[u8; 32]>> {
        if let Some(copy) = &self.copy {
            let file = File::open(copy.path()).map_err(|e| unreadable(&self.shown, &e))?;
            return self.digests_of(rows, ReaderBuilder::new().flexible(true).from_reader(file), 0);
        }
        let found =
            self.by_stretch(rows, |rows, from, file| self.digests_of(rows, self.plain_reader(file), from.record))?;
        Ok(found.concat())
    }

    fn digests_of(&self, rows: &[u64], mut reader: csv::Reader<File>, first: u64) -> Result<Vec<[u8; 32]>> {
        let order = by_name(&self.header);
        let (mut record, mut buffer) = (ByteRecord::new(), Vec::new());
        let mut found = Vec::with_capacity(rows.len());
        let mut row = first;
        while found.len() < rows.len() && reader.read_byte_record(&mut record).map_err(|e| self.broken(&e))? {
            if row == rows[found.len()] {
                found.push(digest(order.iter().map(|i| record.get(*i).unwrap_or_default()), &mut buffer));
            }
            row += 1;
        }
        Ok(found)
    }

    /// The sketches of the clean records with their fields in the order of the columns' names: for a table whose files
    /// order their columns differently.
    pub(crate) fn sketches_by_name(&self) -> Result<Vec<u64>> {
        let order = by_name(&self.header);
        let mut reader = self.reader()?;
        let mut record = ByteRecord::new();
        let mut found = Vec::with_capacity(self.records as usize);
        while reader.read_byte_record(&mut record).map_err(|e| self.broken(&e))? {
            if record.len() == order.len() {
                found.push(sketch(order.iter().map(|i| &record[*i])));
            }
        }
        Ok(found)
    }

    /// Whether another file has the same columns and the same records in the same order, however it is packed.
    pub(crate) fn same_records(&self, other: &Self) -> Result<bool> {
        if self.header != other.header || !self.sketches.iter().flatten().eq(other.sketches.iter().flatten()) {
            return Ok(false);
        }
        let (mut ours, mut theirs) = (self.reader()?, other.reader()?);
        let (mut a, mut b) = (ByteRecord::new(), ByteRecord::new());
        while ours.read_byte_record(&mut a).map_err(|e| self.broken(&e))? {
            if !theirs.read_byte_record(&mut b).map_err(|e| other.broken(&e))? || a != b {
                return Ok(false);
            }
        }
        Ok(!theirs.read_byte_record(&mut b).map_err(|e| other.broken(&e))?)
    }

    /// The ordinal (ragged ones included) of the clean record number `row`.
    pub(crate) fn ordinal(&self, row: u64) -> u64 {
        let mut ordinal = row;
        for (ragged, _) in &self.ragged {
            if *ragged <= ordinal {
                ordinal += 1;
            }
        }
        ordinal
    }

    /// The place of a record, or of one of its fields.
    pub(crate) fn place(&self, ordinal: u64, column: Option<usize>, label: &str) -> Result<Place> {
        let Some((line, fields)) = self.locate(&[ordinal])?.pop() else {
            return Ok(Place { file: self.shown.clone(), ..Place::default() });
        };
        Ok(place(&self.shown, line, &fields, self.delimiter, column, label))
    }

    fn reader(&self) -> Result<csv::Reader<Box<dyn Read>>> {
        let raw = raw(&self.path)?;
        let decoded: Box<dyn Read> = Box::new(
            DecodeReaderBytesBuilder::new()
                .encoding((self.encoding != UTF_8).then_some(self.encoding))
                .utf8_passthru(self.encoding == UTF_8)
                .strip_bom(true)
                .build(raw),
        );
        let mut decoded = BufReader::with_capacity(if self.skip > 0 { 1 << 16 } else { 0 }, decoded);
        for _ in 0..self.skip {
            decoded.skip_until(b'\n').map_err(|e| unreadable(&self.shown, &e))?;
        }
        Ok(ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(!self.headless)
            .flexible(true)
            .buffer_capacity(1 << 20)
            .from_reader(Box::new(decoded)))
    }

    /// Takes over what the quick look finds, where it finds nothing odd.
    fn quick(&mut self, declared: &Declared) -> Result<bool> {
        let mark = if head_raw(&self.path)?.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut reader = self.reader()?;
        if reader.byte_headers().is_err() {
            return Ok(false);
        }
        let (mut start, mut line) = (mark + reader.position().byte(), reader.position().line());
        // The reader stops within a line break of two characters, and counts the line at the second.
        let mut file = File::open(&self.path).map_err(|e| unreadable(&self.shown, &e))?;
        let mut end = [0; 2];
        if file.seek(SeekFrom::Start(start - 1)).and_then(|_| file.read_exact(&mut end)).is_ok() && end == *b"\r\n" {
            start += 1;
            line += 1;
        }
        let layout = Layout { start, delimiter: self.delimiter, fields: self.header.len(), piece: PIECE };
        let wanted = |name: &String| match declared.taken.contains(name) {
            true if declared.by_hour.as_ref() == Some(name) => Take::ByHour,
            true => Take::Whole,
            false => Take::Nothing,
        };
        let wanted: Vec<Take> = self.header.iter().map(wanted).collect();
        let Some(pieces) = scan(&self.path, &layout, |records| Keeper::new(records, &wanted)) else { return Ok(false) };
        let last = pieces.iter().rev().find_map(|(from, piece)| piece.last.map(|last| from + last));
        self.last = match last {
            Some(offset) => {
                let mut file = File::open(&self.path).map_err(|e| unreadable(&self.shown, &e))?;
                file.seek(SeekFrom::Start(offset)).map_err(|e| unreadable(&self.shown, &e))?;
                let mut reader = ReaderBuilder::new().delimiter(self.delimiter).has_headers(false).from_reader(file);
                let mut record = ByteRecord::new();
                reader.read_byte_record(&mut record).map_err(|e| self.broken(&e))?;
                record.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect()
            }
            None => Vec::new(),
        };
        let (mut sketches, mut stretches) = (Vec::new(), Vec::new());
        let mut missing: BTreeMap<(usize, &'static str), u64> = BTreeMap::new();
        let mut taken: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
        let mut records = 0;
        for (from, piece) in pieces {
            stretches.extend(piece.stretches.iter().zip(0..).map(|((at, lines), i)| Stretch {
                record: records + i * STRETCH as u64,
                offset: from + at - mark,
                line: line + lines,
            }));
            line += piece.lines;
            records += piece.sketches.len() as u64;
            sketches.push(piece.sketches);
            for (key, n) in piece.missing {
                *missing.entry(key).or_default() += n;
            }
            for (column, piece) in self.header.iter().zip(piece.taken) {
                if let Some(piece) = piece {
                    taken.entry(column.clone()).or_default().push(piece);
                }
            }
        }
        self.records = records;
        self.ragged = Vec::new();
        self.missing = missing;
        self.sketches = sketches;
        self.stretches = stretches;
        self.flawless = true;
        self.taken = (!declared.taken.is_empty()).then_some(taken);
        Ok(true)
    }

    fn pass(&mut self, copy: bool, declared: &Declared) -> Result<Pass> {
        if !copy && self.encoding == UTF_8 && self.skip == 0 && !self.headless && self.quick(declared)? {
            return Ok(Pass::Clean);
        }
        let mut reader = self.reader()?;
        let mut writer = None;
        if copy {
            let file = tempfile::Builder::new().prefix("ilk-").suffix(".csv").tempfile().map_err(|e| no_room(&e))?;
            let mut out = csv::Writer::from_writer(std::io::BufWriter::with_capacity(1 << 20, file));
            out.write_record(&self.header).map_err(|e| no_room(&e))?;
            writer = Some(out);
        }
        let fields = self.header.len();
        let (mut records, mut ordinal) = (0u64, 0u64);
        let mut ragged = Vec::new();
        let mut record = ByteRecord::new();
        let mut last = (0u64, 0usize);
        let mut previous = ByteRecord::new();
        let mut missing: BTreeMap<(usize, &'static str), u64> = BTreeMap::new();
        let (mut sketches, mut stretches) = (Vec::new(), Vec::new());
        while reader.read_byte_record(&mut record).map_err(|e| self.broken(&e))? {
            if self.encoding == UTF_8 && std::str::from_utf8(record.as_slice()).is_err() {
                let line = record.position().map_or(0, csv::Position::line) + u64::from(self.skip);
                let byte = record.as_slice().iter().copied().find(|b| *b >= 0x80).unwrap_or(0);
                if declared.encoding.is_some() {
                    return Err(Error::new(
                        "E0131",
                        format!("{} is not {}: byte 0x{byte:02X} in line {line}", self.name(), UTF_8.name()),
                    )
                    .help("remove `encoding` to have it detected"));
                }
                return Ok(Pass::NotUtf8 { line, byte });
            }
            last = (
                record.position().map_or(0, csv::Position::line),
                record.as_slice().iter().filter(|b| **b == b'\n').count(),
            );
            if record.len() == fields {
                if records.is_multiple_of(STRETCH as u64) {
                    let (offset, line) = record.position().map_or((0, 0), |at| (at.byte(), at.line()));
                    stretches.push(Stretch { record: records, offset, line });
                }
                sketches.push(sketch(record.iter()));
                for (column, field) in record.iter().enumerate() {
                    if let Some(word) = missing_word(field) {
                        *missing.entry((column, word)).or_default() += 1;
                    }
                }
                records += 1;
                if let Some(out) = &mut writer {
                    out.write_byte_record(&record).map_err(|e| no_room(&e))?;
                }
            } else {
                ragged.push((ordinal, record.len()));
            }
            ordinal += 1;
            std::mem::swap(&mut record, &mut previous);
        }
        if last.1 > 0 && self.quotes_are_odd()? {
            let line = last.0 as usize + self.skip as usize;
            let text = self.line(line)?;
            let start = text.rfind('"').unwrap_or(0);
            let place = Place {
                file: self.shown.clone(),
                line,
                span: start..(start + 1).min(text.len()),
                text,
                label: format!("opens here and swallows {} further lines", last.1),
            };
            return Err(Error::new(
                "E0106",
                format!("a quote opened in line {line} of {} is never closed", self.name()),
            )
            .at(place)
            .why("everything after it reads as one value, so those customers would vanish")
            .help("close the quote, or double it if it belongs to the text: \"\""));
        }
        let found_ragged = !ragged.is_empty();
        self.records = records;
        self.ragged = ragged;
        self.last = previous.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect();
        self.missing = missing;
        self.sketches = vec![sketches];
        self.stretches = stretches;
        if let Some(out) = writer {
            let buffered = out.into_inner().map_err(|e| no_room(e.error()))?;
            self.copy = Some(buffered.into_inner().map_err(|e| no_room(e.error()))?);
        }
        Ok(if found_ragged && !copy { Pass::Ragged } else { Pass::Clean })
    }

    fn quotes_are_odd(&self) -> Result<bool> {
        let mut reader = raw(&self.path)?;
        let mut buffer = vec![0; 1 << 16];
        let mut odd = false;
        loop {
            let n = reader.read(&mut buffer).map_err(|e| unreadable(&self.shown, &e))?;
            if n == 0 {
                return Ok(odd);
            }
            odd ^= buffer[..n].iter().filter(|b| **b == b'"').count() % 2 == 1;
        }
    }

    fn line(&self, line: usize) -> Result<String> {
        let mut text = String::new();
        let mut bytes = Vec::new();
        raw(&self.path)?.take(1 << 28).read_to_end(&mut bytes).map_err(|e| unreadable(&self.shown, &e))?;
        if let Some(found) = decode(&bytes, self.encoding).lines().nth(line.saturating_sub(1)) {
            text.push_str(found);
        }
        Ok(text)
    }

    fn broken(&self, error: &csv::Error) -> Error {
        Error::new("E0131", format!("{} cannot be read to its end: {error}", self.name()))
            .help("copy or export the file again; a .gz that was cut off ends like this")
    }
}

enum Pass {
    Clean,
    NotUtf8 { line: u64, byte: u8 },
    Ragged,
}

/// The word for "missing" that a cell holds, if it holds one; an empty cell needs no word.
pub(super) fn missing_word(field: &[u8]) -> Option<&'static str> {
    if !matches!(field, [b'N' | b'n' | b'-' | b'#', ..]) || field.len() > 5 {
        return None;
    }
    NULL_WORDS.iter().find(|word| word.as_bytes() == field).copied()
}

/// The columns by name, so that files with another order of columns can be compared.
fn by_name(header: &[String]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..header.len()).collect();
    order.sort_by(|a, b| header[*a].cmp(&header[*b]));
    order
}

/// A place in a line that is shown as it would be written with `delimiter`.
pub(crate) fn place(
    file: &str,
    line: usize,
    fields: &[String],
    delimiter: u8,
    column: Option<usize>,
    label: &str,
) -> Place {
    let mut text = String::new();
    let mut span = 0..0;
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            text.push(delimiter as char);
        }
        let start = text.len();
        if field.bytes().any(|b| b == delimiter || b == b'"' || b == b'\n') {
            text.push_str(&format!("\"{}\"", field.replace('"', "\"\"").replace('\n', "\\n")));
        } else {
            text.push_str(field);
        }
        if column == Some(i) {
            span = start..text.len();
        }
    }
    if column.is_none() {
        span = 0..text.len();
    }
    Place { file: file.into(), line, text, span, label: label.into() }
}

/// What an `std::io::Error` on an input file means.
pub(crate) fn unreadable(shown: &str, error: &std::io::Error) -> Error {
    Error::new("E0131", format!("{shown} cannot be read: {error}")).help("check that the file exists and is readable")
}

fn no_room(error: &dyn std::fmt::Display) -> Error {
    Error::new("E0611", format!("the clean copy of an input file cannot be written: {error}"))
        .help("free some disk space, or set TMPDIR to a larger disk")
}

impl Drop for Delimited {
    fn drop(&mut self) {
        if let Some(copy) = self.copy.take() {
            // A file that cannot be removed is left to the system's cleaning of its temporary folder.
            let _ = copy.close();
        }
    }
}
