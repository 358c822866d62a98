//! The version of the store's format: the only file that knows which versions there were and are.
//!
//! Knows nothing of what lies beside the version file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::StoreError;
use super::folder;

/// The version that this program writes.
pub(super) const KNOWN: u32 = 2;
/// The oldest version whose runs can be brought up to it.
const OLDEST: u32 = 1;
pub(super) const NAME: &str = "VERSION";
const FORM: &str = "longhand store ";
/// Far longer than any version line. A file that is no version file is not read whole for the message.
const LONGEST: u64 = 64;

/// Tells the version of the store in `root`, at most [`KNOWN`]; a store without a version gets the newest.
///
/// `used` says whether the store has runs already: then a missing version file is damage, not a new store.
///
/// # Errors
/// [`StoreError::Newer`] and [`StoreError::NoVersion`], or what the file system said.
pub(super) fn ensure(root: &Path, used: bool) -> Result<u32, StoreError> {
    let path = root.join(NAME);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(source) if source.kind() == io::ErrorKind::NotFound && !used => {
            return renew(root).map(|()| KNOWN);
        }
        Err(source) if source.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(StoreError::io(&path, source)),
    }
    let text = String::from_utf8_lossy(&bytes);
    match text.trim_end().strip_prefix(FORM).and_then(|version| version.parse::<u32>().ok()) {
        Some(found @ OLDEST..=KNOWN) => Ok(found),
        Some(found) if found > KNOWN => Err(StoreError::Newer { found, known: KNOWN, path: root.to_owned() }),
        _ => {
            let found = text.lines().next().unwrap_or_default().escape_default().take(40).collect();
            Err(StoreError::NoVersion { path, found })
        }
    }
}

/// Writes down that `root` has the newest version.
pub(super) fn renew(root: &Path) -> Result<(), StoreError> {
    let aside = root.join(format!(".{NAME}-{}", std::process::id()));
    folder::write_whole(&aside, &root.join(NAME), format!("{FORM}{KNOWN}\n").as_bytes(), true)
}
