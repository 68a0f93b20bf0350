//! Columns of text. Mirrors Go's `text/tabwriter`, with the settings kubectl prints its tables with.

/// How columns are laid out; the defaults are kubectl's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TabWriter {
    /// Least width of a column, padding included.
    pub min_width: usize,
    /// Width of a tab stop, used only when padding with tabs.
    pub tab_width: usize,
    /// What is added to the widest cell.
    pub padding: usize,
    /// What to pad with, a space or a tab.
    pub pad_char: char,
}

impl Default for TabWriter {
    fn default() -> Self {
        Self {
            min_width: 6,
            tab_width: 4,
            padding: 3,
            pad_char: ' ',
        }
    }
}

impl TabWriter {
    /// `tabwriter.NewWriter(out, min_width, tab_width, padding, pad_char, 0)`.
    pub const fn new(min_width: usize, tab_width: usize, padding: usize, pad_char: char) -> Self {
        Self {
            min_width,
            tab_width,
            padding,
            pad_char,
        }
    }

    /// Lays out `text`, whose cells end with a tab and lines with a line feed. What follows the last tab of a line
    /// belongs to no column.
    pub fn render(&self, text: &str) -> String {
        let lines: Vec<Vec<&str>> = text
            .split('\n')
            .map(|line| line.split('\t').collect())
            .collect();
        let mut layout = Layout {
            settings: *self,
            lines: &lines,
            widths: Vec::new(),
            out: String::new(),
        };
        layout.block(0, lines.len());
        layout.out
    }

    /// Lays out rows of cells; each line ends with a line feed.
    pub fn rows<R, C>(&self, rows: R) -> String
    where
        R: IntoIterator,
        R::Item: IntoIterator<Item = C>,
        C: AsRef<str>,
    {
        let mut text = String::new();
        for row in rows {
            for (index, cell) in row.into_iter().enumerate() {
                if index > 0 {
                    text.push('\t');
                }
                text.push_str(cell.as_ref());
            }
            text.push('\n');
        }
        self.render(&text)
    }
}

struct Layout<'a> {
    settings: TabWriter,
    lines: &'a [Vec<&'a str>],
    widths: Vec<usize>,
    out: String,
}

impl Layout<'_> {
    /// Formats lines `start..end`, in which the columns before the current one have the widths known so far.
    fn block(&mut self, start: usize, end: usize) {
        let column = self.widths.len();
        let mut written = start;
        let mut this = start;
        while this < end {
            if self.cell(this, column).is_none() {
                this += 1;
                continue;
            }
            self.write(written, this);
            let begin = this;
            let mut width = self.settings.min_width;
            while let Some(cell) = self.cell(this, column).filter(|_| this < end) {
                width = width.max(cell.chars().count() + self.settings.padding);
                this += 1;
            }
            self.widths.push(width);
            self.block(begin, this);
            self.widths.pop();
            written = this;
        }
        self.write(written, end);
    }

    /// A cell that ends with a tab.
    fn cell(&self, line: usize, column: usize) -> Option<&str> {
        let line = self.lines.get(line)?;
        if column + 1 < line.len() {
            line.get(column).copied()
        } else {
            None
        }
    }

    fn write(&mut self, start: usize, end: usize) {
        for index in start..end {
            for (column, cell) in self.lines.get(index).into_iter().flatten().enumerate() {
                self.out.push_str(cell);
                if let Some(width) = self.widths.get(column) {
                    self.out.push_str(&self.pad(cell.chars().count(), *width));
                }
            }
            if index + 1 < self.lines.len() {
                self.out.push('\n');
            }
        }
    }

    fn pad(&self, text: usize, cell: usize) -> String {
        let TabWriter {
            tab_width,
            pad_char,
            ..
        } = self.settings;
        if pad_char != '\t' {
            return pad_char.to_string().repeat(cell.saturating_sub(text));
        }
        if tab_width == 0 {
            return String::new();
        }
        let cell = cell.div_ceil(tab_width) * tab_width;
        "\t".repeat(cell.saturating_sub(text).div_ceil(tab_width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_three_more() {
        let table = TabWriter::default().rows([
            ["NAME", "READY", "AGE"],
            ["a-long-name", "1/1", "5s"],
            ["b", "", ""],
        ]);
        assert_eq!(
            table,
            "NAME          READY   AGE\na-long-name   1/1     5s\nb                     \n"
        );
    }

    #[test]
    fn a_line_without_the_column_ends_the_block() {
        let text = "aaaaaaaa\tb\nheadline\nc\td\n";
        assert_eq!(
            TabWriter::new(0, 8, 2, ' ').render(text),
            "aaaaaaaa  b\nheadline\nc  d\n"
        );
    }

    #[test]
    fn padding_with_tabs_rounds_to_tab_stops() {
        assert_eq!(
            TabWriter::new(0, 8, 1, '\t').render("abc\tx\nabcdefgh\ty\n"),
            "abc\t\tx\nabcdefgh\ty\n"
        );
    }
}
