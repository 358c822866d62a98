//! Puts text that cannot be read where it stands into files of the spool folder. Knows encodings; decides nothing about names.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{CoderResult, Encoding};
use tempfile::NamedTempFile;

use super::IntakeError;
use super::survey::{BLOCK, Facts, Tally};

/// How many bytes at the beginning, and as many from the first byte beyond ASCII on, the detector sees.
const SAMPLE: u64 = 256 * 1024;

/// Copies `reader` into a temporary file of `spool`, beginning with bytes that were read before.
pub(super) fn keep(
    sample: &[u8],
    reader: &mut dyn Read,
    path: &Path,
    spool: &Path,
) -> Result<NamedTempFile, IntakeError> {
    let mut file = begin(spool)?;
    let kept = |source| IntakeError::Spool { path: spool.to_owned(), source };
    file.write_all(sample).map_err(kept)?;
    let mut block = vec![0; BLOCK];
    loop {
        match reader.read(&mut block) {
            Ok(0) => break,
            Ok(length) => file.write_all(block.get(..length).unwrap_or_default()).map_err(kept)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(IntakeError::from_io(path, error)),
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(kept)?;
    Ok(file)
}

/// Guesses the encoding of `file`, whose first byte that is not UTF-8 is at `offset`.
pub(super) fn detect(file: &mut File, offset: u64) -> io::Result<&'static Encoding> {
    let mut mark = [0; 2];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut mark).or_else(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Ok(()),
        _ => Err(error),
    })?;
    if let Some((encoding, _)) = Encoding::for_bom(&mark) {
        return Ok(encoding);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    let mut sample = Vec::new();
    for start in [0, offset.max(SAMPLE)] {
        file.seek(SeekFrom::Start(start))?;
        Read::by_ref(file).take(SAMPLE).read_to_end(&mut sample)?;
    }
    detector.feed(&sample, true);
    Ok(detector.guess(None, Utf8Detection::Deny))
}

/// Decodes `reader` into a file of `spool` that is named after the hash of its text.
pub(super) fn transcode(
    reader: &mut impl Read,
    encoding: &'static Encoding,
    path: &Path,
    spool: &Path,
) -> Result<(PathBuf, Facts), IntakeError> {
    let mut file = begin(spool)?;
    let kept = |source| IntakeError::Spool { path: spool.to_owned(), source };
    let mut decoder = encoding.new_decoder_with_bom_removal();
    let mut tally = Tally::new();
    let mut text = String::with_capacity(2 * BLOCK);
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        let read = reader.by_ref().take(BLOCK as u64).read_to_end(&mut block);
        let last = read.map_err(|error| IntakeError::from_io(path, error))? == 0;
        let mut rest = block.as_slice();
        loop {
            let (result, used, malformed) = decoder.decode_to_string(rest, &mut text, last);
            if malformed {
                return Err(IntakeError::Undecodable { path: path.to_owned(), encoding: encoding.name() });
            }
            tally.add(&text);
            file.write_all(text.as_bytes()).map_err(kept)?;
            text.clear();
            rest = rest.get(used..).unwrap_or_default();
            if result == CoderResult::InputEmpty {
                break;
            }
        }
        if last {
            break;
        }
    }
    let facts = tally.facts(0);
    Ok((persist(file, &facts, spool)?, facts))
}

/// Gives a temporary file its lasting name in `spool`.
pub(super) fn persist(file: NamedTempFile, facts: &Facts, spool: &Path) -> Result<PathBuf, IntakeError> {
    let mark = if facts.skip > 0 { "-marked" } else { "" };
    let target = spool.join(format!("{}{mark}.txt", facts.hash));
    if !target.exists() {
        file.persist(&target)
            .map_err(|error| IntakeError::Spool { path: spool.to_owned(), source: error.error })?;
    }
    Ok(target)
}

fn begin(spool: &Path) -> Result<NamedTempFile, IntakeError> {
    std::fs::create_dir_all(spool)
        .and_then(|()| NamedTempFile::new_in(spool))
        .map_err(|source| IntakeError::Spool { path: spool.to_owned(), source })
}
