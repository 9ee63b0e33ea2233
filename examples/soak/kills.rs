//! Processes that are killed in the middle of a transfer, and others that go on where those ended.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::worker::{KEY, Task, Worker};
use crate::world::{MIB, World};

/// Parts, or ranges, at once, and their size: the defaults.
const AT_ONCE: usize = 8;
const PART: u64 = 8 * MIB;

pub fn uploads(world: &World) -> Outcome {
    let length = world.scale.file;
    let (file, checkpoints) = (world.file("source", length)?, world.folder.path().join("checkpoints"));
    let task = Task::Upload { file: &file, checkpoints: &checkpoints };
    let parts = usize::try_from(length.div_ceil(PART))?;
    let whole = undisturbed(&world.another()?, &task)?;
    let mut tally = Tally::default();
    while tally.kills < world.scale.times {
        let world = world.another()?;
        tally.kill(&world, &task, whole)?;
        // What its process had sent is heard to its end.
        world.hung_up()?;
        let left = world.emulator.uploads(world.emulator.bucket());
        // What was begun before there was a checkpoint nobody knows of, and it has no parts: `Bucket::orphans` finds it.
        let unknown = if has_a_checkpoint(&checkpoints) { 0 } else { left.len() };
        if unknown > 0 && left.iter().any(|upload| !upload.parts.is_empty()) {
            return Err("parts were sent while there was no checkpoint".into());
        }
        tally.unknown += unknown;
        Worker::start(&world, &task)?.finish()?;
        world.object_is_right(KEY, length)?;
        // One that was made before the process was killed is found, or made once more.
        let sent = world.asked("Upload Part").len();
        tally.again(sent - parts, AT_ONCE, left.is_empty().then_some(parts))?;
        if world.orphans() > unknown {
            return Err(format!("{} uploads are left behind, {unknown} of them not known", world.orphans()).into());
        }
        if has_files(&checkpoints) {
            return Err("a checkpoint is left behind".into());
        }
    }
    Ok(tally.figures("parts"))
}

pub fn downloads(world: &World) -> Outcome {
    let length = world.scale.file;
    world.object(KEY, length);
    let (file, checkpoints) = (world.folder.path().join("destination"), world.folder.path().join("checkpoints"));
    let task = Task::Download { file: &file, checkpoints: &checkpoints };
    let ranges = usize::try_from(length.div_ceil(PART))?;
    let whole = undisturbed(world, &task)?;
    let mut tally = Tally::default();
    while tally.kills < world.scale.times {
        std::fs::remove_file(&file)?;
        world.emulator.clear_journal();
        tally.kill(world, &task, whole)?;
        let over = file.exists();
        if over {
            world.file_is_right(&file, length)?;
        }
        Worker::start(world, &task)?.finish()?;
        world.file_is_right(&file, length)?;
        let asked = world.asked("GET Object").len();
        // Where all was on disk, one range is asked for all the same: it tells what the object is now.
        tally.again(asked - ranges, AT_ONCE + 1, over.then_some(ranges))?;
        let names = |entry: std::fs::DirEntry| entry.file_name().into_string().unwrap_or_default();
        let here: Vec<_> = std::fs::read_dir(world.folder.path())?.flatten().map(names).collect();
        if here.iter().any(|name| name != "destination" && name != "checkpoints") || has_files(&checkpoints) {
            return Err(format!("something is left behind: {here:?}").into());
        }
    }
    Ok(tally.figures("ranges"))
}

/// How long it takes when nobody kills it.
fn undisturbed(world: &World, task: &Task<'_>) -> Result<Duration, Box<dyn std::error::Error>> {
    let worker = Worker::start(world, task)?;
    #[allow(clippy::disallowed_methods)] // how long to wait before a process is killed
    let start = Instant::now();
    worker.finish()?;
    Ok(start.elapsed())
}

fn has_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Not only the draft of one.
fn has_a_checkpoint(folder: &Path) -> bool {
    let is_one = |entry: std::fs::DirEntry| entry.path().extension() == Some("cos-checkpoint".as_ref());
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(is_one))
}

#[derive(Default)]
struct Tally {
    kills: u64,
    /// Processes that had ended before.
    late: u64,
    unknown: usize,
    /// Killed when all was done.
    done: u64,
    /// Moved once more in the others, in all and at a time.
    again: usize,
    most: usize,
}

impl Tally {
    /// Begins a transfer, and kills its process at some point of time.
    fn kill(&mut self, world: &World, task: &Task<'_>, whole: Duration) -> std::io::Result<()> {
        let worker = Worker::start(world, task)?;
        std::thread::sleep(world.within(whole));
        if worker.kill()? {
            self.kills += 1;
        } else {
            self.late += 1;
        }
        Ok(())
    }

    /// So many were moved again. At most those that were under way may be, unless `all` were moved, and nothing was left
    /// that told of it.
    fn again(&mut self, again: usize, under_way: usize, all: Option<usize>) -> Result<(), String> {
        if all.is_some() {
            self.done += 1;
        } else {
            self.again += again;
            self.most = self.most.max(again);
        }
        let allowed = all.unwrap_or(under_way);
        if again <= allowed { Ok(()) } else { Err(format!("{again} were moved again, {allowed} were under way")) }
    }

    fn figures(&self, what: &str) -> String {
        let Self { kills, late, unknown, done, again, most } = self;
        format!(
            "{kills} killed and {late} that had just ended, all done by then in {done}; in the others {again} {what} \
             moved again, at most {most} at a time; {unknown} uploads begun without a checkpoint yet"
        )
    }
}
