//! What came instead of an answer, and what follows from it: whether it was paid for, and whether to ask again.

use std::error::Error;
use std::time::Duration;

use async_openai::error::OpenAIError;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::after;
use super::secrets::Secrets;
use crate::model::ModelError;

/// As many characters are told of what an endpoint says.
const TOLD: usize = 300;

/// An endpoint was reached or not, and gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// Something was sent, and no whole reply came.
    #[error("{0}")]
    Broken(String),
    /// Nothing came any more.
    #[error("nothing came any more")]
    Silent,
    /// It said no.
    #[error("status {status}: {reason}")]
    Status {
        status: u16,
        /// What it said, in a line and without the secrets.
        reason: String,
        /// The code of the error, and the parameter that it is about.
        code: String,
        parameter: String,
        retry_after: Option<Duration>,
    },
    /// There is no reply to give again.
    #[error("{0}")]
    NotRecorded(String),
}

impl Failure {
    pub(super) fn broken(reason: impl Into<String>) -> Self {
        Self::Broken(reason.into())
    }

    /// Sorts an error of HTTP. Only where no connection came about it is sure that nothing was computed.
    pub(super) fn of(error: &reqwest::Error) -> Self {
        if error.is_connect() || error.is_builder() {
            Self::Unreachable(causes(error))
        } else if error.is_timeout() {
            Self::Silent
        } else {
            Self::Broken(causes(error))
        }
    }

    /// Reads a reply that says no.
    pub(super) fn status(status: StatusCode, headers: &HeaderMap, body: &[u8], secrets: &Secrets) -> Self {
        let said: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = said.get("error").unwrap_or(&said);
        let text = |name: &str| match error.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let message = match (error, error.get("message").or_else(|| error.get("detail"))) {
            (_, Some(Value::String(message))) | (Value::String(message), _) => message.clone(),
            // A page for people says no more than the status.
            _ if body.trim_ascii_start().starts_with(b"<") => String::new(),
            _ => String::from_utf8_lossy(body).into_owned(),
        };
        let reason = in_a_line(&message, secrets);
        let reason = if reason.is_empty() {
            status.canonical_reason().unwrap_or("no reason").to_owned()
        } else {
            reason
        };
        let code = [text("code"), text("type")].join(" ");
        // A date counts from what the endpoint says that it is.
        let retry_after = after::retry_after(headers, None);
        Self::Status { status: status.as_u16(), reason, code, parameter: text("param"), retry_after }
    }

    /// Finds what was boxed for the client of the protocol, and sorts what that finds wrong itself.
    pub(super) fn unboxed(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(boxed) => match boxed.downcast::<Self>() {
                Ok(failure) => *failure,
                Err(other) => Self::Broken(other.to_string()),
            },
            OpenAIError::Reqwest(error) => Self::of(&error),
            // The text itself may be of a person's documents.
            OpenAIError::JSONDeserialize(error, _) => Self::Broken(format!(
                "it is no JSON: {} at line {}, column {}",
                kind(&error),
                error.line(),
                error.column()
            )),
            OpenAIError::StreamError(error) => {
                Self::Broken(format!("the stream broke off: {}", causes(&error)))
            }
            other => Self::Broken(in_a_line(&other.to_string(), &Secrets::default())),
        }
    }

    /// Says whether the endpoint pushes back because it has too much to do.
    pub(super) fn pushes_back(&self) -> bool {
        matches!(self, Self::Status { status: 429 | 503 | 529, .. }) && !self.is_out_of_quota()
    }

    /// Says whether the endpoint itself is not well, whatever it was asked.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Broken(_) | Self::Silent => true,
            // 501 is no outage: it is what it cannot do, today and tomorrow.
            Self::Status { status, .. } => *status >= 500 && *status != 501,
            Self::NotRecorded(_) => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Waiting mends a rate limit, and not an empty purse.
    fn is_out_of_quota(&self) -> bool {
        const CODES: [&str; 4] =
            ["insufficient_quota", "billing_hard_limit_reached", "insufficient_balance", "access_terminated"];
        match self {
            Self::Status { status: 402, .. } => true,
            Self::Status { status: 429 | 403, code, .. } => CODES.iter().any(|known| code.contains(known)),
            _ => false,
        }
    }

    /// Says what follows from it. `limit` is the time that a sign of life may take.
    pub(super) fn into_error(self, limit: Duration) -> ModelError {
        if self.is_out_of_quota() {
            return ModelError::OutOfQuota { reason: self.to_string() };
        }
        match self {
            Self::Unreachable(reason) => ModelError::Unavailable { reason, retry_after: None },
            Self::Broken(reason) => ModelError::Broken { reason, usage: None },
            Self::Silent => ModelError::TimedOut { limit, idle: true },
            Self::NotRecorded(reason) => ModelError::Refused { status: 0, reason },
            Self::Status { status, reason, retry_after, .. } => match status {
                401 | 403 | 407 => ModelError::Unauthorized { reason },
                404 => ModelError::Missing { reason },
                408 | 409 | 425 | 429 | 500 | 502.. => {
                    ModelError::Unavailable { reason: format!("status {status}: {reason}"), retry_after }
                }
                _ => ModelError::Refused { status, reason },
            },
        }
    }
}

fn kind(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Data => "not what was expected",
        _ => "a sign out of place",
    }
}

/// Tells an error with its causes in a line; an address may hold a password, so it is left out.
pub(super) fn causes(error: &dyn Error) -> String {
    let mut told = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let one = error.to_string();
        // What a cause says, those above it often say as well.
        let one = one.split(" for url (").next().unwrap_or(&one).to_owned();
        if !told.contains(&one) {
            if !told.is_empty() {
                told.push_str(": ");
            }
            told.push_str(&one);
        }
        next = error.source();
    }
    told
}

/// Makes a line of a text, without the secrets and not too long.
pub(super) fn in_a_line(text: &str, secrets: &Secrets) -> String {
    let text = secrets.hide(text);
    let line = crate::text::one_line(&text);
    let line: String = line.chars().filter(|sign| !sign.is_control()).collect();
    match line.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}...", line.get(..end).unwrap_or("")),
        None => line,
    }
}

/// Finds the window that an endpoint names where it refuses a prompt as too long.
pub(super) fn told_window(reason: &str) -> Option<u64> {
    const BEFORE: [&str; 2] = ["available context size (", "maximum context length is "];
    let rest = BEFORE.iter().find_map(|before| reason.split_once(before)).map(|(_, rest)| rest)?;
    let end = rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok().filter(|tokens| *tokens > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Charge;

    fn status(code: u16, body: &str) -> Failure {
        let status = StatusCode::from_u16(code).unwrap();
        Failure::status(status, &HeaderMap::new(), body.as_bytes(), &Secrets::planted("sk-planted"))
    }

    fn error(failure: Failure) -> ModelError {
        failure.into_error(Duration::from_secs(1))
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_what_may_have_run_is_charged() {
        for code in [408, 409, 429, 500, 502, 503, 504, 529] {
            let found = error(status(code, "{}"));
            assert!(found.may_pass() && !found.is_for_all() && found.charge() == Charge::Nothing, "{code}");
        }
        for code in [400, 413, 422] {
            let found = error(status(code, "{}"));
            assert!(!found.may_pass() && !found.is_for_all(), "{code}");
        }
        for code in [401, 402, 403, 404, 407] {
            assert!(error(status(code, "{}")).is_for_all(), "{code}");
        }
        let empty =
            r#"{"error": {"message": "You exceeded your current quota", "type": "insufficient_quota"}}"#;
        let empty = status(429, empty);
        assert!(!empty.pushes_back());
        assert!(matches!(error(empty), ModelError::OutOfQuota { .. }));
        assert_eq!(error(Failure::broken("half")).charge(), Charge::Unknown);
        assert_eq!(error(Failure::Unreachable("refused".to_owned())).charge(), Charge::Nothing);
        assert_eq!(error(Failure::Silent).charge(), Charge::Unknown);
    }

    #[test]
    fn what_an_endpoint_says_is_a_line_without_the_key() {
        let told = |code, body: &str| match status(code, body) {
            Failure::Status { reason, .. } => reason,
            _ => String::new(),
        };
        assert_eq!(told(401, r#"{"error": {"message": "bad key: sk-planted\n!"}}"#), "bad key: *** !");
        assert_eq!(told(503, "<html><body>Gone</body></html>"), "Service Unavailable");
        assert_eq!(told(500, ""), "Internal Server Error");
        assert_eq!(told(400, r#"{"error": "no such thing"}"#), "no such thing");
        assert_eq!(told(400, r#"{"detail": "too long"}"#), "too long");
        assert_eq!(told(400, &"x ".repeat(1000)).chars().count(), TOLD + 3);
    }

    #[test]
    fn what_a_server_cannot_do_is_neither_an_outage_nor_asked_again() {
        let failure = status(501, r#"{"error": {"code": 501, "message": "no embeddings here"}}"#);
        assert!(!failure.is_outage());
        let error = failure.into_error(Duration::from_secs(1));
        assert!(matches!(error, ModelError::Refused { status: 501, .. }), "{error}");
    }

    #[test]
    fn the_window_is_found_in_what_servers_say_of_it() {
        let said =
            "request (6005 tokens) exceeds the available context size (2048 tokens), try increasing it";
        assert_eq!(told_window(said), Some(2048));
        let said = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.";
        assert_eq!(told_window(said), Some(8192));
        assert_eq!(told_window("This model's maximum context length is unknown."), None);
        assert_eq!(told_window("the temperature is 2048 too high"), None);
    }
}
