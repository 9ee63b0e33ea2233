//! How far a transfer is: bars on a terminal, nothing elsewhere.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tencent_cos::transfer::{DirectoryFile, FileStep, Progress};

use crate::amount::{figures, rate};
use crate::terminal;

/// The smallest file that gets a bar of its own, and how many may have one at once.
const WORTH_A_BAR: u64 = 1 << 20;
const AT_ONCE: usize = 8;
/// Columns of a name and of a bar; with the figures they fill 80.
const NAME: usize = 22;
const BAR: u64 = 12;

#[derive(Clone)]
pub struct Bars {
    multi: MultiProgress,
    total: ProgressBar,
    /// Of one file; many are counted.
    name: Option<String>,
    files: Arc<Mutex<HashMap<String, OneFile>>>,
}

struct OneFile {
    bar: ProgressBar,
    /// What an earlier run had moved.
    before: Option<u64>,
}

impl Bars {
    pub fn new(wanted: bool, name: Option<&str>) -> Self {
        let shown = wanted && io::stderr().is_terminal();
        let target = if shown { terminal::stderr() } else { ProgressDrawTarget::hidden() };
        let multi = MultiProgress::with_draw_target(target);
        let total = multi.add(blank());
        Self { multi, total, name: name.map(str::to_owned), files: Arc::default() }
    }

    /// Whether anybody sees them.
    pub fn is_shown(&self) -> bool {
        !self.multi.is_hidden()
    }

    /// Shows how far the whole is.
    pub fn show(&self, progress: Progress, is_stopping: bool) {
        let Progress { bytes, total_bytes, parts, total_parts, rate, .. } = progress;
        let name = match (&self.name, total_parts) {
            _ if is_stopping => "stopping".to_owned(),
            (Some(name), _) => name.clone(),
            (None, Some(files)) => format!("{parts} of {files} files"),
            (None, None) => format!("{parts} files"),
        };
        self.total.set_message(line(&name, bytes, total_bytes, rate));
    }

    /// Follows one file of many.
    pub fn follow(&self, file: &DirectoryFile, step: FileStep<'_>) {
        let mut files = self.files();
        match step {
            FileStep::Begun if file.size >= WORTH_A_BAR && files.len() < at_once() => {
                let bar = self.multi.insert_before(&self.total, blank());
                bar.set_message(line(&file.path, 0, Some(file.size), 0.0));
                files.insert(file.path.clone(), OneFile { bar, before: None });
            }
            FileStep::Begun => {}
            FileStep::Moved(bytes) => {
                if let Some(OneFile { bar, before }) = files.get_mut(&file.path) {
                    let moved = bytes.saturating_sub(*before.get_or_insert(bytes));
                    bar.set_message(line(&file.path, bytes, Some(file.size), rate(moved, bar.elapsed())));
                }
            }
            _ => {
                if let Some(OneFile { bar, .. }) = files.remove(&file.path) {
                    self.multi.remove(&bar);
                }
            }
        }
    }

    /// Lets something be printed above them.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        if self.is_shown() { self.multi.suspend(print) } else { print() }
    }

    /// Takes them away.
    pub fn clear(&self) {
        self.files().drain().for_each(|(_, file)| self.multi.remove(&file.bar));
        self.total.finish_and_clear();
    }

    fn files(&self) -> MutexGuard<'_, HashMap<String, OneFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All of them must fit on the screen.
fn at_once() -> usize {
    terminal::rows().saturating_sub(2).min(AT_ONCE)
}

fn blank() -> ProgressBar {
    ProgressBar::no_length().with_style(ProgressStyle::with_template("{wide_msg}").expect("a good template"))
}

fn line(name: &str, bytes: u64, total: Option<u64>, rate: f64) -> String {
    let bar = match total {
        Some(total) => {
            let full = (bytes.min(total) * BAR).checked_div(total).unwrap_or(BAR);
            (0..BAR).map(|at| if at < full { '█' } else { '░' }).collect()
        }
        None => String::new(),
    };
    format!("{} {bar} {}", terminal::cell(name, NAME), figures(bytes, total, rate))
}
