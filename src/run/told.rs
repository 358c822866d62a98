//! An error as the journal and a person's line keep it: text, not types.

/// Returns an error and what caused it, in one line.
///
/// ```
/// let cause = std::io::Error::other("the disk is full");
/// assert_eq!(longhand::run::in_one_line(&cause), "the disk is full");
/// ```
#[must_use]
pub fn in_one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
