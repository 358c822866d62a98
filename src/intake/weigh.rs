//! How much there is to read, before it is read.

use std::path::PathBuf;

use super::gather::walk;

/// Adds up the bytes of the files that would be gathered from `paths`, and stops once they are more than `most`. What
/// cannot be looked at weighs nothing.
#[must_use]
pub fn weigh(paths: &[PathBuf], most: u64) -> u64 {
    let files = paths.iter().flat_map(|path| walk(path)).flatten();
    // A link that was named is followed, one in a folder is not; a folder itself holds no text.
    let sizes = files.filter_map(|entry| match entry.depth() {
        0 => entry.path().metadata().ok(),
        _ => entry.metadata().ok(),
    });
    let sizes = sizes.filter(std::fs::Metadata::is_file).map(|metadata| metadata.len());
    let mut sum = 0_u64;
    for size in sizes {
        sum = sum.saturating_add(size);
        if sum > most {
            break;
        }
    }
    sum
}
