//! Answers of a server that did not let the model run.

use std::time::Duration;

use serde_json::{Value, json};

use super::behaviour::{Fault, RetryAfter};
use super::rate::{Limiter, Standing, spelt};
use super::wire::Reply;

/// A page as a proxy in front of a server shows it.
const PAGE: &str = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n\
                    <center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";

/// An error in the form of this interface.
pub(crate) fn error(kind: &str, code: Option<&str>, message: &str) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

/// A request that is wrong.
pub(crate) fn invalid(status: u16, code: Option<&str>, message: &str) -> Reply {
    Reply::json(status, &error("invalid_request_error", code, message))
}

/// A path that the server does not have.
pub(crate) fn unknown_path(path: &str) -> Reply {
    invalid(404, Some("unknown_url"), &format!("Unknown request URL: {path}"))
}

/// A prompt that does not fit.
pub(crate) fn too_long(context: u64, tokens: u64) -> Reply {
    let message = format!(
        "This model's maximum context length is {context} tokens. However, your messages and the completion resulted in \
         {tokens} tokens. Please reduce the length of the messages."
    );
    invalid(400, Some("context_length_exceeded"), &message)
}

/// A key that is not the right one.
pub(crate) fn unauthorized() -> Reply {
    invalid(401, Some("invalid_api_key"), "Incorrect API key provided.")
}

fn too_many(message: &str) -> Reply {
    Reply::json(429, &error("requests", Some("rate_limit_exceeded"), message))
}

/// What is answered by a fault that keeps the model from running. The context and the tokens of the request are told where
/// the fault is that they do not fit.
pub(crate) fn played(fault: &Fault, context: u64, tokens: u64) -> Reply {
    match fault {
        Fault::TooMany { retry_after } => {
            let reply = too_many("Rate limit reached for requests.");
            match retry_after {
                Some(RetryAfter::Seconds(seconds)) => reply.with("retry-after", seconds.to_string()),
                Some(RetryAfter::Date(distance)) => reply.with("retry-after", date(*distance)),
                Some(RetryAfter::Raw(text)) => reply.with("retry-after", text.clone()),
                None => reply,
            }
        }
        Fault::Html503 => Reply::new(503, "text/html", PAGE.as_bytes().to_vec()),
        Fault::Conflict409 => invalid(409, None, "The request conflicts with another one."),
        Fault::Timeout408 => invalid(408, None, "The request took too long."),
        Fault::InsufficientQuota => {
            let message = "You exceeded your current quota, please check your plan and billing details.";
            Reply::json(429, &error("insufficient_quota", Some("insufficient_quota"), message))
        }
        Fault::Unauthorized => unauthorized(),
        Fault::BadRequest => too_long(context, tokens.max(context.saturating_add(1))),
        Fault::Says(message) => Reply::json(500, &error("server_error", None, message)),
        Fault::Status(status) => Reply::json(
            *status,
            &error("server_error", None, "The server had an error while processing your request."),
        ),
        _ => Reply::json(500, &error("server_error", None, "This fault is none that refuses.")),
    }
}

/// A refusal by the rate, or none; and the headers that every answer carries.
pub(crate) fn limited(
    limiter: &mut Limiter,
    now: Duration,
    tokens: u64,
) -> (Option<Reply>, Vec<(&'static str, String)>) {
    let standing = limiter.admit(now, tokens);
    let (headers, retry_after) = limiter.tells();
    let told = if headers { told(&standing) } else { Vec::new() };
    let refused = standing.wait.map(|wait| {
        let reply = too_many("Rate limit reached. Please try again later.");
        let seconds = wait.as_nanos().div_ceil(1_000_000_000).max(1);
        if retry_after { reply.with("retry-after", seconds.to_string()) } else { reply }
    });
    (refused, told)
}

fn told(standing: &Standing) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("x-ratelimit-limit-requests", standing.requests.limit.to_string()),
        ("x-ratelimit-remaining-requests", standing.requests.remaining.to_string()),
        ("x-ratelimit-reset-requests", spelt(standing.requests.reset)),
    ];
    if let Some(tokens) = standing.tokens {
        headers.push(("x-ratelimit-limit-tokens", tokens.limit.to_string()));
        headers.push(("x-ratelimit-remaining-tokens", tokens.remaining.to_string()));
        headers.push(("x-ratelimit-reset-tokens", spelt(tokens.reset)));
    }
    headers
}

#[expect(clippy::disallowed_methods, reason = "a date so far from now needs the time")]
fn date(distance: Duration) -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now() + distance)
}
