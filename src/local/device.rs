//! What models are computed on: a graphics processor where one can be used, the processors otherwise.
//!
//! A program built with the feature `cuda` also runs where there is nothing to use it with: it falls back, and says why.

use candle_core::Device;

/// What models are computed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The name of the graphics processor; none where the processors compute.
    pub gpu: Option<String>,
    /// Why a build that could use a graphics processor does not.
    pub fallback: Option<String>,
}

/// Returns what models are computed on; the driver is asked anew.
#[must_use]
pub fn device_info() -> DeviceInfo {
    choose().1
}

/// Opens the device that models are computed on.
pub(super) fn choose() -> (Device, DeviceInfo) {
    #[cfg(feature = "cuda")]
    let gpu = Some(cuda::open());
    #[cfg(not(feature = "cuda"))]
    let gpu = None;
    settle(gpu)
}

/// Takes the graphics processor, or what is wrong with it; none in a build that knows of none.
fn settle(gpu: Option<Result<(Device, String), String>>) -> (Device, DeviceInfo) {
    match gpu {
        Some(Ok((device, name))) => (device, DeviceInfo { gpu: Some(name), fallback: None }),
        Some(Err(reason)) => (Device::Cpu, DeviceInfo { gpu: None, fallback: Some(reason) }),
        None => (Device::Cpu, DeviceInfo::default()),
    }
}

#[cfg(feature = "cuda")]
mod cuda {
    use candle_core::{Device, Result, Tensor};
    use cudarc::driver::sys::CUresult;
    use cudarc::driver::{CudaContext, DriverError};

    use crate::local::gguf::first_line;

    pub(super) fn open() -> std::result::Result<(Device, String), String> {
        // `Device::cuda_if_available` looks at how the program was built, not at the machine, so the driver is asked.
        match CudaContext::device_count() {
            Ok(1..) => {}
            Ok(_) | Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => {
                return Err("the driver shows none: see `nvidia-smi` and `CUDA_VISIBLE_DEVICES`".into());
            }
            Err(error) => return Err(format!("the driver cannot be used: {error}")),
        }
        tried().map_err(|error| first_line(&error))
    }

    /// A processor that the kernels were not built for shows only when it computes something.
    fn tried() -> Result<(Device, String)> {
        let device = Device::new_cuda(0)?;
        let doubled = Tensor::new(&[1.0f32, 2.0], &device)?.affine(2.0, 0.0)?.to_vec1::<f32>()?;
        if doubled != [2.0, 4.0] {
            candle_core::bail!("it computes wrongly: twice 1 and 2 are {doubled:?}");
        }
        let name = device.as_cuda_device()?.cuda_stream().context().name();
        Ok((device, name.unwrap_or_else(|_| "a graphics processor without a name".into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_graphics_processor_the_processors_compute_and_the_reason_is_kept() {
        let (device, info) = settle(Some(Err("the driver shows none".into())));
        assert!(device.is_cpu());
        assert_eq!((info.gpu, info.fallback.as_deref()), (None, Some("the driver shows none")));
        let (device, info) = settle(None);
        assert!(device.is_cpu());
        assert_eq!(info, DeviceInfo::default());
    }

    #[test]
    fn what_is_reported_is_what_is_opened() {
        let (device, info) = choose();
        assert_eq!((device.is_cpu(), info.gpu.is_none()), (info.gpu.is_none(), device.is_cpu()));
        assert_eq!(cfg!(feature = "cuda") && device.is_cpu(), info.fallback.is_some());
    }
}
