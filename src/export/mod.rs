//! What a machine reads: tables of assignments and features as bytes of a format. To add a format: one file, one line in
//! [`Format`].

pub mod csv;
pub mod parquet;

use crate::error::{Error, Result};
use std::path::Path;

/// A table to be written: named columns of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Name and values of each column.
    pub columns: Vec<(String, Values)>,
}

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Text.
    Text(Vec<Option<String>>),
    /// Numbers; `NaN` is written as missing.
    Number(Vec<f64>),
}

/// The formats by the ending of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, UTF-8, one header line.
    Csv,
    /// Parquet, zstd.
    Parquet,
}

impl Format {
    /// From the ending of a path.
    ///
    /// # Errors
    /// E0701 if no format has that ending.
    pub fn of(path: &Path) -> Result<Self> {
        match path.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
            Some("csv") => Ok(Format::Csv),
            Some("parquet") => Ok(Format::Parquet),
            _ => Err(Error::new("E0701", format!("{} names no format that is known", path.display()))
                .help("end the name with .csv or .parquet")),
        }
    }

    /// The table as bytes of this format.
    ///
    /// # Errors
    /// E0070 if it cannot be written, which would be a defect.
    pub fn write(self, table: &Table) -> Result<Vec<u8>> {
        match self {
            Format::Csv => csv::write(table),
            Format::Parquet => parquet::write(table),
        }
    }
}
