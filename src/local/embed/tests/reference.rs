//! BERT in plain loops over numbers of 64 bits, as slow as it is plain, to hold the fast one against.

use std::collections::HashMap;

use super::small::{EPSILON, HEADS, HIDDEN, LAYERS, tensors};

#[expect(clippy::cast_precision_loss, reason = "numbers of this size are exact")]
fn float(count: usize) -> f64 {
    count as f64
}

type Rows = Vec<Vec<f64>>;

/// The model as rows of numbers; what has one dimension is one row.
pub(super) struct Reference(HashMap<String, Rows>);

impl Reference {
    pub(super) fn new() -> Self {
        let rows = |tensor: &candle_core::Tensor| -> Rows {
            let table = if tensor.rank() == 1 { tensor.unsqueeze(0).unwrap() } else { tensor.clone() };
            let numbers = table.to_vec2::<f32>().unwrap();
            numbers.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()
        };
        Self(tensors().iter().map(|(name, tensor)| (name.clone(), rows(tensor))).collect())
    }

    fn row(&self, name: &str) -> &[f64] {
        &self.0[name][0]
    }

    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let weights = &self.0[&format!("{name}.weight")];
        let bias = self.row(&format!("{name}.bias"));
        weights.iter().zip(bias).map(|(weights, bias)| dot(weights, x) + bias).collect()
    }

    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let size = float(HIDDEN);
        let mean = x.iter().sum::<f64>() / size;
        let variance = x.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / size;
        let deviation = (variance + f64::from(EPSILON)).sqrt();
        let weight = self.row(&format!("{name}.LayerNorm.weight"));
        let bias = self.row(&format!("{name}.LayerNorm.bias"));
        (0..HIDDEN).map(|at| (x[at] - mean) / deviation * weight[at] + bias[at]).collect()
    }

    /// The vector of a text of these pieces.
    pub(super) fn vector(&self, pieces: &[u32]) -> Vec<f64> {
        let table = |name: &str| &self.0[&format!("embeddings.{name}_embeddings.weight")];
        let embedded = |(position, piece): (usize, &u32)| {
            let word = &table("word")[*piece as usize];
            let sum = add(&add(word, &table("position")[position]), &table("token_type")[0]);
            self.norm("embeddings", &sum)
        };
        let mut rows: Rows = pieces.iter().enumerate().map(embedded).collect();
        for layer in 0..LAYERS {
            let name = format!("encoder.layer.{layer}");
            let mixed = self.attention(&name, &rows);
            for (row, mixed) in rows.iter_mut().zip(mixed) {
                let change = self.linear(&format!("{name}.attention.output.dense"), &mixed);
                *row = self.norm(&format!("{name}.attention.output"), &add(row, &change));
                let inner = self.linear(&format!("{name}.intermediate.dense"), row);
                let inner: Vec<f64> = inner.into_iter().map(gelu).collect();
                let change = self.linear(&format!("{name}.output.dense"), &inner);
                *row = self.norm(&format!("{name}.output"), &add(row, &change));
            }
        }
        let mean: Vec<f64> =
            (0..HIDDEN).map(|at| rows.iter().map(|row| row[at]).sum::<f64>() / float(rows.len())).collect();
        let length = dot(&mean, &mean).sqrt();
        mean.iter().map(|number| number / length).collect()
    }

    fn attention(&self, name: &str, rows: &Rows) -> Rows {
        let of = |part: &str| -> Rows {
            rows.iter().map(|row| self.linear(&format!("{name}.attention.self.{part}"), row)).collect()
        };
        let (queries, keys, values) = (of("query"), of("key"), of("value"));
        let size = HIDDEN / HEADS;
        let mut mixed = vec![vec![0.0; HIDDEN]; rows.len()];
        for (query, mixed) in queries.iter().zip(&mut mixed) {
            for head in 0..HEADS {
                let part = head * size..(head + 1) * size;
                let score = |key: &Vec<f64>| {
                    (dot(&query[part.clone()], &key[part.clone()]) / float(size).sqrt()).exp()
                };
                let scores: Vec<f64> = keys.iter().map(score).collect();
                let sum: f64 = scores.iter().sum();
                for (value, score) in values.iter().zip(&scores) {
                    for at in part.clone() {
                        mixed[at] += value[at] * score / sum;
                    }
                }
            }
        }
        mixed
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// The linear unit with the error function by its series, which is exact enough for the arguments here.
fn gelu(x: f64) -> f64 {
    let z = x / std::f64::consts::SQRT_2;
    let (mut term, mut sum) = (z, z);
    for n in 1..300 {
        let n = f64::from(n);
        term *= -z * z / n;
        sum += term / (2.0 * n + 1.0);
    }
    0.5 * x * (1.0 + sum * 2.0 / std::f64::consts::PI.sqrt())
}
