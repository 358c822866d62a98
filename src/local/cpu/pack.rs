//! Weights of a model file in the order in which they are multiplied.
//!
//! Four-bit types keep their codes, as does `Q8_0`. Other quantized types are rounded anew to eight bits, which loses far less
//! than they have lost already. Everything else is kept in single precision.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Result, bail};
use rayon::prelude::*;

use super::cell::{BLOCK, WIDTH};
use super::half::{half, single};
use super::product::{Bytes, Floats, Nibbles};
use crate::local::gguf::{ModelFile, first_line};
use crate::model::ModelError;

/// Weights cut into panels of [`WIDTH`] outputs, one panel after the other.
pub(super) enum Weights {
    Nibbles(Vec<Nibbles>),
    Bytes(Vec<Bytes>),
    Floats(Vec<Floats>),
}

/// A matrix of a file: `outputs` rows of `inputs` numbers.
struct Stored<'a> {
    kind: GgmlDType,
    data: &'a [u8],
    outputs: usize,
    inputs: usize,
}

impl Weights {
    /// Loads the matrix `name`.
    pub(super) fn load(
        file: &mut ModelFile,
        name: &str,
        outputs: usize,
        inputs: usize,
    ) -> std::result::Result<Self, ModelError> {
        let tensor = file.tensor(name, &[outputs, inputs], &Device::Cpu)?;
        Self::pack(&tensor, outputs, inputs)
            .map_err(|error| file.fail(format!("its tensor `{name}` cannot be used: {}", first_line(&error))))
    }

    /// Packs a matrix of `outputs` rows.
    pub(super) fn pack(tensor: &QTensor, outputs: usize, inputs: usize) -> Result<Self> {
        let data = tensor.data()?;
        let stored = Stored { kind: tensor.dtype(), data: &data, outputs, inputs };
        let blocks = inputs / BLOCK;
        let panels = outputs.div_ceil(WIDTH);
        match stored.kind {
            _ if !inputs.is_multiple_of(BLOCK) => stored.floats(panels).map(Self::Floats),
            GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16 => stored.floats(panels).map(Self::Floats),
            GgmlDType::Q4_0 | GgmlDType::Q4_1 | GgmlDType::Q4K => {
                let mut packed = vec![Nibbles::default(); panels * blocks];
                packed.par_chunks_mut(blocks).enumerate().for_each(|(panel, out)| stored.nibbles(panel, out));
                Ok(Self::Nibbles(packed))
            }
            GgmlDType::Q8_0 => {
                let mut packed = vec![Bytes::default(); panels * blocks];
                packed.par_chunks_mut(blocks).enumerate().for_each(|(panel, out)| stored.bytes(panel, out));
                Ok(Self::Bytes(packed))
            }
            _ => {
                let mut packed = vec![Bytes::default(); panels * blocks];
                let each = packed.par_chunks_mut(blocks).enumerate();
                each.try_for_each(|(panel, out)| stored.rounded(panel, out))?;
                Ok(Self::Bytes(packed))
            }
        }
    }

    /// Writes the weights of one output.
    pub(super) fn output(&self, index: usize, inputs: usize, out: &mut [f32]) {
        let (panel, lane) = (index / WIDTH, index % WIDTH);
        let blocks = inputs / BLOCK;
        match self {
            Self::Nibbles(packed) => {
                let packed = packed.chunks_exact(blocks.max(1)).nth(panel).unwrap_or(&[]);
                for (block, out) in packed.iter().zip(out.chunks_mut(BLOCK)) {
                    let (scale, min) = (lane_of(&block.scales, lane), lane_of(&block.mins, lane));
                    for (at, out) in out.iter_mut().enumerate() {
                        let byte = block.codes.get(at / 8).and_then(|line| line.get(lane * 4 + at % 4));
                        let code = byte.copied().unwrap_or(0) >> (at / 4 % 2 * 4) & 15;
                        *out = scale * f32::from(code) + min;
                    }
                }
            }
            Self::Bytes(packed) => {
                let packed = packed.chunks_exact(blocks.max(1)).nth(panel).unwrap_or(&[]);
                for (block, out) in packed.iter().zip(out.chunks_mut(BLOCK)) {
                    let scale = lane_of(&block.scales, lane);
                    for (at, out) in out.iter_mut().enumerate() {
                        let byte = block.codes.get(at / 4).and_then(|line| line.get(lane * 4 + at % 4));
                        *out = scale * (f32::from(byte.copied().unwrap_or(128)) - 128.0);
                    }
                }
            }
            Self::Floats(packed) => {
                let packed = packed.chunks_exact(inputs.div_ceil(WIDTH).max(1)).nth(panel).unwrap_or(&[]);
                let numbers = packed.as_flattened().iter().filter_map(|weights| weights.get(lane));
                out.iter_mut().zip(numbers).for_each(|(out, number)| *out = *number);
            }
        }
    }
}

fn lane_of(halves: &[u16; WIDTH], lane: usize) -> f32 {
    halves.get(lane).copied().map_or(0.0, single)
}

impl Stored<'_> {
    /// Returns the bytes of rows.
    fn rows(&self, first: usize, count: usize) -> &[u8] {
        let bytes = self.inputs / self.kind.block_size().max(1) * self.kind.type_size();
        let end = (first + count).min(self.outputs);
        self.data.get(first * bytes..end * bytes).unwrap_or(&[])
    }

    /// Packs the codes of the rows of a panel.
    fn nibbles(&self, panel: usize, out: &mut [Nibbles]) {
        for lane in 0..WIDTH {
            let row = self.rows(panel * WIDTH + lane, 1);
            for (index, packed) in out.iter_mut().enumerate() {
                let Some((codes, scale, min)) = four_bits(self.kind, row, index) else { break };
                set(&mut packed.scales, lane, scale);
                set(&mut packed.mins, lane, min);
                for (at, code) in codes.into_iter().enumerate() {
                    let byte = packed.codes.get_mut(at / 8).and_then(|line| line.get_mut(lane * 4 + at % 4));
                    if let Some(byte) = byte {
                        *byte |= code << (at / 4 % 2 * 4);
                    }
                }
            }
        }
    }

    /// Packs rows of eight bits as they are.
    fn bytes(&self, panel: usize, out: &mut [Bytes]) {
        for lane in 0..WIDTH {
            let row = self.rows(panel * WIDTH + lane, 1);
            for (packed, block) in out.iter_mut().zip(row.as_chunks::<34>().0) {
                let [low, high, codes @ ..] = block;
                set(&mut packed.scales, lane, u16::from_le_bytes([*low, *high]));
                put(packed, lane, codes.iter().map(|code| code.wrapping_add(128)));
            }
        }
    }

    /// Rounds the rows of a panel to eight bits.
    fn rounded(&self, panel: usize, out: &mut [Bytes]) -> Result<()> {
        let numbers = self.singles(panel * WIDTH, WIDTH)?;
        for (lane, row) in numbers.chunks_exact(self.inputs.max(1)).enumerate() {
            for (packed, block) in out.iter_mut().zip(row.as_chunks::<BLOCK>().0) {
                let bits = block.iter().fold(0, |top: u32, number| top.max(number.to_bits() & 0x7FFF_FFFF));
                let scale = half(f32::from_bits(bits) / 127.0);
                let step = single(scale);
                let inverse = if step > 0.0 { 1.0 / step } else { 0.0 };
                set(&mut packed.scales, lane, scale);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is from 1 to 255"
                )]
                put(
                    packed,
                    lane,
                    block.iter().map(|number| {
                        ((number * inverse).round_ties_even().clamp(-127.0, 127.0) + 128.0) as u8
                    }),
                );
            }
        }
        Ok(())
    }

    /// Unpacks everything to single precision, inputs beyond the last being nothing.
    fn floats(&self, panels: usize) -> Result<Vec<Floats>> {
        let blocks = self.inputs.div_ceil(WIDTH);
        let mut packed = vec![[[0f32; WIDTH]; WIDTH]; panels * blocks];
        packed.par_chunks_mut(blocks.max(1)).enumerate().try_for_each(|(panel, out)| {
            let numbers = self.singles(panel * WIDTH, WIDTH)?;
            for (lane, row) in numbers.chunks_exact(self.inputs.max(1)).enumerate() {
                for (weights, number) in out.as_flattened_mut().iter_mut().zip(row) {
                    if let Some(weight) = weights.get_mut(lane) {
                        *weight = *number;
                    }
                }
            }
            Ok::<_, candle_core::Error>(())
        })?;
        Ok(packed)
    }

    /// Returns some rows in single precision: few at a time, for all of them may take more memory than the model.
    fn singles(&self, first: usize, count: usize) -> Result<Vec<f32>> {
        let count = count.min(self.outputs.saturating_sub(first));
        let bytes = self.rows(first, count);
        if bytes.is_empty() {
            bail!("its rows are shorter than a block");
        }
        let storage = QStorage::from_data(Cow::Borrowed(bytes), &Device::Cpu, self.kind)?;
        QTensor::new(storage, (count, self.inputs))?.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1()
    }
}

fn set(numbers: &mut [u16; WIDTH], lane: usize, number: u16) {
    if let Some(there) = numbers.get_mut(lane) {
        *there = number;
    }
}

fn put(packed: &mut Bytes, lane: usize, codes: impl Iterator<Item = u8>) {
    for (at, code) in codes.enumerate() {
        if let Some(byte) = packed.codes.get_mut(at / 4).and_then(|line| line.get_mut(lane * 4 + at % 4)) {
            *byte = code;
        }
    }
}

/// Returns the codes of 32 inputs of a row, what each counts, and what a code of nothing stands for.
fn four_bits(kind: GgmlDType, row: &[u8], index: usize) -> Option<([u8; BLOCK], u16, u16)> {
    let halved = |bytes: &[u8; 16]| -> [u8; BLOCK] {
        let (mut codes, mut bytes) = ([0; BLOCK], bytes.iter());
        let (lower, upper) = codes.split_at_mut(16);
        for ((low, high), byte) in lower.iter_mut().zip(upper).zip(&mut bytes) {
            (*low, *high) = (byte & 15, byte >> 4);
        }
        codes
    };
    match kind {
        GgmlDType::Q4_0 => {
            let [low, high, codes @ ..] = row.as_chunks::<18>().0.get(index)?;
            let scale = u16::from_le_bytes([*low, *high]);
            Some((halved(codes), scale, half(single(scale) * -8.0)))
        }
        GgmlDType::Q4_1 => {
            let [low, high, least, most, codes @ ..] = row.as_chunks::<20>().0.get(index)?;
            Some((halved(codes), u16::from_le_bytes([*low, *high]), u16::from_le_bytes([*least, *most])))
        }
        _ => {
            // Eight blocks share a scale and a smallest number, and have six bits of each of their own.
            let [low, high, least, most, rest @ ..] = row.as_chunks::<144>().0.get(index / 8)?;
            let (fractions, codes) = rest.split_first_chunk::<12>()?;
            let (scale, min) = six_bits(fractions, index % 8)?;
            let pairs = codes.as_chunks::<BLOCK>().0.get(index % 8 / 2)?;
            let codes = pairs.map(|byte| byte >> (index % 2 * 4) & 15);
            let whole = single(u16::from_le_bytes([*low, *high])) * f32::from(scale);
            let least = single(u16::from_le_bytes([*least, *most])) * f32::from(min);
            Some((codes, half(whole), half(-least)))
        }
    }
}

/// Returns the scale and the smallest number of one of eight blocks, of which the last four have their upper bits apart.
fn six_bits(fractions: &[u8; 12], at: usize) -> Option<(u8, u8)> {
    let byte = |at: usize| fractions.get(at).copied();
    if at < 4 {
        return Some((byte(at)? & 63, byte(at + 4)? & 63));
    }
    let low = byte(at + 4)?;
    Some((low & 15 | byte(at - 4)? >> 6 << 4, low >> 4 | byte(at)? >> 6 << 4))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::tests::weights;

    #[test]
    fn packed_weights_are_those_of_the_file() {
        let kinds = [
            (GgmlDType::Q4_0, 1e-6),
            (GgmlDType::Q4_1, 1e-6),
            // Scales are rounded to half precision.
            (GgmlDType::Q4K, 2e-3),
            (GgmlDType::Q8_0, 1e-6),
            (GgmlDType::Q5_0, 5e-3),
            (GgmlDType::Q5K, 5e-3),
            (GgmlDType::Q6K, 5e-3),
            (GgmlDType::Q2K, 5e-3),
            (GgmlDType::F16, 1e-9),
            (GgmlDType::F32, 1e-9),
        ];
        for (kind, bound) in kinds {
            for outputs in [1, 16, 37] {
                let tensor = QTensor::quantize(&weights(7, &[outputs, 512], 1.0), kind).unwrap();
                let packed = Weights::pack(&tensor, outputs, 512).unwrap();
                let exact: Vec<Vec<f32>> = tensor.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
                for (index, exact) in exact.iter().enumerate() {
                    let mut found = vec![f32::NAN; 512];
                    packed.output(index, 512, &mut found);
                    let apart = found.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    assert!(apart <= bound, "{kind:?}: output {index} of {outputs} is {apart} off");
                }
            }
        }
    }

    #[test]
    fn rows_that_are_no_multiple_of_a_block_stay_in_single_precision() {
        let tensor = QTensor::quantize(&weights(3, &[5, 40], 1.0), GgmlDType::F32).unwrap();
        let packed = Weights::pack(&tensor, 5, 40).unwrap();
        assert!(matches!(&packed, Weights::Floats(blocks) if blocks.len() == 3));
        let exact: Vec<Vec<f32>> = tensor.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
        let mut found = vec![0f32; 40];
        packed.output(4, 40, &mut found);
        assert_eq!(found, exact[4]);
    }
}
