//! What came of it.

use crate::case::{Case, Kind, Task};
use crate::rounds::Rounds;
use crate::server::Seen;

/// The rounds of one contender.
#[derive(Default)]
pub struct Figures {
    seconds: Rounds,
    cpu_seconds: Rounds,
    peak_kib: Rounds,
    /// How busy the server was: as long as it is not all of a processor, the server holds nobody up.
    server: Rounds,
    requests: u64,
    head_bytes: u64,
}

impl Figures {
    /// One round: the line of its process, and what the server saw of it.
    pub fn push(&mut self, line: &str, seen: Seen) {
        let numbers: Vec<f64> = line.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        let [seconds, cpu_seconds, peak_kib] = numbers[..] else { panic!("three numbers: {line}") };
        self.seconds.push(seconds);
        self.cpu_seconds.push(cpu_seconds);
        self.peak_kib.push(peak_kib);
        self.server.push(seen.cpu_nanos / 1e9 / seconds);
        (self.requests, self.head_bytes) = (seen.requests, seen.head_bytes);
    }
}

/// The contenders of one case.
pub struct Table(pub Vec<(Task, Figures)>);

impl Table {
    /// Whether all goals were reached.
    pub fn print(&self) -> bool {
        let Some((task, _)) = self.0.first() else { return true };
        let (case, small) = (task.case, task.case.is_small());
        #[allow(clippy::cast_precision_loss)] // far below 2^53
        let size = task.size as f64 / if small { 1.0 } else { 1e6 };
        println!(
            "{:16} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9}",
            case.name(),
            if small { "per s" } else { "MB/s" },
            "spread",
            "× hyper",
            "CPU s",
            "peak MiB",
            "requests",
            "head B",
            "server"
        );
        let floor = self.0.iter().find(|(task, _)| task.kind == Kind::Hyper).map(|(_, figures)| figures);
        for (task, figures) in &self.0 {
            println!(
                "{:16} {:10.0} {:7.1}% {:8.2} {:8.2} {:8.1} {:8} {:9} {:8.0}%",
                task.kind.name(),
                size / figures.seconds.median(),
                figures.seconds.spread() * 100.0,
                floor.map_or(f64::NAN, |floor| floor.seconds.over(&figures.seconds).median()),
                figures.cpu_seconds.median(),
                figures.peak_kib.most() / 1024.0,
                figures.requests,
                figures.head_bytes / figures.requests.max(1),
                figures.server.median() * 100.0,
            );
        }
        let mut reached = true;
        for (task, figures) in self.0.iter().filter(|(task, _)| task.kind != Kind::Hyper) {
            let mut judge = |what: String, good: bool| {
                println!("goal: {} {what}: {}", task.kind.name(), if good { "reached" } else { "missed" });
                reached &= good;
            };
            if let (Some(goal), Some(floor)) = (case.goals().0, floor) {
                let ratio = floor.seconds.over(&figures.seconds).median();
                judge(format!("at {goal:.2} of hyper"), ratio >= goal);
            }
            if let Some(goal) = case.goals().1 {
                judge(format!("within {goal:.0} MiB"), figures.peak_kib.most() / 1024.0 <= goal);
            }
            // A download to a file asks for ranges; that of the floor, in one case, for all at once.
            if let Some(floor) = floor.filter(|_| case != Case::DownFile) {
                let per_request = |figures: &Figures| figures.head_bytes / figures.requests.max(1);
                // Our own first and last requests differ, and the accept that reqwest adds.
                let (mine, theirs) = (per_request(figures), per_request(floor));
                assert!(mine.abs_diff(theirs) * 20 <= theirs, "heads of {mine} bytes next to {theirs}");
            }
        }
        println!();
        reached
    }
}
