//! Tables of several columns, as Markdown.

use std::fmt;

use serde::Serialize;

/// A table whose lines have several figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Grid {
    /// What the figures are of.
    pub title: String,
    /// What each column is.
    pub columns: Vec<String>,
    /// The lines, in order.
    pub rows: Vec<Row>,
    /// What one must know to read them.
    pub notes: Vec<String>,
}

/// A line of a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What the line is of.
    pub name: String,
    /// Its figures, one for each column.
    pub cells: Vec<Cell>,
}

/// One figure of a table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// A measured number.
    Number(f64),
    /// How many there were.
    Count(usize),
    /// Nothing was measured, or nobody says.
    Empty,
}

impl Row {
    /// Makes a line.
    #[must_use]
    pub fn new(name: impl Into<String>, cells: Vec<Cell>) -> Self {
        Self { name: name.into(), cells }
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => {
                let digits = if value.abs() >= 10.0 { 1 } else { 3 };
                write!(f, "{value:.digits$}")
            }
            Self::Count(count) => count.fmt(f),
            Self::Empty => f.write_str("-"),
        }
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n| | {} |", self.title, self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "---|".repeat(self.columns.len()))?;
        for row in &self.rows {
            let cells: Vec<String> = row.cells.iter().map(Cell::to_string).collect();
            writeln!(f, "| {} | {} |", row.name, cells.join(" | "))?;
        }
        for note in &self.notes {
            writeln!(f, "\n{note}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_markdown_and_data() {
        let rows = vec![Row::new(
            "ours",
            vec![Cell::Count(7), Cell::Number(0.25), Cell::Empty, Cell::Number(21.44)],
        )];
        let columns = ["n", "P@5", "R@50", "ms"].map(str::to_owned).to_vec();
        let grid = Grid { title: "Recall".into(), columns, rows, notes: vec!["Other data.".into()] };
        let told = "## Recall\n\n| | n | P@5 | R@50 | ms |\n|---|---|---|---|---|\n| ours | 7 | 0.250 | - | 21.4 |\n\nOther data.\n";
        assert_eq!(grid.to_string(), told);
        assert_eq!(
            serde_json::to_value(&grid.rows).unwrap(),
            serde_json::json!([{"name": "ours", "cells": [7, 0.25, null, 21.44]}])
        );
    }
}
