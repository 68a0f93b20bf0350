//! Colour, and tables whose columns don't mind it.

/// A piece of text and how many columns it takes on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    text: String,
    width: usize,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        let width = text.chars().count();
        Self { text, width }
    }

    pub(super) fn then(mut self, other: &Self) -> Self {
        self.text.push_str(&other.text);
        self.width += other.width;
        self
    }

    pub(super) fn joined(cells: &[Self], separator: &str) -> Self {
        let mut joined = Self::default();
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                joined = joined.then(&Self::plain(separator));
            }
            joined = joined.then(cell);
        }
        joined
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Puts colour into words and signs that people look out for, or leaves everything plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Painter {
    coloured: bool,
}

impl Painter {
    /// Text without escape sequences.
    pub const PLAIN: Self = Self { coloured: false };
    /// Text with ANSI colours.
    pub const COLOURED: Self = Self { coloured: true };

    /// The colour that `word` has, on `text`. Words without a colour get the escape sequence of none, as upstream's do.
    pub(super) fn paint(self, text: &Cell, word: &str) -> Cell {
        if !self.coloured {
            return text.clone();
        }
        let painted = format!("\x1b[{}m{}\x1b[0m", colour(word), text.text);
        Cell {
            text: painted,
            width: text.width,
        }
    }

    pub(super) fn word(self, word: &str) -> Cell {
        self.paint(&Cell::plain(word), word)
    }
}

fn colour(word: &str) -> u8 {
    match word {
        "canary" | "◷" | "?" => 33,
        "stable" | "active" | "✔" => 32,
        "✖" | "⚠" => 31,
        "◌" | "preview" | "ping" | "pong" | "Pending" | "Running" => 94,
        _ => 0,
    }
}

/// Rows with every cell but the last padded to the widest of its column and two more.
pub(super) fn table(rows: &[Vec<Cell>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.width)
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            text.push_str(&cell.text);
            if column + 1 < row.len() {
                text.extend(std::iter::repeat_n(' ', width - cell.width + 2));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_take_no_room_in_a_column() {
        let cell = |word: &str| Painter::COLOURED.word(word);
        let rows = [
            vec![cell("stable"), Cell::plain("1")],
            vec![Cell::plain("ab"), Cell::plain("2")],
        ];
        assert_eq!(table(&rows), "\x1b[32mstable\x1b[0m  1\nab      2\n");
    }
}
