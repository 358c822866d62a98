//! The architectures that can be computed, and all that they differ in: the rest is the same, in `llama` and in `cpu`.
//!
//! A new one is a variant here and an answer to every question below; what asks more of the pass than these questions does not
//! belong to the family.

use candle_core::{Result, Tensor};
use candle_nn::rotary_emb::{rope, rope_i};

/// Which numbers of a head are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pairing {
    /// A number and its neighbour.
    Neighbours,
    /// A number and the one half a head further on.
    Halves,
}

/// An architecture of the llama family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Architecture {
    /// Llama, and what is stored as it: SmolLM2, Mistral.
    Llama,
    /// Qwen2 and Qwen2.5, and models made from them, such as the distills of DeepSeek-R1.
    Qwen2,
}

impl Architecture {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Llama, Self::Qwen2];

    /// Returns the name in `general.architecture`, which the architecture's own keys begin with, too.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Qwen2 => "qwen2",
        }
    }

    /// Returns the architecture of that name, or what is wrong with it.
    pub(super) fn named(name: &str) -> std::result::Result<Self, String> {
        Self::ALL.into_iter().find(|architecture| architecture.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join("` or `");
            format!("its architecture `{name}` cannot be computed: expected `{known}`")
        })
    }

    /// Tells whether something is added to queries, keys and values after their product with the weights.
    pub(super) fn biased(self) -> bool {
        match self {
            Self::Llama => false,
            Self::Qwen2 => true,
        }
    }

    /// Returns which numbers of a head are turned together: files have their rows in that order.
    pub(super) fn pairing(self) -> Pairing {
        match self {
            Self::Llama => Pairing::Neighbours,
            Self::Qwen2 => Pairing::Halves,
        }
    }

    /// Turns heads `(heads, positions, numbers)` by the angles of their positions.
    pub(super) fn turn(self, heads: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
        let heads = heads.unsqueeze(0)?;
        let turned = match self.pairing() {
            Pairing::Neighbours => rope_i(&heads, cos, sin)?,
            Pairing::Halves => rope(&heads, cos, sin)?,
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
            assert_eq!(Architecture::named(architecture.name()), Ok(architecture));
        }
        insta::assert_snapshot!(Architecture::named("").unwrap_err(), @"its architecture `` cannot be computed: expected `llama` or `qwen2`");
    }

    #[test]
    fn llama_turns_neighbours_and_qwen2_halves() {
        let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
        let head = tensor(&[1.0, 2.0, 3.0, 4.0]).reshape((1, 1, 4)).unwrap();
        // A quarter of a turn, and none.
        let (cos, sin) = (tensor(&[0.0, 1.0]), tensor(&[1.0, 0.0]));
        let (cos, sin) = (cos.reshape((1, 2)).unwrap(), sin.reshape((1, 2)).unwrap());
        let turned = |architecture: Architecture| -> Vec<f32> {
            let turned = architecture.turn(&head, &cos, &sin).unwrap();
            turned.flatten_all().unwrap().to_vec1().unwrap()
        };
        assert_eq!(turned(Architecture::Llama), [-2.0, 1.0, 3.0, 4.0]);
        assert_eq!(turned(Architecture::Qwen2), [-3.0, 2.0, 1.0, 4.0]);
    }
}
