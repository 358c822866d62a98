//! Model files: opens a GGUF file, says what it holds, and refuses what cannot be computed before any weight is read.
//!
//! Knows the container only; what the tensors mean is the business of the architecture's own file.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::architecture::{Architecture, Fused};
use super::info::ModelInfo;
use super::shape::Sizes;
use crate::model::ModelError;
use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, TensorInfo, Value};
use candle_core::quantized::{GgmlDType, QTensor};

/// What a file, or a folder of files, holds.
pub(super) struct Container {
    pub(super) metadata: HashMap<String, Value>,
    pub(super) tensors: HashMap<String, Stored>,
    /// The files that tensors lie in.
    pub(super) files: Vec<(PathBuf, BufReader<File>)>,
}

/// A tensor, and where it lies.
pub(super) struct Stored {
    /// In which of the files.
    pub(super) file: usize,
    /// What it is, and where in the file it begins.
    pub(super) info: TensorInfo,
}

/// An open model file whose header has been checked, or a folder that is read as one.
pub(super) struct ModelFile {
    path: PathBuf,
    container: Container,
    architecture: &'static Architecture,
    info: ModelInfo,
}

impl fmt::Debug for ModelFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelFile")
            .field("path", &self.path)
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl ModelFile {
    /// Opens `path` and checks everything that can be checked without reading weights.
    pub(super) fn open(path: &Path) -> Result<Self, ModelError> {
        let container = if path.is_dir() { super::checkpoint::open(path)? } else { Container::open(path)? };
        let fail = |reason: String| ModelError::Load { path: path.to_owned(), reason };
        let architecture = architecture(&container.metadata).map_err(fail)?;
        let mut bytes = 0;
        for (path, reader) in &container.files {
            let fail =
                |error: std::io::Error| ModelError::Load { path: path.clone(), reason: error.to_string() };
            bytes += reader.get_ref().metadata().map_err(fail)?.len();
        }
        let mut model = Self {
            path: path.to_owned(),
            container,
            architecture,
            info: ModelInfo {
                name: String::new(),
                architecture: architecture.name.to_owned(),
                quantization: String::new(),
                context: 0,
                parameters: 0,
                licence: None,
                bytes,
            },
        };
        model.describe()?;
        model.check_length()?;
        model.unfuse()?;
        Ok(model)
    }

    /// Returns the files that the weights lie in.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.container.files.iter().map(|(path, _)| path.as_path())
    }

    /// What the file says about itself.
    pub(super) fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The architecture.
    pub(super) fn architecture(&self) -> &'static Architecture {
        self.architecture
    }

    /// The file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A load error about this file.
    pub(super) fn fail(&self, reason: impl Into<String>) -> ModelError {
        ModelError::Load { path: self.path.clone(), reason: reason.into() }
    }

    /// A text of the metadata.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.container.metadata.get(key)?.to_string().ok().map(String::as_str)
    }

    /// A whole number of the metadata, of whatever width.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        match self.container.metadata.get(key)? {
            Value::I8(v) => u64::try_from(*v).ok(),
            Value::I16(v) => u64::try_from(*v).ok(),
            Value::I32(v) => u64::try_from(*v).ok(),
            Value::I64(v) => u64::try_from(*v).ok(),
            value => value.to_u64().ok(),
        }
    }

    /// A fraction of the metadata.
    pub(super) fn fraction(&self, key: &str) -> Option<f32> {
        self.container.metadata.get(key)?.to_f32().ok()
    }

    /// A yes or no of the metadata.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.container.metadata.get(key)?.to_bool().ok()
    }

    /// Says another base of turns than the file does.
    #[expect(
        clippy::cast_precision_loss,
        reason = "bases are powers of ten and the like, which are near enough"
    )]
    pub(super) fn turn_by(&mut self, base: u32) {
        self.container.metadata.insert(self.key("rope.freq_base"), Value::F32(base as f32));
    }

    /// A list of texts of the metadata.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, ModelError> {
        let values = self.container.metadata.get(key).and_then(|value| value.to_vec().ok());
        let texts = values.and_then(|values| values.iter().map(|v| v.to_string().ok().cloned()).collect());
        texts.ok_or_else(|| self.fail(format!("its metadata has no list of texts `{key}`")))
    }

    /// A list of whole numbers of the metadata; empty where there is none.
    pub(super) fn numbers(&self, key: &str) -> Vec<i64> {
        let values = self.container.metadata.get(key).and_then(|value| value.to_vec().ok());
        let number = |value: &Value| match value {
            Value::I32(v) => i64::from(*v),
            value => value.to_u64().ok().and_then(|v| i64::try_from(v).ok()).unwrap_or(0),
        };
        values.map(|values| values.iter().map(number).collect()).unwrap_or_default()
    }

    /// A list of fractions of the metadata; empty where there is none.
    pub(super) fn fractions(&self, key: &str) -> Vec<f32> {
        let values = self.container.metadata.get(key).and_then(|value| value.to_vec().ok());
        let fractions = values.and_then(|values| values.iter().map(|value| value.to_f32().ok()).collect());
        fractions.unwrap_or_default()
    }

    /// Tells whether the weights lie as the model was trained, and not in an order of the file's kind.
    pub(super) fn as_trained(&self) -> bool {
        self.flag("general.halves").unwrap_or(false)
    }

    /// The key under which files of this architecture keep `name`.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture.name)
    }

    /// A whole number that the architecture needs, such as `block_count`.
    pub(super) fn dimension(&self, name: &str) -> Result<usize, ModelError> {
        let key = self.key(name);
        let number = self.number(&key).and_then(|v| usize::try_from(v).ok()).filter(|&v| v > 0);
        number.ok_or_else(|| self.fail(format!("its metadata has no number `{key}` above 0")))
    }

    /// Tells whether the file holds a tensor of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.container.tensors.contains_key(name)
    }

    /// Reads a tensor that must have exactly the shape `shape`, rows first.
    pub(super) fn tensor(
        &mut self,
        name: &str,
        shape: &[usize],
        device: &Device,
    ) -> Result<QTensor, ModelError> {
        let Some(Stored { file, info }) = self.container.tensors.get(name) else {
            return Err(self.fail(format!("it has no tensor `{name}`, which its architecture needs")));
        };
        let found = info.shape.dims();
        if found != shape {
            return Err(self.fail(format!("its tensor `{name}` has the shape {found:?}: expected {shape:?}")));
        }
        let Some((_, reader)) = self.container.files.get_mut(*file) else {
            return Err(self.fail(format!("its tensor `{name}` lies in no file")));
        };
        let read = info.read(reader, 0, device);
        read.map_err(|error| self.fail(format!("its tensor `{name}` cannot be read: {}", first_line(&error))))
    }

    fn describe(&mut self) -> Result<(), ModelError> {
        let stem = self.path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let mut weights: HashMap<GgmlDType, u64> = HashMap::new();
        for Stored { info: tensor, .. } in self.container.tensors.values() {
            *weights.entry(tensor.ggml_dtype).or_default() += tensor.shape.elem_count() as u64;
        }
        let dominant = weights.iter().max_by_key(|(kind, count)| (**count, format!("{kind:?}")));
        self.info.quantization = dominant.map_or_else(|| "none".into(), |(kind, _)| type_name(*kind));
        self.info.parameters = weights.values().sum();
        self.info.name = self.text("general.name").map(str::to_owned).or(stem).unwrap_or_default();
        self.info.licence = self.text("general.license").map(str::to_owned);
        self.info.context = self.number(&self.key("context_length")).unwrap_or(0);
        if self.info.context == 0 {
            return Err(self.fail("its metadata does not say how long its context is"));
        }
        Ok(())
    }

    /// Gives the matrices of fused tensors names of their own.
    fn unfuse(&mut self) -> Result<(), ModelError> {
        let Some(fused) = self.architecture.fused else { return Ok(()) };
        let fused = fused(&Sizes::read(self)?);
        for layer in 0..self.dimension("block_count")? {
            for fused in &fused {
                self.split(layer, fused)?;
            }
        }
        Ok(())
    }

    fn split(&mut self, layer: usize, fused: &Fused) -> Result<(), ModelError> {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let (whole, inputs) = (name(fused.whole), fused.inputs);
        let rows: usize = fused.parts.iter().map(|part| part.1).sum();
        let Some(Stored { file, info }) = self.container.tensors.remove(&whole) else {
            return Err(self.fail(format!("it has no tensor `{whole}`, which its architecture needs")));
        };
        let (found, kind) = (info.shape.dims(), info.ggml_dtype);
        if found != [rows, inputs] || !inputs.is_multiple_of(kind.block_size().max(1)) {
            return Err(self.fail(format!(
                "its tensor `{whole}` has the shape {found:?}: expected {:?}",
                [rows, inputs]
            )));
        }
        let row = (inputs / kind.block_size().max(1) * kind.type_size()) as u64;
        let mut offset = info.offset;
        for (part, rows) in &fused.parts {
            let part_info = TensorInfo { ggml_dtype: kind, shape: (*rows, inputs).into(), offset };
            self.container.tensors.insert(name(part), Stored { file, info: part_info });
            offset += *rows as u64 * row;
        }
        Ok(())
    }

    fn check_length(&self) -> Result<(), ModelError> {
        let end = |info: &TensorInfo| {
            let blocks = info.shape.elem_count().div_ceil(info.ggml_dtype.block_size().max(1));
            let size = blocks.saturating_mul(info.ggml_dtype.type_size()) as u64;
            info.offset.saturating_add(size)
        };
        for (index, (path, reader)) in self.container.files.iter().enumerate() {
            let held = self.container.tensors.values().filter(|stored| stored.file == index);
            let needed = held.map(|stored| end(&stored.info)).max().unwrap_or(0);
            let fail = |reason: String| ModelError::Load { path: path.clone(), reason };
            let found = reader.get_ref().metadata().map_err(|error| fail(error.to_string()))?.len();
            if needed > found {
                return Err(fail(format!(
                    "it is cut short: its tensors end at byte {needed} and the file at byte {found}; fetch it again"
                )));
            }
        }
        Ok(())
    }
}

impl Container {
    /// Reads the header of a GGUF file.
    fn open(path: &Path) -> Result<Self, ModelError> {
        let fail = |reason: String| ModelError::Load { path: path.to_owned(), reason };
        let file = File::open(path).map_err(|error| fail(cannot_open(&error)))?;
        let bytes = file.metadata().map_err(|error| fail(error.to_string()))?.len();
        let mut reader = BufReader::with_capacity(1 << 20, file);
        let mut magic = [0; 4];
        if bytes < 24 || reader.read_exact(&mut magic).is_err() || &magic != b"GGUF" {
            return Err(fail("it is not a GGUF file: expected it to begin with `GGUF`".into()));
        }
        reader.seek(SeekFrom::Start(0)).map_err(|error| fail(error.to_string()))?;
        let content = Content::read(&mut reader).map_err(|error| fail(header_problem(&error)))?;
        let Content { metadata, tensor_infos, tensor_data_offset, .. } = content;
        let placed = |(name, info): (String, TensorInfo)| {
            let offset = info.offset.saturating_add(tensor_data_offset);
            (name, Stored { file: 0, info: TensorInfo { offset, ..info } })
        };
        let tensors = tensor_infos.into_iter().map(placed).collect();
        Ok(Self { metadata, tensors, files: vec![(path.to_owned(), reader)] })
    }
}

fn architecture(metadata: &HashMap<String, Value>) -> Result<&'static Architecture, String> {
    let name = metadata.get("general.architecture").and_then(|value| value.to_string().ok());
    Architecture::named(name.map_or("", String::as_str))
}

pub(super) fn cannot_open(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        _ => format!("it cannot be opened: {error}"),
    }
}

/// Errors of the tensor library may carry a backtrace below their first line.
pub(super) fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or("no reason given").to_owned()
}

fn header_problem(error: &candle_core::Error) -> String {
    let said = first_line(error);
    if let Some(code) = said.strip_prefix("unknown dtype for tensor ") {
        let name = code.parse().ok().and_then(foreign_type).map_or_else(|| code.to_owned(), str::to_owned);
        return format!(
            "its quantization `{name}` cannot be computed: expected F32, F16, BF16, Q4_0 to Q8_0 or Q2_K to Q6_K"
        );
    }
    if said.contains("failed to fill whole buffer") || said.contains("remaining file bytes") {
        return "its header is cut short; fetch it again".into();
    }
    format!("its header is damaged: {said}")
}

fn type_name(kind: GgmlDType) -> String {
    let name = format!("{kind:?}");
    // The library writes `Q4K` where the field says `Q4_K`.
    match name.strip_suffix('K') {
        Some(stem) if stem.starts_with('Q') => format!("{stem}_K"),
        _ => name,
    }
}

/// Names of tensor types that exist in files of this kind and are not computed here.
fn foreign_type(code: u32) -> Option<&'static str> {
    Some(match code {
        4 => "Q4_2",
        5 => "Q4_3",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        _ => return None,
    })
}
