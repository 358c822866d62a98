//! The kernels of `kernels.cu`, each as a function that is told addresses and sizes, and products by cuBLAS.

#![expect(
    unsafe_code,
    reason = "kernels and cuBLAS are called across a foreign interface, with addresses of buffers that live on"
)]

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::cublas::CudaBlas;
use cudarc::cublas::result::{CublasError, gemm_ex};
use cudarc::cublas::sys::{
    cublasComputeType_t, cublasGemmAlgo_t, cublasOperation_t, cublasSetWorkspace_v2, cudaDataType,
};
use cudarc::driver::sys::{
    CUfunction_attribute_enum, CUlaunchAttribute, CUlaunchAttributeID, CUlaunchAttributeValue,
    CUlaunchConfig, cuLaunchKernelEx,
};
use cudarc::driver::{CudaFunction, CudaModule, CudaStream, DriverError};
use cudarc::nvrtc::Ptx;

use super::memory::{Address, Buffer};
use crate::local::pass::PAGE;
use crate::model::ModelError;

/// The kernels as the compiler left them.
const IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/kernels.fatbin"));

/// Rows that a block of `attend_spans` has.
pub(super) const TILE: usize = 128;

/// Spans of up to so many rows are attended to row by row, which divides the positions before them among the multiprocessors;
/// longer ones in tiles, which read a page once for many rows.
pub(super) const SINGLE: usize = 8;

/// Up to so many rows are multiplied by kernels of our own, which are bound by the reading of the weights alone.
const FEW: usize = 8;

/// What cuBLAS works in: as much as it asks for on processors of this generation.
const WORKSPACE: usize = 32 << 20;

/// Where a product goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    /// Rows of two-byte numbers.
    Rows,
    /// Added to rows of single-precision numbers.
    Residual,
    /// The upper half of the outputs are gates of the lower: as many two-byte numbers as one half has.
    Gated,
    /// Rows of single-precision numbers.
    Logits,
}

/// A matrix `[outputs][inputs]` and what is added to its products.
#[derive(Debug, Clone, Copy)]
pub(super) struct Matrix {
    pub(super) weights: Address,
    /// Zero where nothing is added.
    pub(super) bias: Address,
    pub(super) outputs: usize,
    pub(super) inputs: usize,
}

/// How heads are attended to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head: usize,
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
    stream: Arc<CudaStream>,
    blas: CudaBlas,
    _workspace: Buffer<u8>,
    embed: CudaFunction,
    rms_norm: CudaFunction,
    swiglu: CudaFunction,
    add_bias: CudaFunction,
    turn_and_keep: CudaFunction,
    attend_rows: CudaFunction,
    attend_spans: CudaFunction,
    take_rows: CudaFunction,
    likeliest: CudaFunction,
    fill: CudaFunction,
    multiply_rows: CudaFunction,
    multiply_residual: CudaFunction,
    multiply_gated: CudaFunction,
    multiply_logits: CudaFunction,
}

/// Pointers to arguments, to be written where they are handed over: values made for them live to the end of that statement.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => {
        &mut [$(std::ptr::from_ref(&$argument).cast::<c_void>().cast_mut()),*]
    };
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
        let blas = CudaBlas::new(Arc::clone(stream)).map_err(computing_blas)?;
        let workspace = Buffer::new(stream, WORKSPACE).map_err(failed)?;
        // SAFETY: the workspace lives as long as the handle; it is dropped after it.
        unsafe { cublasSetWorkspace_v2(*blas.handle(), workspace.address() as *mut c_void, WORKSPACE) }
            .result()
            .map_err(computing_blas)?;
        Ok(Self {
            stream: Arc::clone(stream),
            blas,
            _workspace: workspace,
            embed: function("embed")?,
            rms_norm: function("rms_norm")?,
            swiglu: function("swiglu")?,
            add_bias: function("add_bias")?,
            turn_and_keep: function("turn_and_keep")?,
            attend_rows,
            attend_spans,
            take_rows: function("take_rows")?,
            likeliest: function("likeliest")?,
            fill: function("fill")?,
            multiply_rows: function("multiply_rows")?,
            multiply_residual: function("multiply_residual")?,
            multiply_gated: function("multiply_gated")?,
            multiply_logits: function("multiply_logits")?,
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
        self.launch(&self.embed, (rows, 1, 1), 256, 0, arguments![x, table, tokens, int(width), scale])
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
        self.launch(
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
        (qkv, (q_norm, k_norm)): (Address, (Address, Address)),
        (keys, values): (Address, Address),
        places: &Places,
        turning: &Turning,
        heads: &Heads,
        rows: usize,
    ) -> Result<(), DriverError> {
        const WARPS: usize = 4;
        let all = heads.heads + 2 * heads.kv_heads;
        self.launch(
            &self.turn_and_keep,
            (rows, all.div_ceil(WARPS), 1),
            WARPS * 32,
            WARPS * heads.head * 4,
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
                int(heads.heads),
                int(heads.kv_heads),
                int(heads.head),
                i32::from(turning.halves),
                q_norm,
                k_norm,
                turning.epsilon,
            ],
        )
    }

    /// Attends for the single rows that the list at `rows` names, each over at most `pages` pages.
    pub(super) fn attend_rows(
        &self,
        (out, parts, ended, qkv): (Address, Address, Address, Address),
        (keys, values): (Address, Address),
        places: &Places,
        heads: &Heads,
        (rows, count, pages): (Address, usize, usize),
    ) -> Result<(), DriverError> {
        self.launch(
            &self.attend_rows,
            (pages, heads.kv_heads, count),
            128,
            0,
            arguments![
                out,
                parts,
                ended,
                qkv,
                keys,
                values,
                rows,
                places.positions,
                places.sequences,
                places.tables,
                int(places.table_width),
                int(heads.kv_heads),
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
        self.launch(
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
        self.launch(&self.likeliest, (rows, 1, 1), 1024, 0, arguments![best, logits, int(width)])
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
        self.launch(
            &self.attend_spans,
            (heads.heads, count, 1),
            128,
            span_bytes(heads.head),
            arguments![
                out,
                qkv,
                keys,
                values,
                tiles,
                places.tables,
                int(places.table_width),
                int(heads.heads),
                int(heads.kv_heads),
                int(heads.window),
                heads.scale,
            ],
        )
    }

    /// Multiplies rows `a` of two-byte numbers and a matrix. `between` holds the outputs of a gated product of many rows.
    pub(super) fn multiply(
        &self,
        into: Into,
        out: Address,
        matrix: &Matrix,
        (a, rows): (Address, usize),
        between: Address,
    ) -> Result<(), ModelError> {
        if rows <= FEW {
            return self.multiply_few(into, out, matrix, (a, rows)).map_err(computing);
        }
        let product = if into == Into::Gated { between } else { out };
        self.multiply_many(into, product, matrix, (a, rows))?;
        if matrix.bias != 0 {
            let grid = (matrix.outputs.div_ceil(256), rows, 1);
            self.launch(&self.add_bias, grid, 256, 0, arguments![product, matrix.bias, int(matrix.outputs)])
                .map_err(computing)?;
        }
        if into == Into::Gated {
            let width = matrix.outputs / 2;
            let grid = (width.div_ceil(8 * 128), rows, 1);
            self.launch(&self.swiglu, grid, 128, 0, arguments![out, between, int(width)])
                .map_err(computing)?;
        }
        Ok(())
    }

    fn multiply_few(
        &self,
        into: Into,
        out: Address,
        matrix: &Matrix,
        (a, rows): (Address, usize),
    ) -> Result<(), DriverError> {
        let function = match into {
            Into::Rows => &self.multiply_rows,
            Into::Residual => &self.multiply_residual,
            Into::Gated => &self.multiply_gated,
            Into::Logits => &self.multiply_logits,
        };
        let parts = if into == Into::Gated { 2 } else { 1 };
        let outputs = matrix.outputs / parts;
        // Enough blocks fill the processor by themselves; few need many warps each.
        let warps = if outputs <= 8192 { 8 } else { 2 };
        self.launch(
            function,
            (outputs.div_ceil(16), 1, 1),
            warps * 32,
            warps * parts * 128 * 4,
            arguments![out, matrix.weights, a, matrix.bias, int(outputs), int(matrix.inputs), int(rows)],
        )
    }

    fn multiply_many(
        &self,
        into: Into,
        out: Address,
        matrix: &Matrix,
        (a, rows): (Address, usize),
    ) -> Result<(), ModelError> {
        let (one, zero) = (1f32, 0f32);
        let start = if into == Into::Residual { &one } else { &zero };
        let kind = match into {
            Into::Rows | Into::Gated => cudaDataType::CUDA_R_16BF,
            Into::Residual | Into::Logits => cudaDataType::CUDA_R_32F,
        };
        let (n, k) = (int(matrix.outputs), int(matrix.inputs));
        // cuBLAS counts columns first: what it takes for the matrix turned around is the matrix as it lies.
        // SAFETY: the addresses are those of buffers as large as the sizes say, which live until the stream has been waited for.
        unsafe {
            gemm_ex(
                *self.blas.handle(),
                cublasOperation_t::CUBLAS_OP_T,
                cublasOperation_t::CUBLAS_OP_N,
                n,
                int(rows),
                k,
                std::ptr::from_ref(&one).cast(),
                matrix.weights as *const c_void,
                cudaDataType::CUDA_R_16BF,
                k,
                a as *const c_void,
                cudaDataType::CUDA_R_16BF,
                k,
                std::ptr::from_ref(start).cast(),
                out as *mut c_void,
                kind,
                n,
                cublasComputeType_t::CUBLAS_COMPUTE_32F,
                cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }
        .map_err(computing_blas)
    }

    /// Fills two-byte weights with numbers that look random.
    pub(super) fn fill(&self, to: Address, count: usize, seed: u64, spread: f32) -> Result<(), DriverError> {
        self.launch(&self.fill, (1024, 1, 1), 256, 0, arguments![to, count as u64, seed, spread])
    }

    /// Puts a kernel on the stream, allowed to begin while the one before ends: see `await_previous` of the kernels.
    fn launch(
        &self,
        function: &CudaFunction,
        (x, y, z): (usize, usize, usize),
        threads: usize,
        shared: usize,
        arguments: &mut [*mut c_void],
    ) -> Result<(), DriverError> {
        let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let mut early = CUlaunchAttribute {
            id: CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
            pad: [0; 4],
            value: CUlaunchAttributeValue { programmaticStreamSerializationAllowed: 1 },
        };
        let config = CUlaunchConfig {
            gridDimX: number(x),
            gridDimY: number(y),
            gridDimZ: number(z),
            blockDimX: number(threads),
            blockDimY: 1,
            blockDimZ: 1,
            sharedMemBytes: number(shared),
            hStream: self.stream.cu_stream(),
            attrs: &raw mut early,
            numAttrs: 1,
        };
        // SAFETY: the arguments are as many and as wide as the kernel's parameters; each points to a value that outlives the
        // call, which copies them; the addresses are those of buffers that live until the stream has been waited for.
        unsafe {
            cuLaunchKernelEx(
                &raw const config,
                function.cu_function(),
                arguments.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        }
        .result()
    }
}

/// Bytes of the queries of a tile and of two pages of keys and of values, whose rows are eight numbers apart.
const fn span_bytes(head: usize) -> usize {
    (TILE + 4 * PAGE) * (head + 8) * 2
}

fn int(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "it is the last use of an error")]
pub(super) fn computing(error: DriverError) -> ModelError {
    ModelError::Compute { reason: format!("the graphics processor failed: {error}") }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the last use of an error")]
fn computing_blas(error: CublasError) -> ModelError {
    ModelError::Compute { reason: format!("cuBLAS failed: {error}") }
}
