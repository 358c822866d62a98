//! Memory of the graphics processor, and pages of keys and values in it.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError, ValidAsZeroBits};

use super::sizes::Sizes;
use crate::local::pass::PAGE;
use crate::model::ModelError;

/// An address in the memory of the graphics processor.
pub(super) type Address = u64;

/// A piece of memory that grows, and whose address is given to kernels.
pub(super) struct Buffer<T> {
    slice: CudaSlice<T>,
    address: Address,
}

impl<T: DeviceRepr + ValidAsZeroBits> Buffer<T> {
    /// Takes room for `count` numbers, all zero.
    pub(super) fn new(stream: &Arc<CudaStream>, count: usize) -> Result<Self, DriverError> {
        let slice = stream.alloc_zeros(count.max(1))?;
        let address = slice.device_ptr(stream).0;
        Ok(Self { slice, address })
    }

    /// Makes room for `count` numbers, if there is less, and tells whether the address changed; what was there is lost then.
    pub(super) fn grow(&mut self, stream: &Arc<CudaStream>, count: usize) -> Result<bool, DriverError> {
        if count <= self.slice.len() {
            return Ok(false);
        }
        *self = Self::new(stream, count.next_power_of_two())?;
        Ok(true)
    }

    /// Returns where it begins.
    pub(super) fn address(&self) -> Address {
        self.address
    }

    /// Returns the memory.
    pub(super) fn slice(&self) -> &CudaSlice<T> {
        &self.slice
    }

    /// Returns the memory, to be written to.
    pub(super) fn slice_mut(&mut self) -> &mut CudaSlice<T> {
        &mut self.slice
    }
}

/// Keys and values of all layers, each `[pages][kv_heads][PAGE][head]` of two bytes.
pub(super) struct Pages {
    layers: Vec<(Buffer<u16>, Buffer<u16>)>,
    page: usize,
    count: usize,
}

impl Pages {
    /// Makes none.
    pub(super) fn new(stream: &Arc<CudaStream>, sizes: &Sizes) -> Result<Self, DriverError> {
        let page = sizes.kv_heads * PAGE * sizes.head;
        let layer = |_| Ok((Buffer::new(stream, 0)?, Buffer::new(stream, 0)?));
        Ok(Self { layers: (0..sizes.layers).map(layer).collect::<Result<_, DriverError>>()?, page, count: 0 })
    }

    /// Returns how many bytes a position takes.
    pub(super) fn position_bytes(&self) -> u64 {
        (self.layers.len() * self.page / PAGE * 4) as u64
    }

    /// Returns how many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Makes room for `count` pages, if there are fewer, and tells whether addresses changed; what the pages hold stays.
    pub(super) fn reserve(&mut self, stream: &Arc<CudaStream>, count: usize) -> Result<bool, DriverError> {
        if count <= self.count {
            return Ok(false);
        }
        let kept = self.count * self.page;
        for (keys, values) in &mut self.layers {
            for old in [keys, values] {
                let mut new = Buffer::new(stream, count * self.page)?;
                if kept > 0 {
                    stream.memcpy_dtod(&old.slice.slice(..kept), &mut new.slice.slice_mut(..kept))?;
                }
                *old = new;
            }
        }
        self.count = count;
        Ok(true)
    }

    /// Returns where the keys and the values of a layer begin.
    pub(super) fn layer(&self, layer: usize) -> Option<(Address, Address)> {
        self.layers.get(layer).map(|(keys, values)| (keys.address, values.address))
    }
}

/// What is wrong where the driver says so.
pub(super) fn computing(error: DriverError) -> ModelError {
    ModelError::Compute { reason: format!("the graphics processor failed: {error}") }
}
