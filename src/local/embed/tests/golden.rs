//! The real model gives the vectors that it gives elsewhere: sentence-transformers 6.2.0 on torch 2.15.0, from the same files.

use std::path::PathBuf;

use crate::local::{LocalEmbedder, LocalOptions};
use crate::model::Embedder as _;

fn texts() -> Vec<String> {
    [
        "The whale swam under the ship.",
        "A large sea animal passed below the boat.",
        "Interest rates rose for the third time this year.",
        "",
        "鲸鱼在船下游过。",
        "Café naïve RÉSUMÉ: 100% (ünïcödé) — “quotes” & e-mail@example.com",
        &"The harbour was repaired in spring. ".repeat(200),
        &format!("{} end", "xx".repeat(80)),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Word pieces of the texts, without the two that mark their ends.
const PIECES: [u64; 8] = [7, 9, 10, 0, 8, 21, 1400, 2];

/// The first numbers of each vector.
const BEGINNINGS: [[f32; 4]; 8] = [
    [-0.02482, 0.12426, 0.04416, 0.12514],
    [0.02466, 0.10001, 0.01654, 0.0476],
    [0.00575, -0.10858, -0.04596, 0.02275],
    [-0.11884, 0.0483, -0.00255, -0.01101],
    [0.01882, 0.09971, 0.03621, -0.00912],
    [-0.08614, -0.01298, 0.06457, 0.04418],
    [-0.0017, 0.00521, 0.0846, -0.0037],
    [-0.01271, -0.01837, 0.04406, 0.01],
];

/// The cosine of each text with each.
const COSINES: [[f32; 8]; 8] = [
    [1.0, 0.63383, 0.01528, 0.05261, 0.08842, 0.0516, 0.0877, 0.04056],
    [0.63383, 1.0, 0.00588, 0.05568, 0.11627, -0.05673, 0.06323, 0.10106],
    [0.01528, 0.00588, 1.0, 0.13247, 0.14314, 0.02733, 0.02772, 0.06708],
    [0.05261, 0.05568, 0.13247, 1.0, 0.2037, 0.13501, -0.00726, 0.32652],
    [0.08842, 0.11627, 0.14314, 0.2037, 1.0, 0.09438, -0.01426, 0.32864],
    [0.0516, -0.05673, 0.02733, 0.13501, 0.09438, 1.0, 0.03226, 0.2343],
    [0.0877, 0.06323, 0.02772, -0.00726, -0.01426, 0.03226, 1.0, -0.00253],
    [0.04056, 0.10106, 0.06708, 0.32652, 0.32864, 0.2343, -0.00253, 1.0],
];

#[tokio::test]
async fn the_real_model_agrees_with_sentence_transformers() {
    let home = std::env::var_os("LONGHAND_HOME").map(PathBuf::from);
    let Some(folder) = home.map(|home| home.join("models/minilm")).filter(|folder| folder.is_dir()) else {
        eprintln!("skipped: the model `minilm` is not below `LONGHAND_HOME`");
        return;
    };
    let embedder = LocalEmbedder::load(&folder, &LocalOptions::default()).unwrap();
    assert_eq!(embedder.window().unwrap().0, 254);
    let texts = texts();
    assert_eq!(texts.iter().map(|text| embedder.pieces(text).0).collect::<Vec<_>>(), PIECES);
    let vectors = embedder.embed(&texts).await.unwrap();
    for ((vector, beginning), cosines) in vectors.iter().zip(&BEGINNINGS).zip(&COSINES) {
        assert_eq!(vector.len(), 384);
        assert!(vector.iter().zip(beginning).all(|(found, exact)| (found - exact).abs() < 2e-5));
        for (other, exact) in vectors.iter().zip(cosines) {
            let found: f32 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
            assert!((found - exact).abs() < 2e-5, "{found} is not {exact}");
        }
    }
}
