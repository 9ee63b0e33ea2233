//! What transfers hold at once, and that those who wait for their callers stop nobody else.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cos_emulator::Emulator;
use tencent_cos::transfer::{Download, Upload, UploadDirectory, UploadSource};
use tencent_cos::{Bucket, Error, ErrorKind};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::download::{MIB, gets, key, store};
use crate::support::{self, InMemory, client, count, emulator, until};

const SOON: Duration = Duration::from_secs(10);

fn small(emulator: &Emulator, limit: usize) -> Bucket {
    let client = client(emulator).memory_limit((limit * MIB) as u64).build().unwrap();
    client.bucket(emulator.bucket()).unwrap()
}

/// An upload whose source gave a few bytes and is silent now.
fn idle(bucket: &Bucket, name: usize) -> (tokio::io::DuplexStream, tokio::task::JoinHandle<Result<(), Error>>) {
    let (give, take) = tokio::io::duplex(1000);
    let upload = bucket.upload(key(&format!("idle/{name}")), UploadSource::reader(None, take));
    (give, tokio::spawn(async move { upload.await.map(drop) }))
}

async fn stores_a_small_one(bucket: &Bucket) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    fs::write(&path, [7; 1000]).unwrap();
    timeout(SOON, bucket.upload("small", &*path)).await.expect("room for a small file").unwrap();
    timeout(SOON, bucket.download("small", folder.path().join("back"))).await.expect("and for a download").unwrap();
}

/// Readers that pause, sources that are silent, transfers that are paused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_caller_stops_nobody_else() {
    let emulator = emulator().await;
    store(&emulator, "large", 60 * MIB);
    for limit in [8, 64] {
        let bucket = small(&emulator, limit);
        let mut readers = Vec::new();
        for _ in 0..4 {
            let mut object = bucket.transfer(Download::new(key("large")).to_stream()).await.unwrap();
            object.body.next().await.unwrap().unwrap();
            readers.push(object);
        }
        let mut sources: Vec<_> = (0..10).map(|name| idle(&bucket, name)).collect();
        for (give, _) in &mut sources {
            give.write_all(b"some").await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let mut paused = Vec::new();
        for name in 0..10 {
            let path = folder.path().join(name.to_string());
            fs::write(&path, vec![0; MIB]).unwrap();
            let upload = bucket.upload(key(&format!("paused/{name}")), &*path);
            upload.handle().pause();
            paused.push((upload.handle(), tokio::spawn(upload)));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        stores_a_small_one(&bucket).await;
        // They go on as soon as their callers do.
        for (handle, upload) in paused {
            handle.resume();
            timeout(SOON, upload).await.expect("it goes on").unwrap().unwrap();
        }
        let uploads: Vec<_> = sources.into_iter().map(|(_, upload)| upload).collect();
        for upload in uploads {
            timeout(SOON, upload).await.expect("it goes on").unwrap().unwrap();
        }
        for object in readers {
            assert!(object.body.bytes(60 * MIB).await.unwrap().len() > 40 * MIB);
        }
    }
}

/// It needs no more memory, and others may wait for it as long as they like.
#[tokio::test(start_paused = true)]
async fn an_upload_whose_source_has_ended_waits_for_no_other() {
    let memory = InMemory::new();
    let bucket = memory.bucket_of(memory.client().memory_limit(8 * MIB as u64));
    let whole = (MIB + MIB / 2) as u64;
    for length in [None, Some(whole)] {
        let (mut give, take) = tokio::io::duplex(MIB);
        let upload = Upload::new(key("k"), UploadSource::reader(length, take)).part_size(MIB as u64);
        let upload = tokio::spawn(bucket.transfer(upload));
        give.write_all(&vec![7; MIB]).await.unwrap();
        until("the first part", || count(&memory.emulator, "Upload Part") == 1).await;
        // It has the room that the next part would need, and gives it back to nobody.
        let idle = idle(&bucket, 0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        give.write_all(&vec![7; MIB / 2]).await.unwrap();
        drop(give);
        let output = timeout(SOON, upload).await.expect("it ends").unwrap().unwrap();
        assert_eq!(output.length, whole);
        idle.1.abort();
        memory.emulator.clear_journal();
    }
}

/// Who pauses while a part fills sees it begin after that.
#[tokio::test(start_paused = true)]
async fn a_part_that_fills_in_a_pause_waits_for_its_end() {
    let memory = InMemory::new();
    let (mut give, take) = tokio::io::duplex(2 * MIB);
    let upload = Upload::new(key("k"), UploadSource::reader(None, take)).part_size(MIB as u64);
    let transfer = memory.bucket().transfer(upload);
    let handle = transfer.handle();
    let transfer = tokio::spawn(transfer);
    let a_while = || tokio::time::sleep(Duration::from_secs(1));
    for parts in 1..=3 {
        // It waits for its source.
        a_while().await;
        handle.pause();
        give.write_all(&vec![7; MIB]).await.unwrap();
        a_while().await;
        assert_eq!(count(&memory.emulator, "Upload Part"), parts - 1);
        handle.resume();
        a_while().await;
        assert_eq!(count(&memory.emulator, "Upload Part"), parts);
    }
    drop(give);
    assert_eq!(transfer.await.unwrap().unwrap().parts, 3);
}

/// What is read is what is sent, and both want memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipes_do_not_wait_for_themselves() {
    let emulator = emulator().await;
    let bytes = store(&emulator, "large", 60 * MIB);
    let bucket = small(&emulator, 64);
    let pipe = |name: &'static str| {
        let bucket = bucket.clone();
        async move {
            let mut object = bucket.transfer(Download::new(key("large")).to_stream()).await?;
            let first = object.body.next().await.expect("a piece")?;
            let rest = futures_util::StreamExt::chain(futures_util::stream::iter([Ok(first)]), object.body);
            bucket.upload(name, UploadSource::stream(tencent_cos::ByteStream::new(None, rest))).await
        }
    };
    let both = async { tokio::join!(pipe("a"), pipe("b"), pipe("c")) };
    let (a, b, c) = timeout(Duration::from_secs(60), both).await.expect("they end");
    for (name, outcome) in [("a", a), ("b", b), ("c", c)] {
        outcome.unwrap();
        assert!(emulator.object(emulator.bucket(), name).unwrap().bytes() == bytes);
    }
}

/// A range that is more than there is comes as it is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_ahead_that_does_not_fit() {
    let emulator = emulator().await;
    let bytes = store(&emulator, "large", 60 * MIB);
    let bucket = small(&emulator, 8);
    let ahead = |size: usize| Download::new(key("large")).part_size((size * MIB) as u64).to_stream();
    for (size, most) in [(20, 1), (1, 3)] {
        emulator.clear_journal();
        let mut object = bucket.transfer(ahead(size)).await.unwrap();
        let first = object.body.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(gets(&emulator).len() <= most, "{size}: {}", gets(&emulator).len());
        let rest = object.body.bytes(60 * MIB).await.unwrap();
        assert!([first, rest].concat() == bytes);
    }
}

/// Who waits for memory can be told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_memory_can_be_cancelled() {
    let emulator = emulator().await;
    let bucket = small(&emulator, 8);
    // Parts under way that nobody answers hold all there is.
    let stall = cos_emulator::Action::StallBeforeHeaders(Duration::from_secs(20));
    emulator.script(cos_emulator::Rule::on("Upload Part").always().then(stall.clone()));
    emulator.script(cos_emulator::Rule::on("PUT Object").always().then(stall));
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large");
    fs::write(&large, vec![0; 60 * MIB]).unwrap();
    let holder =
        tokio::spawn(bucket.transfer(Upload::new(key("large"), &*large).concurrency(20).part_size(MIB as u64)));
    until("its parts", || emulator.count("Upload Part") >= 6).await;
    let tree = folder.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for name in 0..5 {
        fs::write(tree.join(name.to_string()), vec![0; MIB]).unwrap();
    }
    let one = bucket.upload("one", &*tree.join("0"));
    let all = bucket.transfer(UploadDirectory::new(&tree, "t/"));
    let (first, second) = (one.handle(), all.handle());
    let (one, all) = (tokio::spawn(one), tokio::spawn(all));
    tokio::time::sleep(Duration::from_millis(300)).await;
    first.cancel();
    second.cancel();
    let kind = timeout(Duration::from_secs(10), one).await.expect("it ends").unwrap().unwrap_err().kind();
    assert_eq!(kind, ErrorKind::Cancelled);
    let report = timeout(Duration::from_secs(10), all).await.expect("it ends").unwrap().unwrap();
    assert_eq!(report.ended_by.expect("it did").error.kind(), ErrorKind::Cancelled);
    holder.abort();
}

/// The future gives the stream; the transfer goes on in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_tells_its_progress_to_its_end() {
    let emulator = emulator().await;
    store(&emulator, "k", 10 * MIB);
    let bucket = support::bucket(&emulator);
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&told);
    let transfer = bucket.transfer(Download::new(key("k")).to_stream());
    let transfer = transfer.on_progress(move |progress| seen.lock().unwrap().push(progress));
    let mut watch = transfer.handle().watch();
    let object = transfer.await.unwrap();
    assert_eq!(object.body.bytes(10 * MIB).await.unwrap().len(), 10 * MIB);
    let last = *told.lock().unwrap().last().unwrap();
    assert_eq!((last.bytes, last.parts), (10 * MIB as u64, 3));
    let mut latest = None;
    while let Some(progress) = timeout(SOON, watch.next()).await.expect("it ends") {
        latest = Some(progress.bytes);
    }
    assert_eq!(latest, Some(10 * MIB as u64));

    // One that is dropped ends as well.
    let transfer = bucket.transfer(Download::new(key("k")).to_stream());
    let mut watch = transfer.handle().watch();
    let mut object = transfer.await.unwrap();
    let _: Bytes = object.body.next().await.unwrap().unwrap();
    drop(object);
    timeout(SOON, async { while watch.next().await.is_some() {} }).await.expect("it ends");
}

/// Also who has a handle, and who begins to follow it late.
#[tokio::test(start_paused = true)]
async fn who_follows_a_transfer_is_told_that_it_has_ended() {
    let bucket = InMemory::new().bucket();
    for (polled, told) in [(true, 1000), (false, 0)] {
        let transfer = bucket.upload("k", vec![0; 1000]);
        let handle = transfer.handle();
        let mut watch = handle.watch();
        if polled {
            transfer.await.unwrap();
        } else {
            drop(transfer);
        }
        let mut last = None;
        while let Some(progress) = timeout(SOON, watch.next()).await.expect("it ends") {
            last = Some(progress.bytes);
        }
        assert_eq!(last, Some(told));
        assert_eq!(timeout(SOON, handle.watch().next()).await.expect("it has ended"), None);
    }
}
