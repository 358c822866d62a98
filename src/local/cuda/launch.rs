//! Puts kernels on a stream.

#![expect(
    unsafe_code,
    reason = "kernels are called across a foreign interface, with addresses of buffers that live on"
)]

use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::sys::{
    CUlaunchAttribute, CUlaunchAttributeID, CUlaunchAttributeValue, CUlaunchConfig, cuLaunchKernelEx,
};
use cudarc::driver::{CudaFunction, CudaStream, DriverError};

/// Pointers to arguments, to be written where they are handed over: values made for them live to the end of that statement.
macro_rules! arguments {
    ($($argument:expr),* $(,)?) => {
        &mut [$(std::ptr::from_ref(&$argument).cast::<std::ffi::c_void>().cast_mut()),*]
    };
}

pub(super) use arguments;

/// A stream that kernels are put on.
pub(super) struct Launcher(pub(super) Arc<CudaStream>);

impl Launcher {
    /// Puts a kernel on the stream, allowed to begin as soon as the one before has: see `await_previous` of the kernels. The
    /// grid is of blocks of `threads`, each with `shared` bytes besides.
    pub(super) fn launch(
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
            hStream: self.0.cu_stream(),
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

/// Returns a size as kernels take it.
pub(super) fn int(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}
