//! Writes results to files: whole or not at all, and never over another file unless told to.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::error::{CommandError, ExitStatus};
use crate::report::{Report, archive_page, document_page, index_page};

/// The page with the summary of the whole archive.
const ARCHIVE_PAGE: &str = "archive.md";
/// The page that lists every document.
const INDEX_PAGE: &str = "index.md";

/// Writes one Markdown file per finished document, the archive's page and the index into `folder`.
pub(super) fn write(report: &Report, folder: &Path, force: bool) -> Result<(), CommandError> {
    for document in &report.documents {
        if let Some(page) = document_page(report, &document.path) {
            write_file(&folder.join(format!("{}.md", document.path)), &page, force)?;
        }
    }
    if let Some(page) = archive_page(report) {
        write_file(&folder.join(ARCHIVE_PAGE), &page, force)?;
    }
    // The index tells how the run stands, so every resumption writes it anew.
    write_file(&folder.join(INDEX_PAGE), &index_page(report), true)
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
        let page = folder.join(&name);
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

/// Writes a file whole; one that says the same already is left as it is.
pub(super) fn write_file(path: &Path, text: &str, force: bool) -> Result<(), CommandError> {
    let failed =
        |error| CommandError::caused(ExitStatus::Failed, format!("cannot write `{}`", path.display()), error);
    if !force && path.exists() {
        return check_file(path, text, force);
    }
    let folder = path.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    fs::create_dir_all(&folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
