//! Whether a file fits into memory, asked before it is read: a process that the system ends for want of it says nothing.

use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Bytes of memory per byte of text, for all of a run: 4.4 GB were measured for 2.4 GB (a million customers).
const TEXT: u64 = 2;

/// And per byte of a packed file, which is text of some five times its size.
const PACKED: u64 = 10;

/// Refuses files that need more memory than there is.
///
/// # Errors
/// E0614.
pub(super) fn fits(table: &str, files: &[PathBuf]) -> Result<()> {
    let Some(free) = free() else { return Ok(()) };
    let of = |path: &PathBuf| {
        std::fs::metadata(path).map_or(0, |facts| facts.len()) * if is_text(path) { TEXT } else { PACKED }
    };
    let needed: u64 = files.iter().map(of).sum();
    if needed <= free {
        return Ok(());
    }
    let gigabytes = |bytes: u64| format!("{:.1} GB", bytes as f64 / 1e9);
    Err(Error::new("E0614", format!("{table}: about {} of memory needed, {} free", gigabytes(needed), gigabytes(free)))
        .why("the system would end the run in the middle of reading, without a word")
        .help("leave out the columns and years that segments do not need, or take a machine with more memory"))
}

fn is_text(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    [".csv", ".tsv", ".txt"].iter().any(|end| name.ends_with(end))
}

/// Bytes that this process may still take; `None` where the system does not say.
fn free() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024;
    let number =
        |file: &str| std::fs::read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?.trim().parse::<u64>().ok();
    let container = number("memory.max").zip(number("memory.current")).map(|(most, taken)| most.saturating_sub(taken));
    Some(container.map_or(machine, |container| container.min(machine)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_files_need_more_than_text_and_small_ones_fit() {
        let folder = tempfile::tempdir().unwrap();
        let sized = |name: &str, bytes: u64| {
            let path = folder.path().join(name);
            std::fs::File::create(&path).unwrap().set_len(bytes).unwrap();
            path
        };
        let free = free().expect("what is free");
        assert!(fits("orders", &[sized("a.csv", 1 << 20), sized("a.parquet", 1 << 20)]).is_ok());
        // A tenth of what is free: as text it fits, packed it does not.
        assert!(fits("orders", &[sized("b.CSV", free / 10)]).is_ok());
        let error = fits("orders", &[sized("b.csv.gz", free / 5)]).expect_err("too much");
        assert_eq!((error.code(), error.exit_code()), ("E0614", 5));
        let halves = [sized("c.csv", free / 3), sized("d.csv", free / 3)];
        assert!(fits("orders", &halves).is_err(), "together they do not");
    }
}
