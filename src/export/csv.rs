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
    }
}
