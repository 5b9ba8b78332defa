//! The files behind one table: found, opened, and given to polars as one lazy frame.

use super::coded::Piece;
use super::duplicates::{Sketch, digest};
use super::frame::{collect, guard};
use super::inspect::{Declared, Delimited, unreadable};
use super::schema::Opening;
use crate::error::{Error, Place, Result, Warning};
use polars::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Name of the row number in every frame of this module, from 0 over all files of the table.
pub(crate) const ROW: &str = "__row";

/// What the manifest says of an input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// The table it belongs to.
    pub table: String,
    /// The path as written in the config.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows, without the header.
    pub rows: u64,
    /// blake3 of the bytes.
    pub blake3: String,
    /// `csv`, `parquet` or `arrow`; for text also delimiter and encoding.
    pub format: String,
}

/// One table's files.
pub(crate) struct Source {
    /// Name in messages.
    pub(crate) table: String,
    /// Where to paste a fix.
    pub(crate) section: String,
    /// Column names of the first file.
    pub(crate) columns: Vec<String>,
    /// What was fixed on the way.
    pub(crate) warnings: Vec<Warning>,
    files: Vec<Opened>,
}

enum Opened {
    Text(Box<Delimited>),
    Columnar {
        path: PathBuf,
        shown: String,
        format: Columnar,
        rows: u64,
        bytes: u64,
        hash: String,
        columns: Vec<String>,
    },
}

#[derive(Clone, Copy)]
enum Columnar {
    Parquet,
    Arrow,
}

impl Source {
    /// Finds and opens the files. Relative paths start at `base`.
    pub(crate) fn open(opening: Opening<'_>, base: &Path) -> Result<Self> {
        Self::open_and_take(opening, base, &[], None)
    }

    /// The same; the cells of `columns` are taken along from text files without a flaw. Of `dates` among them one of each hour
    /// may stand for all.
    pub(crate) fn open_and_take(
        opening: Opening<'_>,
        base: &Path,
        columns: &[&str],
        dates: Option<&str>,
    ) -> Result<Self> {
        let declared = Declared {
            delimiter: match opening.delimiter {
                None => None,
                Some("\\t" | "tab" | "\t") => Some(b'\t'),
                Some(text) if text.len() == 1 => text.bytes().next(),
                Some(text) => {
                    return Err(Error::new("E0204", format!("`delimiter = \"{text}\"`: expected one character"))
                        .help("delimiter = \";\""));
                }
            },
            encoding: opening.encoding.map(str::to_owned),
            skip: opening.skip,
            headless: !opening.header,
            names: opening.names.to_vec(),
            taken: columns.iter().map(|c| (*c).to_string()).collect(),
            by_hour: dates.map(str::to_owned),
        };
        let mut files: Vec<Opened> = Vec::new();
        let mut warnings = Vec::new();
        let found = find(opening, base)?;
        super::memory::fits(opening.table, &found)?;
        for path in found {
            let file = Opened::open(&path, &declared)?;
            if let Opened::Text(text) = &file {
                warnings.extend(text.warnings.iter().cloned());
            }
            let mut twin = None;
            for earlier in &files {
                if file.equals(earlier)? {
                    twin = Some(earlier);
                    break;
                }
            }
            if let Some(twin) = twin {
                return Err(Error::new(
                    "E0322",
                    format!("{} and {} have the same content", twin.shown(), file.shown()),
                )
                .why("every order in them would count twice")
                .help("remove one of them from `path`"));
            }
            files.push(file);
        }
        let columns = files.first().map(|f| f.columns().to_vec()).unwrap_or_default();
        Ok(Self { table: opening.table.into(), section: opening.section.into(), columns, warnings, files })
    }

    /// Fails with E0201 unless every file has these columns. `wanted` is (config key, column).
    pub(crate) fn require(&self, wanted: &[(&str, &str)]) -> Result<()> {
        for file in &self.files {
            for (key, column) in wanted {
                if !file.columns().iter().any(|c| c == column) {
                    return Err(self.lacks(key, column, file));
                }
            }
        }
        Ok(())
    }

    fn lacks(&self, key: &str, column: &str, file: &Opened) -> Error {
        let names: Vec<&str> = file.columns().iter().map(String::as_str).collect();
        let error = Error::new("E0201", format!("{} has no column `{column}`", file.shown()))
            .note("seen", format!("columns: {}", names.join(", ")));
        match closest(column, &names) {
            Some(near) => error
                .help(format!("did you mean `{near}`?  put it in ilk.toml under {}: {key} = \"{near}\"", self.section)),
            None => error.help(format!("name an existing column in ilk.toml under {}: {key} = \"…\"", self.section)),
        }
    }

    /// Says which words in these columns are taken for missing values.
    pub(crate) fn say_missing(&mut self, columns: &[&str]) {
        let (mut words, mut cells, mut named) = (BTreeMap::<&str, u64>::new(), 0, BTreeSet::new());
        for file in &self.files {
            if let Opened::Text(text) = file {
                for ((column, word), n) in &text.missing {
                    let name = text.header[*column].as_str();
                    if columns.contains(&name) {
                        *words.entry(word).or_default() += n;
                        cells += n;
                        named.insert(name);
                    }
                }
            }
        }
        if cells == 0 {
            return;
        }
        let listed: Vec<String> = words.iter().map(|(word, n)| format!("{n} × `{word}`")).collect();
        let named: Vec<String> = named.into_iter().map(|n| format!("`{n}`")).collect();
        self.warnings.push(
            Warning::new(
                "W0332",
                format!(
                    "{}: {cells} {} of {} taken for missing",
                    self.table,
                    if cells == 1 { "cell" } else { "cells" },
                    named.join(", ")
                ),
            )
            .note("seen", listed.join("    "))
            .help("if such a word is a value, write another in the export; if it is not, leave the cell empty"),
        );
    }

    /// The last row of every text file: its number and its fields by column.
    pub(crate) fn last_rows(&self) -> Vec<(u64, BTreeMap<&str, &str>)> {
        let mut found = Vec::new();
        let mut start = 0;
        for file in &self.files {
            if let Opened::Text(text) = file
                && text.records > 1
                && text.last.len() == text.header.len()
            {
                let cells = text.header.iter().map(String::as_str).zip(text.last.iter().map(String::as_str)).collect();
                found.push((start + text.records - 1, cells));
            }
            start += file.rows();
        }
        found
    }

    /// The field delimiter of the first file, if it is text.
    pub(crate) fn delimiter(&self) -> Option<u8> {
        match self.files.first() {
            Some(Opened::Text(text)) => Some(text.delimiter),
            _ => None,
        }
    }

    /// Whether column `name` exists.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|c| c == name)
    }

    /// The columns as one lazy frame with a row number; text files give text, others their own types.
    pub(crate) fn frame(&self, columns: &[&str]) -> Result<LazyFrame> {
        let mut wanted: Vec<&str> = columns.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let select: Vec<Expr> = wanted.iter().map(|c| col(*c)).collect();
        let mut frames = Vec::with_capacity(self.files.len());
        for file in &self.files {
            frames.push(file.scan()?.select(&select));
        }
        let all = if frames.len() == 1 {
            frames.remove(0)
        } else {
            guard(&self.table, || {
                concat(&frames, UnionArgs { to_supertypes: true, maintain_order: true, ..UnionArgs::default() })
            })?
        };
        Ok(all.with_row_index(ROW, None))
    }

    /// The first rows of every column, for guessing.
    pub(crate) fn sample(&self, columns: &[&str], rows: u32) -> Result<DataFrame> {
        collect(self.frame(columns)?.limit(rows), &self.table)
    }

    /// Total rows that polars is given.
    pub(crate) fn rows(&self) -> u64 {
        self.files.iter().map(Opened::rows).sum()
    }

    /// Rows that have another number of fields than the header, as (place, values, reason).
    pub(crate) fn ragged(&self) -> Result<Vec<(Place, String, String)>> {
        let mut all = Vec::new();
        for file in &self.files {
            if let Opened::Text(text) = file {
                let ordinals: Vec<u64> = text.ragged.iter().map(|(o, _)| *o).collect();
                for ((line, fields), (_, n)) in text.locate(&ordinals)?.into_iter().zip(&text.ragged) {
                    let place = super::inspect::place(&text.shown, line, &fields, text.delimiter, None, "");
                    let value = place.text.clone();
                    all.push((place, value, format!("{n} fields, {} expected", text.header.len())));
                }
            }
        }
        Ok(all)
    }

    /// Number of ragged rows.
    pub(crate) fn ragged_rows(&self) -> u64 {
        self.files.iter().map(|f| if let Opened::Text(t) = f { t.ragged.len() as u64 } else { 0 }).sum()
    }

    /// Where rows (numbers of [`ROW`]) stand, each with the column meant.
    pub(crate) fn places(&self, rows: &[(u64, &str)], label: &str) -> Result<Vec<Place>> {
        let mut places = vec![Place::default(); rows.len()];
        let mut start = 0;
        for file in &self.files {
            let end = start + file.rows();
            let here: Vec<usize> = (0..rows.len()).filter(|i| (start..end).contains(&rows[*i].0)).collect();
            match file {
                Opened::Text(text) => {
                    let ordinals: Vec<u64> = here.iter().map(|i| text.ordinal(rows[*i].0 - start)).collect();
                    for (i, (line, fields)) in here.iter().zip(text.locate(&ordinals)?) {
                        let column = text.header.iter().position(|c| c == rows[*i].1);
                        places[*i] = super::inspect::place(&text.shown, line, &fields, text.delimiter, column, label);
                    }
                }
                Opened::Columnar { shown, .. } => {
                    for i in here {
                        let (row, column) = rows[i];
                        let text = format!("row {} column {column}", row - start + 1);
                        places[i] = Place {
                            file: shown.clone(),
                            line: (row - start + 1) as usize,
                            span: 0..text.len(),
                            text,
                            label: label.into(),
                        };
                    }
                }
            }
            start = end;
        }
        Ok(places)
    }

    /// Names and rows of the files, in the order of the row numbers.
    pub(crate) fn names_and_rows(&self) -> Vec<(String, u64)> {
        self.files.iter().map(|f| (f.name(), f.rows())).collect()
    }

    /// The cells of the columns that were taken along, in the order of the row numbers; once. `None` if a file has a flaw or
    /// is no text.
    pub(crate) fn taken(&mut self) -> Option<BTreeMap<String, Vec<Piece>>> {
        let mut all: BTreeMap<String, Vec<Piece>> = BTreeMap::new();
        let parts: Vec<_> = self
            .files
            .iter_mut()
            .map(|file| if let Opened::Text(text) = file { text.taken.take() } else { None })
            .collect();
        for (column, pieces) in parts.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten() {
            all.entry(column).or_default().extend(pieces);
        }
        let levels =
            all.values().map(|pieces| pieces.iter().map(|piece| piece.levels.len()).sum()).max().unwrap_or(0usize);
        (u32::try_from(levels).is_ok() && u32::try_from(self.rows()).is_ok()).then_some(all)
    }

    /// The sketch of every row, in pieces. They are handed over once: there is one for each row.
    pub(crate) fn take_sketches(&mut self) -> Result<Vec<Vec<u64>>> {
        let reordered = self.files.iter().any(|f| f.columns() != self.columns);
        let mut all = Vec::with_capacity(self.files.len());
        for file in &mut self.files {
            match file {
                Opened::Text(text) if reordered => all.push(text.sketches_by_name()?),
                Opened::Text(text) => all.append(&mut text.sketches),
                Opened::Columnar { .. } => all.push(file.sketches()?),
            }
        }
        Ok(all)
    }

    /// The digests of rows (ascending numbers of [`ROW`]).
    pub(crate) fn digests(&self, rows: &[u64]) -> Result<Vec<[u8; 32]>> {
        let mut found = Vec::with_capacity(rows.len());
        let mut start = 0;
        for file in &self.files {
            let end = start + file.rows();
            let here: Vec<u64> = rows[rows.partition_point(|r| *r < start)..rows.partition_point(|r| *r < end)]
                .iter()
                .map(|r| r - start)
                .collect();
            if !here.is_empty() {
                found.extend(match file {
                    Opened::Text(text) => text.digests(&here)?,
                    Opened::Columnar { .. } => file.digests(&here)?,
                });
            }
            start = end;
        }
        Ok(found)
    }

    /// The files, for the manifest.
    pub(crate) fn inputs(&self) -> Vec<InputFile> {
        self.files
            .iter()
            .map(|file| InputFile {
                table: self.table.clone(),
                path: file.shown().to_string(),
                bytes: file.bytes(),
                rows: file.rows(),
                blake3: file.hash().to_string(),
                format: file.format(),
            })
            .collect()
    }

    /// Makes polars read clean copies only: for when it counted other rows than the inspection did.
    pub(crate) fn force_copies(&mut self) -> Result<()> {
        for file in &mut self.files {
            if let Opened::Text(text) = file {
                text.force_copy()?;
            }
        }
        Ok(())
    }
}

impl Opened {
    fn open(path: &Path, declared: &Declared) -> Result<Self> {
        let shown = path.display().to_string();
        let mut magic = [0u8; 8];
        let file = std::fs::File::open(path).map_err(|e| unreadable(&shown, &e))?;
        let n = std::io::Read::read(&mut &file, &mut magic).map_err(|e| unreadable(&shown, &e))?;
        let format = if magic[..n].starts_with(b"PAR1") {
            Columnar::Parquet
        } else if magic[..n].starts_with(b"ARROW1") {
            Columnar::Arrow
        } else {
            return Ok(Opened::Text(Box::new(Delimited::inspect(path, declared)?)));
        };
        let bytes = file.metadata().map_err(|e| unreadable(&shown, &e))?.len();
        let mut hasher = blake3::Hasher::new();
        std::io::Seek::rewind(&mut &file).map_err(|e| unreadable(&shown, &e))?;
        hasher.update_reader(&file).map_err(|e| unreadable(&shown, &e))?;
        let mut this = Opened::Columnar {
            path: path.to_path_buf(),
            shown: shown.clone(),
            format,
            rows: 0,
            bytes,
            hash: hasher.finalize().to_hex().to_string(),
            columns: Vec::new(),
        };
        let names: Vec<String> = {
            let mut frame = this.scan()?;
            let schema = guard(&shown, || frame.collect_schema())?;
            schema.iter_names().map(|n| n.to_string()).collect()
        };
        let height = {
            let counted = collect(this.scan()?.select([len().alias("n")]), &shown)?;
            guard(&shown, || counted.column("n")?.u32()?.get(0).ok_or_else(|| polars_err!(NoData: "no rows")))?
        };
        if height == 0 {
            return Err(Error::new("E0103", format!("{shown} has columns and no rows"))
                .help("check the export: the query may have returned nothing"));
        }
        if let Opened::Columnar { rows, columns, .. } = &mut this {
            *rows = u64::from(height);
            *columns = names;
        }
        Ok(this)
    }

    fn scan(&self) -> Result<LazyFrame> {
        match self {
            Opened::Text(text) => {
                let (path, separator) = text.readable();
                let schema: Schema =
                    text.header.iter().map(|n| Field::new(n.as_str().into(), DataType::String)).collect();
                let path = as_polars_path(path)?;
                guard(&text.shown, || {
                    LazyCsvReader::new(path)
                        .with_separator(separator)
                        .with_schema(Some(Arc::new(schema)))
                        .with_has_header(true)
                        .with_glob(false)
                        .with_missing_is_null(true)
                        .finish()
                })
            }
            Opened::Columnar { path, shown, format, .. } => {
                let path = as_polars_path(path)?;
                guard(shown, || match format {
                    Columnar::Parquet => {
                        LazyFrame::scan_parquet(path, ScanArgsParquet { glob: false, ..ScanArgsParquet::default() })
                    }
                    Columnar::Arrow => LazyFrame::scan_ipc(
                        path,
                        IpcScanOptions::default(),
                        UnifiedScanArgs { glob: false, ..UnifiedScanArgs::default() },
                    ),
                })
            }
        }
    }

    /// Whether both hold the same: the same bytes, or the same records packed otherwise.
    fn equals(&self, other: &Self) -> Result<bool> {
        match (self, other) {
            _ if self.hash() == other.hash() => Ok(true),
            (Opened::Text(a), Opened::Text(b)) => a.same_records(b),
            _ => Ok(false),
        }
    }

    /// The sketch of every row of a file of columns, one column at a time.
    fn sketches(&self) -> Result<Vec<u64>> {
        let mut all = vec![Sketch::EMPTY; self.rows() as usize];
        for name in self.columns_by_name() {
            let frame = collect(self.scan()?.select([col(name)]), self.shown())?;
            guard(self.shown(), || each_cell(&frame.columns()[0], &mut |row, cell| all[row].add(cell)))?;
        }
        Ok(all.into_iter().map(Sketch::bits).collect())
    }

    /// The digests of rows of a file of columns.
    fn digests(&self, rows: &[u64]) -> Result<Vec<[u8; 32]>> {
        let wanted = Series::new("rows".into(), rows.to_vec());
        let names = self.columns_by_name();
        let mut select: Vec<Expr> = names.iter().map(|n| col(*n)).collect();
        select.push(col(ROW));
        let frame = self
            .scan()?
            .with_row_index(ROW, None)
            .filter(col(ROW).cast(DataType::UInt64).is_in(lit(wanted).implode(false), false))
            .sort([ROW], SortMultipleOptions::default())
            .select(select);
        let frame = collect(frame, self.shown())?;
        let mut cells: Vec<Vec<Vec<u8>>> = vec![Vec::with_capacity(names.len()); frame.height()];
        for name in names {
            guard(self.shown(), || each_cell(frame.column(name)?, &mut |row, cell| cells[row].push(cell.to_vec())))?;
        }
        let mut buffer = Vec::new();
        Ok(cells.iter().map(|row| digest(row.iter().map(Vec::as_slice), &mut buffer)).collect())
    }

    fn columns_by_name(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.columns().iter().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The name without its folders.
    fn name(&self) -> String {
        let shown = self.shown();
        Path::new(shown).file_name().map_or_else(|| shown.to_string(), |n| n.to_string_lossy().into_owned())
    }

    fn columns(&self) -> &[String] {
        match self {
            Opened::Text(text) => &text.header,
            Opened::Columnar { columns, .. } => columns,
        }
    }

    fn shown(&self) -> &str {
        match self {
            Opened::Text(text) => &text.shown,
            Opened::Columnar { shown, .. } => shown,
        }
    }

    fn hash(&self) -> &str {
        match self {
            Opened::Text(text) => &text.hash,
            Opened::Columnar { hash, .. } => hash,
        }
    }

    fn rows(&self) -> u64 {
        match self {
            Opened::Text(text) => text.records,
            Opened::Columnar { rows, .. } => *rows,
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Opened::Text(text) => text.bytes,
            Opened::Columnar { bytes, .. } => *bytes,
        }
    }

    fn format(&self) -> String {
        match self {
            Opened::Text(text) => {
                format!("csv, `{}`, {}", super::head::shown_delimiter(text.delimiter), text.encoding.name())
            }
            Opened::Columnar { format: Columnar::Parquet, .. } => "parquet".into(),
            Opened::Columnar { format: Columnar::Arrow, .. } => "arrow".into(),
        }
    }
}

/// Calls `each` with row and bytes of every cell of a column. A missing one is a byte that no text has.
fn each_cell(column: &Column, each: &mut dyn FnMut(usize, &[u8])) -> PolarsResult<()> {
    const MISSING: &[u8] = &[0xff];
    match column.dtype() {
        DataType::Float32 | DataType::Float64 => {
            for (row, cell) in column.cast(&DataType::Float64)?.f64()?.iter().enumerate() {
                match cell {
                    Some(cell) => each(row, &cell.to_bits().to_le_bytes()),
                    None => each(row, MISSING),
                }
            }
        }
        kind if kind.is_temporal() || (kind.is_integer() && !matches!(kind, DataType::UInt64)) => {
            for (row, cell) in column.cast(&DataType::Int64)?.i64()?.iter().enumerate() {
                match cell {
                    Some(cell) => each(row, &cell.to_le_bytes()),
                    None => each(row, MISSING),
                }
            }
        }
        kind if kind.is_nested() => {
            // Such a column is rare and read by nobody here; its text stands for it.
            for (row, cell) in column.as_materialized_series().iter().enumerate() {
                each(row, format!("{cell:?}").as_bytes());
            }
        }
        _ => {
            for (row, cell) in column.cast(&DataType::String)?.str()?.iter().enumerate() {
                each(row, cell.map_or(MISSING, str::as_bytes));
            }
        }
    }
    Ok(())
}

fn as_polars_path(path: &Path) -> Result<PlRefPath> {
    let text = path.to_str().ok_or_else(|| {
        Error::new("E0131", format!("the path {} is not UTF-8", path.display())).help("rename the file or its folder")
    })?;
    Ok(PlRefPath::from(text))
}

/// The nearest name, if one is near enough to be a slip.
pub(crate) fn closest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    let plain = |t: &str| t.to_lowercase().replace(['_', ' ', '-', '.'], "");
    names
        .iter()
        .map(|n| (strsim::jaro_winkler(&plain(name), &plain(n)), *n))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, n)| n)
}

fn find(opening: Opening<'_>, base: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for written in opening.path.list() {
        // `./orders.csv` is how nobody writes it.
        let path = if base == Path::new(".") { PathBuf::from(written) } else { base.join(written) };
        if path.is_dir() {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(&path)
                .map_err(|e| unreadable(written, &e))?
                .filter_map(|entry| entry.ok().map(|e| e.path()))
                .filter(|p| p.is_file() && readable_name(p))
                .collect();
            inside.sort();
            if inside.is_empty() {
                return Err(Error::new("E0101", format!("the folder {written} holds no CSV, Parquet or Arrow file"))
                    .help("path = \"file.csv\", a folder, or a glob such as \"orders/*.parquet\""));
            }
            found.extend(inside);
        } else if path.is_file() {
            found.push(path);
        } else if written.contains(['*', '?', '[']) {
            let pattern = path.to_string_lossy().into_owned();
            let mut hits: Vec<PathBuf> = glob::glob(&pattern)
                .map(|paths| paths.filter_map(std::result::Result::ok).collect())
                .unwrap_or_default();
            hits.retain(|p| p.is_file());
            hits.sort();
            if hits.is_empty() {
                return Err(missing(written, &path));
            }
            found.extend(hits);
        } else {
            return Err(missing(written, &path));
        }
    }
    Ok(found)
}

/// The error for a file that is not there, with what is.
pub(crate) fn missing(written: &str, path: &Path) -> Error {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map(|entries| {
            entries
                .filter_map(|e| e.ok())
                .filter(|e| e.path().is_file() && readable_name(&e.path()))
                .map(|e| e.file_name().to_string_lossy().into_owned())
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    let error = Error::new("E0101", format!("{written} not found"));
    let wanted = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let refs: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = closest(&wanted, &refs).map(str::to_owned);
    let listed = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
    let error = if names.is_empty() { error } else { error.note("note", format!("in this folder: {listed}")) };
    match near {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error.help("check the path; it starts at the folder of ilk.toml"),
    }
}

fn readable_name(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".parquet", ".arrow", ".ipc", ".feather"]
        .iter()
        .any(|e| name.ends_with(e))
}
