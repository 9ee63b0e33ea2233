//! How far a transfer is: bars on a terminal, nothing elsewhere.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tencent_cos::transfer::{DirectoryFile, FileStep, Progress};

/// The smallest file that gets a bar of its own, and how many may have one at once.
const WORTH_A_BAR: u64 = 1 << 20;
const AT_ONCE: usize = 8;

#[derive(Clone)]
pub struct Bars {
    multi: MultiProgress,
    total: ProgressBar,
    files: Arc<Mutex<HashMap<String, ProgressBar>>>,
}

impl Bars {
    pub fn new(wanted: bool) -> Self {
        let shown = wanted && io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let multi = MultiProgress::with_draw_target(target);
        let total = multi.add(ProgressBar::no_length());
        Self { multi, total, files: Arc::default() }
    }

    /// Whether anybody sees them.
    pub fn is_shown(&self) -> bool {
        !self.multi.is_hidden()
    }

    /// Tells how far the whole is.
    pub fn progress(&self) -> impl Fn(Progress) + Send + Sync + use<> {
        let total = self.total.clone();
        move |progress| {
            if total.length() != progress.total_bytes || total.position() == 0 {
                total.set_style(style(progress.total_bytes.is_some()));
                match progress.total_bytes {
                    Some(bytes) => total.set_length(bytes),
                    None => total.unset_length(),
                }
            }
            total.set_position(progress.bytes);
            if let (parts, Some(parts_of)) = (progress.parts, progress.total_parts)
                && parts_of > 1
            {
                total.set_message(format!("{parts}/{parts_of}"));
            }
        }
    }

    /// Follows one file of many.
    pub fn follow(&self, file: &DirectoryFile, step: FileStep<'_>) {
        let mut files = self.files();
        match step {
            FileStep::Begun if file.bytes >= WORTH_A_BAR && files.len() < AT_ONCE => {
                let bar = self.multi.insert_before(&self.total, ProgressBar::new(file.bytes));
                bar.set_style(style(true));
                bar.set_message(shortened(&file.path));
                files.insert(file.path.clone(), bar);
            }
            FileStep::Begun => {}
            FileStep::Moved(bytes) => {
                if let Some(bar) = files.get(&file.path) {
                    bar.set_position(bytes);
                }
            }
            _ => {
                if let Some(bar) = files.remove(&file.path) {
                    bar.finish_and_clear();
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
        for (_, bar) in self.files().drain() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
    }

    fn files(&self) -> MutexGuard<'_, HashMap<String, ProgressBar>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn style(length_is_known: bool) -> ProgressStyle {
    let template = if length_is_known {
        "{bar:24} {bytes:>11} of {total_bytes:>11} {binary_bytes_per_sec:>13} {eta:>4} left {wide_msg}"
    } else {
        "{spinner} {bytes:>11} {binary_bytes_per_sec:>13} {elapsed:>4} {wide_msg}"
    };
    ProgressStyle::with_template(template).expect("a good template")
}

/// The end of a name, which tells more than its beginning, on one line.
fn shortened(name: &str) -> String {
    let clean: Vec<char> = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    clean[clean.len().saturating_sub(40)..].iter().collect()
}
