use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cos_emulator::{Action, Rule};
use tencent_cos::transfer::{Compare, DownloadDirectory, FileStep, UploadDirectory};
use tencent_cos::{Attributes, ErrorKind, ObjectKey, PutObject, StorageClass};

use super::tree::{Steps, counts, write};
use crate::support::{InMemory, bucket, emulator, until};

/// Every path below a directory, with what a file holds and where a link leads.
fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string().replace(std::path::MAIN_SEPARATOR, "/");
            if meta.is_dir() {
                left.push(path);
            } else if meta.is_symlink() {
                found.insert(name, format!("-> {}", fs::read_link(path).unwrap().display()).into_bytes());
            } else {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

fn names(root: &Path) -> Vec<String> {
    tree(root).into_keys().collect()
}

#[tokio::test]
async fn what_is_behind_a_prefix_comes_down_with_its_bytes() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let files = [("a.txt", 3), ("b/c d+%", 0), ("b/é/😀", 70_000), ("large", 17 << 20)];
    for (name, length) in files {
        emulator.put_object(emulator.bucket(), &format!("down/{name}"), vec![7; length]);
    }
    emulator.put_object(emulator.bucket(), "downwards", "beside the prefix");
    let root = tempfile::tempdir().unwrap();
    let steps = Steps::default();
    let target = root.path().join("made/here");
    let job = DownloadDirectory::new("down/", &target).count_ahead().on_file(steps.listener());
    let report = bucket.transfer(job).await.unwrap();
    assert_eq!(counts(&report), [4, 0, 0, 0]);
    assert_eq!(report.bytes, files.iter().map(|(_, length)| *length as u64).sum::<u64>());
    let found = tree(&target);
    assert_eq!(found.len(), 4);
    for (name, length) in files {
        assert!(found[name] == vec![7; length], "{name}");
    }
    assert_eq!(steps.take().len(), 8);

    let chosen = root.path().join("chosen");
    let job = DownloadDirectory::new("down/", &chosen).filter(|file| file.path.starts_with("b/"));
    assert_eq!(counts(&bucket.transfer(job).await.unwrap()), [2, 0, 0, 0]);
    assert_eq!(names(&chosen), ["b/c d+%", "b/é/😀"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_no_part_of_what_there_is_to_move() {
    let memory = InMemory::new();
    for (key, length) in [("s/A", 10), ("s/a", 20), ("s/..", 30), ("s/b", 40)] {
        memory.emulator.put_object(memory.emulator.bucket(), key, vec![7; length]);
    }
    let root = tempfile::tempdir().unwrap();
    let transfer = memory.bucket().transfer(DownloadDirectory::new("s/", root.path()).count_ahead());
    let handle = transfer.handle();
    assert_eq!(counts(&transfer.await.unwrap()), [2, 0, 0, 2]);
    let progress = handle.progress();
    assert_eq!((progress.bytes, progress.total_bytes), (50, Some(50)));
    assert_eq!((progress.parts, progress.total_parts), (4, Some(4)));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn every_name_that_this_system_can_give_is_taken_when_asked() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let keys = ["A", "CON", "a", "a:b", "é", "É"];
    for key in keys.into_iter().chain(["..", "d//x"]) {
        emulator.put_object(emulator.bucket(), &format!("s/{key}"), key);
    }
    let root = tempfile::tempdir().unwrap();
    let report = bucket.transfer(DownloadDirectory::new("s/", root.path()).native_names()).await.unwrap();
    assert_eq!(counts(&report), [6, 0, 0, 2]);
    assert_eq!(tree(root.path()), keys.map(|key| (key.to_owned(), key.into())).into());
}

/// Together they are more than a number holds.
#[tokio::test]
async fn sizes_that_no_object_has_break_nothing() {
    let memory = InMemory::new();
    let contents =
        ["s/a", "s/b"].map(|key| format!("<Contents><Key>{key}</Key><Size>{}</Size></Contents>", u64::MAX)).concat();
    let listing = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>");
    let answer = Action::RawBody { status: 200, headers: Vec::new(), body: listing.into() };
    memory.emulator.script(Rule::on("GET Bucket").always().then(answer));
    let root = tempfile::tempdir().unwrap();
    let job = DownloadDirectory::new("s/", root.path().join("none")).dry_run().count_ahead();
    let report = memory.bucket().transfer(job).await.unwrap();
    assert_eq!((counts(&report), report.bytes), ([2, 0, 0, 0], u64::MAX));
}

/// Who compares two listings relies on it.
#[tokio::test]
async fn a_listing_of_other_keys_or_in_another_order_is_refused() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "a", "a");
    for keys in [["s/b", "s/a"], ["s/a", "s/a"], ["s/a", "t/b"], ["a", "s/b"]] {
        let contents = keys.map(|key| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified>\
                 <ETag>&quot;x&quot;</ETag><Size>1</Size><Owner><ID>1</ID></Owner>\
                 <StorageClass>STANDARD</StorageClass></Contents>"
            )
        });
        let listing = format!(
            "<ListBucketResult><Name>{}</Name><Prefix>s/</Prefix><Marker/><MaxKeys>1000</MaxKeys>\
             <IsTruncated>false</IsTruncated>{}</ListBucketResult>",
            emulator.bucket(),
            contents.concat()
        );
        let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
        let answer = Action::RawBody { status: 200, headers, body: listing.into() };
        emulator.script(Rule::on("GET Bucket").times(2).then(answer));
        let job = DownloadDirectory::new("s/", root.path()).sync(Compare::Size).delete_extraneous();
        let error = bucket.transfer(job.clone().dry_run()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Response, "{keys:?}: {error}");
        let error = bucket.transfer(job).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Response, "{keys:?}: {error}");
        assert_eq!(tree(root.path())["a"], b"a");
    }
}

/// Keys of somebody who would like to write elsewhere.
#[tokio::test]
async fn hostile_keys_are_refused_one_by_one_and_nothing_leaves_the_directory() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let long = "l".repeat(300);
    let hostile = [
        "../x",
        "/etc/x",
        "a/../../x",
        "C:\\x",
        "..\\x",
        "CON",
        "a:b",
        "nul\0",
        ".",
        "a//b",
        "folder/",
        &long,
        "Good",
        "planted/x",
        "file/x",
    ];
    for key in hostile.iter().copied().chain(["good", "sub/good"]) {
        emulator.put_object(emulator.bucket(), &format!("p/{key}"), "hello");
    }
    let world = tempfile::tempdir().unwrap();
    write(world.path(), "outside/x", "old");
    let root = world.path().join("root");
    write(&root, "file", "a file where a directory would have to be");
    #[cfg(unix)]
    std::os::unix::fs::symlink("../outside", root.join("planted")).unwrap();
    #[cfg(not(unix))]
    write(&root, "planted", "no link can be had");
    let before = tree(world.path());
    let steps = Steps::default();
    let report = bucket.transfer(DownloadDirectory::new("p/", &root).on_file(steps.listener())).await.unwrap();
    let mut after = tree(world.path());
    // One of two that differ in case, the first, and those that are plain.
    assert_eq!(after.remove("root/Good").unwrap(), b"hello");
    assert_eq!(after.remove("root/sub/good").unwrap(), b"hello");
    assert_eq!(after, before, "nothing else was touched");
    assert_eq!(counts(&report), [2, 0, 0, 15]);
    assert_eq!(report.failures.len(), 15);
    for failure in &report.failures {
        let kinds = [ErrorKind::Input, ErrorKind::Io];
        assert!(kinds.contains(&failure.error.kind()), "{:?}: {}", failure.key, failure.error);
    }
    assert_eq!(emulator.count("GET Object"), 2, "what is refused is not asked for");

    // A filter is asked about them by what follows the prefix; nobody else is told a path.
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let job = DownloadDirectory::new("p/", &root).filter(move |file| {
        noted.lock().unwrap().push(file.path.clone());
        file.path.ends_with("/x") || file.path == "Good" || file.path == "good"
    });
    let told = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&told);
    let job = job.on_file(move |file, step| {
        if matches!(step, FileStep::Failed(error) if error.kind() == ErrorKind::Input) {
            noted.lock().unwrap().push((file.key.clone(), file.path.clone()));
        }
    });
    let report = bucket.transfer(job).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 6]);
    for key in hostile {
        assert!(asked.lock().unwrap().iter().any(|path| path == key), "{key}");
    }
    let refused = ["p/../x", "p//etc/x", "p/a/../../x", "p/good"].map(|key| (key.to_owned(), String::new()));
    assert_eq!(*told.lock().unwrap(), refused);
    let without = report.failures.iter().filter(|failure| failure.path.is_none()).count();
    assert_eq!(without, 4);
}

#[tokio::test]
async fn a_sync_moves_what_differs_and_deletes_only_when_asked() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    let objects = ["s/same same", "s/size longer", "s/bytes new", "s/d/new new", "s/made/e/new new"];
    for (key, body) in objects.iter().filter_map(|object| object.split_once(' ')) {
        emulator.put_object(emulator.bucket(), key, body);
    }
    let root = tempfile::tempdir().unwrap();
    for (file, body) in [("same", "same"), ("size", "short"), ("bytes", "old"), ("extra", "x"), ("d/extra", "x")] {
        write(root.path(), file, body);
    }
    let job = DownloadDirectory::new("s/", root.path()).sync(Compare::Crc64);
    let dry = bucket.transfer(job.clone().delete_extraneous().dry_run()).await.unwrap();
    assert_eq!(counts(&dry), [4, 1, 2, 0]);
    assert_eq!(fs::read(root.path().join("size")).unwrap(), b"short");
    assert!(!root.path().join("made").exists(), "no directory either");
    assert_eq!(emulator.count("GET Object"), 0);

    assert_eq!(counts(&bucket.transfer(job.clone()).await.unwrap()), [4, 1, 0, 0]);
    assert_eq!(names(root.path()), ["bytes", "d/extra", "d/new", "extra", "made/e/new", "same", "size"]);
    assert_eq!(fs::read(root.path().join("bytes")).unwrap(), b"new");
    assert_eq!(counts(&bucket.transfer(job.delete_extraneous()).await.unwrap()), [0, 5, 2, 0]);
    assert_eq!(names(root.path()), ["bytes", "d/new", "made/e/new", "same", "size"]);
}

/// So a sync by time moves nothing either way.
#[tokio::test]
async fn a_file_has_the_time_of_its_object() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    for key in ["s/a", "s/d/b"] {
        emulator.put_object(emulator.bucket(), key, "x");
    }
    let root = tempfile::tempdir().unwrap();
    let down = || DownloadDirectory::new("s/", root.path());
    assert_eq!(counts(&bucket.transfer(down()).await.unwrap()), [2, 0, 0, 0]);
    assert_eq!(counts(&bucket.transfer(down().sync(Compare::Time)).await.unwrap()), [0, 2, 0, 0]);
    let up = UploadDirectory::new(root.path(), "s/").sync(Compare::Time);
    assert_eq!(counts(&bucket.transfer(up).await.unwrap()), [0, 2, 0, 0]);
}

#[tokio::test]
async fn a_filter_knows_the_storage_class() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    emulator.put_object(emulator.bucket(), "s/a", "x");
    for key in ["s/archived", "s/b"] {
        let class = if key == "s/b" { StorageClass::STANDARD_IA } else { StorageClass::ARCHIVE };
        let attributes = Attributes::new().storage_class(class);
        bucket.send(PutObject::new(ObjectKey::new(key).unwrap(), "x").attributes(attributes)).await.unwrap();
    }
    let root = tempfile::tempdir().unwrap();
    let job = DownloadDirectory::new("s/", root.path());
    assert_eq!(counts(&bucket.transfer(job.clone()).await.unwrap()), [2, 0, 0, 1]);
    let readable = job.sync(Compare::Size).filter(|file| file.storage_class != Some(StorageClass::ARCHIVE));
    assert_eq!(counts(&bucket.transfer(readable).await.unwrap()), [0, 2, 0, 0]);
    // What is on the disk has none.
    let classes = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&classes);
    let job = UploadDirectory::new(root.path(), "t/").filter(move |file| {
        asked.lock().unwrap().push(file.storage_class.clone());
        true
    });
    assert_eq!(counts(&bucket.transfer(job).await.unwrap()), [2, 0, 0, 0]);
    assert_eq!(*classes.lock().unwrap(), [None, None]);
}

/// A dry run tells it as well.
#[tokio::test]
async fn what_is_no_file_is_not_replaced() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    for key in ["s/directory", "s/link", "s/plain"] {
        emulator.put_object(emulator.bucket(), key, "new");
    }
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("directory")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("plain", root.path().join("link")).unwrap();
    #[cfg(not(unix))]
    fs::create_dir(root.path().join("link")).unwrap();
    let plain = DownloadDirectory::new("s/", root.path());
    let job = plain.clone().sync(Compare::Size);
    for job in [plain.dry_run(), job.clone().dry_run(), job] {
        let report = bucket.transfer(job).await.unwrap();
        assert_eq!(counts(&report), [1, 0, 0, 2]);
        let mut told: Vec<_> = report.failures.iter().map(|failure| format!("{:?}", failure.error)).collect();
        told.sort();
        let link = if cfg!(unix) { "it is a symbolic link" } else { "it is no file" };
        assert!(told[0].contains("it is no file") && told[1].contains(link), "{told:?}");
    }
    assert_eq!(emulator.count("GET Object"), 1, "what cannot be written is not asked for");
}

/// A file that the walk did not meet is nobody's to replace.
#[tokio::test]
async fn a_file_that_appears_meanwhile_stays() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    for key in ["s/a", "s/b"] {
        emulator.put_object(emulator.bucket(), key, "object");
    }
    let root = tempfile::tempdir().unwrap();
    let there = root.path().to_owned();
    let job = DownloadDirectory::new("s/", root.path()).sync(Compare::Size).concurrency(1);
    let report = bucket.transfer(job.on_file(move |_, _| write(&there, "b", "somebody's"))).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 1]);
    assert_eq!(report.failures[0].error.kind(), ErrorKind::Io);
    assert_eq!(tree(root.path()), [("a", "object"), ("b", "somebody's")].map(|(a, b)| (a.into(), b.into())).into());
}

#[tokio::test]
async fn one_failure_does_not_stop_the_rest_unless_asked() {
    let memory = InMemory::new();
    let (bucket, emulator) = (memory.bucket(), &memory.emulator);
    for number in 0..20 {
        emulator.put_object(emulator.bucket(), &format!("k/{number:02}"), "x");
    }
    let denied = || Rule::on("GET Object").then(Action::status(403, "AccessDenied")).always();
    emulator.script(
        Rule::on(cos_emulator::Matcher::operation("GET Object").key("k/07"))
            .then(Action::status(403, "AccessDenied"))
            .always(),
    );
    let root = tempfile::tempdir().unwrap();
    let report = bucket.transfer(DownloadDirectory::new("k/", root.path())).await.unwrap();
    assert_eq!(counts(&report), [19, 0, 0, 1]);
    assert_eq!(
        (report.failures[0].key.as_deref(), report.failures[0].error.code()),
        (Some("k/07"), Some("AccessDenied"))
    );
    emulator.clear_script();
    emulator.script(denied());
    let other = tempfile::tempdir().unwrap();
    let report = bucket.transfer(DownloadDirectory::new("k/", other.path()).stop_on_failure()).await.unwrap();
    assert_eq!(report.ended_by.unwrap().error.code(), Some("AccessDenied"));
    // Others may have failed meanwhile.
    assert_eq!(report.failures.len() as u64, report.failed - 1);
    // Those that were under way are dropped, and take their temporary files with them.
    until("no file is left", || names(other.path()).is_empty()).await;
}

#[tokio::test]
async fn cancelled_or_dropped_it_leaves_whole_files_alone() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    for number in 0..6 {
        emulator.put_object(emulator.bucket(), &format!("k/{number}"), vec![number; 1 << 20]);
    }
    for cancel in [true, false] {
        let stall = Action::StallBody { at: 300_000, lasting: Duration::from_secs(20) };
        emulator.script(Rule::on("GET Object").skip(2).then(stall).always());
        let root = tempfile::tempdir().unwrap();
        let transfer = bucket.transfer(DownloadDirectory::new("k/", root.path()).concurrency(2));
        let handle = transfer.handle();
        let task = tokio::spawn(transfer);
        while handle.progress().parts < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if cancel {
            handle.cancel();
            let report = task.await.unwrap().unwrap();
            assert_eq!((counts(&report), report.failures.len()), ([2, 0, 0, 0], 0));
            let ended_by = report.ended_by.unwrap();
            assert_eq!((ended_by.error.kind(), ended_by.key, ended_by.path), (ErrorKind::Cancelled, None, None));
        } else {
            task.abort();
            let _ = task.await;
            // What was being written is removed on another thread.
            let whole = || fs::read_dir(root.path()).unwrap().all(|entry| entry.unwrap().file_name().len() == 1);
            until("nothing but whole files", whole).await;
        }
        let found = tree(root.path());
        assert!(found.keys().all(|name| name.len() == 1), "{:?}", found.keys());
        assert!(found.values().all(|bytes| bytes.len() == 1 << 20));
        emulator.clear_script();
    }
}
