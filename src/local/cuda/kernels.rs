//! The kernels of `kernels.cu`, each as a function that is told addresses and sizes.

use std::sync::Arc;

use cudarc::driver::sys::CUfunction_attribute_enum;
use cudarc::driver::{CudaFunction, CudaModule, CudaStream, DriverError};
use cudarc::nvrtc::Ptx;

use super::launch::{Launcher, arguments, int};
use super::memory::Address;
use super::product::Products;
use crate::local::pass::PAGE;
use crate::model::ModelError;

/// The kernels as the compiler left them.
const IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernels.fatbin"));

/// Rows that a block of `attend_spans` has.
pub(super) const TILE: usize = 128;

/// Spans of up to so many rows are attended to row by row, which divides the positions before them among the multiprocessors;
/// longer ones in tiles, which read a page once for many rows.
pub(super) const SINGLE: usize = 8;

/// How heads are attended to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// Heads of queries.
    pub(super) queries: usize,
    /// Heads of keys, each for as many heads of queries.
    pub(super) keys: usize,
    /// Numbers of a head.
    pub(super) numbers: usize,
    /// Positions that a row sees; 0 for all.
    pub(super) window: usize,
    pub(super) scale: f32,
}

/// What a layer reads of the step: addresses of numbers that are told anew in every step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    pub(super) positions: Address,
    pub(super) sequences: Address,
    pub(super) tables: Address,
    pub(super) table_width: usize,
}

/// What `turn_and_keep` needs besides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turning {
    pub(super) cosines: Address,
    pub(super) sines: Address,
    pub(super) halves: bool,
    pub(super) epsilon: f32,
}

/// The kernels, loaded, on one stream.
pub(super) struct Kernels {
    launcher: Launcher,
    /// What multiplies.
    pub(super) products: Products,
    embed: CudaFunction,
    rms_norm: CudaFunction,
    turn_and_keep: CudaFunction,
    attend_rows: CudaFunction,
    attend_spans: CudaFunction,
    take_rows: CudaFunction,
    likeliest: CudaFunction,
    fill: CudaFunction,
}

impl Kernels {
    /// Loads the kernels for models whose heads have `head` numbers, `group` of them with the same keys.
    pub(super) fn load(stream: &Arc<CudaStream>, head: usize, group: usize) -> Result<Self, ModelError> {
        let failed = |error: DriverError| ModelError::Compute {
            reason: format!("its kernels cannot be loaded: {error}"),
        };
        let module: Arc<CudaModule> =
            stream.context().load_module(Ptx::from_binary(IMAGE.to_vec())).map_err(failed)?;
        let function = |name: &str| module.load_function(name).map_err(failed);
        let no_heads = |_| ModelError::Compute {
            reason: format!(
                "heads of {head} numbers, {group} with the same keys, have no kernel: expected 64 or 128 numbers and up to 8"
            ),
        };
        let attend_rows = module.load_function(&format!("attend_rows_{head}_{group}")).map_err(no_heads)?;
        let attend_spans = module.load_function(&format!("attend_spans_{head}")).map_err(no_heads)?;
        let shared = i32::try_from(span_bytes(head)).unwrap_or(i32::MAX);
        attend_spans
            .set_attribute(CUfunction_attribute_enum::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared)
            .map_err(failed)?;
        Ok(Self {
            launcher: Launcher(Arc::clone(stream)),
            products: Products::load(stream, &module)?,
            embed: function("embed")?,
            rms_norm: function("rms_norm")?,
            turn_and_keep: function("turn_and_keep")?,
            attend_rows,
            attend_spans,
            take_rows: function("take_rows")?,
            likeliest: function("likeliest")?,
            fill: function("fill")?,
        })
    }

    /// Reads the rows of `tokens` out of a table of two-byte numbers, `width` each, as single-precision ones.
    pub(super) fn embed(
        &self,
        x: Address,
        table: Address,
        tokens: Address,
        rows: usize,
        width: usize,
    ) -> Result<(), DriverError> {
        let scale = 1f32;
        self.launcher.launch(
            &self.embed,
            (rows, 1, 1),
            256,
            0,
            arguments![x, table, tokens, int(width), scale],
        )
    }

    /// Normalizes rows of `x`: all in order, or those that the list at `from` names.
    pub(super) fn rms_norm(
        &self,
        out: Address,
        x: Address,
        weight: Address,
        from: Address,
        (rows, width, epsilon): (usize, usize, f32),
    ) -> Result<(), DriverError> {
        let threads = if width > 2048 { 1024 } else { 256 };
        self.launcher.launch(
            &self.rms_norm,
            (rows, 1, 1),
            threads,
            0,
            arguments![out, x, weight, from, int(width), epsilon],
        )
    }

    /// Turns queries and keys, their heads normalized where there are norms, and keeps keys and values in their pages.
    pub(super) fn turn_and_keep(
        &self,
        (qkv, rows, (q_norm, k_norm)): (Address, usize, (Address, Address)),
        (keys, values): (Address, Address),
        places: &Places,
        turning: &Turning,
        heads: &Heads,
    ) -> Result<(), DriverError> {
        const WARPS: usize = 4;
        let all = heads.queries + 2 * heads.keys;
        self.launcher.launch(
            &self.turn_and_keep,
            (rows, all.div_ceil(WARPS), 1),
            WARPS * 32,
            WARPS * heads.numbers * 4,
            arguments![
                qkv,
                keys,
                values,
                turning.cosines,
                turning.sines,
                places.positions,
                places.sequences,
                places.tables,
                int(places.table_width),
                int(heads.queries),
                int(heads.keys),
                int(heads.numbers),
                i32::from(turning.halves),
                q_norm,
                k_norm,
                turning.epsilon,
            ],
        )
    }

    /// Attends for single rows: the list at `singles` has a row, its position and its sequence for each, and at most `blocks`
    /// blocks share what one reads.
    pub(super) fn attend_rows(
        &self,
        (out, parts, ended, qkv): (Address, Address, Address, Address),
        (keys, values): (Address, Address),
        places: &Places,
        heads: &Heads,
        (singles, count, blocks): (Address, usize, usize),
    ) -> Result<(), DriverError> {
        self.launcher.launch(
            &self.attend_rows,
            (blocks, heads.keys, count),
            128,
            0,
            arguments![
                out,
                parts,
                ended,
                qkv,
                keys,
                values,
                singles,
                places.tables,
                int(places.table_width),
                int(heads.keys),
                int(heads.window),
                heads.scale,
            ],
        )
    }

    /// Takes the rows that the list at `from` names out of two sets of rows.
    pub(super) fn take_rows(
        &self,
        (x_out, x, width): (Address, Address, usize),
        (mixed_out, mixed, mixed_width): (Address, Address, usize),
        (from, count): (Address, usize),
    ) -> Result<(), DriverError> {
        self.launcher.launch(
            &self.take_rows,
            (count, 1, 1),
            256,
            0,
            arguments![x_out, x, mixed_out, mixed, from, int(width), int(mixed_width)],
        )
    }

    /// Finds the place of the largest of each row of logits; -1 where one is not a number.
    pub(super) fn likeliest(
        &self,
        best: Address,
        logits: Address,
        (rows, width): (usize, usize),
    ) -> Result<(), DriverError> {
        self.launcher.launch(&self.likeliest, (rows, 1, 1), 1024, 0, arguments![best, logits, int(width)])
    }

    /// Attends for tiles of rows: see `attend_spans` of the kernels.
    pub(super) fn attend_spans(
        &self,
        (out, qkv): (Address, Address),
        (keys, values): (Address, Address),
        places: &Places,
        heads: &Heads,
        (tiles, count): (Address, usize),
    ) -> Result<(), DriverError> {
        self.launcher.launch(
            &self.attend_spans,
            (heads.queries, count, 1),
            128,
            span_bytes(heads.numbers),
            arguments![
                out,
                qkv,
                keys,
                values,
                tiles,
                places.tables,
                int(places.table_width),
                int(heads.queries),
                int(heads.keys),
                int(heads.window),
                heads.scale,
            ],
        )
    }

    /// Fills two-byte weights with numbers that look random.
    pub(super) fn fill(&self, to: Address, count: usize, seed: u64, spread: f32) -> Result<(), DriverError> {
        self.launcher.launch(&self.fill, (1024, 1, 1), 256, 0, arguments![to, count as u64, seed, spread])
    }
}

/// Bytes of the queries of a tile and of two pages of keys and of values, whose rows are eight numbers apart.
const fn span_bytes(head: usize) -> usize {
    (TILE + 4 * PAGE) * (head + 8) * 2
}
