//! Futures that are dropped in the middle of a transfer: soon after, nothing of them is left.

use std::time::{Duration, Instant};

use tencent_cos::transfer::{Download, Upload};
use tencent_cos::{Bucket, Result};
use tokio::runtime::Handle;

use crate::Outcome;
use crate::worker::KEY;
use crate::world::{World, within};

/// How soon nothing is left.
const SOON: Duration = Duration::from_secs(1);

pub fn uploads(world: &World) -> Outcome {
    let file = world.file("source", world.scale.file)?;
    dropped(world, |bucket| {
        let upload = Upload::new(KEY.parse()?, &*file);
        let transfer = bucket.transfer(upload);
        Ok(async { transfer.await.map(drop) })
    })
}

pub fn downloads(world: &World) -> Outcome {
    world.object(KEY, world.scale.file);
    let path = world.folder.path().join("destination");
    let figures = dropped(world, |bucket| {
        let _ = std::fs::remove_file(&path);
        let transfer = bucket.transfer(Download::new(KEY.parse()?).to_path(&path));
        Ok(async { transfer.await.map(drop) })
    })?;
    let left = std::fs::read_dir(world.folder.path())?.flatten().filter(|entry| entry.path() != path).count();
    if left > 0 { Err(format!("{left} temporary files are left").into()) } else { Ok(figures) }
}

fn dropped<F: Future<Output = Result<()>>>(world: &World, transfer: impl Fn(&Bucket) -> Result<F>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        #[allow(clippy::disallowed_methods)] // how long to wait before a future is dropped
        let start = Instant::now();
        transfer(&world.bucket()?)?.await?;
        let whole = start.elapsed();
        let (mut over, mut slowest) = (0, Duration::ZERO);
        for _ in 0..world.scale.times {
            let bucket = world.bucket()?;
            let running = transfer(&bucket)?;
            if let Ok(outcome) = tokio::time::timeout(world.within(whole), running).await {
                outcome?;
                over += 1;
            }
            drop(bucket);
            #[allow(clippy::disallowed_methods)] // how soon nothing is left
            let dropped = Instant::now();
            let left = || {
                let tasks = Handle::current().metrics().num_alive_tasks();
                (tasks, world.emulator.open_connections(), world.orphans())
            };
            if !within(SOON, || left() == (0, 0, 0)).await {
                let (tasks, connections, orphans) = left();
                return Err(format!("{tasks} tasks, {connections} connections and {orphans} uploads are left").into());
            }
            slowest = slowest.max(dropped.elapsed());
        }
        let times = world.scale.times;
        Ok(format!(
            "{times} dropped, {over} of them at their end; nothing left after {} ms at most",
            slowest.as_millis()
        ))
    })
}
