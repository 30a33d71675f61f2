//! What an operator sees: JSON for machines, aligned text for people.

use std::fmt::{self, Display, Write as _};
use std::io::Write;

use serde::Serialize;

use crate::error::Error;

/// Where answers go, and in which form.
pub(crate) struct Screen<'a> {
    out: &'a mut dyn Write,
    is_json: bool,
}

impl<'a> Screen<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, is_json: bool) -> Self {
        Self { out, is_json }
    }

    /// Shows an answer.
    pub(crate) fn show(&mut self, answer: &(impl Serialize + Display)) -> Result<(), Error> {
        let text = if self.is_json { serde_json::to_string_pretty(answer)? } else { answer.to_string() };
        writeln!(self.out, "{}", text.trim_end())?;
        Ok(())
    }
}

/// How a column stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column {
    /// Words.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// A small table: two spaces between columns, no rules.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row of as many cells as there are columns.
    pub(crate) fn push(&mut self, cells: impl Into<Vec<String>>) {
        self.rows.push(cells.into());
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head: Vec<String> = self.columns.iter().map(|column| column.name().to_owned()).collect();
        let lines = || std::iter::once(&head).chain(&self.rows);
        let width = |index: usize| {
            lines().filter_map(|line| line.get(index)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        for cells in lines() {
            let mut line = String::new();
            for ((column, cell), width) in self.columns.iter().zip(cells).zip(&widths) {
                match column {
                    Column::Left(_) => write!(line, "{cell:<width$}  ")?,
                    Column::Right(_) => write!(line, "{cell:>width$}  ")?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Left(name) | Self::Right(name) => name,
        }
    }
}

/// Names and values of one thing, one a line; what has no value is left out.
pub(crate) fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[(&str, Option<String>)]) -> fmt::Result {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in fields {
        if let Some(value) = value {
            writeln!(f, "{name:<width$}  {value}")?;
        }
    }
    Ok(())
}

/// A count with commas between thousands.
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Answer {
        count: u64,
    }

    impl Display for Answer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            writeln!(f, "{} of them", self.count)
        }
    }

    fn shown(is_json: bool) -> String {
        let mut out = Vec::new();
        Screen::new(&mut out, is_json).show(&Answer { count: 3 }).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_is_text_or_json() {
        assert_eq!(shown(false), "3 of them\n");
        assert_eq!(shown(true), "{\n  \"count\": 3\n}\n");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new([Column::Left("NAME"), Column::Right("CALLS"), Column::Left("WHY")]);
        table.push(["müller".to_owned(), "7".to_owned(), "x".to_owned()]);
        table.push(["a".to_owned(), "1,000,000".to_owned(), String::new()]);

        insta::assert_snapshot!(table, @r"
        NAME        CALLS  WHY
        müller          7  x
        a       1,000,000
        ");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 12_345_678].map(thousands), ["0", "999", "1,000", "12,345,678"]);
    }
}
