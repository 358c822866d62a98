//! Keeps vectors on disk, so that a measurement that is repeated embeds nothing twice.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::hash::ContentHash;
use crate::model::{BoxFuture, Embedder, ModelError};

/// Bytes of a key: enough of a hash to tell a few million texts apart.
const KEY: usize = 16;

type Key = [u8; KEY];

/// An embedder that asks another only for texts that it has not seen.
#[derive(Debug)]
pub struct CachedEmbedder {
    inner: Arc<dyn Embedder>,
    known: Mutex<HashMap<Key, Vec<f32>>>,
    file: Mutex<File>,
    length: usize,
}

impl CachedEmbedder {
    /// Opens the cache in `file`, making it if it is not there. `length` is that of the vectors.
    ///
    /// # Errors
    /// What the system said.
    pub fn open(inner: Arc<dyn Embedder>, file: &Path, length: usize) -> io::Result<Self> {
        let mut opened = OpenOptions::new().read(true).append(true).create(true).open(file)?;
        let mut bytes = Vec::new();
        opened.read_to_end(&mut bytes)?;
        let row = KEY + 4 * length;
        let mut known = HashMap::new();
        for row in bytes.chunks_exact(row) {
            let (key, values) = row.split_at(KEY);
            let Ok(key) = Key::try_from(key) else { continue };
            let number = |four: &[u8]| <[u8; 4]>::try_from(four).map(f32::from_le_bytes).unwrap_or_default();
            known.insert(key, values.chunks_exact(4).map(number).collect());
        }
        // What a process that was killed left of a row is cut off.
        opened.set_len((bytes.len() - bytes.len() % row) as u64)?;
        Ok(Self { inner, known: Mutex::new(known), file: Mutex::new(opened), length })
    }

    fn key(&self, text: &str) -> Key {
        let hash = ContentHash::of(format!("{}\n{text}", self.inner.identity()).as_bytes()).to_string();
        let mut key = [0; KEY];
        key.iter_mut()
            .zip(hash.bytes().skip(hash.len().saturating_sub(2 * KEY)))
            .for_each(|(to, from)| *to = from);
        key
    }
}

impl Embedder for CachedEmbedder {
    fn identity(&self) -> &str {
        self.inner.identity()
    }

    fn embed<'a>(&'a self, texts: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<f32>>, ModelError>> {
        Box::pin(async move {
            let keys: Vec<Key> = texts.iter().map(|text| self.key(text)).collect();
            let missing: Vec<(Key, String)> = {
                let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let open = keys.iter().zip(texts).filter(|(key, _)| !known.contains_key(*key));
                open.map(|(key, text)| (*key, text.clone())).collect()
            };
            if !missing.is_empty() {
                let texts: Vec<String> = missing.iter().map(|(_, text)| text.clone()).collect();
                let vectors = self.inner.embed(&texts).await?;
                let mut bytes = Vec::new();
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                for ((key, _), vector) in missing.into_iter().zip(vectors) {
                    // Rows are of one length; vectors of another are kept in memory only.
                    if vector.len() == self.length {
                        bytes.extend_from_slice(&key);
                        bytes.extend(vector.iter().flat_map(|value| value.to_le_bytes()));
                    }
                    known.insert(key, vector);
                }
                // A cache that cannot be written costs time and nothing else.
                let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
            }
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(keys.iter().map(|key| known.get(key).cloned().unwrap_or_default()).collect())
        })
    }
}
