//! Sources and objects that become others while they are moved.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use tencent_cos::ErrorKind;
use tencent_cos::transfer::{Download, Upload};

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
            // It was asked for before the file was changed: what was made is what the file was.
            Ok(_) => {
                world.object_is_right(KEY, length).map_err(|error| format!("{name} after {delay:?}: {error}"))?;
                late += 1;
            }
            Err(error) if error.kind() == ErrorKind::Changed && !completed => refused += 1,
            Err(error) => return Err(format!("{name} after {delay:?}, completed: {completed}: {error:?}").into()),
        }
        if !runtime.block_on(within(Duration::from_secs(1), || world.orphans() == 0)) {
            return Err(format!("{name} after {delay:?}: an upload is left behind").into());
        }
    }
    Ok(format!("{refused} refused and given up, {late} changed when all had been read"))
}

fn change(path: &Path, deed: impl FnOnce(&mut File) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    deed(&mut file)?;
    file.sync_all()
}

pub fn of_the_object(world: &World) -> Outcome {
    let length = world.scale.file;
    let runtime = tokio::runtime::Runtime::new()?;
    let path = world.folder.path().join("destination");
    let download = || Ok::<_, tencent_cos::Error>(Download::new(KEY.parse()?).to_path(&path));
    world.object(KEY, length);
    #[allow(clippy::disallowed_methods)] // how long to wait before the object is replaced
    let start = Instant::now();
    runtime.block_on(async { world.bucket()?.transfer(download()?).await })?;
    let whole = start.elapsed();
    let (mut refused, mut late) = (0, 0);
    for _ in 0..world.scale.times {
        let bytes = vec![7; usize::try_from(length)?];
        let delay = world.within(whole);
        std::fs::write(&path, "as it was")?;
        world.object(KEY, length);
        let outcome = runtime.block_on(async {
            let download = tokio::spawn(world.bucket()?.transfer(download()?));
            tokio::time::sleep(delay).await;
            world.emulator.put_object(world.emulator.bucket(), KEY, bytes);
            Ok::<_, tencent_cos::Error>(download.await.expect("no panic"))
        })?;
        match outcome {
            // Whole before it was replaced, or begun after.
            Ok(_)
                if world.file_is_right(&path, length).is_ok()
                    || std::fs::read(&path)?.iter().all(|&byte| byte == 7) =>
            {
                late += 1;
            }
            Ok(_) => return Err(format!("replaced after {delay:?}: a mixture of two objects").into()),
            Err(error) if error.kind() == ErrorKind::Changed && std::fs::read(&path)? == b"as it was" => refused += 1,
            Err(error) => return Err(format!("replaced after {delay:?}: {error:?}").into()),
        }
    }
    Ok(format!("{refused} refused with the file as it was, {late} of one object or the other"))
}
