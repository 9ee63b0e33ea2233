//! Sources and objects that become others while they are moved.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use cos_emulator::{Action, Rule};
use tencent_cos::transfer::{Download, Upload};
use tencent_cos::{CopyObject, CopySource, ErrorKind, ObjectKey};

use crate::Outcome;
use crate::worker::KEY;
use crate::world::{World, within};

/// What can be done to a file.
type Deed = fn(&mut File, u64) -> std::io::Result<()>;

const DEEDS: [(&str, Deed); 3] = [
    ("rewritten", |file, at| {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(b"something else")
    }),
    ("truncated", |file, at| file.set_len(at)),
    ("grown", |file, _| {
        file.seek(SeekFrom::End(0))?;
        file.write_all(b"more")
    }),
];

pub fn of_the_source(world: &World) -> Outcome {
    let length = world.scale.file;
    let runtime = tokio::runtime::Runtime::new()?;
    let whole = {
        let (world, file) = (world.another()?, world.file("source", length)?);
        #[allow(clippy::disallowed_methods)] // how long to wait before the file is changed
        let start = Instant::now();
        runtime.block_on(async { world.bucket()?.upload(KEY, &*file).await })?;
        start.elapsed()
    };
    let (mut refused, mut late) = (0, 0);
    for round in 0..world.scale.times {
        let (name, deed) = DEEDS[usize::try_from(round)? % DEEDS.len()];
        let world = world.another()?;
        let path = world.file("source", length)?;
        let (delay, at) = (world.within(whole), world.below(length));
        let outcome = runtime.block_on(async {
            let bucket = world.bucket()?;
            let upload = tokio::spawn(bucket.transfer(Upload::new(KEY.parse()?, &*path)));
            tokio::time::sleep(delay).await;
            change(&path, |file| deed(file, at)).expect("a file that can be changed");
            Ok::<_, tencent_cos::Error>(upload.await.expect("no panic"))
        })?;
        let completed = !world.asked("Complete Multipart Upload").is_empty();
        match outcome {
            // All of it was read before the file was changed, or nothing: it is what the file was, or is now.
            Ok(_) => {
                world
                    .object_is_right(KEY, length)
                    .or_else(|_| world.object_is_file(KEY, &path))
                    .map_err(|error| format!("{name} after {delay:?}: {error}"))?;
                late += 1;
            }
            Err(error) if error.kind() == ErrorKind::Changed && !completed => refused += 1,
            Err(error) => return Err(format!("{name} after {delay:?}, completed: {completed}: {error:?}").into()),
        }
        if !runtime.block_on(within(Duration::from_secs(1), || world.orphans() == 0)) {
            return Err(format!("{name} after {delay:?}: an upload is left behind").into());
        }
    }
    Ok(format!("{refused} refused and given up, {late} changed before or after all was read"))
}

fn change(path: &Path, deed: impl FnOnce(&mut File) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    deed(&mut file)?;
    file.sync_all()
}

/// Ranges of the object, and how many of them a second on each connection.
const RANGES: u64 = 64;
const PACE: u64 = 4;

pub fn of_the_object(world: &World) -> Outcome {
    let length = world.scale.file;
    let runtime = tokio::runtime::Runtime::new()?;
    let path = world.folder.path().join("destination");
    let other: ObjectKey = "another object".parse()?;
    world.emulator.put_object(world.emulator.bucket(), other.as_str(), vec![7; usize::try_from(length)?]);
    let slow = Action::SlowBody { bytes_per_second: length / RANGES * PACE };
    world.emulator.script(Rule::on("GET Object").always().then(slow));
    let (mut refused, mut late) = (0, 0);
    for _ in 0..world.scale.times {
        std::fs::write(&path, "as it was")?;
        world.object(KEY, length);
        world.emulator.clear_journal();
        let asked = || world.asked("GET Object").len() as u64;
        let before = 1 + world.below(RANGES);
        let (outcome, changed_at) = runtime.block_on(async {
            let bucket = world.bucket()?;
            let download = Download::new(KEY.parse()?).part_size(length / RANGES).to_path(&path);
            let download = tokio::spawn(bucket.transfer(download));
            while asked() < before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let source = CopySource::new(&"ap-guangzhou".parse()?, bucket.name(), &other);
            bucket.send(CopyObject::new(source, KEY.parse()?)).await?;
            let changed_at = asked();
            Ok::<_, tencent_cos::Error>((download.await.expect("no panic"), changed_at))
        })?;
        match outcome {
            Err(error) if error.kind() == ErrorKind::Changed && std::fs::read(&path)? == b"as it was" => refused += 1,
            // All of it had been asked for.
            Ok(_) if changed_at == RANGES => {
                world.file_is_right(&path, length)?;
                late += 1;
            }
            outcome => return Err(format!("replaced at range {changed_at}: {:?}", outcome.map(drop)).into()),
        }
    }
    Ok(format!("{refused} refused with the file as it was, {late} whole, for all had been asked for"))
}
