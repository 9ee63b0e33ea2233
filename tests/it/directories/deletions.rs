//! What a sync may delete, and what it must not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cos_emulator::{Action, Emulator, Rule};
use tencent_cos::transfer::{Compare, DownloadDirectory, FileStep, UploadDirectory};
use tencent_cos::{Bucket, ErrorKind};

use super::tree::{Steps, counts, keys, make, nothing_listed, write};
use crate::support::{InMemory, until};

fn store(emulator: &Emulator, keys: &[&str]) {
    for key in keys {
        emulator.put_object(emulator.bucket(), key, key.rsplit('/').next().unwrap().to_owned());
    }
}

fn names(root: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn down(root: &Path) -> DownloadDirectory {
    DownloadDirectory::new("s/", root).sync(Compare::Size).delete_extraneous()
}

fn up(root: &Path) -> UploadDirectory {
    UploadDirectory::new(root, "s/").sync(Compare::Size).delete_extraneous()
}

fn rig() -> (InMemory, Bucket, tempfile::TempDir) {
    let memory = InMemory::new();
    let bucket = memory.bucket();
    (memory, bucket, tempfile::tempdir().unwrap())
}

/// A key that is refused still has its file.
#[tokio::test]
async fn a_file_whose_object_is_refused_stays() {
    let (memory, bucket, root) = rig();
    let refused = ["a:b", "x?", "con.txt", "readme", "2026-01-01T10:00:00.log", "d/y:z"];
    store(&memory.emulator, &refused.map(|name| Box::leak(format!("s/{name}").into_boxed_str()) as &str));
    store(&memory.emulator, &["s/README", "s/plain"]);
    make(root.path(), &refused);
    make(root.path(), &["README", "plain", "extra", "d/extra"]);
    let report = bucket.transfer(down(root.path())).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([0, 2, 2, 6], false));
    let mut left = refused.map(|name| name.split('/').next().unwrap()).to_vec();
    left.extend(["README", "plain"]);
    left.sort_unstable();
    assert_eq!(
        (names(root.path()), names(&root.path().join("d"))),
        (left.iter().map(ToString::to_string).collect(), vec!["y:z".to_owned()])
    );
}

/// What a filter leaves out on the side of the source is there all the same.
#[tokio::test]
async fn a_filter_makes_nothing_extraneous() {
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/photos/1.jpg", "s/photos/2.jpg", "s/photos/gone.txt"]);
    memory.emulator.put_object(memory.emulator.bucket(), "s/longer", "longer than the file");
    make(root.path(), &["here.jpg", "longer"]);
    symlink("nowhere", root.path().join("photos")).unwrap();
    // The link does not match, and what may lie behind it does.
    let report = bucket.transfer(up(root.path()).filter(|file| file.path.ends_with("jpg"))).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 0]);
    assert_eq!(keys(&bucket, "s/photos/").await.len(), 3);

    // The object does not match, and its file does.
    fs::remove_file(root.path().join("photos")).unwrap();
    let report = bucket.transfer(down(root.path()).filter(|file| file.size < 10)).await.unwrap();
    assert_eq!(counts(&report), [3, 1, 0, 0]);
    assert_eq!(fs::read(root.path().join("longer")).unwrap(), b"longer");
    // The other way round the source decides as well.
    memory.emulator.put_object(memory.emulator.bucket(), "s/longer", "short");
    let report = bucket.transfer(down(root.path()).filter(|file| file.size < 6)).await.unwrap();
    assert_eq!(report.deleted, 0);
    assert_eq!(fs::read(root.path().join("longer")).unwrap(), b"short");
}

/// Without the directory nothing says what is extraneous.
#[tokio::test]
async fn a_directory_that_goes_away_deletes_no_object() {
    let (memory, bucket, folder) = rig();
    let root = folder.path().join("root");
    for number in 0..600 {
        write(&root, &format!("{number:04}"), "x");
        memory.emulator.put_object(memory.emulator.bucket(), &format!("s/{number:04}"), "x");
    }
    let moved = folder.path().join("moved");
    for replaced in [false, true] {
        let (from, to) = (root.clone(), moved.clone());
        let job = up(&root).on_file(move |_, _| {
            if from.exists() && !to.exists() {
                fs::rename(&from, &to).unwrap();
                if replaced {
                    fs::create_dir(&from).unwrap();
                }
            }
        });
        let report = bucket.transfer(job).await.unwrap();
        assert_eq!((counts(&report)[2], report.ended_by.unwrap().error.kind()), (0, ErrorKind::Io));
        assert_eq!(keys(&bucket, "s/").await.len(), 600);
        let _ = fs::remove_dir(&root);
        fs::rename(&moved, &root).unwrap();
    }
}

#[tokio::test]
async fn nothing_is_deleted_when_a_transfer_failed() {
    let (memory, bucket, root) = rig();
    // A file that was renamed, whose new name cannot be written.
    store(&memory.emulator, &["s/before", "s/same"]);
    make(root.path(), &["after", "same"]);
    memory.emulator.script(Rule::on("PUT Object").times(2).then(Action::status(403, "AccessDenied")));
    for job in [up(root.path()).dry_run(), up(root.path())] {
        let report = bucket.transfer(job).await.unwrap();
        assert_eq!(report.withheld, report.failed > 0);
    }
    assert_eq!(keys(&bucket, "s/").await, ["s/before", "s/same"]);
    memory.emulator.script(Rule::on("GET Object").then(Action::status(403, "AccessDenied")));
    let report = bucket.transfer(down(root.path())).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([0, 1, 0, 1], true));
    assert_eq!(names(root.path()), ["after", "same"]);
    // Once it goes through, it is made alike.
    memory.emulator.clear_script();
    let report = bucket.transfer(up(root.path())).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([1, 1, 1, 0], false));
    assert_eq!(keys(&bucket, "s/").await, ["s/after", "s/same"]);
}

/// Whatever it failed by: only a name that is refused makes no file extraneous.
#[tokio::test]
async fn nothing_is_deleted_when_a_transfer_could_not_begin() {
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/before", "s/same"]);
    make(root.path(), &["after", "same"]);
    let report = bucket.transfer(up(root.path()).each(|_, upload| upload.part_size(1))).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([0, 1, 0, 1], true));
    assert_eq!(keys(&bucket, "s/").await, ["s/before", "s/same"]);
    let report = bucket.transfer(down(root.path()).each(|_, download| download.part_size(1))).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([0, 1, 0, 1], true));
    assert_eq!(names(root.path()), ["after", "same"]);
}

/// A name that is not UTF-8 is told as another, which sorts elsewhere.
#[tokio::test]
async fn what_lies_beside_a_name_that_is_no_path_is_not_taken_for_extraneous() {
    use std::os::unix::ffi::OsStrExt as _;
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/a", "s/a\u{e9}", "s/a\u{e9}2"]);
    make(root.path(), &["a", "a\u{e9}", "a\u{e9}2"]);
    // Before them by its bytes, behind them as it is told.
    for odd in [&b"a\x80"[..], b"a\x81"] {
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(odd)), "x").unwrap();
    }
    let report = bucket.transfer(down(root.path())).await.unwrap();
    assert_eq!((counts(&report), names(root.path()).len()), ([0, 3, 0, 0], 5));
    let report = bucket.transfer(up(root.path()).dry_run()).await.unwrap();
    assert_eq!(counts(&report), [0, 3, 0, 2]);
}

/// A directory so deep that a name of 240 bytes in it makes a path that no system takes: nobody may look at that, not even
/// root.
fn deep(root: &Path) -> (PathBuf, cap_std::fs::Dir) {
    let below = |deep: &Path| deep.join("d".repeat(100));
    let mut deep = root.to_owned();
    while fs::create_dir(below(&deep)).is_ok() {
        deep = below(&deep);
    }
    // There is room for short ones.
    fs::remove_dir(&deep).unwrap();
    deep.pop();
    let open = cap_std::fs::Dir::open_ambient_dir(&deep, cap_std::ambient_authority()).unwrap();
    (deep, open)
}

/// What may not be looked at is a failure; what is no file is not.
#[tokio::test]
async fn nothing_is_deleted_beside_what_may_not_be_looked_at() {
    let (memory, bucket, folder) = rig();
    let (root, open) = deep(folder.path());
    store(&memory.emulator, &["s/a"]);
    make(&root, &["a", "extra"]);
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    fs::rename(folder.path().join("socket"), root.join("socket")).unwrap();
    let locked = "locked".repeat(40);
    open.create_dir(&locked).unwrap();
    let report = bucket.transfer(down(&root)).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([0, 1, 0, 1], true));
    assert_eq!(report.failures[0].path.as_deref(), Some(&*root.join(&locked)));
    assert_eq!(names(&root), ["a", "extra", &*locked, "socket"]);
    open.remove_dir(&locked).unwrap();
    let report = bucket.transfer(down(&root)).await.unwrap();
    assert_eq!((counts(&report), report.withheld), ([0, 1, 1, 0], false));
    assert_eq!(names(&root), ["a", "socket"]);
}

/// Neither the link nor what it leads to.
#[tokio::test]
async fn what_became_a_link_meanwhile_is_not_deleted() {
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/a"]);
    make(root.path(), &["a", "extra1", "extra2"]);
    let here = root.path().to_owned();
    let job = down(root.path()).concurrency(1).on_file(move |file, _| {
        if file.path == "extra1" {
            fs::remove_file(here.join("extra2")).unwrap();
            symlink("a", here.join("extra2")).unwrap();
        }
    });
    let report = bucket.transfer(job).await.unwrap();
    assert_eq!(counts(&report), [0, 2, 1, 0]);
    assert_eq!(names(root.path()), ["a", "extra2"]);
}

/// Some file systems show a name in another case or composed otherwise, or have a directory of another case already.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_just_came_down_is_not_extraneous_by_another_spelling() {
    use tencent_cos::transfer::FileStep;
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/A/x", "s/b", "s/\u{e9}"]);
    make(root.path(), &["a/y", "extra", "B"]);
    let shown = |root: &Path, path: &str| root.join(path.to_lowercase().replace('\u{e9}', "e\u{301}"));
    let here = root.path().to_owned();
    let job = down(root.path()).native_names().on_file(move |file, step| {
        if let FileStep::Transferred = step {
            fs::rename(here.join(&file.path), shown(&here, &file.path)).unwrap();
        }
    });
    assert_eq!(counts(&bucket.transfer(job).await.unwrap()), [3, 0, 2, 0]);
    // `B` might have been the new `b`.
    assert_eq!(names(root.path()), ["A", "B", "a", "b", "e\u{301}"]);
    assert_eq!(names(&root.path().join("a")), ["x"]);
    // Where it is another file, it goes the next time.
    for path in ["\u{e9}", "A/x"] {
        fs::rename(shown(root.path(), path), root.path().join(path)).unwrap();
    }
    let report = bucket.transfer(down(root.path()).native_names()).await.unwrap();
    assert_eq!(
        (counts(&report), names(root.path())),
        ([0, 3, 1, 0], ["A", "a", "b", "\u{e9}"].map(str::to_owned).into())
    );
}

#[tokio::test]
async fn an_empty_source_empties_nothing() {
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/a"]);
    let error = bucket.transfer(up(root.path())).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("delete_extraneous")), "{error}");
    assert_eq!(keys(&bucket, "").await, ["s/a"]);
    make(root.path(), &["b"]);
    let nothing = DownloadDirectory::new("none/", root.path()).sync(Compare::Size).delete_extraneous();
    let error = bucket.transfer(nothing).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("delete_extraneous")), "{error}");
    assert_eq!(names(root.path()), ["b"]);
}

/// By the second look, before the deletions.
#[tokio::test]
async fn a_source_that_was_emptied_under_way_empties_nothing() {
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/a"]);
    make(root.path(), &["extra"]);
    memory.emulator.script(Rule::on("GET Bucket").skip(1).then(nothing_listed()));
    let report = bucket.transfer(down(root.path())).await.unwrap();
    assert_eq!((report.ended_by.unwrap().error.field(), report.withheld), (Some("delete_extraneous"), true));
    assert_eq!(names(root.path()), ["a", "extra"]);
    memory.emulator.clear_script();

    let here = root.path().to_owned();
    let emptied = up(root.path()).on_file(move |file, step| {
        if matches!(step, FileStep::Transferred) {
            fs::remove_file(here.join(&file.path)).unwrap();
        }
    });
    store(&memory.emulator, &["s/gone"]);
    fs::remove_file(root.path().join("a")).unwrap();
    let report = bucket.transfer(emptied).await.unwrap();
    assert_eq!((report.ended_by.unwrap().error.field(), report.withheld), (Some("delete_extraneous"), true));
    assert_eq!(keys(&bucket, "").await, ["s/a", "s/extra", "s/gone"]);
}

/// As the mark of a folder that is empty.
#[tokio::test]
async fn a_source_without_a_file_empties_nothing() {
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["s/", "s/d/"]);
    make(root.path(), &["a"]);
    let error = bucket.transfer(down(root.path()).filter(|file| !file.key.ends_with('/'))).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("delete_extraneous")), "{error}");
    // What was refused is told.
    let report = bucket.transfer(down(root.path())).await.unwrap();
    assert_eq!((counts(&report), report.withheld, report.ended_by.is_none()), ([0, 0, 0, 2], true, true));
    assert_eq!(names(root.path()), ["a"]);

    store(&memory.emulator, &["s/a"]);
    fs::remove_file(root.path().join("a")).unwrap();
    symlink("nowhere", root.path().join("link")).unwrap();
    let error = bucket.transfer(up(root.path())).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some("delete_extraneous")), "{error}");
    assert_eq!(keys(&bucket, "s/a").await, ["s/a"]);
}

/// The files of transfers under way, and of those to be gone on with.
#[tokio::test]
async fn what_transfers_need_is_neither_sent_nor_deleted() {
    let (memory, bucket, root) = rig();
    let checkpoint = "c/download-0123456789abcdef0123456789abcdef01234567.cos-checkpoint";
    let ours = [".cos-0123456789Ab.tmp", ".big.0123456789abcdef.cos-partial", checkpoint];
    store(&memory.emulator, &["s/a"]);
    make(root.path(), &ours);
    make(root.path(), &["a", "extra"]);
    let report = bucket.transfer(down(root.path())).await.unwrap();
    assert_eq!((counts(&report), report.work_files), ([0, 1, 1, 0], 3));
    assert!(ours.iter().all(|name| root.path().join(name).exists()));
    // What only looks alike is a file like any other.
    make(root.path(), &["mine.cos-checkpoint", ".cos-x.tmp"]);
    let steps = Steps::default();
    let report = bucket.transfer(UploadDirectory::new(root.path(), "t/").on_file(steps.listener())).await.unwrap();
    assert_eq!((counts(&report), report.work_files), ([3, 0, 0, 0], 3));
    assert_eq!(keys(&bucket, "t/").await, ["t/.cos-x.tmp", "t/a", "t/mine.cos-checkpoint"]);
    let told = steps.take();
    assert!(ours.iter().all(|name| told.contains(&format!("{name} workfile").to_lowercase())), "{told:?}");
}

/// Somebody who may write to the bucket makes up neither a checkpoint nor a part of a file, and stops no deletions so.
#[tokio::test]
async fn a_key_that_names_a_file_of_transfers_is_refused() {
    let (memory, bucket, root) = rig();
    let planted = [
        "s/.cos-0123456789Ab.tmp",
        "s/.big.0123456789abcdef.cos-partial",
        "s/c/upload-0123456789abcdef0123456789abcdef01234567.cos-checkpoint",
        "s/c/upload-0123456789abcdef0123456789abcdef01234567.cos-checkpoint.new",
    ];
    store(&memory.emulator, &planted);
    store(&memory.emulator, &["s/a", "s/mine.cos-checkpoint"]);
    make(root.path(), &["extra"]);
    for expected in [[2, 0, 1, 4], [0, 2, 0, 4]] {
        let report = bucket.transfer(down(root.path())).await.unwrap();
        assert_eq!((counts(&report), report.withheld), (expected, false), "{:?}", report.failures);
        let fields = report.failures.iter().map(|failure| failure.error.field());
        assert!(fields.eq([Some("key"); 4]), "{:?}", report.failures);
        assert_eq!(names(root.path()), ["a", "mine.cos-checkpoint"]);
        // Nor does the other way take the objects for extraneous.
        assert_eq!(counts(&bucket.transfer(up(root.path())).await.unwrap()), [0, 2, 0, 0]);
        assert_eq!(keys(&bucket, "s/").await.len(), 6);
    }
}

/// Two keys never become one file.
#[tokio::test]
async fn a_prefix_without_its_slash_is_no_directory() {
    let (memory, bucket, root) = rig();
    store(&memory.emulator, &["p/a", "pa"]);
    let report = bucket.transfer(DownloadDirectory::new("p", root.path())).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 1]);
    assert_eq!(fs::read(root.path().join("a")).unwrap(), b"pa");
    assert_eq!(report.failures[0].key.as_deref(), Some("p/a"));
}

/// A file that is compared has no say in when it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_does_not_wait_for_a_comparison() {
    let (memory, bucket, root) = rig();
    let emulator = &memory.emulator;
    let length: u64 = 64 << 30;
    fs::File::create(root.path().join("huge")).unwrap().set_len(length).unwrap();
    // A listing and a head that tell the length of the file.
    let listing = format!(
        "<ListBucketResult><Name>{}</Name><Prefix/><Marker/><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>\
         <Contents><Key>huge</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;x&quot;</ETag>\
         <Size>{length}</Size><Owner><ID>1</ID></Owner><StorageClass>STANDARD</StorageClass></Contents>\
         </ListBucketResult>",
        emulator.bucket()
    );
    let headers =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let xml = headers(&[("content-type", "application/xml")]);
    emulator.script(Rule::on("GET Bucket").then(Action::RawBody { status: 200, headers: xml, body: listing.into() }));
    let told = length.to_string();
    let object = [("content-length", &*told), ("x-cos-hash-crc64ecma", "1"), ("x-cos-request-id", "r")];
    let head = Action::Foreign { status: 200, headers: headers(&object), body: bytes::Bytes::new() };
    emulator.script(Rule::on("HEAD Object").then(head));
    let transfer = bucket.transfer(UploadDirectory::new(root.path(), "").sync(Compare::Crc64));
    let handle = transfer.handle();
    let cancelled = async {
        until("the comparison", || emulator.count("HEAD Object") > 0).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        handle.cancel();
    };
    let both = async { tokio::join!(transfer, cancelled).0 };
    let outcome = tokio::time::timeout(Duration::from_secs(5), both).await.expect("it ends");
    assert_eq!(outcome.unwrap().ended_by.unwrap().error.kind(), ErrorKind::Cancelled);
}

/// A link that takes the place of a file after the directory was walked leads nowhere.
#[tokio::test]
async fn a_link_that_is_planted_is_not_followed() {
    let (_memory, bucket, root) = rig();
    let outside = tempfile::tempdir().unwrap();
    make(outside.path(), &["secret", "b"]);
    make(root.path(), &["0", "a", "d/b"]);
    let (here, there) = (root.path().to_owned(), outside.path().to_owned());
    let planted = Arc::new(std::sync::Once::new());
    let job = UploadDirectory::new(root.path(), "t/").concurrency(1).sync(Compare::Size).on_file(move |_, _| {
        planted.call_once(|| {
            fs::remove_file(here.join("a")).unwrap();
            symlink(there.join("secret"), here.join("a")).unwrap();
            fs::rename(here.join("d"), here.join("away")).unwrap();
            symlink(&there, here.join("d")).unwrap();
        });
    });
    let report = bucket.transfer(job).await.unwrap();
    assert_eq!(counts(&report), [1, 0, 0, 2]);
    assert_eq!(keys(&bucket, "t/").await, ["t/0"]);
}
