//! Rows that stand more than once: exact copies within a table, and extracts of one table that overlap.
//!
//! A copy agrees in every column of the file, also in those that are not read. Candidates are told by a 64-bit sketch of
//! each row, taken while the file is inspected; what counts as a copy is decided by the BLAKE3 of the whole row.

use super::frame::{collect, guard};
use super::read::{MONEY_SCALE, ReadOptions, Tables, percent};
use super::source::{ROW, Source};
use crate::error::{Error, Result, Warning};
use polars::prelude::*;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Sketches are compared in two to the power of so many parts.
const PARTS: u32 = 2;

/// The column that says whether a row is left out because it stands elsewhere.
pub(crate) const COPY: &str = "copy";

/// Which copies count. Saved in the model, so that scoring reads as training did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyRules {
    /// Whether the second and later copies of a row are left out.
    pub drop_exact_duplicates: bool,
    /// What to do about extracts that overlap.
    pub overlap: Overlap,
}

impl CopyRules {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What to do about several files of one table that hold the same rows of the same days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// Stop and say so.
    #[default]
    Stop,
    /// A row counts in the first file that holds it, as often as it stands there.
    First,
    /// Every row counts.
    Keep,
}

/// 64 bits of a row. Equal rows have equal sketches; the reverse is only likely.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sketch(u64);

impl Sketch {
    pub(crate) const EMPTY: Self = Self(0x9e37_79b9_7f4a_7c15);

    /// Takes in the next cell.
    pub(crate) fn add(&mut self, cell: &[u8]) {
        self.mix(hash(cell));
    }

    /// Takes in the next cell by its [`hash`].
    pub(crate) fn mix(&mut self, hash: u64) {
        self.0 = fold(self.0 ^ hash, 0x8ebc_6af0_9c88_c6e3);
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

/// A cell of at most sixteen bytes as two numbers; cells of one length with equal numbers are equal.
pub(crate) fn short_words(cell: &[u8]) -> [u64; 2] {
    let half = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
    match (cell.first_chunk::<8>(), cell.last_chunk::<8>(), cell.first_chunk::<4>(), cell.last_chunk::<4>(), cell) {
        (Some(first), Some(last), ..) => [u64::from_le_bytes(*first), u64::from_le_bytes(*last)],
        (_, _, Some(first), Some(last), _) => [half(first), half(last)],
        (.., []) => [0; 2],
        (.., [first, rest @ ..]) => {
            let last = rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
            [u64::from(*first), last]
        }
    }
}

/// 64 bits of a cell.
pub(crate) fn hash(cell: &[u8]) -> u64 {
    let mut state = 0x2d35_8dcc_aa6c_78a5 ^ cell.len() as u64;
    let mut rest = cell;
    while rest.len() > 16 {
        let [a, b] = short_words(&rest[..16]);
        state = fold(a ^ state, b ^ 0xe703_7ed1_a0b4_28db);
        rest = &rest[16..];
    }
    let [a, b] = short_words(rest);
    fold(a ^ state, b ^ 0xa076_1d64_78bd_642f)
}

/// The sketch of a record.
pub(crate) fn sketch<'a>(fields: impl Iterator<Item = &'a [u8]>) -> u64 {
    let mut sketch = Sketch::EMPTY;
    fields.for_each(|field| sketch.add(field));
    sketch.bits()
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The BLAKE3 of a row; `buffer` is working space. Lengths go in, so that `a,bc` and `ab,c` differ.
pub(crate) fn digest<'a>(fields: impl Iterator<Item = &'a [u8]>, buffer: &mut Vec<u8>) -> [u8; 32] {
    buffer.clear();
    for field in fields {
        buffer.extend((field.len() as u64).to_le_bytes());
        buffer.extend(field);
    }
    blake3::hash(buffer).into()
}

/// Rows whose sketch another row may have, ascending; few others are among them. Two bits per place, sixteen places per
/// row: a place that is hit twice makes candidates of all who hit it.
fn candidates(sketches: &[Vec<u64>]) -> Vec<u64> {
    let rows: usize = sketches.iter().map(Vec::len).sum();
    let places = (rows * 16).next_power_of_two().max(64 << PARTS);
    let bits = places.trailing_zeros() - PARTS;
    // Each part of the places is marked by itself.
    let parts: Vec<Vec<(u64, u64)>> = (0..1u64 << PARTS)
        .into_par_iter()
        .map(|part| {
            let place = |sketch: u64| {
                let place = sketch & (places as u64 - 1);
                let own = place & ((1 << bits) - 1);
                (place >> bits == part).then_some(((own / 64) as usize, 1u64 << (own % 64)))
            };
            let mut seen = vec![0u64; 1 << (bits - 6)];
            let mut again = vec![0u64; 1 << (bits - 6)];
            for (word, bit) in sketches.iter().flatten().filter_map(|sketch| place(*sketch)) {
                again[word] |= seen[word] & bit;
                seen[word] |= bit;
            }
            drop(seen);
            let hit = |sketch: u64| place(sketch).is_some_and(|(word, bit)| again[word] & bit != 0);
            let all = sketches.iter().flatten().zip(0..);
            let mut found: Vec<(u64, u64)> = all.filter(|(s, _)| hit(**s)).map(|(s, row)| (*s, row)).collect();
            found.sort_unstable();
            found
        })
        .collect();
    // Equal sketches are in one part.
    let same = parts.iter().flat_map(|found| found.chunk_by(|a, b| a.0 == b.0)).filter(|same| same.len() > 1);
    let mut rows: Vec<u64> = same.flatten().map(|(_, row)| *row).collect();
    rows.sort_unstable();
    rows
}

/// The rows of a table that stand more than once.
#[derive(Debug, Default)]
struct Copies {
    /// Rows that already stand in an earlier file, by (earlier file, later file).
    overlap: BTreeMap<(usize, usize), Vec<u64>>,
    /// Second and later copies among the rest.
    exact: Vec<u64>,
}

/// Sorts the copies: as often as a row stands in one file it is real; what a later file adds to that is too. `repeated` is
/// (content, row) in ascending order, `ends` the first row after each file.
fn sort_out(repeated: &[([u8; 32], u64)], ends: &[u64]) -> Copies {
    let file_of = |row: u64| ends.partition_point(|end| *end <= row);
    let mut copies = Copies::default();
    for same in repeated.chunk_by(|a, b| a.0 == b.0) {
        // How often the content stood in one earlier file at most, and in which file first so often.
        let mut held: Vec<usize> = Vec::new();
        let mut kept = 0;
        for within in same.chunk_by(|a, b| file_of(a.1) == file_of(b.1)) {
            let file = file_of(within[0].1);
            for (nth, (_, row)) in within.iter().enumerate() {
                if let Some(earlier) = held.get(nth) {
                    copies.overlap.entry((*earlier, file)).or_default().push(*row);
                } else {
                    if kept > 0 {
                        copies.exact.push(*row);
                    }
                    kept += 1;
                }
            }
            held.resize(held.len().max(within.len()), file);
        }
    }
    for rows in copies.overlap.values_mut() {
        rows.sort_unstable();
    }
    copies.exact.sort_unstable();
    copies
}

/// The overlap of two files, for the message.
struct Shared {
    files: (usize, usize),
    rows: u64,
    days: Option<(i32, i32)>,
    /// Share of the rows that the smaller of both files has on those days.
    share: f64,
}

/// Share of the rows of the days in common from which files overlap; below, equal rows are chance.
const ENOUGH: f64 = 0.5;

/// Finds the copies among the rows of a table and adds the column [`COPY`] to `lines`; the flags of bad values are taken
/// from such rows. `lines` has the row number, `customer` and `day`; `amount` (minor units) and `returned` if it has money.
///
/// # Errors
/// E0325 if files overlap and nothing is said about it.
pub(crate) fn settle(
    source: &mut Source,
    lines: DataFrame,
    options: ReadOptions,
    flags: &[&str],
    tables: &mut Tables,
) -> Result<DataFrame> {
    let rules = options.copies;
    let (mut repeated, files) = repeated(source)?;
    let ends: Vec<u64> = files.iter().map(|f| f.1).collect();
    let mut lines = lines;
    if let Some(day) = options.as_of {
        let later = later(&lines, day.0, &source.table)?;
        lines = without_flags(lines, &later, flags, &source.table)?;
        let rows = row_numbers(&lines, &source.table)?;
        let later: BTreeSet<u64> = if repeated.is_empty() {
            BTreeSet::new()
        } else {
            let stands_twice: BTreeSet<u64> = repeated.iter().map(|r| r.1).collect();
            let after = rows.iter().zip(later.iter()).filter(|(_, later)| *later == Some(true));
            after.filter_map(|(row, _)| row.map(u64::from)).filter(|row| stands_twice.contains(row)).collect()
        };
        repeated.retain(|(_, row)| !later.contains(row));
    }
    let mut copies = sort_out(&repeated, &ends);
    if copies.overlap.is_empty() && copies.exact.is_empty() {
        return with_copies(lines, &[], &ends, flags, &source.table);
    }
    let shared = measure(&copies, &lines, &ends, &source.table)?;
    let overlapping: Vec<&Shared> = shared.iter().filter(|s| s.share >= ENOUGH).collect();
    if let Some(most) = overlapping.iter().max_by_key(|s| (s.rows, std::cmp::Reverse(s.files)))
        && rules.overlap == Overlap::Stop
        && !rules.drop_exact_duplicates
    {
        let rows: Vec<u64> = copies.overlap.get(&most.files).cloned().unwrap_or_default();
        return Err(overlap_error(most, overlapping.len(), &rows, &lines, &files, source)?);
    }
    let mut left_out: Vec<u64> = Vec::new();
    for (files, rows) in std::mem::take(&mut copies.overlap) {
        if rules.overlap == Overlap::First && overlapping.iter().any(|s| s.files == files) {
            left_out.extend(rows);
        } else {
            copies.exact.extend(rows);
        }
    }
    if !left_out.is_empty() {
        tables.stated.push(format!(
            "{}: {} rows already stand in an earlier file and count once",
            source.table,
            left_out.len()
        ));
    }
    if rules.drop_exact_duplicates {
        if !copies.exact.is_empty() {
            tables.stated.push(format!("{}: {} identical lines are left out", source.table, copies.exact.len()));
        }
        left_out.append(&mut copies.exact);
    } else if !copies.exact.is_empty() {
        let found = chosen(&lines, &copies.exact, &ends, &source.table)?;
        let held = money(&found).map_or_else(String::new, |m| format!(", {} in all", shown_money(m)));
        let n = copies.exact.len();
        tables.warnings.push(
            Warning::new(
                "W0321",
                format!(
                    "{}: {n} identical {} kept (could be real repeats){held}",
                    source.table,
                    if n == 1 { "line" } else { "lines" }
                ),
            )
            .why("if they are copies, their customers seem to buy more than they do")
            .help("to leave out second and later copies: [quality] drop_exact_duplicates = true"),
        );
    }
    with_copies(lines, &left_out, &ends, flags, &source.table)
}

/// Adds [`COPY`], true for `rows`, and clears the flags of bad values there.
fn with_copies(mut lines: DataFrame, rows: &[u64], ends: &[u64], flags: &[&str], what: &str) -> Result<DataFrame> {
    if rows.is_empty() {
        let none = BooleanChunked::full(COPY.into(), false, lines.height());
        return guard(what, || lines.with_column(none.into_column()).cloned());
    }
    let copy = mask(&lines, rows, ends, what)?.with_name(COPY.into());
    let mut lines = without_flags(lines, &copy, flags, what)?;
    guard(what, || lines.with_column(copy.into_column()).cloned())
}

/// Clears the flags of bad values in the rows of `mask`: nothing is wrong with a row that does not count.
pub(crate) fn without_flags(
    mut lines: DataFrame,
    mask: &BooleanChunked,
    flags: &[&str],
    what: &str,
) -> Result<DataFrame> {
    guard(what, || {
        for flag in flags {
            let kept = lines.column(flag)?.bool()? & &!mask;
            lines.with_column(kept.with_name((*flag).into()).into_column())?;
        }
        Ok(lines)
    })
}

/// Which of `lines` are after a day.
fn later(lines: &DataFrame, day: i32, what: &str) -> Result<BooleanChunked> {
    guard(what, || {
        let days = lines.column("day")?.cast(&DataType::Int32)?;
        Ok(days.i32()?.iter().map(|d| d.is_some_and(|d| d > day)).collect())
    })
}

/// (content, row) of every row whose content stands more than once, ascending; and each file's name with its end.
#[allow(clippy::type_complexity)] // Two lists that are only taken apart.
fn repeated(source: &mut Source) -> Result<(Vec<([u8; 32], u64)>, Vec<(String, u64)>)> {
    let sketches = source.take_sketches()?;
    let mut files = Vec::new();
    let mut end = 0;
    for (name, rows) in source.names_and_rows() {
        end += rows;
        files.push((name, end));
    }
    let rows = candidates(&sketches);
    drop(sketches);
    let mut repeated: Vec<([u8; 32], u64)> = source.digests(&rows)?.into_iter().zip(rows).collect();
    repeated.sort_unstable();
    let repeated = repeated.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1).flatten().copied().collect();
    Ok((repeated, files))
}

/// Which of `lines` are among `rows`.
pub(crate) fn mask(lines: &DataFrame, rows: &[u64], ends: &[u64], what: &str) -> Result<BooleanChunked> {
    let mut among = vec![false; ends.last().copied().unwrap_or(0) as usize];
    for row in rows {
        among[*row as usize] = true;
    }
    Ok(row_numbers(lines, what)?.iter().map(|r| r.is_some_and(|r| among[r as usize])).collect())
}

fn row_numbers(lines: &DataFrame, what: &str) -> Result<UInt32Chunked> {
    guard(what, || Ok(lines.column(ROW)?.cast(&DataType::UInt32)?.u32()?.clone()))
}

/// Those of `lines` that are among `rows`.
fn chosen(lines: &DataFrame, rows: &[u64], ends: &[u64], what: &str) -> Result<DataFrame> {
    let mask = mask(lines, rows, ends, what)?;
    guard(what, || lines.filter(&mask))
}

/// For every pair of files, on which days they share rows, and how much of those days.
fn measure(copies: &Copies, lines: &DataFrame, ends: &[u64], what: &str) -> Result<Vec<Shared>> {
    if copies.overlap.is_empty() {
        return Ok(Vec::new());
    }
    let rows = row_numbers(lines, what)?;
    let days: Vec<Option<i32>> =
        guard(what, || Ok(lines.column("day")?.cast(&DataType::Int32)?.i32()?.iter().collect()))?;
    let mut day_of = vec![None; ends.last().copied().unwrap_or(0) as usize];
    for (row, day) in rows.iter().zip(days).filter_map(|(row, day)| row.zip(Some(day))) {
        day_of[row as usize] = day;
    }
    let range = |file: usize| (if file == 0 { 0 } else { ends[file - 1] }) as usize..ends[file] as usize;
    Ok(copies
        .overlap
        .iter()
        .map(|(files, rows)| {
            let common: BTreeSet<Option<i32>> = rows.iter().map(|r| day_of[*r as usize]).collect();
            let on_them = |file| range(file).filter(|r| common.contains(&day_of[*r])).count().max(1);
            let known: Vec<i32> = common.iter().flatten().copied().collect();
            Shared {
                files: *files,
                rows: rows.len() as u64,
                days: known.first().copied().zip(known.last().copied()),
                share: rows.len() as f64 / on_them(files.0).min(on_them(files.1)) as f64,
            }
        })
        .collect())
}

fn money(lines: &DataFrame) -> Option<i64> {
    Some(lines.column("amount").ok()?.i64().ok()?.iter().flatten().sum())
}

fn shown_money(minor: i64) -> String {
    format!("{:.2}", minor as f64 / MONEY_SCALE)
}

fn overlap_error(
    shared: &Shared,
    pairs: usize,
    rows: &[u64],
    lines: &DataFrame,
    files: &[(String, u64)],
    source: &Source,
) -> Result<Error> {
    let what = source.table.as_str();
    let ends: Vec<u64> = files.iter().map(|f| f.1).collect();
    let mut counted = chosen(lines, rows, &ends, what)?;
    if counted.column("returned").is_ok() {
        counted = collect(counted.lazy().filter(col("returned").not()), what)?;
    }
    let counted = collect(counted.lazy().filter(col("customer").is_not_null()), what)?;
    let customers = guard(what, || counted.column("customer")?.n_unique())?;
    let harm = match money(&counted) {
        Some(m) => format!("{customers} customers would seem to spend {} more than they did", shown_money(m)),
        None => format!("{customers} customers would seem to do more than they did"),
    };
    let name = |file: usize| files[file].0.as_str();
    let days = shared.days.map_or_else(String::new, |(first, last)| {
        format!(" of {} to {}", super::dates::Day(first).iso(), super::dates::Day(last).iso())
    });
    let mut error = Error::new(
        "E0325",
        format!("{} and {} share {} rows{days}", name(shared.files.0), name(shared.files.1), shared.rows),
    )
    .note(
        "note",
        format!("{} of what the smaller of them holds on these days stands in both", percent(shared.share.min(1.0))),
    );
    if pairs > 1 {
        error = error.note("note", format!("{} further pairs of files overlap", pairs - 1));
    }
    Ok(error.why(harm).help(
        "put one of these in ilk.toml under [quality]\noverlap = \"first\"   # a row counts in the first file that holds it\noverlap = \"keep\"    # every row counts",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(n: u8) -> [u8; 32] {
        [n; 32]
    }

    #[test]
    fn a_row_counts_as_often_as_it_stands_in_one_file() {
        // Content 1: twice in the first file, three times in the second. Content 2: only in the second, twice.
        let repeated = [
            (content(1), 0),
            (content(1), 4),
            (content(1), 10),
            (content(1), 11),
            (content(1), 12),
            (content(2), 13),
            (content(2), 14),
        ];
        let copies = sort_out(&repeated, &[10, 20]);
        assert_eq!(copies.overlap, BTreeMap::from([((0, 1), vec![10, 11])]));
        assert_eq!(copies.exact, vec![4, 12, 14]);
    }

    #[test]
    fn of_three_files_the_fullest_decides() {
        let repeated = [(content(1), 0), (content(1), 1), (content(1), 2), (content(1), 3), (content(1), 4)];
        let copies = sort_out(&repeated, &[1, 3, 5]);
        assert_eq!(copies.overlap, BTreeMap::from([((0, 1), vec![1]), ((0, 2), vec![3]), ((1, 2), vec![4])]));
        assert_eq!(copies.exact, vec![2]);
    }

    #[test]
    fn candidates_are_the_rows_with_equal_sketches() {
        let of = |text: &str| sketch(text.split(',').map(str::as_bytes));
        let files =
            vec![vec![of("a,bc"), of("a long row"), of("a long row ")], vec![of("x"), of("a long row"), of("")]];
        assert_eq!(candidates(&files), vec![1, 4]);
        assert_eq!(candidates(&[Vec::new()]), Vec::<u64>::new());
    }

    #[test]
    fn short_cells_of_one_length_with_equal_words_are_equal() {
        for length in 0..=16 {
            let cell: Vec<u8> = (0..length).collect();
            for i in 0..cell.len() {
                let mut other = cell.clone();
                other[i] ^= 64;
                assert_ne!(short_words(&cell), short_words(&other), "{length} {i}");
                assert_ne!(hash(&cell), hash(&other), "{length} {i}");
            }
        }
        assert_ne!(hash(b"a longer text than that"), hash(b"a longer text than thas"));
    }

    #[test]
    fn fields_are_told_apart_in_a_digest() {
        let of = |fields: &[&str]| digest(fields.iter().map(|f| f.as_bytes()), &mut Vec::new());
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_eq!(of(&["ab", "c"]), of(&["ab", "c"]));
    }
}
