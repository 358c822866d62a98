//! How the calls of an agent or of a step are made: tries, waits, time-outs, the cache, and limits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Sampling;

/// How calls are made. None of this decides what is asked, so a run can be resumed with other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CallPolicy {
    /// How often a call is made at most where it fails for a reason that may pass. From 1 to 20.
    pub tries: u32,
    /// Milliseconds to wait before the second try; before each further one twice as long. Up to a quarter less, by a
    /// share that differs from call to call, so that many calls that failed together do not come back together.
    pub first_wait_ms: u64,
    /// The most milliseconds to wait between two tries. Where a server asks for a longer wait, the call fails.
    pub longest_wait_ms: u64,
    /// The most seconds that one try may take; without it as long as it needs. At least 1.
    pub timeout_s: Option<u64>,
    /// The most seconds between two pieces of an answer once it has begun; without it any time. At least 1.
    pub idle_timeout_s: Option<u64>,
    /// Whether a call is served the answer that the same call was given before, in whatever run, and offers its own to later
    /// ones. Without it every call is asked; what this run has journaled is still not asked again.
    pub cache: bool,
}

impl Default for CallPolicy {
    fn default() -> Self {
        Self {
            tries: 4,
            first_wait_ms: 500,
            longest_wait_ms: 60_000,
            timeout_s: None,
            idle_timeout_s: None,
            cache: true,
        }
    }
}

/// What a step does otherwise than its agent says, and what its calls may use together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StepCalls {
    /// The model, instead of the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How tokens are chosen, instead of the agent's whole `sampling`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampling>,
    /// The most tokens of an answer, instead of the agent's. At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u64>,
    /// How often a call is made at most. From 1 to 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// Milliseconds to wait before the second try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_wait_ms: Option<u64>,
    /// The most milliseconds to wait between two tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_wait_ms: Option<u64>,
    /// The most seconds that one try may take. At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
    /// The most seconds between two pieces of an answer once it has begun. At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout_s: Option<u64>,
    /// Whether a call is served the answer that the same call was given before, and offers its own to later ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<bool>,
    /// The most tokens that all calls of the node may use in a run, prompts and answers. At least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// The most US dollars that all calls of the node may cost in a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_cost: Option<f64>,
}

impl CallPolicy {
    /// Returns the policy with what a step says otherwise.
    #[must_use]
    pub fn but(self, step: &StepCalls) -> Self {
        Self {
            tries: step.tries.unwrap_or(self.tries),
            first_wait_ms: step.first_wait_ms.unwrap_or(self.first_wait_ms),
            longest_wait_ms: step.longest_wait_ms.unwrap_or(self.longest_wait_ms),
            timeout_s: step.timeout_s.or(self.timeout_s),
            idle_timeout_s: step.idle_timeout_s.or(self.idle_timeout_s),
            cache: step.cache.unwrap_or(self.cache),
        }
    }

    /// Returns the numbers: the key, whether it fits, and what was expected.
    pub(super) fn ranges(&self) -> [(&'static str, bool, &'static str); 3] {
        [
            ("tries", (1..=MOST_TRIES).contains(&self.tries), TRIES),
            ("timeout_s", self.timeout_s != Some(0), POSITIVE),
            ("idle_timeout_s", self.idle_timeout_s != Some(0), POSITIVE),
        ]
    }
}

const MOST_TRIES: u32 = 20;
const TRIES: &str = "from 1 to 20";
const POSITIVE: &str = "at least 1";

impl StepCalls {
    /// Returns the part that decides what is asked.
    #[must_use]
    pub fn deciding(&self) -> Self {
        Self {
            model: self.model.clone(),
            sampling: self.sampling.clone(),
            max_output: self.max_output,
            ..Self::default()
        }
    }

    /// Returns the numbers: the key, whether it fits, and what was expected.
    pub(super) fn ranges(&self) -> [(&'static str, bool, &'static str); 6] {
        let policy = CallPolicy::default().but(self);
        let [tries, timeout, idle] = policy.ranges();
        let cost = self.max_cost.is_none_or(|usd| usd.is_finite() && usd >= 0.0);
        [
            tries,
            timeout,
            idle,
            ("max_output", self.max_output != Some(0), POSITIVE),
            ("max_tokens", self.max_tokens != Some(0), POSITIVE),
            ("max_cost", cost, "of US dollars, at least 0"),
        ]
    }
}
