//! What the quick look at a clean file takes along: the cells of columns as codes, so that the file is read once and
//! [`cells`](super::cells) are computed on few texts instead of on all rows.

use super::duplicates::{Sketch, hash, short_words};
use super::inspect::{STRETCH, missing_word};
use super::scan::Look;
use polars::prelude::*;
use std::collections::BTreeMap;

/// Pairs of places of a [`Coder`] for the texts it has seen last. Tests have few, so that texts are forgotten.
const PAIRS: usize = if cfg!(test) { 2 } else { 2048 };

/// Bytes of a text that are compared as two numbers.
const SHORT: usize = 16;

/// Gives the cells of a column codes. A text that has not been seen for a while gets another code: so the memory of it stays
/// small and near, and whoever needs distinct values tells the few texts apart afterwards.
pub(crate) struct Coder {
    codes: Vec<u32>,
    /// The texts one after the other, and where each ends. Code 0 is a cell without anything.
    texts: Vec<u8>,
    ends: Vec<u32>,
    places: Vec<[Place; 2]>,
    by_hour: bool,
}

/// What is taken along of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    Nothing,
    /// Every text.
    Whole,
    /// Every text, but of dates that differ in minutes and seconds only one.
    ByHour,
}

/// A text that has been seen: its code, its length, that of its beginning that tells it from others, and this beginning itself
/// if it is short, else its hash.
#[derive(Clone, Copy, Default)]
struct Place {
    code: u32,
    length: u32,
    beginning: u32,
    words: [u64; 2],
}

impl Coder {
    /// For about so many rows.
    fn new(rows: usize, take: Take) -> Option<Self> {
        (take != Take::Nothing).then(|| Self {
            codes: Vec::with_capacity(rows),
            texts: Vec::new(),
            ends: vec![0],
            places: vec![[Place::default(); 2]; PAIRS],
            by_hour: take == Take::ByHour,
        })
    }

    /// Takes in the next cell, whose [`hash`] is given; `bare` is whether it stands without quotes.
    fn add(&mut self, text: &[u8], hash: u64, bare: bool) {
        if text.is_empty() && bare {
            self.codes.push(0);
            return;
        }
        let (mut start, mut hash) = (text, hash);
        if self.by_hour
            && let Some(at) = minutes(text)
        {
            start = &text[..at];
            hash = super::duplicates::hash(start);
        }
        let words = if start.len() <= SHORT { short_words(start) } else { [hash; 2] };
        let is = |place: Place| {
            place.length as usize == text.len()
                && place.beginning as usize == start.len()
                && place.words == words
                && place.code > 0
                && (start.len() <= SHORT || self.text(place.code).starts_with(start))
        };
        let at = hash as usize % PAIRS;
        let [new, old] = self.places[at];
        let code = if is(new) {
            new.code
        } else if is(old) {
            old.code
        } else {
            // No piece has four gigabytes.
            let (code, length, beginning) = (self.ends.len() as u32, text.len() as u32, start.len() as u32);
            self.texts.extend_from_slice(text);
            self.ends.push(self.texts.len() as u32);
            self.places[at] = [Place { code, length, beginning, words }, new];
            code
        };
        self.codes.push(code);
    }

    fn text(&self, code: u32) -> &[u8] {
        &self.texts[self.ends[code as usize - 1] as usize..self.ends[code as usize] as usize]
    }

    /// The codes, and the text of each; `None` if a text is no UTF-8.
    fn finish(self) -> Option<Piece> {
        let texts = std::str::from_utf8(&self.texts).ok()?;
        let mut levels = StringChunkedBuilder::new(PlSmallStr::EMPTY, self.ends.len());
        levels.append_null();
        for ends in self.ends.windows(2) {
            levels.append_value(texts.get(ends[0] as usize..ends[1] as usize)?);
        }
        Some(Piece { codes: self.codes, levels: levels.finish() })
    }
}

/// Where the minutes begin in a text that ends in a time of day: `2024-01-01T08:10:26`, `1/1/24 08:10`.
fn minutes(text: &[u8]) -> Option<usize> {
    let sixty = |text: &[u8; 3]| matches!(text, [b':', b'0'..=b'5', b'0'..=b'9']);
    let (rest, last) = text.split_last_chunk::<3>()?;
    let hour = match rest.split_last_chunk::<3>() {
        Some((hour, minutes)) if sixty(minutes) => hour,
        _ => rest,
    };
    (sixty(last) && matches!(hour, [.., b' ' | b'T', b'0'..=b'2', b'0'..=b'9'])).then_some(hour.len())
}

/// A part of a column: a code for each row, and the text of each code. Equal codes are equal texts, but not the reverse.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) codes: Vec<u32>,
    pub(crate) levels: StringChunked,
}

/// What the quick look keeps of the records of a piece.
pub(crate) struct Kept {
    /// The sketch of every record.
    pub(crate) sketches: Vec<u64>,
    /// Every [`STRETCH`]th record: where it begins, counted from the piece, and how many lines after the first.
    pub(crate) stretches: Vec<(u64, u64)>,
    /// The lines of the piece.
    pub(crate) lines: u64,
    /// Where the last record begins, counted from the piece.
    pub(crate) last: Option<u64>,
    /// Cells that hold a word for "missing": column, word, and how many.
    pub(crate) missing: BTreeMap<(usize, &'static str), u64>,
    /// The columns that are taken along.
    pub(crate) taken: Vec<Option<Piece>>,
}

/// What gathers it.
pub(crate) struct Keeper {
    kept: Kept,
    coders: Vec<Option<Coder>>,
    sketch: Sketch,
}

impl Keeper {
    /// For about so many records. `wanted` says what is taken along of each column.
    pub(crate) fn new(records: usize, wanted: &[Take]) -> Self {
        let kept = Kept {
            sketches: Vec::with_capacity(records),
            stretches: Vec::new(),
            lines: 0,
            last: None,
            missing: BTreeMap::new(),
            taken: Vec::new(),
        };
        Self { kept, coders: wanted.iter().map(|take| Coder::new(records, *take)).collect(), sketch: Sketch::EMPTY }
    }
}

impl Look for Keeper {
    type Found = Kept;

    fn start(&mut self, at: usize) {
        if self.kept.sketches.len().is_multiple_of(STRETCH) {
            self.kept.stretches.push((at as u64, self.kept.lines));
        }
        self.kept.last = Some(at as u64);
    }

    fn field(&mut self, column: usize, text: &[u8], bare: bool) {
        let hash = hash(text);
        self.sketch.mix(hash);
        if let Some(word) = missing_word(text) {
            *self.kept.missing.entry((column, word)).or_default() += 1;
        }
        if !bare {
            self.kept.lines += memchr::memchr_iter(b'\n', text).count() as u64;
        }
        if let Some(coder) = &mut self.coders[column] {
            coder.add(text, hash, bare);
        }
    }

    fn end(&mut self) {
        self.kept.lines += 1;
        self.kept.sketches.push(std::mem::replace(&mut self.sketch, Sketch::EMPTY).bits());
    }

    fn found(mut self) -> Option<Kept> {
        self.kept.taken = self
            .coders
            .into_iter()
            .map(|coder| coder.map_or(Some(None), |coder| coder.finish().map(Some)))
            .collect::<Option<_>>()?;
        Some(self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::super::duplicates::CopyRules;
    use super::super::orders;
    use super::super::read::{ReadOptions, Tables};
    use super::super::schema::OrdersSpec;
    use super::super::source::Source;
    use super::minutes;
    use proptest::prelude::*;
    use std::path::Path;

    const COLUMNS: [&str; 9] = ["customer", "order", "day", "pieces", "price", "product", "sort", "gift", "town"];

    /// Everything that is read of the lines, as text: taken along by the quick look, or by polars from the file.
    fn read(spec: &str, folder: &Path, taken: bool, max_rejected: f64, as_of: Option<i32>) -> String {
        let spec: OrdersSpec = toml::from_str(spec).expect("a spec");
        let columns: Vec<&str> = spec.columns().into_iter().map(|(_, c)| c).collect();
        let options = ReadOptions {
            as_of: as_of.map(super::super::dates::Day),
            window_days: None,
            max_rejected,
            copies: CopyRules::default(),
        };
        let mut tables = Tables::empty(options, vec!["c2".into()]);
        let columns = if taken { columns } else { Vec::new() };
        let source = Source::open_and_take(spec.opening(), folder, &columns, orders::dates(&spec).filter(|_| taken));
        let ordered = source.and_then(|source| orders::lines(&spec, folder, options, source, &mut tables));
        let Tables { orders, customers, as_of, sales, ledger, rejects, stated, warnings, inputs, .. } = tables;
        let all = (orders, customers, as_of, sales, ledger, rejects, stated, warnings, inputs);
        format!("{ordered:#?}\n{all:#?}")
    }

    #[test]
    fn only_a_file_without_a_flaw_is_taken_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let taken = |text: &str| {
            std::fs::write(folder.path().join("orders.csv"), text).expect("a file");
            let spec: OrdersSpec = toml::from_str("path = \"orders.csv\"\ncustomer_id = \"customer\"").expect("a spec");
            let mut source =
                Source::open_and_take(spec.opening(), folder.path(), &["customer"], None).expect("a source");
            let taken = source.taken();
            assert!(source.taken().is_none(), "handed over twice");
            taken.map(|columns| columns.keys().cloned().collect::<Vec<_>>())
        };
        let clean = format!("customer,price\n{}", "c1,\"1,5\"\nc2,3\n".repeat(100));
        assert_eq!(taken(&clean), Some(vec!["customer".to_string()]));
        assert_eq!(taken(&clean.replace('\n', "\r\n")), Some(vec!["customer".to_string()]));
        assert_eq!(taken(&format!("{clean}c3\n")), None);
        assert_eq!(taken(&format!("{clean}c3,5\"\n")), None);
    }

    #[test]
    fn minutes_are_told_from_other_digits() {
        assert_eq!(minutes(b"2024-01-01 08:10:26"), Some(13));
        assert_eq!(minutes(b"01/01/2024T08:10"), Some(13));
        for other in
            ["2024-01-01", "2024-01-01T08:10:26Z", "2024-01-01T08:10:26+02:00", "08:10", " 8:10", " 08:60", ":10", ""]
        {
            assert_eq!(minutes(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn rows_are_traced_to_their_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        // Three rows on four lines, a hundred times.
        let clean = format!("customer,price\n{}", "c1,1\n\"c\n2\",2\nc3,3\n".repeat(100));
        let spec: OrdersSpec = toml::from_str("path = \"orders.csv\"\ncustomer_id = \"customer\"").expect("a spec");
        for text in [clean.clone(), clean.replace('\n', "\r\n"), format!("{clean}c4\n"), format!("\u{feff}{clean}")] {
            for text in
                [text.clone(), format!("{text}c4\n"), format!("{text}c4\n").replace("\r\n", "\n").replace('\n', "\r\n")]
            {
                std::fs::write(folder.path().join("orders.csv"), text).expect("a file");
                let source = Source::open(spec.opening(), folder.path()).expect("a source");
                let places = source.places(&[(299, "price"), (0, "price"), (31, "price"), (32, "price")], "here");
                let places = places.expect("places");
                assert_eq!(places.iter().map(|p| p.line).collect::<Vec<_>>(), [401, 2, 43, 45]);
                assert_eq!(places.iter().map(|p| &p.text[p.span.clone()]).collect::<Vec<_>>(), ["3", "1", "2", "3"]);
            }
        }
    }

    /// A cell of each column, mostly clean.
    fn row() -> impl Strategy<Value = Vec<String>> {
        let null = "|NA|n/a| |-|null|nan";
        let cell = |clean: &str, odd: &str| {
            let regex = |text: &str| prop::string::string_regex(text).expect("a pattern");
            prop_oneof![12 => regex(clean), 1 => regex(&format!("({odd}{null})"))]
        };
        (
            cell("[a-c][1-4]|a much longer id [1-3]", "17850\\.0| c1|c1 |É1|C3"),
            cell("[1-9]|C[1-4]", "536365\\.0|a long order id [12]|1E5"),
            cell("2025-0[1-6]-1[0-9]", "1900-01-01|2025-13-01|gestern|2025-02-30| 2025-01-10 |9999-12-31"),
            cell("[1-9]|-[1-3]", "1,5|1\\.5|zwei|0|inf|1e3|\\+4| 7 "),
            cell(
                "[0-9]{1,3}\\.[0-9]{2}",
                "5|\\.5|1\\.005|12,50|€ 3\\.20|abc|-1|\\(2\\.00\\)|1,234\\.50|99999999999999999999",
            ),
            cell("p[0-9]", "10\\.0|P1|a product with a very long name"),
            cell("books|toys", " books |Books"),
            cell("yes|no|1|0", "TRUE|y| 1 "),
            cell("Ulm|Köln", " Ulm"),
        )
            .prop_map(|(a, b, c, d, e, f, g, h, i)| vec![a, b, c, d, e, f, g, h, i])
    }

    /// A cell as it is written: with quotes where it needs them, or where it may have them.
    fn written(cell: &str, delimiter: &str, quotes: bool) -> String {
        if quotes || cell.contains(['"', '\n', '\r']) || cell.contains(delimiter) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.into()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn what_is_taken_along_is_what_polars_reads(
            rows in prop::collection::vec((row(), prop::collection::vec(prop::bool::weighted(0.1), 9)), 1..60),
            (delimiter, end, mark, last) in ("[,;\t]", "\n|\r\n", "|\u{feff}", any::<bool>()),
            odd in prop::option::weighted(0.3, (0usize..60, "lone, \"quoted\"|two\nlines|x,y,z,\"\"|a\rb|line\r\nend")),
            ragged in prop::option::weighted(0.1, 0usize..60),
            quoted in any::<bool>(),
            rules in prop::collection::vec(any::<bool>(), 9),
            as_of in prop::option::weighted(0.2, 20_100i32..20_200),
        ) {
            let mut text = format!("{mark}{}{end}", COLUMNS.join(&delimiter));
            for (i, (mut cells, quotes)) in rows.iter().cloned().enumerate() {
                if let Some((_, odd)) = odd.as_ref().filter(|o| o.0 % rows.len() == i) {
                    cells[5].clone_from(odd);
                }
                if rules[8] && i % 9 > 0 {
                    cells[2] += [" 09:05", " 09:59", " 17:00", " 09:59:01", " 09:60", " 09:59 ", "T09:05"][i * 7 % 13 % 7];
                }
                if ragged.is_some_and(|r| r % rows.len() == i) {
                    cells.pop();
                }
                let cells = cells.iter().zip(quotes).map(|(c, q)| written(c, &delimiter, q && quoted));
                text += &cells.collect::<Vec<_>>().join(&delimiter);
                if last || i + 1 < rows.len() {
                    text += &end;
                }
            }
            let folder = tempfile::tempdir().expect("a folder");
            std::fs::write(folder.path().join("orders.csv"), &text).expect("a file");
            std::fs::write(folder.path().join("sorts.csv"), "product,sort\np1,books\np2,toys\np3,\n").expect("a file");
            let mut spec = String::from("path = \"orders.csv\"\ncustomer_id = \"customer\"\n");
            for (asked, line) in rules.iter().zip([
                "order_id = \"order\"",
                if rules[8] {
                    "date = { column = \"day\", format = \"%Y-%m-%d %H:%M\" }"
                } else {
                    "date = { column = \"day\", format = \"%Y-%m-%d\" }"
                },
                "quantity = \"pieces\"",
                "unit_price = \"price\"",
                "product = \"product\"",
                "category = \"sort\"",
                "normalize = \"trim,upper\"",
                "discount = \"pieces\"",
                "channel = \"town\"",
            ]) {
                if *asked {
                    spec += line;
                    spec.push('\n');
                }
            }
            if rules[4] && rules[5] && rules[7] {
                spec += "join = { path = \"sorts.csv\", on = \"product\" }\n";
            }
            if rules[0] && rules[8] {
                spec += "[returns]\ncolumn = \"order\"\nstarts_with = \"C\"\n";
            }
            if rules[6] {
                spec += "[gift]\ncolumn = \"gift\"\n[attributes]\ntown = \"nominal\"\n";
            }
            let max_rejected = if rules[2] == rules[3] { 1.0 } else { 0.1 };
            let by = |taken| read(&spec, folder.path(), taken, max_rejected, as_of.filter(|_| rules[1]));
            prop_assert_eq!(by(true), by(false), "{}\n{}", spec, text);
        }
    }
}
