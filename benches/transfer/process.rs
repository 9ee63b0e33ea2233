//! This program in its other roles, and what a process used.

use std::fs;

/// Names the role: nothing else distinguishes the processes.
pub const ROLE: &str = "COS_BENCH_ROLE";

/// What the threads of this process used of the processor; 0 where the system does not tell it so.
pub fn cpu_nanos() -> f64 {
    // Threads that ended are counted here only, in hundredths of a second.
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else { return 0.0 };
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
    ticks * 1e7
}

/// The most memory this process ever had, in KiB; 0 where the system does not tell it so.
pub fn peak_kib() -> f64 {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return 0.0 };
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}

/// The object of every small request.
pub fn small_object() -> Vec<u8> {
    let byte = |at: u64| u8::try_from(at * at / 7 % 251).unwrap_or_default();
    (0..crate::case::SMALL_BYTES).map(byte).collect()
}
