//! Writes results to files: whole or not at all, and never over another file unless told to.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use super::error::{CommandError, ExitStatus};
use crate::ContentHash;
use crate::name::RunId;
use crate::report::{Report, archive_page, document_pages, index_page};
use crate::run::Event;
use crate::store::Ledger;

/// The page with the summary of the whole archive.
const ARCHIVE_PAGE: &str = "archive.md";
/// The page that lists every document.
const INDEX_PAGE: &str = "index.md";

/// The output folder of a run that has come to an end or to a stop.
pub(super) struct Pages<'a> {
    pub(super) folder: &'a Path,
    pub(super) force: bool,
    pub(super) run: &'a RunId,
    pub(super) ledger: &'a Ledger,
}

impl Pages<'_> {
    /// Writes one Markdown file per finished document, the archive's page and the index.
    pub(super) fn write(&self, report: &Report) -> Result<(), CommandError> {
        for (path, page) in document_pages(report) {
            self.put(&page_name(path), &page)?;
        }
        if let Some(page) = archive_page(report) {
            self.put(Path::new(ARCHIVE_PAGE), &page)?;
        }
        self.put(Path::new(INDEX_PAGE), &index_page(report))
    }

    /// Writes a file, in the place of another only with `--force`, or where this run wrote the other one and nobody has
    /// changed it since.
    pub(super) fn put(&self, name: &Path, text: &str) -> Result<(), CommandError> {
        let file = inside(self.folder, name)?;
        let aside = format!(".{}.part", self.run);
        // A process of this run that was killed may have left it. If it cannot go, that is told when it is needed.
        let _ = fs::remove_file(file.with_file_name(&aside));
        let path = name.to_string_lossy().into_owned();
        let hash = ContentHash::of(text.as_bytes());
        let there = fs::read(&file).ok().map(|bytes| ContentHash::of(&bytes));
        if there == Some(hash) {
            return Ok(());
        }
        let own = there.is_some_and(|there| self.ledger.read(|state| state.has_written(&path, &there)));
        if file.exists() && !own && !self.force {
            let message = format!("`{}` was not written by this run, or was changed since", file.display());
            return Err(CommandError::new(ExitStatus::Failed, message)
                .hinted(format!("move it away and go on with: longhand runs resume {}", self.run)));
        }
        if !self.ledger.read(|state| state.has_written(&path, &hash)) {
            self.ledger.record(&Event::Writes { path, hash })?;
        }
        write_file(&file, text, own || self.force, Some(&aside))
    }
}

/// Refuses a folder in which a run would have to overwrite something.
pub(super) fn check_free(folder: &Path, force: bool) -> Result<(), CommandError> {
    let taken =
        [INDEX_PAGE, ARCHIVE_PAGE].into_iter().map(|page| folder.join(page)).find(|page| page.exists());
    match taken {
        Some(page) if !force => Err(exists(&page)),
        _ => Ok(()),
    }
}

/// Refuses a folder in which the page of one of these documents would overwrite something.
pub(super) fn check_pages<'a>(
    folder: &Path,
    documents: impl IntoIterator<Item = &'a str>,
    force: bool,
) -> Result<(), CommandError> {
    for document in documents {
        let name = format!("{document}.md");
        let page = inside(folder, Path::new(&name))?;
        if [INDEX_PAGE, ARCHIVE_PAGE].contains(&name.as_str()) {
            let message =
                format!("the page of `{document}` would be `{}`, which is for all documents", page.display());
            return Err(CommandError::new(ExitStatus::Usage, message)
                .hinted("rename the document, or leave out `--output`"));
        }
        if !force && page.exists() {
            return Err(exists(&page));
        }
    }
    Ok(())
}

/// Returns the name of a document's page.
pub(super) fn page_name(document: &str) -> PathBuf {
    PathBuf::from(format!("{document}.md"))
}

/// Tells whether a path is that of a page for all documents.
pub(super) fn is_common_page(path: &Path) -> bool {
    [INDEX_PAGE, ARCHIVE_PAGE].iter().any(|page| path == Path::new(page))
}

pub(super) fn exists(path: &Path) -> CommandError {
    CommandError::new(ExitStatus::Usage, format!("`{}` exists already", path.display()))
        .hinted("choose another folder, or overwrite with `--force`")
}

/// Refuses a file that would have to be overwritten and says something else.
pub(super) fn check_file(path: &Path, text: &str, force: bool) -> Result<(), CommandError> {
    let same = || fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes());
    if force || !path.exists() || same() { Ok(()) } else { Err(exists(path)) }
}

/// Writes a file whole; one that says the same already is left as it is. What is written has the name `aside` until it is
/// whole, or one that no other file has.
pub(super) fn write_file(
    path: &Path,
    text: &str,
    force: bool,
    aside: Option<&str>,
) -> Result<(), CommandError> {
    let failed =
        |error| CommandError::caused(ExitStatus::Failed, format!("cannot write `{}`", path.display()), error);
    if !force && path.exists() {
        return check_file(path, text, force);
    }
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    fs::create_dir_all(&folder).map_err(failed)?;
    let mut file = for_the_user(&folder, aside).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    if force {
        file.persist(path).map_err(|error| failed(error.error))?;
    } else if let Err(error) = file.persist_noclobber(path) {
        // Somebody else may have made the file since it was looked at.
        return match error.error.kind() {
            io::ErrorKind::AlreadyExists => check_file(path, text, force),
            _ => Err(failed(error.error)),
        };
    }
    Ok(())
}

/// Makes a file that whoever the user's umask allows may read: results are the user's, unlike what a run keeps.
fn for_the_user(folder: &Path, aside: Option<&str>) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    if let Some(aside) = aside {
        builder.prefix(aside).rand_bytes(0);
    }
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Returns the file of that name in the folder, unless the name, or a link on the way, could lead out of it.
pub(super) fn inside(folder: &Path, name: &Path) -> Result<PathBuf, CommandError> {
    let mut file = folder.to_path_buf();
    for part in name.components() {
        let Component::Normal(part) = part else {
            let message = format!("`{}` leads out of the output folder", name.display());
            return Err(CommandError::new(ExitStatus::Usage, message)
                .hinted("rename the document, or leave out `--output`"));
        };
        file.push(part);
        if fs::symlink_metadata(&file).is_ok_and(|found| found.is_symlink()) {
            let message = format!("`{}` is a link, which may lead out of the output folder", file.display());
            return Err(
                CommandError::new(ExitStatus::Usage, message).hinted("remove it, or choose another folder")
            );
        }
    }
    Ok(file)
}
