//! Standard error as a terminal that bars are drawn on.

use std::io;

use console::{Term, measure_text_width};
use indicatif::{ProgressDrawTarget, TermLike};

use crate::failure::is_control;

/// Between two frames the cursor rests at the beginning of a line: what Ctrl-C echoes opens no new one there.
#[derive(Debug)]
struct Resting(Term);

pub fn stderr() -> ProgressDrawTarget {
    ProgressDrawTarget::term_like(Box::new(Resting(Term::buffered_stderr())))
}

/// How many rows standard error has.
pub fn rows() -> usize {
    Term::stderr().size().0.into()
}

/// A name in so many columns; of a long one the end, which tells more than its beginning.
pub fn cell(name: &str, columns: usize) -> String {
    let mut text: String = name.chars().map(|c| if is_control(c) { '?' } else { c }).collect();
    if measure_text_width(&text) > columns {
        let ends = text.char_indices().map(|(at, _)| &text[at..]);
        let end = ends.into_iter().find(|end| measure_text_width(end) < columns).unwrap_or_default();
        text = format!("…{end}");
    }
    let blanks = columns - measure_text_width(&text);
    text + &" ".repeat(blanks)
}

impl TermLike for Resting {
    fn width(&self) -> u16 {
        self.0.size().1
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}
