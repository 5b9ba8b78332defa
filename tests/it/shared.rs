//! Real data sets that are tested where they are present, and never enter the repository.

use std::path::PathBuf;

/// The file or folder `name` of the shared data; `None` (and a line that says so) where the data are absent. With
/// `ILK_REQUIRE_SHARED=1` their absence is a failure.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ILK_SHARED_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var("ILK_REQUIRE_SHARED").as_deref() != Ok("1"), "{} is required and absent", path.display());
    eprintln!("left out: {name} is not there (ILK_SHARED_DATA names the folder)");
    None
}
