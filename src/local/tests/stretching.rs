//! Positions that are turned otherwise than a model file says: only where that is asked for, and under another identity.

use tempfile::TempDir;

use super::FAMILIES;
use super::tiny::model;
use crate::local::architecture::Blueprint;
use crate::local::gguf::ModelFile;
use crate::local::positions::{Positions, way};
use crate::local::shape::Sizes;
use crate::local::{LocalModel, LocalOptions};
use crate::model::ChatModel;
use crate::text::TokenCount;

fn opened(name: &str) -> (TempDir, ModelFile) {
    let dir = TempDir::new().unwrap();
    let family = FAMILIES.into_iter().find(|family| family.name == name).unwrap();
    let file = ModelFile::open(&family.write(dir.path())).unwrap();
    (dir, file)
}

fn angles(file: &mut ModelFile, window: usize) -> Vec<f32> {
    let sizes = Sizes::read(file).unwrap();
    let blueprint = Blueprint::read(file, &sizes);
    Positions::read(file, &sizes, &blueprint, window).unwrap().wide.angles
}

#[test]
fn a_window_beyond_the_context_is_one_only_where_that_is_asked_for() {
    let (_dir, path) = model();
    let load = |window, stretch| {
        let options = LocalOptions { window: Some(window), stretch, ..LocalOptions::default() };
        let model = LocalModel::load(&path, &options).unwrap();
        (model.limits().context, model.identity().to_owned())
    };
    let usual = load(2048, false);
    assert_eq!(load(4096, false), usual);
    assert_eq!(load(1024, true), (TokenCount(1024), usual.1.clone()));
    assert_eq!(load(4096, true), (TokenCount(4096), format!("{}:stretched-4096", usual.1)));
}

#[test]
fn another_base_is_that_of_a_file_that_names_it() {
    let (_dir, path) = model();
    let options = LocalOptions { rope_base: Some(10_000), ..LocalOptions::default() };
    let identity = LocalModel::load(&path, &options).unwrap().identity().to_owned();
    assert!(identity.ends_with(":base-10000"), "{identity}");
    let (_one, mut qwen3) = opened("qwen3-rounded");
    let before = angles(&mut qwen3, 2048);
    qwen3.turn_by(10_000);
    let after = angles(&mut qwen3, 2048);
    assert!((after[1] - 10_000f32.powf(-1.0 / 16.0)).abs() < 1e-6 && before[1] < after[1]);
}

#[test]
fn a_window_beyond_the_context_slows_the_slowest_pair_by_as_much() {
    let (_dir, mut file) = opened("qwen3");
    let (usual, twice) = (angles(&mut file, 2048), angles(&mut file, 4096));
    assert!((usual[11] / twice[11] - 2.0).abs() < 1e-3 && usual[0].to_bits() == twice[0].to_bits());
    assert_eq!((way(&file, 2048).as_str(), way(&file, 4096).as_str()), ("", ":stretched-4096"));
    // Two sets of factors are two ways to compute.
    let (_dir, file) = opened("phi3-short");
    assert_eq!((way(&file, 512).as_str(), way(&file, 513).as_str()), ("", ":long"));
}
