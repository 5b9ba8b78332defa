//! Comma-separated values.

use super::{Table, Values};
use crate::error::{Error, Result};

/// The table as CSV. Numbers are written in the fewest digits that read back as the same double.
///
/// # Errors
/// E0070 if it cannot be written, which would be a defect.
pub fn write(table: &Table) -> Result<Vec<u8>> {
    let failed = |e: &dyn std::fmt::Display| Error::new("E0070", format!("a table cannot be written as CSV: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|(name, _)| name)).map_err(|e| failed(&e))?;
    let rows = table.columns.first().map_or(0, |(_, values)| match values {
        Values::Text(v) => v.len(),
        Values::Number(v) => v.len(),
    });
    for row in 0..rows {
        for (_, values) in &table.columns {
            let field = match values {
                Values::Text(v) => v[row].clone().unwrap_or_default(),
                Values::Number(v) if v[row].is_nan() => String::new(),
                Values::Number(v) => v[row].to_string(),
            };
            writer.write_field(field).map_err(|e| failed(&e))?;
        }
        writer.write_record(None::<&[u8]>).map_err(|e| failed(&e))?;
    }
    writer.into_inner().map_err(|e| failed(&e))
}

/// The file without the rows of the customer `id`, and how many those were. Where no column is `customer_id`, a row is of a customer if any
/// field is the id.
///
/// # Errors
/// E0131 if it is no CSV.
pub fn without(bytes: &[u8], id: &str) -> Result<(Vec<u8>, usize)> {
    let damaged = |e: &dyn std::fmt::Display| {
        Error::new("E0131", format!("a table cannot be read: {e}")).help("restore it from a copy")
    };
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let (mut gone, mut column) = (0, None);
    for (row, record) in reader.byte_records().enumerate() {
        let record = record.map_err(|e| damaged(&e))?;
        if row == 0 {
            column = record.iter().position(|name| name == b"customer_id");
        }
        let of_the_customer = match column {
            Some(column) => record.get(column) == Some(id.as_bytes()),
            None => record.iter().any(|field| field == id.as_bytes()),
        };
        if of_the_customer {
            gone += 1;
        } else {
            writer.write_byte_record(&record).map_err(|e| damaged(&e))?;
        }
    }
    Ok((writer.into_inner().map_err(|e| damaged(&e))?, gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_text_and_numbers_read_back() {
        let table = Table {
            columns: vec![
                ("customer_id".into(), Values::Text(vec![Some("007".into()), Some("a,\"b".into())])),
                ("distance".into(), Values::Number(vec![0.1 + 0.2, f64::NAN])),
            ],
        };
        let text = String::from_utf8(write(&table).expect("CSV")).expect("UTF-8");
        assert_eq!(text, "customer_id,distance\n007,0.30000000000000004\n\"a,\"\"b\",\n");
        let (left, gone) = without(text.as_bytes(), "007").expect("CSV");
        assert_eq!((String::from_utf8(left).expect("UTF-8"), gone), ("customer_id,distance\n\"a,\"\"b\",\n".into(), 1));
        assert_eq!(without(text.as_bytes(), "00").expect("CSV"), (text.clone().into_bytes(), 0));
    }
}
