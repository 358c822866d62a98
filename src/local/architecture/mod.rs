//! The architectures that can be computed, one small file each, and the blueprint that each of them fills in.
//!
//! A blueprint says all that they differ in: the passes read it and know no architecture. What asks more of a pass than a
//! blueprint says does not belong to the family.

mod gemma3;
mod llama;
mod phi3;
mod qwen2;
mod qwen3;

use candle_core::{Result, Tensor};
use candle_nn::rotary_emb::{rope, rope_i};

use super::gguf::ModelFile;
use super::shape::Sizes;

/// Which numbers of a head are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairing {
    /// A number and its neighbour.
    Neighbours,
    /// A number and the one half of what is turned further on.
    Halves,
}

/// What lets values of the feed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// A number times its logistic function.
    Silu,
    /// The Gaussian error linear unit, by the hyperbolic tangent.
    Gelu,
}

/// The layers that see only the positions that are nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// How many positions, the own among them.
    pub(super) positions: usize,
    /// One in so many layers sees everything, the last of them; none does where it is none.
    pub(super) wide_every: Option<usize>,
}

/// What a model of the family is made of, beside its sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Blueprint {
    /// Which numbers of a head are turned together: files have their rows in that order.
    pub(super) pairing: Pairing,
    /// Whether something is added to queries, keys and values after their product with the weights.
    pub(super) biased: bool,
    /// Whether every head of queries and of keys is normalized before it is turned.
    pub(super) head_norms: bool,
    /// Whether what attention and the feed give is normalized before it is added.
    pub(super) post_norms: bool,
    /// What lets values of the feed through.
    pub(super) gate: Gate,
    /// What the numbers of a token are multiplied with.
    pub(super) embedding_scale: f32,
    /// What scores are multiplied with.
    pub(super) score_scale: f32,
    /// Which layers see a window.
    pub(super) window: Option<Window>,
    /// The base of turns in layers that see a window, where it is another one.
    pub(super) near_base: Option<f32>,
}

/// An architecture of the family.
#[derive(Debug)]
pub(super) struct Architecture {
    /// The name in `general.architecture`, which the architecture's own keys begin with, too.
    pub(super) name: &'static str,
    /// Reads what a model of it is made of.
    pub(super) blueprint: fn(&ModelFile, &Sizes) -> Blueprint,
    /// Says which tensors of a layer hold several matrices, where there are such.
    pub(super) fused: Option<fn(&Sizes) -> Vec<Fused>>,
}

/// A tensor of a layer that holds several matrices, one above the other.
#[derive(Debug)]
pub(super) struct Fused {
    /// The name of the tensor within its layer.
    pub(super) whole: &'static str,
    /// The names under which other architectures have the matrices, and the rows of each.
    pub(super) parts: Vec<(&'static str, usize)>,
    /// Numbers of a row.
    pub(super) inputs: usize,
}

impl Architecture {
    /// All of them.
    pub(super) const ALL: [&'static Self; 5] = [
        &llama::ARCHITECTURE,
        &qwen2::ARCHITECTURE,
        &qwen3::ARCHITECTURE,
        &gemma3::ARCHITECTURE,
        &phi3::ARCHITECTURE,
    ];

    /// Returns the architecture of that name, or what is wrong with it.
    pub(super) fn named(name: &str) -> std::result::Result<&'static Self, String> {
        Self::ALL.into_iter().find(|architecture| architecture.name == name).ok_or_else(|| {
            let known = Self::ALL.map(|architecture| format!("`{}`", architecture.name)).join(", ");
            format!("its architecture `{name}` cannot be computed: expected one of {known}")
        })
    }
}

impl Blueprint {
    /// Reads that of a model file.
    pub(super) fn read(file: &ModelFile, sizes: &Sizes) -> Self {
        (file.architecture().blueprint)(file, sizes)
    }

    /// Returns how many positions a layer sees; all where it is none.
    pub(super) fn window(&self, layer: usize) -> Option<usize> {
        let window = self.window?;
        let wide = window.wide_every.is_some_and(|every| (layer + 1).is_multiple_of(every));
        (!wide).then_some(window.positions)
    }
}

impl Pairing {
    /// Turns heads `(heads, positions, numbers)` by the angles of their positions; numbers for which there is no angle stay.
    pub(super) fn turn(self, heads: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
        let (head, turned) = (heads.dim(2)?, 2 * cos.dim(1)?);
        if turned < head {
            let (first, rest) =
                (heads.narrow(2, 0, turned)?.contiguous()?, heads.narrow(2, turned, head - turned)?);
            return Tensor::cat(&[self.turn(&first, cos, sin)?, rest], 2);
        }
        let heads = heads.unsqueeze(0)?;
        let turned = match self {
            Self::Neighbours => rope_i(&heads, cos, sin)?,
            Self::Halves => rope(&heads, cos, sin)?,
        };
        turned.squeeze(0)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn every_architecture_is_found_by_its_name() {
        for architecture in Architecture::ALL {
            assert_eq!(Architecture::named(architecture.name).unwrap().name, architecture.name);
        }
        insta::assert_snapshot!(Architecture::named("").unwrap_err(), @"its architecture `` cannot be computed: expected one of `llama`, `qwen2`, `qwen3`, `gemma3`, `phi3`");
    }

    #[test]
    fn neighbours_and_halves_are_turned() {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        let head = tensor(&[1.0, 2.0, 3.0, 4.0]).reshape((1, 1, 4)).unwrap();
        // A quarter of a turn, and none.
        let (cos, sin) = (tensor(&[0.0, 1.0]), tensor(&[1.0, 0.0]));
        let (cos, sin) = (cos.reshape((1, 2)).unwrap(), sin.reshape((1, 2)).unwrap());
        let turned = |pairing: Pairing| -> Vec<f32> {
            let turned = pairing.turn(&head, &cos, &sin).unwrap();
            turned.flatten_all().unwrap().to_vec1().unwrap()
        };
        assert_eq!(turned(Pairing::Neighbours), [-2.0, 1.0, 3.0, 4.0]);
        assert_eq!(turned(Pairing::Halves), [-3.0, 2.0, 1.0, 4.0]);
    }
}
