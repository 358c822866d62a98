//! Products of rows and matrices: kernels of our own for a few rows, cuBLAS for many.

#![expect(
    unsafe_code,
    reason = "cuBLAS is called across a foreign interface, with addresses of buffers that live on"
)]

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::cublas::CudaBlas;
use cudarc::cublas::result::{CublasError, gemm_ex};
use cudarc::cublas::sys::{
    cublasComputeType_t, cublasGemmAlgo_t, cublasOperation_t, cublasSetWorkspace_v2, cudaDataType,
};
use cudarc::driver::{CudaFunction, CudaModule, CudaStream, DriverError};

use super::launch::{Launcher, arguments, int};
use super::memory::{Address, Buffer, computing};
use crate::model::ModelError;

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

/// What multiplies, on one stream.
pub(super) struct Products {
    launcher: Launcher,
    blas: CudaBlas,
    _workspace: Buffer<u8>,
    swiglu: CudaFunction,
    add_bias: CudaFunction,
    rows: CudaFunction,
    residual: CudaFunction,
    gated: CudaFunction,
    logits: CudaFunction,
}

impl Products {
    /// Takes the kernels of `module`.
    pub(super) fn load(stream: &Arc<CudaStream>, module: &Arc<CudaModule>) -> Result<Self, ModelError> {
        let function = |name: &str| module.load_function(name).map_err(computing);
        let blas = CudaBlas::new(Arc::clone(stream)).map_err(computing_blas)?;
        let workspace = Buffer::new(stream, WORKSPACE).map_err(computing)?;
        // SAFETY: the workspace lives as long as the handle; it is dropped after it.
        unsafe { cublasSetWorkspace_v2(*blas.handle(), workspace.address() as *mut c_void, WORKSPACE) }
            .result()
            .map_err(computing_blas)?;
        Ok(Self {
            launcher: Launcher(Arc::clone(stream)),
            blas,
            _workspace: workspace,
            swiglu: function("swiglu")?,
            add_bias: function("add_bias")?,
            rows: function("multiply_rows")?,
            residual: function("multiply_residual")?,
            gated: function("multiply_gated")?,
            logits: function("multiply_logits")?,
        })
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
            self.launcher
                .launch(&self.add_bias, grid, 256, 0, arguments![product, matrix.bias, int(matrix.outputs)])
                .map_err(computing)?;
        }
        if into == Into::Gated {
            let width = matrix.outputs / 2;
            let grid = (width.div_ceil(8 * 128), rows, 1);
            self.launcher
                .launch(&self.swiglu, grid, 128, 0, arguments![out, between, int(width)])
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
            Into::Rows => &self.rows,
            Into::Residual => &self.residual,
            Into::Gated => &self.gated,
            Into::Logits => &self.logits,
        };
        let parts = if into == Into::Gated { 2 } else { 1 };
        let outputs = matrix.outputs / parts;
        // Enough blocks fill the processor by themselves; few need many warps each.
        let warps = if outputs <= 8192 { 8 } else { 2 };
        self.launcher.launch(
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
}

fn computing_blas(error: CublasError) -> ModelError {
    ModelError::Compute { reason: format!("cuBLAS failed: {error}") }
}
