//! Large objects, trees, and what was left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use cos_emulator::{Action, Matcher, Rule};

use super::shell::{Shell, bytes, names, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn large_objects_go_by_parts_both_ways() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let (url, content) = (shell.url("large"), bytes(5 << 20));
    shell.write("in", &content);
    let up = &shell.json(&["cp", "in", &url, "--part-size", "1MiB", "--concurrency", "3"])[0];
    assert_eq!((up["size"].as_u64(), up["parts"].as_u64()), (Some(5 << 20), Some(5)));
    shell.done(&["cp", &url, "out", "--part-size", "1MiB"]);
    assert!(fs::read(shell.path("out")).unwrap() == content);
    assert!(emulator.count("GET Object") >= 5);
    let copy = &shell.json(&["cp", &url, &shell.url("copy"), "--part-size", "2MiB"])[0];
    assert_eq!(copy["crc64"], up["crc64"]);
    let output = shell.fed(&["cp", "-", &shell.url("piped"), "--part-size", "1MiB"], &content);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(shell.done(&["cp", &shell.url("piped"), "-"]) == content);
    for wrong in [["--part-size", "1KiB"], ["--part-size", "x"], ["--concurrency", "0"], ["--traffic-limit", "5"]] {
        let (status, _) = shell.failed(&[&["cp", "in", &url][..], &wrong].concat());
        assert_eq!(status, 2, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn trees_go_up_down_and_across_and_are_made_alike() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir_all(shell.path("site/sub")).unwrap();
    for (file, text) in [("site/index.html", "<p>"), ("site/sub/a", "a"), ("site/sub/skip.tmp", "t")] {
        shell.write(file, text);
    }
    let www = shell.url("www");
    let lines = shell.json(&["cp", "--recursive", "site", &www, "--exclude", "*.tmp"]);
    let sum = lines.last().unwrap();
    assert_eq!((sum["action"].as_str(), sum["transferred"].as_u64(), lines.len()), (Some("sum"), Some(2), 3));
    let sum = &shell.json(&["cp", "-r", &www, &shell.url("copy")])[2];
    assert_eq!((sum["transferred"].as_u64(), sum["failed"].as_u64()), (Some(2), Some(0)));
    shell.done(&["cp", "-r", &shell.url("copy/"), "back"]);
    assert_eq!(fs::read(shell.path("back/sub/a")).unwrap(), b"a");
    assert_eq!(names(&shell.path("back")), ["index.html", "sub"]);

    shell.write("site/index.html", "<p>new");
    fs::remove_file(shell.path("site/sub/a")).unwrap();
    let planned = text(&shell.done(&["sync", "site", &www, "--delete", "--dry-run"])).to_owned();
    assert!(planned.contains("would upload ") && planned.contains("would delete "), "{planned}");
    assert!(emulator.object(emulator.bucket(), "www/sub/a").is_some());
    shell.done(&["sync", "site", &www, "--delete", "--exclude", "*.tmp"]);
    assert!(emulator.object(emulator.bucket(), "www/sub/a").is_none());
    shell.done(&["sync", &www, "back", "--delete"]);
    assert_eq!(names(&shell.path("back")), ["index.html", "sub"]);
    assert_eq!(fs::read(shell.path("back/index.html")).unwrap(), b"<p>new");

    // A key that leads elsewhere is told, the rest comes, and the status says so.
    emulator.put_object(emulator.bucket(), "www/../x", "x");
    let output = shell.run(&["cp", "-r", &www, "again"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("www/../x"), "{}", text(&output.stderr));
    assert_eq!(names(&shell.path("again")), ["index.html"]);
    let (status, _) = shell.failed(&["cp", "-r", &www, &shell.url("www/below")]);
    assert_eq!(status, 2);

    // One level up, where a copy would take the place of what is still to be copied.
    for (key, body) in [("up/in/in/x", "deep"), ("up/in/x", "x")] {
        emulator.put_object(emulator.bucket(), key, body);
    }
    for (dry, copies) in [(&["--dry-run"][..], "would copy"), (&[], "cos://")] {
        let output = shell.run(&[&["cp", "-r", &shell.url("up/in/"), &shell.url("up/")], dry].concat());
        let (printed, told) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1));
        assert!(told.contains("up/in/in/x: key: its copy would lie among what is copied"), "{told}");
        assert!(told.ends_with("cos: 1 files failed or were refused\n"), "{told}");
        assert!(printed.starts_with(copies) && printed.lines().count() == 2, "{printed}");
        assert!(printed.ends_with("; 0 unchanged, 1 failed\n"), "{printed}");
    }
    let stored = |key: &str| emulator.object(emulator.bucket(), key).unwrap().bytes();
    assert_eq!((stored("up/x"), stored("up/in/x")), ("x".into(), "x".into()));

    // Nothing is no model.
    let (status, told) = shell.failed(&["sync", "--delete", &shell.url("none/"), "back"]);
    assert!(status != 0 && told.contains("has nothing"), "{told}");
    fs::create_dir(shell.path("empty")).unwrap();
    let (status, told) = shell.failed(&["sync", "--delete", "empty", &www]);
    assert_eq!((status, &*told), (2, "cos: --delete would delete all: SRC has no file\n"));
    assert_eq!(names(&shell.path("back")), ["index.html", "sub"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tree_on_cos_is_made_like_another() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    for (key, body) in
        [("from/a", "a"), ("from/d/b", "new"), ("to/a", "a"), ("to/d/b", "old"), ("to/x", "x"), ("to/y", "y")]
    {
        emulator.put_object(emulator.bucket(), key, body);
    }
    let (from, to) = (shell.url("from/"), shell.url("to/"));
    let planned = text(&shell.done(&["sync", &from, &to, "--delete", "--dry-run"])).to_owned();
    let copied = format!("would copy {from}d/b -> {to}d/b: 3 bytes\n");
    assert!(planned.contains(&copied) && planned.contains(&format!("would delete {to}x\n")), "{planned}");
    let refused = "<DeleteResult><Deleted><Key>to/x</Key></Deleted><Error><Key>to/y</Key><Code>AccessDenied</Code>\
                   <Message>no</Message></Error></DeleteResult>";
    let headers = vec![("content-type".to_owned(), "application/xml".to_owned())];
    let answer = Action::RawBody { status: 200, headers, body: refused.into() };
    emulator.script(Rule::on("DELETE Multiple Objects").then(answer));
    let output = shell.run(&["sync", &from, &to, "--delete"]);
    let (printed, told) = (text(&output.stdout), text(&output.stderr));
    assert!(printed.contains(&format!("{from}d/b -> {to}d/b: 3 bytes\n")), "{printed}");
    assert!(printed.contains("1 unchanged, 1 failed; 1 deleted"), "{printed}");
    assert!(told.starts_with(&format!("cos: {to}y: ")) && told.contains("AccessDenied"), "{told}");
    shell.done(&["sync", &from, &to, "--delete"]);
    assert_eq!(text(&shell.done(&["sync", &from, &to, "--delete"])).lines().count(), 1);
    assert!(emulator.object(emulator.bucket(), "to/y").is_none());

    for (arguments, why) in [
        (["sync", &from, &shell.url("from/d/")], "DST is below SRC"),
        (["sync", &from, &from], "SRC and DST are the same"),
        (["sync", &shell.url("from/d"), &from], "SRC is below DST"),
    ] {
        let (status, told) = shell.failed(&[&arguments[..], &["--delete", "--by", "size"]].concat());
        assert!(status == 2 && told.contains(why), "{told}");
    }
    let (status, told) = shell.failed(&["sync", &from, "here", "--source-region", "ap-shanghai"]);
    assert!(status == 2 && told.contains("--source-region is for copies from COS to COS"), "{told}");
}

/// One after another over one connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn so_many_files_are_under_way_as_is_said() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for number in 0..5 {
        shell.write(&format!("tree/{number}"), "x");
    }
    let (up, to) = (shell.url("up/"), shell.url("to/"));
    emulator.script(Rule::on(Matcher::any()).then(Action::Delay(Duration::from_millis(20))).always());
    for command in [["cp", "-r", "tree", &up], ["cp", "-r", &up, "down"], ["cp", "-r", &up, &to]] {
        let before = emulator.accepted_connections();
        shell.done(&[&command[..], &["--files", "1"]].concat());
        assert_eq!(emulator.accepted_connections() - before, 1, "{command:?}");
    }
    assert_eq!(names(&shell.path("down")).len(), 5);
    for (arguments, why) in [
        (["cp", "tree/1", &up, "--files", "2"], "--files is for --recursive"),
        (["sync", "tree", &up, "--files", "257"], "257 is not in 1..=256"),
        (["sync", "tree", &up, "--files", "0"], "0 is not in 1..=256"),
    ] {
        let (status, told) = shell.failed(&arguments);
        assert!(status == 2 && told.contains(why), "{told}");
    }
}

/// However it ended: what COS still keeps is told, and only that.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_transfer_that_fails_names_the_upload_it_leaves() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for file in ["in", "tree/1", "tree/2"] {
        shell.write(file, bytes(3 << 20));
    }
    for key in ["from/1", "from/2"] {
        emulator.put_object(emulator.bucket(), key, bytes(3 << 20));
    }
    let denied = || Action::status(403, "AccessDenied");
    for operation in ["Upload Part", "Upload Part - Copy"] {
        emulator.script(Rule::on(operation).then(denied()).always());
    }
    let (one, up, from, to) = (shell.url("one"), shell.url("up/"), shell.url("from/"), shell.url("to/"));
    let object = shell.url("from/1");
    let commands =
        [["cp", "in", &one, "-"], ["cp", &object, &one, "-"], ["cp", "tree", &up, "-r"], ["cp", &from, &to, "-r"]];
    let told = |command: [&str; 4]| {
        let rest = if command[3] == "-" { &["--part-size", "1MiB"][..] } else { &["-r", "--part-size", "1MiB"] };
        let output = shell.run(&[&command[..3], rest].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        let mut told: Vec<_> =
            text(&output.stderr).lines().filter(|line| line.contains("upload ")).map(str::to_owned).collect();
        told.sort();
        told
    };
    for command in commands {
        assert_eq!((told(command), emulator.uploads(emulator.bucket()).len()), (Vec::new(), 0), "{command:?}");
    }
    emulator.script(Rule::on("Abort Multipart Upload").then(denied()).always());
    for command in commands {
        let before: Vec<_> = emulator.uploads(emulator.bucket()).into_iter().map(|it| it.upload_id).collect();
        let told = told(command);
        let uploads = emulator.uploads(emulator.bucket());
        let left = uploads.iter().filter(|it| !before.contains(&it.upload_id)).map(|it| {
            let (bucket, key, id) = (emulator.bucket(), &it.key, &it.upload_id);
            format!("cos: cos://{bucket}/{key}: upload {id} could not be given up; `cos orphans --abort` does it later")
        });
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert!(!left.is_empty());
        assert_eq!(told, left, "{command:?}");
    }
    emulator.clear_script();
    shell.done(&["orphans", shell.url("").trim_end_matches('/'), "--older-than", "0s", "--abort"]);
    emulator.script(Rule::on("Complete Multipart Upload").always().then(Action::ResetBeforeHeaders));
    emulator.script(Rule::on("HEAD Object").always().then(denied()));
    let told = told(commands[0]);
    let left = emulator.uploads(emulator.bucket()).remove(0).upload_id;
    let line = format!("/one: upload {left} may be there yet; `cos orphans` shows it then");
    assert!(told.len() == 1 && told[0].ends_with(&line), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tree_that_ends_before_all_is_transferred_is_no_success() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for number in 0..100 {
        shell.write(&format!("tree/{number}"), "x");
        emulator.put_object(emulator.bucket(), &format!("from/{number}"), "x");
    }
    for operation in ["PUT Object", "GET Object", "PUT Object - Copy"] {
        emulator.script(Rule::on(operation).then(Action::Delay(Duration::from_millis(300))).always());
    }
    let (from, to, up) = (shell.url("from/"), shell.url("to/"), shell.url("up/"));
    for arguments in [["cp", "-r", "tree", &up], ["cp", "-r", &from, "down"], ["cp", "-r", &from, &to]] {
        let told = "cos: standard output is closed: what was left by then is not done\n";
        assert_eq!(shell.unread(&arguments), (Some(1), told.to_owned()), "{arguments:?}");
    }
    assert!(names(&shell.path("down")).len() < 100);
    assert!(shell.json(&["ls", &to]).len() < 100);
    // What is over by then is a success.
    assert_eq!(shell.unread(&["cp", "tree/1", &to]), (Some(0), String::new()));
}

/// A prefix that is mistyped has nothing behind it, and an object is no directory.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_directory_on_cos_that_is_not_there_is_no_source() {
    let emulator = crate::support::emulator().await;
    for (key, body) in [("photos/a.png", "x"), ("single", "x"), ("single.txt", "x"), ("marked/", "")] {
        emulator.put_object(emulator.bucket(), key, body);
    }
    let shell = Shell::over(&emulator);
    let (to, bucket) = (shell.url("to/"), emulator.bucket());
    for source in ["phtos", "photos/a.png/", "single"] {
        let from = shell.url(source);
        for arguments in [["cp", "-r", &from, "out"], ["cp", "-r", &from, &to], ["sync", "--dry-run", &from, "out"]] {
            let (status, told) = shell.failed(&arguments);
            let name = source.trim_end_matches('/');
            let what = format!("cos: cos://{bucket}/{name}/ has nothing below it\n");
            assert!(status == 1 && told.starts_with(&what), "{arguments:?}: {told}");
            let hint = match source {
                "phtos" => format!("hint: `cos ls cos://{bucket}/` shows what there is\n"),
                _ => format!("hint: cos://{bucket}/{name} is an object: `cos cp` without --recursive copies it\n"),
            };
            assert!(told.ends_with(&hint), "{arguments:?}: {told}");
        }
    }
    assert!(shell.files().is_empty());
    // One that is there may be empty, or hold nothing that is meant.
    shell.done(&["cp", "-r", &shell.url("marked"), "marked"]);
    shell.write("marked/kept", "x");
    let (status, told) = shell.failed(&["sync", "--delete", &shell.url("marked"), "marked"]);
    assert_eq!((status, &*told), (2, "cos: --delete would delete all: SRC has no file\n"));
    assert_eq!(names(&shell.path("marked")), ["kept"]);
    shell.done(&["cp", "-r", &shell.url("photos"), "photos", "--exclude", "*"]);
    assert_eq!(shell.files(), ["marked", "photos"]);
    for key in ["photos/a.png", "single", "single.txt", "marked/"] {
        shell.done(&["rm", &shell.url(key)]);
    }
    shell.done(&["sync", &shell.url(""), "all"]);
}

/// What went up comes back where this system can name it, and what does not come is told.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn names_that_others_cannot_have_come_when_it_is_said() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("logs")).unwrap();
    for name in ["12:30.log", "Readme", "readme", "plain.log"] {
        shell.write(&format!("logs/{name}"), name);
    }
    let url = shell.url("logs/");
    shell.done(&["cp", "-r", "logs", &url]);
    let hint = "hint: --native-names takes every name that this system can give a file\n";
    for command in [&["cp", "-r", &url, "out"][..], &["sync", &url, "out"]] {
        let output = shell.run(command);
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(1) && told.ends_with(hint), "{command:?}: {told}");
        assert!(told.contains("/logs/12:30.log: ") && told.contains("/logs/readme: "), "{told}");
        assert_eq!(names(&shell.path("out")), ["Readme", "plain.log"]);
    }
    // A filter is asked about them by their names, and drops what it does not name alone.
    let output = shell.run(&["cp", "-r", &url, "some", "--include", "*.log"]);
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains("/logs/12:30.log: ") && told.ends_with(hint), "{told}");
    assert_eq!(names(&shell.path("some")), ["plain.log"]);
    shell.done(&["cp", "-r", &url, "others", "--exclude", "*:*", "--exclude", "readme"]);
    assert_eq!(names(&shell.path("others")), ["Readme", "plain.log"]);
    shell.done(&["cp", "-r", &url, "copied", "--native-names"]);
    shell.done(&["sync", &url, "out", "--native-names"]);
    for directory in ["copied", "out"] {
        assert_eq!(names(&shell.path(directory)), ["12:30.log", "Readme", "plain.log", "readme"]);
        assert_eq!(fs::read(shell.path(directory).join("readme")).unwrap(), b"readme");
    }
    // No system has such a name.
    emulator.put_object(emulator.bucket(), "dots/../x", "x");
    let output = shell.run(&["cp", "-r", &shell.url("dots/"), "dots"]);
    assert!(output.status.code() == Some(1) && !text(&output.stderr).contains("hint"), "{}", text(&output.stderr));
    // Nor is one that transfers use taken.
    emulator.put_object(emulator.bucket(), "planted/.cos-0123456789ab.tmp", "x");
    let output = shell.run(&["cp", "-r", &shell.url("planted/"), "planted", "--native-names"]);
    assert!(output.status.code() == Some(1) && !text(&output.stderr).contains("hint"), "{}", text(&output.stderr));
    // Nothing is named on the way up, or across.
    let to = shell.url("to/");
    for command in [["cp", "logs", &url, "-r"], ["cp", &url, &to, "-r"], ["sync", "logs", &url, "--dry-run"]] {
        let (status, told) = shell.failed(&[&command[..], &["--native-names"]].concat());
        assert!(status == 2 && told.contains("--native-names is for downloads"), "{told}");
    }
    let (status, told) = shell.failed(&["cp", "logs/Readme", &url, "--native-names"]);
    assert!(status == 2 && told.contains("--native-names is for --recursive"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tree_that_no_other_file_of_would_go_up_ends_early_and_tells_the_sum() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for number in 0..200 {
        shell.write(&format!("tree/{number}"), "x");
    }
    emulator.script(Rule::on("PUT Object").skip(3).then(Action::status(404, "NoSuchBucket")).always());
    let output = shell.run(&["cp", "-r", "tree", &shell.url("up/"), "--json"]);
    let told = text(&output.stderr);
    let sum: serde_json::Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    assert_eq!((output.status.code(), sum["action"].as_str()), (Some(1), Some("sum")));
    // Those under way at once may all have failed by then.
    assert!(sum["ended_early"] == true && sum["failed"].as_u64() < Some(100), "{sum}");
    let error: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let error = &error["error"];
    assert!(error["message"].as_str().unwrap().starts_with("ended early: \"up/"), "{error}");
    assert_eq!((error["kind"].as_str(), error["code"].as_str()), (Some("Service"), Some("NoSuchBucket")), "{error}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn links_that_stay_behind_are_named_or_followed() {
    use std::os::unix::fs::symlink;
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("site")).unwrap();
    shell.write("site/a", "a");
    shell.write("elsewhere", "e");
    symlink("../elsewhere", shell.path("site/link")).unwrap();
    symlink("a", shell.path("site/skip.tmp")).unwrap();
    let up = shell.url("up/");
    for command in [["cp", "-r", "site", &up], ["sync", "site", &up, "--delete"], ["sync", "site", &up, "--dry-run"]] {
        let output = shell.run(&[&command[..], &["--exclude", "*.tmp"]].concat());
        let told = "cos: site/link: is a symbolic link, and is left out; --follow-links takes what it leads to\n";
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), told), "{command:?}");
        assert!(text(&output.stdout).ends_with("; 1 link left out\n"), "{}", text(&output.stdout));
    }
    shell.done(&["sync", "site", &up, "--follow-links", "--exclude", "*.tmp"]);
    assert_eq!(emulator.object(emulator.bucket(), "up/link").unwrap().bytes(), "e");
    shell.done(&["cp", "-r", "site", &shell.url("copied/"), "--follow-links"]);
    assert_eq!(emulator.object(emulator.bucket(), "copied/skip.tmp").unwrap().bytes(), "a");
    // Those that are there already are nobody's loss.
    shell.done(&["sync", &up, "site", "--exclude", "link"]);
    let to = shell.url("to/");
    for command in [["cp", "-r", &up, "down"], ["cp", "-r", &up, &to], ["sync", "--dry-run", &up, "down"]] {
        let (status, told) = shell.failed(&[&command[..], &["--follow-links"]].concat());
        assert!(status == 2 && told.contains("--follow-links is for uploads"), "{told}");
    }
    let (status, told) = shell.failed(&["cp", "site/a", &up, "--follow-links"]);
    assert!(status == 2 && told.contains("--follow-links is for --recursive"), "{told}");
}

const GIVEN: [&str; 22] = [
    "--content-type",
    "text/x-odd",
    "--cache-control",
    "max-age=600",
    "--content-disposition",
    "inline",
    "--content-encoding",
    "gzip",
    "--content-language",
    "la",
    "--expires",
    "2035-12-31T00:00:00Z",
    "--meta",
    "origin=camera 7",
    "--storage-class",
    "standard_ia",
    "--acl",
    "public-read",
    "--tag",
    "team=blue",
    "--encryption",
    "cos",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn uploads_and_copies_get_what_is_given() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for file in ["in", "tree/k"] {
        shell.write(file, bytes(3 << 20));
    }
    let object = |key: &str| shell.url(key);
    shell.done(&["cp", "in", &object("plain/k"), "--meta", "a=1", "--tag", "b=2", "--content-type", "text/a"]);
    let (up, down) = (object("plain/k"), object("plain/"));
    for (key, command) in [
        ("one", &["cp", "in", &object("one"), "--part-size", "1MiB"][..]),
        ("whole", &["cp", "in", &object("whole")]),
        ("tree/k", &["cp", "-r", "tree", &object("tree/")]),
        ("sync/k", &["sync", "tree", &object("sync/")]),
        ("copy", &["cp", &up, &object("copy")]),
        ("parts", &["cp", &up, &object("parts"), "--part-size", "1MiB"]),
        ("copies/k", &["cp", "-r", &down, &object("copies/")]),
    ] {
        shell.done(&[command, &GIVEN].concat());
        let stat = &shell.json(&["stat", &object(key)])[0];
        for (field, value) in [
            ("content_type", "text/x-odd"),
            ("cache_control", "max-age=600"),
            ("content_disposition", "inline"),
            ("content_encoding", "gzip"),
            ("content_language", "la"),
            ("expires", "Mon, 31 Dec 2035 00:00:00 GMT"),
            ("storage_class", "STANDARD_IA"),
        ] {
            assert_eq!(stat[field], value, "{key}: {field}: {stat}");
        }
        assert_eq!(stat["metadata"], serde_json::json!({ "origin": "camera 7" }), "{key}");
        assert!(stat.to_string().contains("AES256"), "{key}: {stat}");
        assert_eq!(shell.json(&["acl", &object(key)])[0]["public_read"], true, "{key}");
        assert_eq!(shell.json(&["tag", &object(key)])[0]["tags"], serde_json::json!({ "team": "blue" }), "{key}");
    }
    // What is not said comes along.
    shell.done(&["cp", &up, &object("class"), "--storage-class", "ARCHIVE"]);
    let stat = &shell.json(&["stat", &object("class")])[0];
    assert_eq!((&stat["storage_class"], &stat["content_type"]), (&"ARCHIVE".into(), &"text/a".into()), "{stat}");
    assert_eq!(shell.json(&["tag", &object("class")])[0]["tags"], serde_json::json!({ "b": "2" }));
}

#[test]
fn what_is_given_is_refused_where_it_cannot_be() {
    let mut shell = Shell::new();
    shell.write("in", "x");
    fs::create_dir(shell.path("tree")).unwrap();
    let (url, tree) = (shell.url("k"), shell.url("tree/"));
    shell.done(&["cp", "in", &url]);
    let (status, told) = shell.failed(&["cp", "in", &url, "--no-overwrite"]);
    assert!(status == 1 && told.contains("409 FileAlreadyExists"), "{told}");
    let (status, told) = shell.failed(&["cp", &url, &shell.url("k"), "--no-overwrite"]);
    assert!(status == 2 && told.contains("same object"), "{told}");
    // Nobody listens there: what is sent would end with 1.
    shell.set("COS_ENDPOINT", "http://127.0.0.1:1");
    for given in GIVEN.chunks(2).chain([&["--no-overwrite"][..]]) {
        for command in
            [&["cp", &url, "out"][..], &["cp", &url, "-"], &["cp", "-r", &tree, "out"], &["sync", &tree, "out"]]
        {
            let (status, told) = shell.failed(&[command, given].concat());
            let why = format!("{} is for uploads and copies", given[0]);
            assert!(status == 2 && told.contains(&why), "{command:?} {given:?}: {told}");
        }
    }
    for given in [
        &["--meta", "a_b=1"][..],
        &["--meta", "ä"],
        &["--tag", "team"],
        &["--tag", "a=1", "--tag", "a=2"],
        &["--content-type", "a\nb"],
        &["--expires", "tomorrow"],
        &["--storage-class", ""],
        &["--encryption", "rot13"],
        &["--kms-key-id", "id"],
        &["--part-size", "1KiB"],
        &["--part-size", "6GiB"],
        &["--encryption", "kms", "--kms-key-id", ""],
    ] {
        for command in [&["cp", "in", &url][..], &["cp", "-r", "tree", &tree], &["sync", "tree", &tree]] {
            assert_eq!(shell.failed(&[command, given].concat()).0, 2, "{command:?} {given:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_dry_run_of_a_tree_copies_nothing() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for name in ["k", "k.tmp"] {
        shell.write(&format!("tree/{name}"), "x");
        emulator.put_object(emulator.bucket(), &format!("from/{name}"), "x");
    }
    let join = |directory: &str, name| Path::new(directory).join(name).display().to_string();
    let (from, to) = (shell.url("from/"), shell.url("to/"));
    for (source, destination, verb) in [("tree", &*to, "upload"), (&*from, "down", "download"), (&from, &to, "copy")] {
        let command = ["cp", "-r", "--dry-run", source, destination, "--exclude", "*.tmp"];
        let printed = shell.done(&command);
        let lines: Vec<_> = text(&printed).lines().collect();
        let k = |tree: &str| if tree.ends_with('/') { format!("{tree}k") } else { join(tree, "k") };
        let first = format!("would {verb} {} -> {}: 1 byte", k(source), k(destination));
        assert!(lines.len() == 2 && lines[0] == first && lines[1].starts_with("1 file would be "), "{lines:?}");
        let lines = shell.json(&command);
        assert!(lines.len() == 2 && lines.iter().all(|line| line["dry_run"] == true), "{lines:?}");
        assert_eq!((&lines[0]["size"], &lines[1]["transferred"]), (&1.into(), &1.into()));
        assert_eq!(lines[0]["action"], verb);
    }
    assert!(shell.files() == ["tree"] && emulator.object(emulator.bucket(), "to/k").is_none());
    // All fields are there all the same.
    let fields = |line: &serde_json::Value| line.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for source in ["tree", &from] {
        let [shown, done] = [&["--dry-run"][..], &[]]
            .map(|dry| shell.json(&[&["cp", "-r", source, &shell.url("made/")], dry].concat()).remove(0));
        assert_eq!((fields(&shown), &done["dry_run"]), (fields(&done), &false.into()), "{done}");
    }
    let (status, told) = shell.failed(&["cp", "tree/k", &to, "--dry-run"]);
    assert!(status == 2 && told.contains("--dry-run is for --recursive"), "{told}");
}

/// What came down is not older than itself, and need not go up again.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn files_that_come_down_have_the_time_of_their_objects() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    emulator.shift_clock(-3600);
    emulator.put_object(emulator.bucket(), "from/k", "x");
    emulator.shift_clock(0);
    let from = shell.url("from/");
    for command in [["cp", "-r", &from, "copied"], ["sync", "--by=crc64", &from, "synced"]] {
        shell.done(&command);
        let sum = &shell.json(&["sync", "--by", "time", command[3], &from])[0];
        assert_eq!((&sum["transferred"], &sum["unchanged"]), (&0.into(), &1.into()), "{command:?}: {sum}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_file_that_has_more_than_its_length_is_read_to_its_end() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    shell.done(&["cp", "/proc/cpuinfo", &shell.url("k")]);
    let stored = emulator.object(emulator.bucket(), "k").unwrap().bytes();
    assert!(stored.starts_with(b"processor"), "{stored:?}");
    shell.write("empty", "");
    shell.done(&["cp", "empty", &shell.url("")]);
    shell.done(&["cp", "empty", &shell.url("again"), "--checkpoint", "state"]);
    assert!(emulator.object(emulator.bucket(), "empty").unwrap().bytes().is_empty());
}
