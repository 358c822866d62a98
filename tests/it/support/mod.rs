//! What stands around longhand in tests.

#[allow(dead_code, unused_imports, reason = "a test asks of a provider what it needs")]
pub(crate) mod provider;
