//! Reads the script of a scripted model.

use std::path::Path;

use super::diagnostic::Diagnostics;
use super::yaml::{parse, read};
use crate::model::Script;

/// Reads a script file.
///
/// # Errors
/// What is wrong with the file, with its exact place.
pub fn script(file: &Path) -> Result<Script, Diagnostics> {
    let text = read(file)?;
    Ok(parse(file, &text)?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_and_a_misspelt_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.yaml");
        std::fs::write(&file, "context: 500\nrules:\n  - {when: a, say: b}\n").unwrap();
        let read = script(&file).unwrap();
        assert_eq!((read.context, read.rules.len(), read.max_output), (500, 1, Script::default().max_output));
        std::fs::write(&file, "rules:\n  - {when: a, sy: b}\n").unwrap();
        let told = script(&file).unwrap_err();
        assert_eq!(told.0[0].position(), (2, 15));
        assert!(told.to_string().contains("did you mean `say`?"), "{told}");
    }
}
