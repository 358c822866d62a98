//! A template of one line, such as the path of a file.

use std::collections::BTreeSet;

use tera::{Context, Tera};

use super::set::{Variables, reason};

/// The name of the only template in the engine.
const NAME: &str = "line";

/// A compiled template that stands inside a workflow file rather than in a file of its own.
#[derive(Clone)]
pub struct Line(Tera);

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl Line {
    /// Compiles a template.
    ///
    /// # Errors
    /// Why it is none, in a sentence.
    pub fn compile(text: &str) -> Result<Self, String> {
        let mut engine = Tera::new();
        engine.autoescape_on(Vec::<&str>::new());
        engine.add_raw_template(NAME, text).map_err(|error| reason(&error))?;
        Ok(Self(engine))
    }

    /// Returns the names of the variables that the template reads.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<String> {
        let found = self.0.get_template_variables(NAME).unwrap_or_default();
        found.into_iter().map(ToOwned::to_owned).collect()
    }

    /// Renders the template.
    ///
    /// # Errors
    /// What is missing, in a sentence.
    pub fn render(&self, variables: &Variables) -> Result<String, String> {
        let failed = |error: tera::Error| reason(&error);
        let context = Context::from_serialize(variables.values()).map_err(failed)?;
        self.0.render(NAME, &context).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_variables_and_is_rendered_without_escapes() {
        let line = Line::compile("{{ document }}/{{ subject }}.csv").unwrap();
        assert_eq!(line.variables(), ["document", "subject"].map(str::to_owned).into());
        let variables = Variables::default().with("document", "a&b").with("subject", "<x>");
        assert_eq!(line.render(&variables).unwrap(), "a&b/<x>.csv");
        assert!(line.render(&Variables::default()).is_err());
        assert!(Line::compile("{{ document").is_err());
    }
}
