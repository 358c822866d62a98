//! Models behind OpenAI-compatible endpoints, asked as a careful client asks.
//!
//! Nothing here tries again: a request is made once, and what came of it is said in such a way that whoever asked can tell
//! whether it was paid for and whether to ask again.
