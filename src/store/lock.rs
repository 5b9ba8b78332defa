//! One writer at a time, and nothing left of those who were stopped.

use super::files::{STAGING, cannot_write};
use super::{Store, entries, file_name, now, subfolders};
use crate::error::{Error, Result};
use std::fs;
use std::io::Write;

/// Holds the project for one writer; released when dropped, or when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: fs::File,
    unfinished: usize,
}

/// What to do where another process holds the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Say so and end.
    Refuse,
    /// Wait until it has ended.
    Wait,
}

impl Lock {
    /// How many files and folders of commands that were killed were in the way; they are gone.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }
}

impl Store {
    /// Takes the project for writing and proves that it can be written, before any data are read.
    ///
    /// # Errors
    /// E0612 if the folder cannot be written, E0613 if another run holds it.
    pub fn lock(&self) -> Result<Lock> {
        self.lock_unless(Held::Refuse)
    }

    /// The same; `held` decides what happens where another run holds it.
    ///
    /// # Errors
    /// Of [`Store::lock`].
    pub fn lock_unless(&self, held: Held) -> Result<Lock> {
        for folder in [self.root.join(".ilk"), self.root.join("models"), self.root.join("reports")] {
            fs::create_dir_all(&folder).map_err(|e| cannot_write(&folder, &e))?;
            let probe = folder.join(".probe");
            fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|e| cannot_write(&folder, &e))?;
        }
        let path = self.root.join(".ilk").join("lock");
        let mut file = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| cannot_write(&path, &e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) if held == Held::Wait => {
                file.lock().map_err(|e| cannot_write(&path, &e))?
            }
            Err(fs::TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                return Err(Error::new("E0613", format!("another run ({}) holds this project", holder.trim()))
                    .help("`ilk run --wait` waits until it has ended; there is nothing to unlock by hand"));
            }
            Err(fs::TryLockError::Error(e)) => return Err(cannot_write(&path, &e)),
        }
        file.set_len(0)
            .and_then(|()| {
                let since = now();
                write!(file, "pid {}, since {:02}:{:02} UTC", std::process::id(), since / 3600 % 24, since / 60 % 60)
            })
            .map_err(|e| cannot_write(&path, &e))?;
        let unfinished = self.clean()?;
        Ok(Lock { _file: file, unfinished })
    }

    /// Removes what commands that were killed left behind, and counts it. Only the holder of the lock may.
    fn clean(&self) -> Result<usize> {
        let mut found = 0;
        let homes = [self.root.join("models"), self.root.join("reports")];
        let inner = homes.iter().flat_map(|home| subfolders(home));
        for folder in homes.iter().cloned().chain(inner) {
            for entry in entries(&folder).into_iter().filter(|entry| file_name(entry).starts_with(STAGING)) {
                let removed = if entry.is_dir() { fs::remove_dir_all(&entry) } else { fs::remove_file(&entry) };
                removed.map_err(|e| cannot_write(&entry, &e))?;
                found += 1;
            }
        }
        Ok(found)
    }

    /// Removes what this process has begun and not finished: for when it is interrupted.
    pub fn discard(&self) {
        let own = format!("{STAGING}{}", std::process::id());
        let mut folders = vec![self.root.join("reports")];
        folders.extend(subfolders(&self.root.join("models")));
        for folder in folders {
            // What cannot be removed now the next run removes.
            let _ = fs::remove_dir_all(folder.join(&own));
        }
    }
}
