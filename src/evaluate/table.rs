//! Figures with the aims that they are held against, as Markdown.

use std::fmt;

use serde::Serialize;

/// One measured figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// What came out.
    pub value: f64,
    /// Over how many questions, or whatever else was counted.
    pub of: usize,
    /// The least, or the most, that is aimed at.
    pub aim: Option<Aim>,
}

/// A bound that a figure is to keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// Not less.
    AtLeast(f64),
    /// Not more.
    AtMost(f64),
}

/// Figures that belong together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// What they are of.
    pub title: String,
    /// The figures, in order.
    pub figures: Vec<Figure>,
}

impl Figure {
    /// Makes a figure without an aim.
    #[must_use]
    pub fn new(name: impl Into<String>, value: f64, of: usize) -> Self {
        Self { name: name.into(), value, of, aim: None }
    }

    /// Aims at no less than this.
    #[must_use]
    pub fn at_least(mut self, least: f64) -> Self {
        self.aim = Some(Aim::AtLeast(least));
        self
    }

    /// Aims at no more than this.
    #[must_use]
    pub fn at_most(mut self, most: f64) -> Self {
        self.aim = Some(Aim::AtMost(most));
        self
    }

    /// Tells whether the aim is met; `None` where there is none.
    #[must_use]
    pub fn met(&self) -> Option<bool> {
        self.aim.map(|aim| match aim {
            Aim::AtLeast(least) => self.value >= least,
            Aim::AtMost(most) => self.value <= most,
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n| what | figure | n | aim |\n|---|---|---|---|", self.title)?;
        for figure in &self.figures {
            let aim = match figure.aim {
                Some(Aim::AtLeast(least)) => format!("at least {least}"),
                Some(Aim::AtMost(most)) => format!("at most {most}"),
                None => String::new(),
            };
            let met = match figure.met() {
                Some(true) => ", met",
                Some(false) => ", **missed**",
                None => "",
            };
            let digits = if figure.value.abs() >= 100.0 { 0 } else { 3 };
            writeln!(f, "| {} | {:.digits$} | {} | {aim}{met} |", figure.name, figure.value, figure.of)?;
        }
        Ok(())
    }
}
