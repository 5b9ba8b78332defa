//! Files that appear whole or not at all.

use crate::error::{Error, Result};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the name of what is not finished begins.
pub(super) const STAGING: &str = ".tmp-";

/// A file being written beside its place: it appears there whole or not at all, and dropping it leaves nothing.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    file: std::io::BufWriter<tempfile::NamedTempFile>,
}

impl Draft {
    /// Starts a file that is to be at `path`; makes the folder.
    ///
    /// # Errors
    /// E0611 when the disk is full, E0612 when the folder cannot be written.
    pub fn new(path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|e| cannot_write(folder, &e))?;
        let file = tempfile::Builder::new().prefix(STAGING).tempfile_in(folder).map_err(|e| cannot_write(path, &e))?;
        Ok(Self { path: path.to_path_buf(), file: std::io::BufWriter::with_capacity(1 << 18, file) })
    }

    /// Appends.
    ///
    /// # Errors
    /// As [`Draft::new`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| cannot_write(&self.path, &e))
    }

    /// Whether a file of these bytes is there already; `None` if there is none.
    ///
    /// # Errors
    /// As [`Draft::new`].
    pub fn equals_existing(&mut self) -> Result<Option<bool>> {
        self.file.flush().map_err(|e| cannot_write(&self.path, &e))?;
        if !self.path.exists() {
            return Ok(None);
        }
        let hash = |path: &Path| blake3::Hasher::new().update_reader(fs::File::open(path)?).map(|h| h.finalize());
        let there = hash(&self.path).map_err(|e| cannot_write(&self.path, &e))?;
        let here = hash(self.file.get_ref().path()).map_err(|e| cannot_write(&self.path, &e))?;
        Ok(Some(there == here))
    }

    /// Puts the file in its place, over an older one.
    ///
    /// # Errors
    /// As [`Draft::new`].
    pub fn keep(self) -> Result<()> {
        let failed = |e: &std::io::Error| cannot_write(&self.path, e);
        let file = self.file.into_inner().map_err(|e| failed(e.error()))?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(permissions).and_then(|()| file.as_file().sync_all()).map_err(|e| failed(&e))?;
        file.persist(&self.path).map_err(|e| failed(&e.error))?;
        Ok(())
    }
}

/// Writes a file so that it is either the old or the new one, never half of it.
///
/// # Errors
/// E0611 when the disk is full, E0612 when the folder cannot be written.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut draft = Draft::new(path)?;
    draft.write(bytes)?;
    draft.keep()
}

/// Like [`write_atomic`], but an existing file stops it unless `replace`.
///
/// # Errors
/// E0615 if it exists; otherwise as [`write_atomic`].
pub fn write_new(path: &Path, bytes: &[u8], replace: bool) -> Result<()> {
    refuse_existing(path, replace)?;
    write_atomic(path, bytes)
}

/// Fails if `path` exists, unless `replace`.
///
/// # Errors
/// E0615.
pub fn refuse_existing(path: &Path, replace: bool) -> Result<()> {
    if path.exists() && !replace {
        return Err(Error::new("E0615", format!("{} exists", path.display()))
            .help("name another file, or add --replace to overwrite it"));
    }
    Ok(())
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs::File::create(path).map_err(|e| cannot_write(path, &e))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| cannot_write(path, &e))
}

/// A name is on the disk when its folder is.
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| cannot_write(folder, &e))
}

pub(super) fn cannot_write(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded | std::io::ErrorKind::FileTooLarge => {
            Error::new("E0611", format!("the disk is full: {} was not written", path.display()))
                .note("note", "earlier versions are as they were")
                .help("free some space and run again")
        }
        _ => Error::new("E0612", format!("cannot write {}: {error}", path.display()))
            .help("check the folder's permissions, or work in another folder with --dir"),
    }
}

/// The same files under another name as well; copies where a file cannot have two.
pub(super) fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        return fs::read_dir(from)?.try_for_each(|entry| {
            let entry = entry?;
            link(&entry.path(), &to.join(entry.file_name()))
        });
    }
    to.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

/// Two folders change places, in one step where the file system can.
pub(super) fn swap(new: &Path, old: &Path) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    swap_in_steps(new, old)
}

/// A process that dies between the steps leaves the old folder beside its place, under a name that nothing removes.
fn swap_in_steps(new: &Path, old: &Path) -> std::io::Result<()> {
    let name = old.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let before = old.with_file_name(format!(".before-{name}"));
    fs::rename(old, &before)?;
    fs::rename(new, old)?;
    fs::rename(&before, new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_change_places_whole() {
        let dir = tempfile::tempdir().expect("a folder");
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        for (folder, text) in [(&a, "1"), (&b, "2")] {
            fs::create_dir_all(folder.join("inner")).expect("a folder");
            fs::write(folder.join("inner/file"), text).expect("a file");
        }
        let read = |folder: &Path| fs::read_to_string(folder.join("inner/file")).expect("a file");
        for (step, expected) in [(swap as fn(&Path, &Path) -> _, ("2", "1")), (swap_in_steps, ("1", "2"))] {
            step(&a, &b).expect("swapped");
            assert_eq!((read(&a).as_str(), read(&b).as_str()), expected);
        }
        link(&a, &dir.path().join("c/d")).expect("linked");
        write_atomic(&a.join("inner/file"), b"3").expect("written");
        assert_eq!((read(&a).as_str(), read(&dir.path().join("c/d")).as_str()), ("3", "1"));
    }
}
