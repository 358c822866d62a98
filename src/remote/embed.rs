//! Vectors of texts, from an endpoint.

use std::time::Duration;

use serde_json::{Value, json};

use super::endpoint::{Address, AddressError, Line};
use super::failure::Failure;
use super::secrets::shown;
use crate::model::{BoxFuture, Embedder, ModelError};

/// An [`Embedder`] behind an OpenAI-compatible endpoint.
#[derive(Debug)]
pub struct RemoteEmbedder {
    identity: String,
    name: String,
    line: Line,
    timeout: Duration,
}

impl RemoteEmbedder {
    /// Makes the way to a model. Nothing is sent.
    ///
    /// # Errors
    /// [`AddressError`] where the key or the certificates cannot be used.
    pub fn new(address: &Address, model: &str) -> Result<Self, AddressError> {
        Ok(Self {
            identity: format!("openai:{model}@{}", shown(&address.base_url)),
            name: model.to_owned(),
            line: Line::new(address)?,
            timeout: address.timeout,
        })
    }

    async fn vectors(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let (client, _) = self.line.client();
        let body = json!({"model": self.name, "input": texts, "encoding_format": "float"});
        let reply: Result<Value, _> = client.embeddings().create_byot(body).await;
        let reply = reply.map_err(|error| Failure::unboxed(error).into_error(self.timeout))?;
        read(&reply, texts.len()).ok_or_else(|| ModelError::Broken {
            reason: format!("it does not hold {} vectors of one length", texts.len()),
            usage: None,
        })
    }
}

/// Reads vectors in the order of their `index`; none where one is missing, or is no vector of the others' length.
fn read(reply: &Value, count: usize) -> Option<Vec<Vec<f32>>> {
    let data = reply.get("data")?.as_array()?;
    let mut vectors = vec![Vec::new(); count];
    for (position, one) in data.iter().enumerate() {
        let index = one
            .get("index")
            .and_then(Value::as_u64)
            .map_or(Some(position), |index| usize::try_from(index).ok());
        *vectors.get_mut(index?)? = numbers(one.get("embedding")?)?;
    }
    let length = vectors.first()?.len();
    (length > 0 && vectors.iter().all(|vector| vector.len() == length)).then_some(vectors)
}

#[expect(clippy::cast_possible_truncation, reason = "vectors are made of numbers of 32 bits")]
fn numbers(vector: &Value) -> Option<Vec<f32>> {
    vector.as_array()?.iter().map(|number| number.as_f64().map(|number| number as f32)).collect()
}

impl Embedder for RemoteEmbedder {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn embed<'a>(&'a self, texts: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<f32>>, ModelError>> {
        Box::pin(self.vectors(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_in_the_order_of_their_texts_or_not_at_all() {
        let reply = json!({"data": [{"index": 1, "embedding": [3, 4.5]}, {"index": 0, "embedding": [1, 2]}]});
        assert_eq!(read(&reply, 2), Some(vec![vec![1.0, 2.0], vec![3.0, 4.5]]));
        for wrong in [
            json!({"data": [{"index": 0, "embedding": [1]}]}),
            json!({"data": [{"index": 0, "embedding": [1]}, {"index": 7, "embedding": [1]}]}),
            json!({"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}),
            json!({"data": [{"index": 0, "embedding": "AAAA"}, {"index": 1, "embedding": []}]}),
            json!({}),
        ] {
            assert_eq!(read(&wrong, 2), None, "{wrong}");
        }
    }
}
