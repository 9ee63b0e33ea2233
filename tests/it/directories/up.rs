use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use cos_emulator::{Action, Matcher, Rule};
use tencent_cos::transfer::{Compare, DownloadDirectory, FileStep, Upload, UploadDirectory};
use tencent_cos::{Attributes, ErrorKind};

use super::tree::{Steps, counts, keys, make, write};
use crate::support::{InMemory, bucket, emulator, until};

#[tokio::test]
async fn a_tree_goes_up_with_its_bytes_and_the_options_of_each_file() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["a.txt", "b/c d+%", "b/é/😀", "b.html"]);
    write(root.path(), "large", vec![7; 17 << 20]);
    write(root.path(), "empty", "");
    let steps = Steps::default();
    let job = UploadDirectory::new(root.path(), "up/")
        .each(|file, upload| {
            let page = Attributes::new().content_type("text/html");
            if file.path == "b.html" { upload.attributes(page) } else { upload }
        })
        .count_ahead()
        .on_file(steps.listener());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let run = |job| {
        let told = Arc::clone(&seen);
        bucket.transfer(job).on_progress(move |progress| told.lock().unwrap().push(progress))
    };
    let report = run(job.clone()).await.unwrap();
    assert_eq!(counts(&report), [6, 0, 0, 0]);
    let names = ["a.txt", "b.html", "b/c d+%", "b/é/😀", "empty", "large"];
    assert_eq!(keys(&bucket, "").await, names.map(|name| format!("up/{name}")));
    for name in names {
        let object = emulator.object(emulator.bucket(), &format!("up/{name}")).unwrap();
        assert_eq!(object.bytes(), fs::read(root.path().join(name)).unwrap(), "{name}");
    }
    let page = emulator.object(emulator.bucket(), "up/b.html").unwrap();
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert_eq!(steps.take().len(), 12);
    assert_eq!((emulator.count("PUT Object"), emulator.count("Upload Part")), (5, 3));

    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!((last.bytes, last.parts), (report.bytes, 6));
    assert_eq!((last.total_bytes, last.total_parts), (Some(report.bytes), Some(6)));
    // What needs nothing is no part of what there is to move.
    write(root.path(), "large", vec![8; 18 << 20]);
    let report = run(job.sync(Compare::Size)).await.unwrap();
    assert_eq!((counts(&report), report.bytes), ([1, 5, 0, 0], 18 << 20));
    let last = *seen.lock().unwrap().last().unwrap();
    assert_eq!((last.bytes, last.total_bytes, last.parts), (18 << 20, Some(18 << 20), 6));
}

#[tokio::test]
async fn what_is_sent_in_place_of_a_file_stays() {
    let memory = InMemory::new();
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["a"]);
    let job = UploadDirectory::new(root.path(), "d/")
        .each(|file, _| Upload::new(file.key.parse().unwrap(), Bytes::from_static(b"smaller")));
    assert_eq!(counts(&memory.bucket().transfer(job).await.unwrap()), [1, 0, 0, 0]);
    let object = memory.emulator.object(memory.emulator.bucket(), "d/a").unwrap();
    assert_eq!(object.bytes(), "smaller");
}

#[tokio::test]
async fn what_makes_no_key_is_told_and_the_rest_goes_on() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let root = tempfile::tempdir().unwrap();
    let deep = "d/".repeat(420) + "ddddd";
    make(root.path(), &["a", &deep]);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt as _;
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"not\xffutf8")), "x").unwrap();
        std::os::unix::fs::symlink("a", root.path().join("link")).unwrap();
        std::mem::forget(std::os::unix::net::UnixListener::bind(root.path().join("socket")).unwrap());
    }
    let report = bucket.transfer(UploadDirectory::new(root.path(), "prefix/")).await.unwrap();
    let unix = u64::from(cfg!(unix));
    assert_eq!((counts(&report), report.links), ([1, 0, 0, 1 + 2 * unix], unix));
    assert!(report.failures.iter().all(|failure| failure.error.kind() == ErrorKind::Input && failure.key.is_none()));
    assert_eq!(keys(&bucket, "").await, ["prefix/a"]);

    // With a shorter prefix it fits.
    let report =
        bucket.transfer(UploadDirectory::new(root.path(), "").failure_limit(1).follow_symlinks()).await.unwrap();
    let told = format!("{:?}", report.failures);
    assert_eq!(
        (counts(&report), report.failures.len()),
        ([2 + unix, 0, 0, 2 * unix], usize::from(cfg!(unix))),
        "{told}"
    );
    if cfg!(unix) {
        assert_eq!(memory.emulator.object(memory.emulator.bucket(), "link").unwrap().bytes(), "a");
    }
}

/// Whoever may change the directory puts a link in the place of one that was opened already.
#[cfg(unix)]
#[tokio::test]
async fn what_is_sent_was_found_below_the_directory_whatever_takes_its_place() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let outside = tempfile::tempdir().unwrap();
    let large = |byte| vec![byte; 3 << 20];
    write(outside.path(), "small", "outside");
    write(outside.path(), "large", large(b'o'));
    for (name, inside) in [("small", b"inside".to_vec()), ("large", large(b'i'))] {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &format!("sub/{name}"), &inside);
        let (here, there) = (root.path().to_owned(), outside.path().to_owned());
        let job = UploadDirectory::new(root.path(), "").each(|_, upload| upload.part_size(1 << 20));
        let job = job.on_file(move |_, step| {
            if matches!(step, FileStep::Begun) {
                fs::rename(here.join("sub"), here.join("away")).unwrap();
                std::os::unix::fs::symlink(&there, here.join("sub")).unwrap();
            }
        });
        let report = bucket.transfer(job.clone()).await.unwrap();
        assert_eq!((counts(&report), report.bytes), ([1, 0, 0, 0], inside.len() as u64));
        let object = emulator.object(emulator.bucket(), &format!("sub/{name}")).unwrap();
        assert!(object.bytes() == inside, "{name}");
        // Who follows links follows them wherever they lead.
        fs::remove_file(root.path().join("sub")).unwrap();
        fs::rename(root.path().join("away"), root.path().join("sub")).unwrap();
        let followed = bucket.transfer(job.follow_symlinks()).await.unwrap();
        assert_eq!(counts(&followed), [1, 0, 0, 0]);
        let object = emulator.object(emulator.bucket(), &format!("sub/{name}")).unwrap();
        assert!(object.bytes() == fs::read(outside.path().join(name)).unwrap(), "{name}");
    }
}

#[tokio::test]
async fn a_sync_sends_what_differs_and_deletes_only_when_asked() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["same", "a-b", "a/x", "new", "size", "bytes"]);
    // What sorts around the directory `a`, what is no file, and what only begins alike.
    for key in ["p/same", "p/a-b", "p/a/x", "p/a/gone", "p/gone", "p/a.gone", "p/odd//x", "p/mark/", "p", "p0", "o/x"] {
        emulator.put_object(emulator.bucket(), key, key.trim_start_matches("p/").to_owned());
    }
    emulator.put_object(emulator.bucket(), "p/size", "other size");
    emulator.put_object(emulator.bucket(), "p/bytes", "BYTES");
    let before = keys(&bucket, "").await;
    let steps = Steps::default();
    let job = UploadDirectory::new(root.path(), "p/").sync(Compare::Crc64).on_file(steps.listener());

    let report = bucket.transfer(job.clone().delete_extraneous().dry_run()).await.unwrap();
    let plan = [
        "a-b unchanged",
        "a.gone deleted",
        "a/gone deleted",
        "a/x unchanged",
        "bytes transferred",
        "gone deleted",
        "new transferred",
        "same unchanged",
        "size transferred",
    ];
    assert_eq!((counts(&report), steps.take()), ([3, 3, 3, 0], plan.map(str::to_owned).to_vec()));
    assert_eq!(keys(&bucket, "").await, before);
    assert_eq!(emulator.count("PUT Object") + emulator.count("DELETE Multiple Objects"), 0);

    let report = bucket.transfer(job.clone()).await.unwrap();
    assert_eq!(counts(&report), [3, 3, 0, 0]);
    assert_eq!(emulator.object(emulator.bucket(), "p/bytes").unwrap().bytes(), "bytes");

    let filtered = job.clone().delete_extraneous().filter(|file| file.path != "gone");
    let report = bucket.transfer(filtered).await.unwrap();
    assert_eq!(counts(&report), [0, 6, 2, 0]);
    let report = bucket.transfer(job.delete_extraneous()).await.unwrap();
    assert_eq!(counts(&report), [0, 6, 1, 0]);
    let left = ["o/x", "p", "p/a-b", "p/a/x", "p/bytes", "p/mark/", "p/new", "p/odd//x", "p/same", "p/size", "p0"];
    assert_eq!(keys(&bucket, "").await, left);
}

#[tokio::test]
async fn an_object_that_was_removed_since_it_was_listed_is_made_anew() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["a", "b"]);
    for key in ["a", "b"] {
        emulator.put_object(emulator.bucket(), key, key.to_owned());
    }
    emulator.script(Rule::on(Matcher::operation("HEAD Object").key("a")).then(Action::status(404, "NoSuchKey")));
    emulator.script(Rule::on(Matcher::operation("HEAD Object").key("b")).then(Action::status(403, "AccessDenied")));
    let report = bucket.transfer(UploadDirectory::new(root.path(), "").sync(Compare::Crc64)).await.unwrap();
    assert_eq!((counts(&report), emulator.count("PUT Object")), ([1, 0, 0, 1], 1));
    assert_eq!(report.failures[0].key.as_deref(), Some("b"));
}

#[tokio::test]
async fn a_sync_by_time_or_size_takes_no_request_for_a_file() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["old", "new"]);
    for key in ["old", "new"] {
        emulator.put_object(emulator.bucket(), key, key.to_uppercase());
    }
    let hour = Duration::from_secs(3600);
    let touch = |name: &str, shift: fn(SystemTime, Duration) -> SystemTime| {
        let file = fs::File::options().append(true).open(root.path().join(name)).unwrap();
        file.set_modified(shift(file.metadata().unwrap().modified().unwrap(), hour)).unwrap();
    };
    touch("old", |now, hour| now - hour);
    touch("new", |now, hour| now + hour);
    let sync = |compare| bucket.transfer(UploadDirectory::new(root.path(), "").sync(compare));
    assert_eq!(counts(&sync(Compare::Size).await.unwrap()), [0, 2, 0, 0]);
    assert_eq!(counts(&sync(Compare::Time).await.unwrap()), [1, 1, 0, 0]);
    assert_eq!((emulator.count("HEAD Object"), emulator.count("PUT Object")), (0, 1));
    assert_eq!(emulator.object(emulator.bucket(), "new").unwrap().bytes(), "new");
    assert_eq!(emulator.object(emulator.bucket(), "old").unwrap().bytes(), "OLD");
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_deleted_where_the_disk_could_not_be_looked_at() {
    use std::os::unix::fs::symlink;
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["a"]);
    symlink("/nowhere", root.path().join("link")).unwrap();
    symlink("loop", root.path().join("loop")).unwrap();
    for key in ["link", "link-b", "link/x", "loop/x", "b"] {
        emulator.put_object(emulator.bucket(), key, key.to_owned());
    }
    let job = UploadDirectory::new(root.path(), "").sync(Compare::Crc64).delete_extraneous();
    let report = bucket.transfer(job.clone()).await.unwrap();
    assert_eq!((counts(&report), report.links), ([1, 0, 2, 0], 2));
    assert_eq!(keys(&bucket, "").await, ["a", "link", "link/x", "loop/x"]);
    // Links that are followed and lead nowhere cannot be looked at.
    let report = bucket.transfer(job.follow_symlinks()).await.unwrap();
    assert_eq!(counts(&report), [0, 1, 0, 2]);
    assert!(report.failures.iter().all(|failure| failure.error.kind() == ErrorKind::Io));
    assert_eq!(keys(&bucket, "").await, ["a", "link", "link/x", "loop/x"]);
}

#[tokio::test]
async fn one_that_fails_stops_the_rest_only_when_asked() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["a", "b", "c", "d"]);
    let refuse = || {
        let puts = Matcher::operation("PUT Object").key("p/b");
        memory.emulator.script(Rule::on(puts).then(Action::status(403, "AccessDenied")));
    };
    refuse();
    let report = bucket.transfer(UploadDirectory::new(root.path(), "p/")).await.unwrap();
    assert_eq!(counts(&report), [3, 0, 0, 1]);
    let failure = &report.failures[0];
    assert_eq!((failure.key.as_deref(), failure.error.code()), (Some("p/b"), Some("AccessDenied")));
    assert_eq!(failure.path.as_deref(), Some(&*root.path().join("b")));
    assert!(failure.to_string().contains("p/b"), "{failure}");

    refuse();
    let job = UploadDirectory::new(root.path(), "p/").concurrency(1).stop_on_failure();
    let report = bucket.transfer(job).await.unwrap();
    let ended_by = report.ended_by.as_ref().unwrap();
    assert_eq!((ended_by.key.as_deref(), ended_by.error.code()), (Some("p/b"), Some("AccessDenied")));
    assert_eq!((counts(&report)[3], report.failures.len(), report.is_complete()), (1, 0, false));
}

#[tokio::test]
async fn objects_that_cannot_be_deleted_are_told_one_by_one() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let root = tempfile::tempdir().unwrap();
    for number in 0..1005 {
        emulator.put_object(emulator.bucket(), &format!("p/{number:04}"), "x");
    }
    make(root.path(), &["there"]);
    emulator.put_object(emulator.bucket(), "p/there", "there");
    // One that no list of keys can carry. Where no file could have that name it is nobody's to delete.
    let odd = u64::from(cfg!(unix));
    emulator.put_object(emulator.bucket(), "p/\u{1}", "x");
    // One at a time: the first thousand come first.
    let job = UploadDirectory::new(root.path(), "p/").sync(Compare::Size).delete_extraneous().concurrency(1);
    emulator.script(Rule::on("DELETE Multiple Objects").then(Action::status(403, "AccessDenied")));
    let report = bucket.transfer(job.clone().failure_limit(7)).await.unwrap();
    assert_eq!((counts(&report), report.failures.len()), ([0, 1, 5 + 2 * odd, 1000 - odd], 7));
    assert_eq!(report.failures[0].error.code(), Some("AccessDenied"));
    assert_eq!(counts(&bucket.transfer(job).await.unwrap()), [0, 1, 1000 - odd, 0]);
    assert_eq!(keys(&bucket, "p/t").await, ["p/there"]);
}

#[tokio::test]
async fn cancelled_or_dropped_it_leaves_no_parts_behind() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "large", vec![1; 20 << 20]);
    make(root.path(), &["a", "b"]);
    for cancel in [true, false] {
        let stall = Action::StallBeforeHeaders(Duration::from_secs(20));
        emulator.script(Rule::on("Upload Part").always().then(stall));
        let transfer = bucket.transfer(UploadDirectory::new(root.path(), ""));
        let handle = transfer.handle();
        let task = tokio::spawn(transfer);
        while emulator.uploads(emulator.bucket()).is_empty() || handle.progress().parts < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if cancel {
            handle.cancel();
            let report = task.await.unwrap().unwrap();
            assert_eq!((counts(&report), report.bytes), ([2, 0, 0, 0], 2));
            assert_eq!(report.ended_by.unwrap().error.kind(), ErrorKind::Cancelled);
            assert!(emulator.uploads(emulator.bucket()).is_empty());
        } else {
            task.abort();
            for _ in 0..200 {
                if emulator.uploads(emulator.bucket()).is_empty() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert!(emulator.uploads(emulator.bucket()).is_empty());
        }
        assert!(emulator.object(emulator.bucket(), "large").is_none());
        emulator.clear_script();
    }
}

#[tokio::test]
async fn what_would_fail_for_every_file_ends_it() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let root = tempfile::tempdir().unwrap();
    for number in 0..200 {
        write(root.path(), &format!("{number:03}"), "x");
    }
    let up = || UploadDirectory::new(root.path(), "p/").concurrency(1);
    for (status, code, failed) in [(403, "InvalidAccessKeyId", 1), (404, "NoSuchBucket", 1), (403, "AccessDenied", 197)]
    {
        emulator.clear_script();
        emulator.script(Rule::on("PUT Object").skip(3).then(Action::status(status, code)).always());
        let report = bucket.transfer(up()).await.unwrap();
        assert_eq!(counts(&report), [3, 0, 0, failed], "{code}");
        let ended_by = report.ended_by.as_ref().and_then(|failure| failure.error.code());
        assert_eq!(ended_by, (failed == 1).then_some(code));
    }
    // On the way down, too; then there is something to make alike.
    emulator.clear_script();
    assert_eq!(counts(&bucket.transfer(up()).await.unwrap()), [200, 0, 0, 0]);
    emulator.script(Rule::on("GET Object").skip(3).then(Action::status(404, "NoSuchBucket")).always());
    let target = tempfile::tempdir().unwrap();
    make(target.path(), &["extra"]);
    let down = DownloadDirectory::new("p/", target.path()).sync(Compare::Size).delete_extraneous().concurrency(1);
    let report = bucket.transfer(down).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([3, 0, 0, 1], true));
    assert_eq!(report.ended_by.unwrap().path, Some(target.path().join("003")));
    assert_eq!(emulator.count("GET Object"), 4);
}

/// What was done before is told.
#[tokio::test]
async fn a_listing_that_fails_late_ends_it() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    for number in 0..1001 {
        emulator.put_object(emulator.bucket(), &format!("p/{number:04}"), "x");
    }
    let target = tempfile::tempdir().unwrap();
    let down = || DownloadDirectory::new("p/", target.path()).concurrency(1);
    let denied = || Action::status(403, "AccessDenied");
    emulator.script(Rule::on("GET Bucket").skip(1).then(denied()));
    let report = bucket.transfer(down()).await.unwrap();
    assert!(report.transferred >= 999 && report.failed == 0 && !report.is_complete(), "{report:?}");
    let ended_by = report.ended_by.unwrap();
    assert_eq!((ended_by.key, ended_by.path, ended_by.error.code()), (None, None, Some("AccessDenied")));
    // Nothing was begun before the first page.
    emulator.clear_script();
    emulator.script(Rule::on("GET Bucket").then(denied()));
    assert_eq!(bucket.transfer(down()).await.unwrap_err().code(), Some("AccessDenied"));
}

/// Parts that are up stay there for another run, and count.
#[tokio::test]
async fn a_large_file_that_is_stopped_takes_nothing_back() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let (root, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(root.path(), "large", vec![1; 40 << 20]);
    let stall = Action::StallBeforeHeaders(Duration::from_secs(20));
    memory.emulator.script(Rule::on("Upload Part").skip(2).then(stall).always());
    let job = UploadDirectory::new(root.path(), "").checkpoint(kept.path()).each(|_, upload| upload.concurrency(1));
    let transfer = bucket.transfer(job);
    let handle = transfer.handle();
    let task = tokio::spawn(transfer);
    until("the third part is under way", || handle.progress().bytes > 16 << 20).await;
    handle.cancel();
    assert!(task.await.unwrap().unwrap().ended_by.is_some());
    assert_eq!(handle.progress().bytes, 16 << 20);
}

#[tokio::test]
async fn paused_it_begins_no_further_file() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let root = tempfile::tempdir().unwrap();
    make(root.path(), &["a", "b", "c"]);
    let transfer = bucket.transfer(UploadDirectory::new(root.path(), "").concurrency(1));
    let handle = transfer.handle();
    handle.pause();
    let task = tokio::spawn(transfer);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((memory.emulator.count("PUT Object"), handle.is_paused()), (0, true));
    handle.resume();
    assert!(!handle.is_paused());
    assert_eq!(counts(&task.await.unwrap().unwrap()), [3, 0, 0, 0]);
}

#[tokio::test]
async fn options_that_do_not_fit_are_refused_before_anything_is_read() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let job = |prefix: &str| UploadDirectory::new("/nowhere/at/all", prefix);
    for (job, field) in [
        (job("p").sync(Compare::Size), "prefix"),
        (job("").delete_extraneous(), "delete_extraneous"),
        (job("").concurrency(0), "concurrency"),
        (job("").concurrency(257), "concurrency"),
    ] {
        let error = bucket.transfer(job).await.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)));
    }
    assert_eq!(bucket.transfer(job("")).await.unwrap_err().kind(), ErrorKind::Io);
    assert!(memory.emulator.journal().is_empty());
}

#[tokio::test]
async fn many_small_files_go_up_in_parallel_and_no_more_than_that() {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    let root = tempfile::tempdir().unwrap();
    for number in 0..3000 {
        write(root.path(), &format!("{}/{number}", number / 500), "x");
    }
    let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (under_way, peak) = (Arc::clone(&now), Arc::clone(&most));
    let job = UploadDirectory::new(root.path(), "").concurrency(20).on_file(move |_, step| match step {
        FileStep::Begun => {
            peak.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        }
        FileStep::Transferred => {
            under_way.fetch_sub(1, Ordering::SeqCst);
        }
        _ => {}
    });
    assert_eq!(counts(&bucket.transfer(job).await.unwrap()), [3000, 0, 0, 0]);
    assert_eq!(now.load(Ordering::SeqCst), 0);
    assert!((2..=20).contains(&most.load(Ordering::SeqCst)), "{most:?}");
}
