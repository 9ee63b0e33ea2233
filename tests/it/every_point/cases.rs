//! The transfers, each with what is there before it and what is to be there after it.

use std::path::PathBuf;

use bytes::Bytes;
use futures_util::stream;
use tencent_cos::transfer::{
    Compare, CopyDirectory, DirectoryReport, Download, DownloadDirectory, LargeCopy, Upload, UploadDirectory,
    UploadSource,
};
use tencent_cos::{ByteStream, Error, Result};

use super::{Case, Contents, Running, Scene, State};
use crate::download::{Kept, key};
use crate::support::{full, noise};

const MIB: u64 = 1024 * 1024;
/// What is read after its future has ended.
pub const STREAM: &str = "an object as a stream";

fn small() -> Bytes {
    noise(1000, 1)
}

/// Three parts, or two.
fn large() -> Bytes {
    noise(if full() { 2 << 20 } else { 1 << 20 } + 5, 2)
}

fn old() -> Bytes {
    Bytes::from_static(b"what was there before")
}

fn contents(all: &[(&'static str, Bytes)]) -> Contents {
    all.iter().cloned().collect()
}

fn objects(all: &[(&'static str, Bytes)]) -> State {
    State { objects: contents(all), ..State::default() }
}

fn both(objects: &[(&'static str, Bytes)], files: &[(&'static str, Bytes)]) -> State {
    State { objects: contents(objects), files: contents(files) }
}

fn case(name: &'static str, before: State, after: State, job: fn(&Scene) -> Running) -> Case {
    Case { name, before, after, parts: None, begun: false, job }
}

fn upload(source: impl Into<UploadSource>) -> Upload {
    Upload::new(key("k"), source).part_size(MIB).concurrency(2)
}

fn upload_of(scene: &Scene, source: impl Into<UploadSource>) -> Running {
    Running::new(scene, upload(source), |_| Ok(()))
}

fn source(scene: &Scene) -> PathBuf {
    scene.files.path().join("source")
}

fn stream_of(bytes: &Bytes, length: Option<u64>) -> ByteStream {
    let pieces: Vec<_> = bytes.chunks(300_000).map(|piece| Ok::<_, Error>(bytes.slice_ref(piece))).collect();
    ByteStream::new(length, stream::iter(pieces))
}

fn download() -> Download {
    Download::new(key("k")).part_size(MIB).concurrency(2)
}

fn copy() -> LargeCopy {
    LargeCopy::new(key("from"), key("to")).concurrency(2)
}

pub fn cases() -> Vec<Case> {
    let replaced = |bytes: Bytes| (objects(&[("k", old())]), objects(&[("k", bytes)]));
    let sent = |bytes: Bytes| {
        let file = [("source", bytes.clone())];
        (both(&[("k", old())], &file), both(&[("k", bytes)], &file))
    };
    let fetched = |bytes: Bytes| {
        let object = [("k", bytes.clone())];
        (both(&object, &[("file", old())]), both(&object, &[("file", bytes)]))
    };
    let copied = |bytes: Bytes| {
        let from = ("from", bytes.clone());
        (objects(&[from.clone(), ("to", old())]), objects(&[from, ("to", bytes)]))
    };
    let read = || (objects(&[("k", large())]), objects(&[("k", large())]));
    let mut cases = Vec::new();
    let mut add = |name, (before, after), job| cases.push(case(name, before, after, job));

    add("bytes up", replaced(small()), |scene| upload_of(scene, small()));
    add("bytes up in parts", replaced(large()), |scene| upload_of(scene, large()));
    add("a file up", sent(small()), |scene| upload_of(scene, source(scene)));
    add("a file up in parts", sent(large()), |scene| upload_of(scene, source(scene)));
    add("a stream up", replaced(small()), |scene| upload_of(scene, stream_of(&small(), None)));
    add("a stream up in parts", replaced(large()), |scene| upload_of(scene, stream_of(&large(), None)));
    add("a stream of known length up in parts", replaced(large()), |scene| {
        upload_of(scene, stream_of(&large(), Some(large().len() as u64)))
    });
    add("an object down", fetched(small()), |scene| {
        Running::new(scene, download().to_path(scene.files.path().join("file")), |_| Ok(()))
    });
    add("an object down in ranges", fetched(large()), |scene| {
        Running::new(scene, download().to_path(scene.files.path().join("file")), |_| Ok(()))
    });
    add("an object into a writer", read(), |scene| {
        let kept = Kept::default();
        Running::new(scene, download().to_writer(kept.clone()), move |_| {
            assert!(kept.bytes() == large());
            Ok(())
        })
    });
    add(STREAM, read(), |scene| {
        let transfer = scene.bucket.transfer(download().to_stream());
        let handle = transfer.handle();
        let future = async {
            let object = transfer.await?;
            assert!(object.bytes(8 << 20).await? == large());
            Ok(())
        };
        Running { future: Box::pin(future), handle }
    });
    add("a copy", copied(small()), |scene| Running::new(scene, copy(), |_| Ok(())));
    add("a copy in parts", copied(large()), |scene| Running::new(scene, copy().part_size(MIB), |_| Ok(())));
    add("a tree up", up(&[]), |scene| tree_up(scene, false));
    add("a tree made alike up", up(&[("t/a", old()), ("t/gone", old())]), |scene| tree_up(scene, true));
    add("a tree down", down(&[]), |scene| tree_down(scene, false));
    add("a tree made alike down", down(&[("a", old()), ("gone", old())]), |scene| tree_down(scene, true));
    add("a tree copied", inside(&[]), |scene| tree_inside(scene, false));
    add("a tree made alike inside", inside(&[("t/a", old()), ("t/gone", old())]), |scene| tree_inside(scene, true));

    for (begun, names) in [
        (false, ["a file up from a checkpoint", "an object down from a checkpoint"]),
        (true, ["a file up that was begun", "an object down that was begun"]),
    ] {
        let mut add = |name, (before, after), operation, job| {
            cases.push(Case {
                parts: Some((operation, if full() { 3 } else { 2 })),
                begun,
                ..case(name, before, after, job)
            });
        };
        add(names[0], sent(large()), "Upload Part", |scene| {
            let upload = upload(source(scene)).checkpoint(scene.checkpoints.path());
            Running::new(scene, upload, |_| Ok(()))
        });
        add(names[1], fetched(large()), "GET Object", |scene| {
            let download = download().to_path(scene.files.path().join("file"));
            Running::new(scene, download.checkpoint(scene.checkpoints.path()), |_| Ok(()))
        });
    }
    // Much of these is in others, too.
    let alike =
        ["a file up in parts", "a stream of known length up in parts", "a tree up", "a tree down", "a tree copied"];
    cases.retain(|case| full() || !alike.contains(&case.name));
    cases
}

/// Of a tree: what is in it, where it is to be, and what is there already.
fn tree(below: &str) -> Vec<(&'static str, Bytes)> {
    let names = match below {
        "s/" => ["s/a", "s/b/c", "s/large"],
        "t/" => ["t/a", "t/b/c", "t/large"],
        _ => ["a", "b/c", "large"],
    };
    names.into_iter().zip([small(), noise(500, 3), large()]).collect()
}

fn up(there: &[(&'static str, Bytes)]) -> (State, State) {
    (both(there, &tree("")), both(&tree("t/"), &tree("")))
}

fn down(there: &[(&'static str, Bytes)]) -> (State, State) {
    (both(&tree("t/"), there), both(&tree("t/"), &tree("")))
}

fn inside(there: &[(&'static str, Bytes)]) -> (State, State) {
    let with = |copies: &[(&'static str, Bytes)]| objects(&[tree("s/"), copies.to_vec()].concat());
    (with(there), with(&tree("t/")))
}

fn complete(mut report: DirectoryReport) -> Result<()> {
    let ended_by = report.ended_by.take().or_else(|| report.failures.pop());
    ended_by.map_or(Ok(()), |failure| Err(failure.error))
}

fn tree_up(scene: &Scene, alike: bool) -> Running {
    let job = UploadDirectory::new(scene.files.path(), "t/").concurrency(2).count_ahead();
    let job = job.each(|_, upload| upload.part_size(MIB).concurrency(2)).on_file(scene.listener());
    let job = if alike { job.sync(Compare::Crc64).delete_extraneous() } else { job };
    Running::new(scene, job, complete)
}

fn tree_down(scene: &Scene, alike: bool) -> Running {
    let job = DownloadDirectory::new("t/", scene.files.path()).concurrency(2).count_ahead();
    let job = job.each(|_, download| download.part_size(MIB).concurrency(2)).on_file(scene.listener());
    let job = if alike { job.sync(Compare::Crc64).delete_extraneous() } else { job };
    Running::new(scene, job, complete)
}

fn tree_inside(scene: &Scene, alike: bool) -> Running {
    let job = CopyDirectory::new("s/", "t/").concurrency(2).count_ahead();
    let job = job.each(|_, copy| copy.part_size(MIB).concurrency(2)).on_file(scene.listener());
    let job = if alike { job.sync(Compare::Crc64).delete_extraneous() } else { job };
    Running::new(scene, job, complete)
}
