//! Parquet, for notebooks and warehouses.

use super::{Table, Values};
use crate::data::frame::{guard, numbers, texts};
use crate::error::Result;
use crate::features::matrix::{Column as FeatureColumn, FeatureMatrix};
use crate::features::{Feature, Scale};
use polars::prelude::*;

/// The table as Parquet (zstd). Text columns are strings, so ids keep their leading zeros.
///
/// # Errors
/// E0131 if polars cannot write it.
pub fn write(table: &Table) -> Result<Vec<u8>> {
    guard("the table", || {
        let columns: Vec<Column> = table
            .columns
            .iter()
            .map(|(name, values)| match values {
                Values::Text(v) => Column::new(name.as_str().into(), v),
                Values::Number(v) => {
                    let values: Vec<Option<f64>> = v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect();
                    Column::new(name.as_str().into(), values)
                }
            })
            .collect();
        let mut frame = DataFrame::new_infer_height(columns)?;
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).with_compression(ParquetCompression::Zstd(None)).finish(&mut frame)?;
        Ok(bytes)
    })
}

/// Reads `features.parquet` back.
///
/// # Errors
/// E0131 if the file is damaged or lacks a feature.
pub fn read_features(bytes: &[u8], features: &[Feature]) -> Result<FeatureMatrix> {
    let what = "features.parquet";
    let frame = guard(what, || ParquetReader::new(std::io::Cursor::new(bytes)).finish())?;
    let ids = texts(&frame, "customer_id", what)?.into_iter().flatten().collect();
    let columns = features
        .iter()
        .map(|feature| match feature.scale {
            Scale::Numeric => numbers(&frame, &feature.name, what).map(FeatureColumn::Number),
            Scale::Ordinal(_) | Scale::Nominal | Scale::Binary => {
                texts(&frame, &feature.name, what).map(FeatureColumn::Level)
            }
        })
        .collect::<Result<_>>()?;
    Ok(FeatureMatrix { ids, features: features.to_vec(), columns })
}

/// Reads columns of text; those that the file lacks are `None`.
///
/// # Errors
/// E0131 if the file is damaged.
pub fn read_texts(bytes: &[u8], columns: &[&str]) -> Result<Vec<Option<Vec<Option<String>>>>> {
    let what = "assignments.parquet";
    let frame = guard(what, || ParquetReader::new(std::io::Cursor::new(bytes)).finish())?;
    let known = |name: &str| frame.get_column_names().iter().any(|column| column.as_str() == name);
    columns.iter().map(|name| known(name).then(|| texts(&frame, name, what)).transpose()).collect()
}

/// The file without the rows of the customer `id`, and how many those were.
///
/// # Errors
/// E0131 if the file is damaged.
pub fn without(bytes: &[u8], id: &str) -> Result<(Vec<u8>, usize)> {
    let what = "a table of customers";
    let frame = guard(what, || ParquetReader::new(std::io::Cursor::new(bytes)).finish())?;
    let others: Vec<bool> =
        texts(&frame, "customer_id", what)?.into_iter().map(|other| other.as_deref() != Some(id)).collect();
    let gone = others.iter().filter(|other| !**other).count();
    if gone == 0 {
        return Ok((bytes.to_vec(), 0));
    }
    guard(what, || {
        let mut left = frame.filter(&BooleanChunked::from_slice("others".into(), &others))?;
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).with_compression(ParquetCompression::Zstd(None)).finish(&mut left)?;
        Ok((bytes, gone))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let table = Table {
            columns: vec![
                ("customer_id".into(), Values::Text(vec![Some("007".into()), None])),
                ("revenue".into(), Values::Number(vec![1.5, f64::NAN])),
            ],
        };
        let bytes = write(&table).expect("Parquet");
        assert_eq!(bytes, write(&table).expect("the same bytes"));
        let frame = ParquetReader::new(std::io::Cursor::new(bytes)).finish().expect("a frame");
        assert_eq!(frame.column("customer_id").expect("ids").str().expect("text").get(0), Some("007"));
        assert_eq!(frame.column("revenue").expect("money").f64().expect("numbers").get(1), None);
    }
}
