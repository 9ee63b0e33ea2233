//! A download whose connections break again and again.

use cos_emulator::{Action, Rule};
use tencent_cos::transfer::Download;

use crate::Outcome;
use crate::worker::KEY;
use crate::world::{MIB, World};

/// Ranges of the download: each is asked for from its beginning once, and from where it broke.
const RANGE: u64 = 8 * MIB;

pub fn in_a_download(world: &World) -> Outcome {
    let length = world.scale.long;
    world.object(KEY, length);
    let path = world.folder.path().join("destination");
    for _ in 0..50 {
        let at = 1 + world.below(RANGE / 2);
        let action = if at.is_multiple_of(2) { Action::CutBody { at } } else { Action::ResetBody { at } };
        world.emulator.script(Rule::on("GET Object").skip(world.below(2)).then(action));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let download = Download::new(KEY.parse()?).part_size(RANGE).require_checksum().to_path(&path);
    let bucket = world.bucket()?;
    runtime.block_on(async { bucket.transfer(download).await })?;
    world.file_is_right(&path, length)?;
    let records = world.asked("GET Object");
    let ranges = usize::try_from(length.div_ceil(RANGE))?;
    let (mut delivered, mut broken) = (0, 0);
    for (at, record) in records.iter().enumerate() {
        let (first, last) = range_of(record).ok_or("a request without a range")?;
        // A break beyond the end of a range is none.
        if record.bytes_out > last - first {
            continue;
        }
        broken += 1;
        // Who got bytes asks for the next one; a reset may lose some that were on their way, or all of them.
        let mut later =
            records[at + 1..].iter().filter_map(range_of).filter(|&(start, end)| end == last && start >= first);
        let (next, _) = later.next().ok_or("a range that broke was not read on")?;
        if next > first + record.bytes_out {
            return Err(format!("bytes from {} to {next} were skipped", first + record.bytes_out).into());
        }
        delivered += next - first;
    }
    if records.len() != ranges + broken {
        return Err(format!("{} requests for {ranges} ranges and {broken} breaks", records.len()).into());
    }
    Ok(format!(
        "{} MiB with {} breaks, {} requests; after a break {delivered} bytes were kept and none asked for twice",
        length / MIB,
        broken,
        records.len()
    ))
}

fn range_of(record: &cos_emulator::Record) -> Option<(u64, u64)> {
    let range = record.headers.get("range")?.to_str().ok()?.strip_prefix("bytes=")?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}
