//! The files of one table, opened in the database, and their first rows brought here.

use super::Reading;
use super::cells::{Columns, Kind, quote, quoted};
use crate::data::columns::Sample;
use crate::data::schema::{Inputs, Opening, Paths};
use crate::data::source::{InputFile, Source};
use crate::error::{Error, Result};
use std::io::Write;
use tempfile::TempDir;

/// Rows that are looked at before all are.
const HEAD: usize = 10_000;

/// Distinct dates that are looked at where the first rows do not settle how they are written.
const DATES: usize = 200_000;

/// A table of files: a view over all of them, and the first rows as a file of this machine.
pub(super) struct Raw {
    /// The view.
    pub(super) view: String,
    /// Its columns.
    pub(super) kinds: Vec<(String, Kind)>,
    /// A column that is not NULL in rows with another number of fields than the header, for text files.
    pub(super) ragged: Option<&'static str>,
    section: String,
    table: String,
    head: Source,
    /// Holds the first rows while they are needed.
    _folder: TempDir,
}

impl Raw {
    /// The columns with their sample.
    pub(super) fn columns(&self, wanted: &[&str]) -> Result<Columns<'_>> {
        Ok(Columns {
            table: &self.table,
            section: &self.section,
            kinds: self.kinds.clone(),
            sample: Sample::of(&self.head, wanted)?,
        })
    }

    /// Fails with E0201 unless the table has these columns.
    pub(super) fn require(&self, wanted: &[(&str, &str)]) -> Result<()> {
        self.head.require(wanted)
    }
}

fn unwritable(error: &std::io::Error) -> Error {
    Error::new("E0611", format!("the first rows cannot be written to a temporary folder: {error}"))
        .help("is the disk full? TMPDIR names another folder")
}

/// The column of Spark's text reader for rows that do not fit.
const RAGGED: &str = "_does_not_fit";

impl Reading<'_> {
    /// Opens the files of a table under a name.
    pub(super) fn open(&mut self, name: &str, opening: Opening<'_>) -> Result<Raw> {
        let mut views = Vec::new();
        let mut kinds: Option<Vec<(String, Kind)>> = None;
        let mut ragged = None;
        for (at, path) in opening.path.list().into_iter().enumerate() {
            let path = self.located(path);
            let first =
                self.listed.get(&path).and_then(|files| files.first()).cloned().unwrap_or_default().to_lowercase();
            let view = format!("{name}_file_{at}");
            if first.ends_with(".parquet") {
                self.database.view(&view, &format!("SELECT * FROM parquet.{}", quoted(&path)))?;
            } else if first.ends_with(".orc") {
                self.database.view(&view, &format!("SELECT * FROM orc.{}", quoted(&path)))?;
            } else if [".arrow", ".feather", ".xlsx", ".zip"].iter().any(|end| first.ends_with(end)) {
                return Err(Error::new("E0222", format!("Spark does not read {first}"))
                    .help("export the table as Parquet or as CSV; or: [engine] kind = \"polars\""));
            } else {
                self.text(&view, &path, &opening)?;
                ragged = Some(RAGGED);
            }
            let own = self.kinds(&view, ragged)?;
            if let Some(known) = &kinds
                && known.iter().any(|column| !own.contains(column))
            {
                let missing = known.iter().find(|column| !own.contains(column)).map_or("", |(name, _)| name);
                return Err(Error::new("E0201", format!("{path} lacks `{missing}`, or has it as another type"))
                    .why("its rows could not be added to the others")
                    .help(format!("export all files of {} with the same columns", opening.section)));
            }
            kinds = kinds.or(Some(own));
            views.push(view);
        }
        let kinds = kinds.unwrap_or_default();
        let columns: Vec<String> = kinds.iter().map(|(name, _)| quoted(name)).chain(ragged.map(quoted)).collect();
        let all: Vec<String> = views.iter().map(|view| format!("SELECT {} FROM {view}", columns.join(", "))).collect();
        let view = format!("{name}_files");
        self.database.view(&view, &all.join(" UNION ALL "))?;
        let (folder, head) = self.head(&view, &kinds, &opening, None)?;
        Ok(Raw {
            view,
            kinds,
            ragged,
            section: opening.section.into(),
            table: opening.table.into(),
            head,
            _folder: folder,
        })
    }

    /// A path as the workers find it: URLs stay, others start at the project.
    fn located(&self, path: &str) -> String {
        if path.contains("://") || path.starts_with("file:") || path.starts_with("dbfs:") {
            return path.to_string();
        }
        let path = self.base.join(path);
        // A glob exists nowhere, its folder does.
        let found = path.canonicalize().or_else(|error| match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) => folder.canonicalize().map(|folder| folder.join(name)),
            _ => Err(error),
        });
        found.unwrap_or(path).to_string_lossy().into_owned()
    }

    /// Lists the files of every table: they are inputs of the run, and tell whether what an earlier run kept is of the same.
    pub(super) fn list(&mut self, inputs: &Inputs) -> Result<()> {
        let orders = inputs.orders.iter().flat_map(|spec| [Some(spec.opening()), spec.join_opening()]);
        let events = inputs.events.iter().flat_map(|spec| [Some(spec.opening()), spec.join_opening()]);
        let surveys = inputs.surveys.iter().map(|spec| Some(spec.opening()));
        let customers = inputs.customers.iter().map(|spec| Some(spec.opening()));
        for opening in orders.chain(events).chain(surveys).chain(customers).flatten() {
            for path in opening.path.list() {
                let path = self.located(path);
                let found = self.files(&opening, &path)?;
                self.tables.inputs.extend(found.iter().cloned());
                self.listed.insert(path, found.into_iter().map(|file| file.path).collect());
            }
        }
        let all: Vec<String> = (self.tables.inputs.iter())
            .map(|file| format!("{} {} {} {}", file.table, file.path, file.bytes, file.blake3))
            .collect();
        self.database.reads(&all.join("\n"));
        Ok(())
    }

    /// The files of a path, as the database lists them.
    fn files(&self, opening: &Opening<'_>, path: &str) -> Result<Vec<InputFile>> {
        let listed = self.database.query(&format!(
            "SELECT path, length, CAST(modificationTime AS STRING) FROM binaryFile.{} ORDER BY path",
            quoted(path)
        ));
        let listed = match listed {
            Err(error) if error.code() == "E0621" && error.0.title.contains("PATH_NOT_FOUND") => {
                return Err(Error::new("E0101", format!("Spark finds nothing at {path}"))
                    .why("the workers read the files themselves, so they must see them")
                    .help(format!(
                        "correct path under {}; a shared folder or a store such as s3a://",
                        opening.section
                    )));
            }
            listed => listed?,
        };
        let (names, sizes, times) = (listed.texts(0)?, listed.whole(1)?, listed.texts(2)?);
        let file = |((name, bytes), time): ((&Option<String>, i64), &Option<String>)| {
            let name = name.clone().unwrap_or_default();
            InputFile {
                table: opening.table.into(),
                bytes: bytes as u64,
                rows: 0,
                // The bytes were never here: what tells another file is when it was written.
                blake3: format!("modified {}", time.clone().unwrap_or_default()),
                format: name.rsplit('.').next().unwrap_or_default().into(),
                path: name,
            }
        };
        let found: Vec<InputFile> = names.iter().zip(sizes).zip(times).map(file).collect();
        if found.is_empty() {
            return Err(Error::new("E0101", format!("Spark finds no file at {path}"))
                .help(format!("correct path under {}", opening.section)));
        }
        Ok(found)
    }

    /// A view over text files; how they are written is told by their first lines.
    fn text(&self, view: &str, path: &str, opening: &Opening<'_>) -> Result<()> {
        let answer = self.database.query(&format!(
            "SELECT value FROM text.{} LIMIT {}",
            quoted(path),
            HEAD.min(2_000) + opening.skip as usize
        ))?;
        let lines: Vec<String> = answer.texts(0)?.iter().map(|line| line.clone().unwrap_or_default()).collect();
        if opening.skip > 0 || !opening.header {
            return Err(Error::new(
                "E0222",
                format!("Spark reads text files of {} from their header on", opening.table),
            )
            .help("export them with one header line and nothing above it; or: [engine] kind = \"polars\""));
        }
        let foreign = lines.iter().any(|line| line.contains('\u{fffd}'));
        if foreign && opening.encoding.is_none() {
            return Err(Error::new("E0222", format!("the text files of {} are not UTF-8", opening.table))
                .why("names would be cut short, and customers with them")
                .help(format!("under {}: encoding = \"windows-1252\"", opening.section)));
        }
        let folder = tempfile::tempdir().map_err(|error| unwritable(&error))?;
        let file = folder.path().join("head.csv");
        std::fs::write(&file, lines.join("\n") + "\n").map_err(|error| unwritable(&error))?;
        let only = Paths::One(file.to_string_lossy().into_owned());
        let head = Source::open(Opening { path: &only, encoding: None, ..*opening }, folder.path())?;
        let names = if opening.names.is_empty() { head.columns.clone() } else { opening.names.to_vec() };
        let columns: Vec<String> = names.iter().map(|name| format!("{} STRING", quoted(name))).collect();
        // A text that goes on in the next line keeps a file from being read in parts, so it is only asked for where there is one.
        let broken = lines.iter().take(lines.len().saturating_sub(1)).any(|line| line.matches('"').count() % 2 == 1);
        let options = [
            ("path", path.to_string()),
            ("header", "true".into()),
            ("sep", head.delimiter().map_or(",".into(), |sign| (sign as char).to_string())),
            ("quote", "\"".into()),
            ("escape", "\"".into()),
            ("multiLine", broken.to_string()),
            ("encoding", opening.encoding.unwrap_or("UTF-8").into()),
            ("mode", "PERMISSIVE".into()),
            ("columnNameOfCorruptRecord", RAGGED.into()),
            ("maxCharsPerColumn", "-1".into()),
        ];
        let options: Vec<String> =
            options.iter().map(|(key, value)| format!("{} {}", quote(key), quote(value))).collect();
        self.database.command(&format!(
            "CREATE OR REPLACE TEMPORARY VIEW {view} ({}, {} STRING) USING csv OPTIONS ({})",
            columns.join(", "),
            quoted(RAGGED),
            options.join(", ")
        ))
    }

    /// The columns of a view, without the one for rows that do not fit.
    fn kinds(&self, view: &str, ragged: Option<&str>) -> Result<Vec<(String, Kind)>> {
        let answer = self.database.query(&format!("DESCRIBE TABLE {view}"))?;
        let (names, types) = (answer.texts(0)?, answer.texts(1)?);
        Ok((names.iter().zip(types))
            .filter_map(|(name, kind)| Some((name.clone()?, Kind::named(kind.as_deref()?)?)))
            .filter(|(name, _)| Some(name.as_str()) != ragged)
            .collect())
    }

    /// The first rows of a view as a file here; of one column its distinct values.
    fn head(
        &self,
        view: &str,
        kinds: &[(String, Kind)],
        opening: &Opening<'_>,
        of: Option<&str>,
    ) -> Result<(TempDir, Source)> {
        let names: Vec<&str> = match of {
            Some(column) => vec![column],
            None => kinds.iter().map(|(name, _)| name.as_str()).collect(),
        };
        let texts: Vec<String> = names.iter().map(|name| format!("CAST({} AS STRING)", quoted(name))).collect();
        let answer = self.database.query(&match of {
            Some(_) => format!("SELECT DISTINCT {} FROM {view} LIMIT {DATES}", texts.join(", ")),
            None => format!("SELECT {} FROM {view} LIMIT {HEAD}", texts.join(", ")),
        })?;
        let folder = tempfile::tempdir().map_err(|error| unwritable(&error))?;
        let file = folder.path().join("head.csv");
        let mut writer = csv::Writer::from_writer(Vec::new());
        let unwritten = |error: csv::Error| unwritable(&std::io::Error::other(error));
        writer.write_record(&names).map_err(unwritten)?;
        let columns: Vec<&[Option<String>]> =
            (0..answer.columns.len()).map(|at| answer.texts(at)).collect::<Result<_>>()?;
        for row in 0..answer.rows() {
            writer
                .write_record(columns.iter().map(|column| column[row].as_deref().unwrap_or("")))
                .map_err(unwritten)?;
        }
        let bytes = writer.into_inner().map_err(|error| unwritable(error.error()))?;
        std::fs::File::create(&file).and_then(|mut file| file.write_all(&bytes)).map_err(|error| unwritable(&error))?;
        let only = Paths::One(file.to_string_lossy().into_owned());
        let plain = Opening {
            path: &only,
            delimiter: Some(","),
            encoding: None,
            skip: 0,
            header: true,
            names: &[],
            ..*opening
        };
        let source = Source::open(plain, folder.path())?;
        Ok((folder, source))
    }

    /// The format of the dates of a column and what proves it: from the first rows if these settle it, else from all values.
    pub(super) fn date_format(&self, raw: &Raw, opening: &Opening<'_>, column: &str) -> Result<(String, String)> {
        match Sample::of(&raw.head, &[column])?.date_format(column) {
            Ok(found) => Ok(found),
            Err(_) => {
                let (_folder, all) = self.head(&raw.view, &raw.kinds, opening, Some(column))?;
                Sample::of(&all, &[column])?.date_format(column)
            }
        }
    }
}
