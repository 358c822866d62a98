//! Records as a table: one column for every key, in the order in which the keys appear.

use serde_json::Value;

/// The column of records that are no maps.
const VALUE: &str = "value";

/// The cells of some records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// One row a record, with a cell for each column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Lays records out. A text is shown as it is, nothing as nothing, everything else as JSON.
    #[must_use]
    pub fn of(records: &[Value]) -> Self {
        let mut columns: Vec<String> = Vec::new();
        for record in records {
            let keys: Vec<&str> = record
                .as_object()
                .map_or_else(|| vec![VALUE], |map| map.keys().map(String::as_str).collect());
            for key in keys {
                if !columns.iter().any(|column| column == key) {
                    columns.push(key.to_owned());
                }
            }
        }
        let row = |record: &Value| {
            let of_column = |column: &String| match record.as_object() {
                Some(map) => map.get(column).map_or_else(String::new, cell),
                None if column == VALUE => cell(record),
                None => String::new(),
            };
            columns.iter().map(of_column).collect()
        };
        let rows = records.iter().map(row).collect();
        Self { columns, rows }
    }

    /// Returns the table as Markdown; a sentence where there is no record.
    #[must_use]
    pub fn markdown(&self) -> String {
        if self.rows.is_empty() {
            return "no records".to_owned();
        }
        let cell = |text: &String| {
            let line = crate::text::one_line(text);
            line.replace('\\', "\\\\").replace('|', "\\|")
        };
        let line =
            |cells: &Vec<String>| format!("| {} |\n", cells.iter().map(cell).collect::<Vec<_>>().join(" | "));
        let rule = format!("|{}\n", "---|".repeat(self.columns.len()));
        let rows: String = self.rows.iter().map(line).collect();
        format!("{}{rule}{rows}", line(&self.columns))
    }

    /// Returns the table as comma-separated values (RFC 4180): a header line, lines end with CRLF.
    #[must_use]
    pub fn csv(&self) -> String {
        let cell = |text: &String| {
            if text.contains([',', '"', '\r', '\n']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text.clone()
            }
        };
        let line =
            |cells: &Vec<String>| format!("{}\r\n", cells.iter().map(cell).collect::<Vec<_>>().join(","));
        std::iter::once(&self.columns).chain(&self.rows).map(line).collect()
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_key_is_a_column_and_every_record_a_row() {
        let table =
            Table::of(&[json!({"day": "1 May", "n": 2}), json!({"who": ["a"], "day": null}), json!("loose")]);
        assert_eq!(table.columns, ["day", "n", "who", "value"]);
        assert_eq!(table.rows, [["1 May", "2", "", ""], ["", "", "[\"a\"]", ""], ["", "", "", "loose"]]);
    }

    #[test]
    fn signs_that_mean_something_are_marked() {
        let table = Table::of(&[json!({"a": "x|y\nz", "b": "say \"no\", twice"})]);
        assert_eq!(table.markdown(), "| a | b |\n|---|---|\n| x\\|y z | say \"no\", twice |\n");
        assert_eq!(
            table.csv(),
            "a,b\r\n\"x|y\nz\"".replace("\"x|y\nz\"", "\"x|y\nz\",\"say \"\"no\"\", twice\"\r\n")
        );
        assert_eq!(Table::of(&[]).markdown(), "no records");
    }
}
