//! A stream whose length nobody knows, through little memory.

use crate::Outcome;
use crate::worker::{KEY, Task, Worker};
use crate::world::{MIB, World};

const LIMIT: u64 = 64 * MIB;
/// Beside what the client was allowed: the program itself, sockets, the runtime.
const REST: u64 = 8 * MIB;

pub fn unknown_length(world: &World) -> Outcome {
    let length = world.scale.stream;
    let peak = Worker::start(world, &Task::Stream { length, memory: LIMIT })?.finish()?;
    world.object_is_right(KEY, length)?;
    let parts = world.asked("Upload Part").len();
    let figures = format!("{} MiB in {parts} parts, at most {} MiB of memory", length / MIB, peak.div_ceil(MIB));
    if peak > LIMIT + REST {
        return Err(format!("{figures}; {} were allowed", (LIMIT + REST) / MIB).into());
    }
    Ok(figures)
}
