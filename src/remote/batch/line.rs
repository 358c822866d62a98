//! The lines of a batch: one for each request, and one for each result. Pure.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::super::failure::{Failure, in_a_line};
use super::super::secrets::Secrets;

/// What the requests of a batch ask for.
pub(super) const ENDPOINT: &str = "/v1/chat/completions";

/// Nothing was computed, and the same line may be handed in again.
pub(super) fn again(reason: impl Into<String>) -> Failure {
    Failure::Unreachable(reason.into())
}

/// Writes a request.
pub(super) fn request(id: &str, body: &Value) -> String {
    json!({"custom_id": id, "method": "POST", "url": ENDPOINT, "body": body}).to_string()
}

/// Reads whose result a line is.
pub(super) fn custom_id(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line.get("custom_id")?.as_str()?.to_owned())
}

/// Reads a result: the body of the answer, or why there is none.
pub(super) fn result(line: &str, secrets: &Secrets) -> Result<Value, Failure> {
    let mut line: Value = serde_json::from_str(line).map_err(|_| Failure::broken("the result is no JSON"))?;
    if let Some(error) = line.get("error").filter(|error| !error.is_null()) {
        return Err(again(said(error, secrets)));
    }
    let response = line.get_mut("response").map(Value::take).unwrap_or_default();
    let status = response.get("status_code").and_then(Value::as_u64);
    let status = status.and_then(|status| StatusCode::from_u16(u16::try_from(status).ok()?).ok());
    let body = response.get("body").cloned().unwrap_or_default();
    match status {
        Some(status) if status.is_success() => Ok(body),
        Some(status) => Err(Failure::status(status, &HeaderMap::new(), body.to_string().as_bytes(), secrets)),
        None => Err(again("the result says neither what was answered nor why not")),
    }
}

/// Says why a whole batch failed.
pub(super) fn whole(batch: &Value, secrets: &Secrets) -> Failure {
    let errors = batch.get("errors").and_then(|errors| errors.get("data")).and_then(Value::as_array);
    let errors: &[Value] = errors.map_or(&[], Vec::as_slice);
    let code = errors.iter().filter_map(|error| error.get("code")?.as_str()).collect::<Vec<_>>().join(" ");
    let told = errors.iter().take(3).map(|error| said(error, secrets)).collect::<Vec<_>>().join("; ");
    let told = if told.is_empty() { "no reason is given".to_owned() } else { told };
    // As much as may wait at once waits already: there is room when another batch is done.
    let crowded = code.contains("limit") && !code.contains("billing");
    let no_means = code.contains("quota") || code.contains("billing");
    let status = if crowded || no_means { 429 } else { 400 };
    let retry_after = crowded.then_some(Duration::from_mins(1));
    let reason = format!("the batch failed: {told}");
    Failure::Status { status, reason, code, parameter: String::new(), retry_after }
}

/// What an error says, in a line with its code.
fn said(error: &Value, secrets: &Secrets) -> String {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or("");
    let told = [text("code"), text("message")].into_iter().filter(|text| !text.is_empty());
    in_a_line(&told.collect::<Vec<_>>().join(": "), secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelError;

    fn error(line: &Value) -> ModelError {
        result(&line.to_string(), &Secrets::default()).unwrap_err().into_error(Duration::ZERO)
    }

    #[test]
    fn a_result_is_an_answer_or_says_why_not() {
        let line = json!({"custom_id": "a", "response": {"status_code": 200, "body": {"choices": []}}, "error": null});
        assert_eq!(custom_id(&line.to_string()).unwrap(), "a");
        assert_eq!(result(&line.to_string(), &Secrets::default()).unwrap(), json!({"choices": []}));
        let expired = json!({"response": null, "error": {"code": "batch_expired", "message": "too late"}});
        assert_eq!(error(&expired).to_string(), "the model did not answer: batch_expired: too late");
        let status =
            |status| json!({"response": {"status_code": status, "body": {"error": {"message": "no"}}}});
        assert!(error(&status(500)).may_pass() && error(&status(429)).may_pass());
        assert!(matches!(error(&status(400)), ModelError::Refused { status: 400, .. }));
        assert!(matches!(error(&status(401)), ModelError::Unauthorized { .. }));
        assert!(error(&json!({})).may_pass());
    }

    #[test]
    fn a_batch_that_failed_says_why() {
        let failed = |code| {
            let errors = json!({"errors": {"data": [{"code": code, "message": "so it is", "line": 1}]}});
            whole(&errors, &Secrets::default()).into_error(Duration::ZERO)
        };
        assert!(matches!(failed("token_limit_exceeded"), ModelError::Unavailable { .. }));
        assert!(matches!(failed("insufficient_quota"), ModelError::OutOfQuota { .. }));
        assert!(matches!(failed("billing_hard_limit_reached"), ModelError::OutOfQuota { .. }));
        let refused = failed("invalid_json_line").to_string();
        assert!(refused.contains("the batch failed: invalid_json_line: so it is"), "{refused}");
        assert!(whole(&json!({}), &Secrets::default()).to_string().contains("no reason is given"));
    }
}
