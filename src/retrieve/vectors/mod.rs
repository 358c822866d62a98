//! Nearest vectors by cosine: codes in memory find the candidates, the vectors themselves are read to rank them.
//!
//! Knows nothing of what the vectors mean, and where they lie only as a [`Storage`].

mod best;
mod codes;
mod kernel;
mod record;
mod signs;
#[cfg(test)]
mod tests;

use super::error::IndexError;
use super::hit::Hit;
use super::log::{Label, Log};
use super::storage::Storage;
use codes::{Code, Codes};
use record::{Record, row_check};

/// The version of the records below.
const VERSION: u32 = 1;

/// The longest vector: with more numbers the query would have to be rounded coarsely.
const MOST_DIMENSIONS: usize = 8192;

/// The most vectors of one record.
const BATCH: usize = 256;

/// At least as many candidates are ranked by their vectors.
const FEWEST_CANDIDATES: usize = 64;

/// The largest number of positions, so that one fits into four bytes.
const MOST_POSITIONS: usize = u32::MAX as usize;

/// An index of vectors that grows, forgets and outlives the process.
///
/// It holds one byte in memory for each number, and reads the few vectors again that it ranks: `4 * k` of them, at least
/// 64, and fewer where bounds on the rounding show that no other can be among the best. Scores are those of the
/// vectors, to the bit the same on every machine; a vector is missed only where more than those candidates lie within the
/// rounding of the codes, some 0.01, of the last one returned.
///
/// There are two storages. `codes` is a log, read whole when the index is opened; `rows` holds the vectors and nothing
/// else, in the order of their positions, and is not read then. In one file a search would be as quick, but opening it
/// would go through five times the bytes.
///
/// ```
/// use longhand::retrieve::VectorIndex;
/// let mut index = VectorIndex::in_memory(2, "an embedder")?;
/// index.push(&[1.0, 0.0])?;
/// index.push(&[3.0, 4.0])?;
/// let hits = index.search(&[0.0, 2.0], 1)?;
/// assert_eq!((hits[0].position, hits[0].score), (1, 0.8));
/// index.forget(1)?;
/// assert_eq!(index.search(&[0.0, 2.0], 1)?[0].position, 0);
/// # Ok::<(), longhand::retrieve::IndexError>(())
/// ```
#[derive(Debug)]
pub struct VectorIndex<S> {
    dimensions: usize,
    codes: Codes,
    log: Log<S>,
    rows: S,
    /// Whether an append failed and may have left half a row behind.
    torn: bool,
    lost: u64,
}

impl VectorIndex<Vec<u8>> {
    /// Begins an index that ends with the process; it holds the vectors in memory as well.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::open`].
    pub fn in_memory(dimensions: usize, embedder: &str) -> Result<Self, IndexError> {
        Self::open(Vec::new(), Vec::new(), dimensions, embedder)
    }
}

impl<S: Storage> VectorIndex<S> {
    /// Opens the index in two storages, or begins one in empty ones. `embedder` says what makes the vectors: those of
    /// another cannot be compared with them.
    ///
    /// Half a record at the end is cut off; [`VectorIndex::lost`] says how much.
    ///
    /// # Errors
    ///
    /// Returns an error if the storages hold something else, the vectors of another embedder or of another length, or are
    /// damaged; or if they cannot be read.
    pub fn open(codes: S, rows: S, dimensions: usize, embedder: &str) -> Result<Self, IndexError> {
        if dimensions == 0 || dimensions > MOST_DIMENSIONS {
            return Err(IndexError::Length { found: dimensions, expected: MOST_DIMENSIONS });
        }
        let maker = format!("{dimensions} {embedder}");
        let label = Label { kind: "vectors", version: VERSION, maker: &maker };
        let mut found = Codes::new(dimensions);
        let row_bytes = (dimensions * size_of::<f32>()) as u64;
        let length = rows.length().map_err(rows_failed)?;
        let whole = usize::try_from(length / row_bytes).unwrap_or(usize::MAX);
        found.reserve(whole.min(MOST_POSITIONS));
        let log = Log::open(codes, &label, |offset, payload| {
            Record::read(payload, dimensions)
                .and_then(|record| replay(&mut found, &record))
                .ok_or(IndexError::Damaged { part: "vectors", offset })
        })?;
        let lost = log.lost();
        let mut index = Self { dimensions, codes: found, log, rows, torn: false, lost };
        if whole < index.codes.len() {
            // Written before the codes, so only a loss of power takes rows whose codes are there.
            index.log.append(&Record::Cut(whole).bytes())?;
            index.codes.truncate(whole);
        }
        let needed = index.codes.len() as u64 * row_bytes;
        if needed < length {
            index.rows.cut(needed).map_err(rows_failed)?;
            index.lost += length - needed;
        }
        Ok(index)
    }

    /// Returns how many vectors were pushed, forgotten ones included: the position of the next.
    #[must_use]
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Tells whether no vector was ever pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many vectors a search can find.
    #[must_use]
    pub fn living(&self) -> usize {
        self.codes.len() - self.codes.forgotten()
    }

    /// Returns how many numbers each vector has.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Returns where the codes and the vectors lie, for example to force files to the disk.
    #[must_use]
    pub fn storages(&self) -> [&S; 2] {
        [self.log.storage(), &self.rows]
    }

    /// Returns how many bytes at the ends of the storages were cut off when the index was opened.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Adds a vector, brought to length 1, and returns its position.
    ///
    /// # Errors
    ///
    /// Returns an error, and adds nothing, if it has the wrong length or no direction, or cannot be written.
    pub fn push(&mut self, vector: &[f32]) -> Result<usize, IndexError> {
        self.push_all([vector])
    }

    /// Adds vectors, and returns the position of the first. Quicker than one by one.
    ///
    /// # Errors
    ///
    /// As [`VectorIndex::push`], which it is as if called for each; of vectors that cannot be written, those before may
    /// have been added.
    pub fn push_all<'a>(
        &mut self,
        vectors: impl IntoIterator<Item = &'a [f32]>,
    ) -> Result<usize, IndexError> {
        let vectors =
            vectors.into_iter().map(|vector| self.normalized(vector)).collect::<Result<Vec<_>, _>>()?;
        let first = self.len();
        if MOST_POSITIONS - first < vectors.len() {
            return Err(IndexError::Full { most: MOST_POSITIONS });
        }
        for batch in vectors.chunks(BATCH) {
            self.write(batch)?;
        }
        Ok(first)
    }

    /// Takes a vector out of every search to come, for good; `false` if there is none or it is out already.
    ///
    /// Its code and its row stay where they are until the index is made anew.
    ///
    /// # Errors
    ///
    /// Returns an error, and forgets nothing, if that cannot be written.
    pub fn forget(&mut self, position: usize) -> Result<bool, IndexError> {
        if self.codes.is_forgotten(position) {
            return Ok(false);
        }
        self.log.append(&Record::Forget(position).bytes())?;
        Ok(self.codes.forget(position))
    }

    /// Returns the `k` vectors nearest to `query`, the nearest first and of equally near ones the earlier first.
    ///
    /// # Errors
    ///
    /// Returns an error if the query has the wrong length or no direction, or if a row cannot be read or is damaged.
    pub fn search(&self, query: &[f32], k: usize) -> Result<Vec<Hit>, IndexError> {
        let query = self.normalized(query)?;
        if k == 0 {
            return Ok(Vec::new());
        }
        let mut candidates = self.codes.best(&query, k.saturating_mul(4).max(FEWEST_CANDIDATES));
        candidates.sort_by(|a, b| b.most.total_cmp(&a.most));
        let mut hits: Vec<Hit> = Vec::with_capacity(candidates.len().min(k.saturating_add(1)));
        let mut bytes = vec![0; self.dimensions * size_of::<f32>()];
        let mut row = vec![0.0; self.dimensions];
        for candidate in candidates {
            if hits.len() == k && hits.last().is_some_and(|last| candidate.most < last.score) {
                break;
            }
            self.row(candidate.position, &mut bytes, &mut row)?;
            let hit = Hit { position: candidate.position, score: kernel::exact(&query, &row) };
            let at = hits.partition_point(|other| other.order(&hit).is_lt());
            hits.insert(at, hit);
            hits.truncate(k);
        }
        Ok(hits)
    }

    /// Returns the vector at a position, of length 1, also where it is forgotten; none where there is none.
    ///
    /// # Errors
    ///
    /// Returns an error if its row cannot be read or is damaged.
    pub fn vector(&self, position: usize) -> Result<Option<Vec<f32>>, IndexError> {
        if position >= self.len() {
            return Ok(None);
        }
        let mut bytes = vec![0; self.dimensions * size_of::<f32>()];
        let mut row = vec![0.0; self.dimensions];
        self.row(position, &mut bytes, &mut row)?;
        Ok(Some(row))
    }

    /// Reads the vector at a position, and holds it against the check that lies with its code.
    fn row(&self, position: usize, bytes: &mut [u8], row: &mut [f32]) -> Result<(), IndexError> {
        let offset = position as u64 * bytes.len() as u64;
        self.rows.read_at(offset, bytes).map_err(rows_failed)?;
        if self.codes.row_check(position) != Some(row_check(bytes)) {
            return Err(IndexError::Damaged { part: "rows", offset });
        }
        for (value, bytes) in row.iter_mut().zip(bytes.as_chunks().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }

    /// Writes vectors of length 1, and then knows them.
    fn write(&mut self, vectors: &[Vec<f32>]) -> Result<(), IndexError> {
        let row_bytes = (self.dimensions * size_of::<f32>()) as u64;
        if self.torn {
            self.rows.cut(self.len() as u64 * row_bytes).map_err(rows_failed)?;
        }
        let rows: Vec<u8> = vectors.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        let checks = rows.chunks(self.dimensions * size_of::<f32>()).map(row_check);
        let codes: Vec<Code> =
            vectors.iter().zip(checks).map(|(vector, check)| Code::of(vector, check)).collect();
        self.torn = true;
        self.rows.append(&rows).map_err(rows_failed)?;
        self.log.append(&Record::Vectors(codes.clone()).bytes())?;
        self.torn = false;
        for code in &codes {
            self.codes.push(code);
        }
        Ok(())
    }

    /// Brings a vector to length 1.
    fn normalized(&self, vector: &[f32]) -> Result<Vec<f32>, IndexError> {
        if vector.len() != self.dimensions {
            return Err(IndexError::Length { found: vector.len(), expected: self.dimensions });
        }
        let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if !length.is_normal() {
            return Err(IndexError::Direction);
        }
        Ok(vector.iter().map(|value| divided(*value, length)).collect())
    }
}

/// Does again what a record says; none if it cannot have been written so.
fn replay(codes: &mut Codes, record: &Record) -> Option<()> {
    match record {
        Record::Vectors(vectors) => vectors.iter().for_each(|code| codes.push(code)),
        Record::Forget(position) => {
            codes.forget(*position).then_some(())?;
        }
        Record::Cut(length) => {
            (*length <= codes.len()).then(|| codes.truncate(*length))?;
        }
    }
    Some(())
}

fn rows_failed(source: std::io::Error) -> IndexError {
    IndexError::Storage { part: "rows", source }
}

#[expect(clippy::cast_possible_truncation, reason = "the quotient is a number of 32 bits, rounded")]
fn divided(value: f32, length: f64) -> f32 {
    (f64::from(value) / length) as f32
}
