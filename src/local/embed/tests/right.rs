//! The vectors of a small model are those of plain loops, whatever they are computed beside and with.

use candle_core::Device;

use super::reference::Reference;
use super::small::{LONGEST, model};
use crate::local::embed::bert::Bert;
use crate::local::embed::folder::Folder;
use crate::local::embed::tensors::Tensors;

/// Texts of some lengths, with pieces that differ.
fn texts() -> Vec<Vec<u32>> {
    let piece = |at: usize| u32::try_from(4 + at * 37 % 55).unwrap();
    let text = |length: usize| {
        let inner = (0..length - 2).map(|at| piece(at + length));
        std::iter::once(2).chain(inner).chain([3]).collect()
    };
    [2, 3, 5, 16, 17, 31, LONGEST, 20, 7, 2].into_iter().map(text).collect()
}

fn slices(texts: &[Vec<u32>]) -> Vec<&[u32]> {
    texts.iter().map(Vec::as_slice).collect()
}

fn bert() -> Bert {
    let (_dir, path) = model();
    let folder = Folder::open(&path).unwrap();
    let (weights, _) = folder.weights().unwrap();
    Bert::load(&folder, &weights).unwrap()
}

#[test]
fn vectors_are_those_of_plain_loops() {
    let texts = texts();
    let reference = Reference::new();
    let exact: Vec<Vec<f64>> = texts.iter().map(|text| reference.vector(text)).collect();
    let (_dir, path) = model();
    let folder = Folder::open(&path).unwrap();
    let (weights, _) = folder.weights().unwrap();
    let ours = Bert::load(&folder, &weights).unwrap().vectors(&slices(&texts));
    // What a graphics processor computes, on the processors.
    let tensors = Tensors::load(&folder, &weights, &Device::Cpu).unwrap().vectors(&slices(&texts)).unwrap();
    for found in [ours, tensors] {
        assert_eq!(found.len(), exact.len());
        for (found, exact) in found.iter().zip(&exact) {
            assert_eq!(found.len(), exact.len());
            let distances = found.iter().zip(exact).map(|(found, exact)| (f64::from(*found) - exact).abs());
            let distance = distances.fold(0.0, f64::max);
            assert!(distance < 2e-6, "{distance}");
        }
    }
}

#[test]
fn a_vector_is_the_same_to_the_bit_alone_and_in_every_batch_and_with_any_number_of_threads() {
    let bert = bert();
    let texts = texts();
    let alone: Vec<Vec<f32>> = texts.iter().flat_map(|text| bert.vectors(&[text])).collect();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| bert.vectors(&slices(&texts))), alone);
        assert_eq!(pool.install(|| bert.vectors(&slices(&texts)[3..8])), alone[3..8]);
    }
    assert_eq!(bert.vectors(&[]), Vec::<Vec<f32>>::new());
}
