//! Files that objects are downloaded to.

use std::fs;

use cos_emulator::{Action, Matcher, Rule};

use super::shell::{Shell, bytes, names};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_download_is_whole_or_leaves_no_trace() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", bytes(1 << 20));
    let shell = Shell::over(&emulator);
    let url = shell.url("k");
    shell.write("kept", "old");
    // Each answer ends so soon that reading on is given up.
    for action in [Action::CutBody { at: 10_000 }, Action::ResetBody { at: 10_000 }, Action::CorruptByte { at: 5 }] {
        emulator.clear_script();
        emulator.script(Rule::on(Matcher::operation("GET Object")).always().then(action.clone()));
        for name in ["kept", "new"] {
            let (status, told) = shell.failed(&["cp", &url, name]);
            assert!(status == 1 && told.starts_with("cos: "), "{action:?}: {told}");
        }
        assert_eq!(shell.files(), ["kept"], "{action:?}");
        assert_eq!(fs::read(shell.path("kept")).unwrap(), b"old", "{action:?}");
    }
    emulator.clear_script();
    let (status, _) = shell.failed(&["cp", &shell.url("absent"), "new"]);
    assert_eq!((status, shell.files()), (1, vec!["kept".to_owned()]));
    // A destination that cannot be is told before anything is fetched.
    emulator.clear_journal();
    fs::create_dir_all(shell.path("full/k")).unwrap();
    for destination in ["absent/new", "absent/", "kept/", "full"] {
        assert_eq!(shell.failed(&["cp", &url, destination]).0, 1, "{destination}");
    }
    assert!(emulator.journal().is_empty());
    assert_eq!(
        (shell.files(), names(&shell.path("full"))),
        (vec!["full".to_owned(), "kept".to_owned()], vec!["k".to_owned()])
    );
    shell.done(&["cp", &url, "kept"]);
    assert_eq!(fs::read(shell.path("kept")).unwrap(), bytes(1 << 20));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_directory_gets_a_file_of_the_last_segment_and_no_other() {
    let emulator = crate::support::emulator().await;
    for key in ["a/k.txt", "a/../up", "a/b/", "x/%2E%2E"] {
        emulator.put_object(emulator.bucket(), key, "new");
    }
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("dir")).unwrap();
    shell.done(&["cp", &shell.url("a/k.txt"), "dir"]);
    shell.done(&["cp", &shell.url("a/../up"), "dir/"]);
    shell.done(&["cp", &shell.url("x/%2E%2E"), "dir"]);
    let (status, told) = shell.failed(&["cp", &shell.url("a/b/"), "dir"]);
    assert!(status == 2 && told.contains("its last segment is no file name"), "{told}");
    shell.done(&["cp", &shell.url("a/b/"), "dir/named"]);
    assert_eq!(names(&shell.path("dir")), ["%2E%2E", "k.txt", "named", "up"]);
    assert_eq!(shell.files(), ["dir"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_directory_on_cos_gets_an_object_named_like_the_source() {
    let emulator = crate::support::emulator().await;
    let bucket = emulator.bucket();
    emulator.put_object(bucket, "from/k.txt", "k");
    emulator.put_object(bucket, "from/mark/", "");
    let shell = Shell::over(&emulator);
    for file in ["1.log", "2.log"] {
        shell.write(file, file);
        let up = &shell.json(&["cp", file, &shell.url("logs/")])[0];
        assert_eq!(up["destination"], shell.url(&format!("logs/{file}")));
        shell.done(&["cp", file, shell.url("").trim_end_matches('/')]);
    }
    for (source, to) in [("from/k.txt", "to/"), ("from/k.txt", ""), ("from/mark/", "to/")] {
        shell.done(&["cp", &shell.url(source), &shell.url(to)]);
    }
    let mut keys: Vec<_> = shell.json(&["ls", "-r", &shell.url("")]).iter().map(|it| it["key"].to_string()).collect();
    keys.sort();
    let expected =
        ["1.log", "2.log", "from/k.txt", "from/mark/", "k.txt", "logs/1.log", "logs/2.log", "to/", "to/k.txt"];
    assert_eq!(keys, expected.map(|key| format!("{key:?}")));
    // What has no name is stored under the key itself, if that is one.
    shell.fed(&["cp", "-", &shell.url("mark/")], b"");
    assert!(emulator.object(bucket, "mark/").is_some());
    let (status, told) = shell.failed(&["cp", "-", &shell.url("")]);
    assert!(status == 2 && told.contains("has no name"), "{told}");
    // Nor is it a file.
    let (status, told) = shell.failed(&["cp", "..", &shell.url("to/")]);
    assert!(status == 1 && told.contains("is a directory"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_text_ends_no_key() {
    use std::os::unix::ffi::OsStrExt;
    let shell = Shell::new();
    let name = std::ffi::OsStr::from_bytes(b"a\xff");
    fs::write(shell.directory.path().join(name), "x").unwrap();
    let output = shell.command().arg("cp").arg(name).arg(shell.url("to/")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("is not UTF-8; cos://examplebucket-1250000000/to/KEY would be an object")
    );
    assert!(output.stdout.is_empty());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_link_at_the_destination_is_refused_not_followed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "new");
    let shell = Shell::over(&emulator);
    let url = shell.url("k");
    shell.write("target", "old");
    shell.write("private", "old");
    fs::set_permissions(shell.path("private"), fs::Permissions::from_mode(0o600)).unwrap();
    shell.done(&["cp", &url, "private"]);
    assert_eq!(fs::metadata(shell.path("private")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::create_dir(shell.path("dir")).unwrap();
    for (link, target) in [("link", "target"), ("dangling", "absent"), ("dirlink", "dir"), ("device", "/dev/null")] {
        symlink(target, shell.path(link)).unwrap();
    }
    symlink("../target", shell.path("dir/k")).unwrap();
    for refused in ["link", "dangling", "dir", "dirlink", "device", "/dev/null"] {
        let (status, told) = shell.failed(&["cp", &url, refused]);
        assert!(status == 1 && told.starts_with(&format!("cos: writing {refused}")), "{told}");
        assert!(told.contains("; `cos cp OBJECT - > FILE` writes to whatever it is\n"), "{told}");
        assert!(!told.contains("()"), "{told}");
    }
    for link in ["link", "dangling", "dir/k", "dirlink", "device"] {
        assert!(fs::symlink_metadata(shell.path(link)).unwrap().is_symlink(), "{link}");
    }
    assert_eq!(fs::read(shell.path("target")).unwrap(), b"old");
    assert!(!shell.path("absent").exists());
    fs::remove_file(shell.path("dir/k")).unwrap();
    shell.done(&["cp", &url, "dirlink/"]);
    assert_eq!(names(&shell.path("dir")), ["k"]);
}
