//! The files that a session keeps its vectors in: opened, found unusable and begun anew, removed.

use std::collections::HashMap;

use super::episode::Place;
use super::session::MemoryError;
use super::state::{AnyStorage, Kept, Memory};
use crate::model::Embedder;
use crate::retrieve::VectorIndex;
use crate::store::{SessionFolder, StoreError};

/// The files of the vectors, in the session's folder.
const VECTORS: [&str; 2] = ["vectors.codes", "vectors.rows"];

/// Raised when passages are cut by other rules, so that vectors of earlier ones are made anew.
const PASSAGES: u32 = 1;

/// Opens the vectors of a session for its memory, and tells whether they had to be begun anew although there were some.
pub(super) fn keep_vectors(
    folder: &SessionFolder,
    memory: &mut Memory,
    embedder: &dyn Embedder,
    length: usize,
) -> Result<bool, MemoryError> {
    let maker = format!("{} passages {PASSAGES}", embedder.identity());
    let open = || -> Result<VectorIndex<AnyStorage>, MemoryError> {
        let [codes, rows] = VECTORS;
        let (codes, rows) = (folder.open_file(codes)?, folder.open_file(rows)?);
        let (codes, rows): (AnyStorage, AnyStorage) = (Box::new(codes), Box::new(rows));
        Ok(VectorIndex::open(codes, rows, length, &maker)?)
    };
    let mut remade = false;
    let index = match open() {
        Ok(index) if index.len() <= memory.kept.len() => index,
        Err(error @ MemoryError::Store(_)) => return Err(error),
        _ => {
            remade = true;
            remove_vectors(folder)?;
            open()?
        }
    };
    memory.keep_vectors(index)?;
    Ok(remade)
}

pub(super) fn remove_vectors(folder: &SessionFolder) -> Result<(), StoreError> {
    VECTORS.iter().try_for_each(|name| folder.remove_file(name))
}

pub(super) fn kept_vectors(memory: &Memory) -> HashMap<Place, Vec<f32>> {
    let vectors = memory.vectors.as_ref();
    let of = |(at, kept): (usize, &Kept)| Some((kept.passage.place, vectors?.vector(at).ok()??));
    memory.kept.iter().enumerate().filter_map(of).collect()
}
