//! The files that a session keeps its vectors in: opened, found unusable and begun anew, removed.

use std::collections::HashMap;

use super::episode::Place;
use super::session::MemoryError;
use super::state::{AnyStorage, Kept, Memory};
use crate::model::Embedder;
use crate::retrieve::{IndexError, VectorIndex};
use crate::store::{SessionFolder, StoreError};

/// The files of the vectors, in the session's folder.
const VECTORS: [&str; 2] = ["vectors.codes", "vectors.rows"];

/// Raised when passages are cut by other rules, so that vectors of earlier ones are made anew.
const PASSAGES: u32 = 1;

/// What became of the vectors that a session had kept, when they were opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptVectors {
    /// They are used; or there were none.
    Used,
    /// Some were damaged, or all were made by other rules: what is lacking is made anew from what was said.
    Remade,
    /// The embedder of this identity made them. They are left as they are, and passages are found by their words alone.
    OfAnother(String),
}

/// Opens the vectors of a session for its memory. Those of another embedder are not touched.
pub(super) fn keep_vectors(
    folder: &SessionFolder,
    memory: &mut Memory,
    embedder: &dyn Embedder,
    length: usize,
) -> Result<KeptVectors, MemoryError> {
    let maker = format!("{}{BY_RULES}{PASSAGES}", embedder.identity());
    let open = || -> Result<VectorIndex<AnyStorage>, MemoryError> {
        let [codes, rows] = VECTORS;
        let (codes, rows) = (folder.open_file(codes)?, folder.open_file(rows)?);
        let (codes, rows): (AnyStorage, AnyStorage) = (Box::new(codes), Box::new(rows));
        Ok(VectorIndex::open(codes, rows, length, &maker)?)
    };
    let before = sizes(folder)?;
    let (index, became) = match open() {
        Ok(index) if index.len() <= memory.kept.len() && is_whole(&index) => {
            // Opening cuts off what is damaged at the end, and notes where vectors are gone.
            let mended = before != [0, 0] && sizes(folder)? != before;
            (index, if mended { KeptVectors::Remade } else { KeptVectors::Used })
        }
        Err(error @ MemoryError::Store(_)) => return Err(error),
        Err(MemoryError::Vectors(IndexError::Maker { found, .. }))
            if let Some(other) = another(&found, embedder.identity()) =>
        {
            return Ok(KeptVectors::OfAnother(other));
        }
        _ => {
            remove_vectors(folder)?;
            (open()?, KeptVectors::Remade)
        }
    };
    memory.keep_vectors(index)?;
    Ok(became)
}

/// What stands in the name of a maker between the embedder and the version of the rules.
const BY_RULES: &str = " passages ";

/// The embedder that a maker names, where it is another one. Before it stands how long its vectors are.
fn another(maker: &str, own: &str) -> Option<String> {
    let (_, maker) = maker.split_once(' ')?;
    let (embedder, _) = maker.rsplit_once(BY_RULES)?;
    (embedder != own).then(|| embedder.to_owned())
}

/// Reads every vector once. Opening an index reads only their codes, and a damaged vector would be met in the middle of a turn.
fn is_whole(index: &VectorIndex<AnyStorage>) -> bool {
    (0..index.len()).all(|at| index.vector(at).is_ok())
}

fn sizes(folder: &SessionFolder) -> Result<[u64; 2], StoreError> {
    let [codes, rows] = VECTORS;
    Ok([folder.file_size(codes)?, folder.file_size(rows)?])
}

pub(super) fn remove_vectors(folder: &SessionFolder) -> Result<(), StoreError> {
    VECTORS.iter().try_for_each(|name| folder.remove_file(name))
}

pub(super) fn kept_vectors(memory: &Memory) -> HashMap<Place, Vec<f32>> {
    let vectors = memory.vectors.as_ref();
    let of = |(at, kept): (usize, &Kept)| Some((kept.passage.place, vectors?.vector(at).ok()??));
    memory.kept.iter().enumerate().filter_map(of).collect()
}
