//! The `cos` command as a program, against the emulator as a program.

mod examples;
mod failed;
mod files;
mod hints;
mod keep;
mod remote;
mod remove;
mod settings;
mod shell;
mod show;
mod sign;
#[cfg(unix)]
mod signals;
mod sts;
#[cfg(unix)]
mod terminal;
mod transfer;

use std::fs;
use std::io::Read;
use std::time::Duration;

use cos_emulator::{Action, Matcher, Rule};
use serde_json::json;

use self::shell::{Shell, bytes, text};

const ODD_KEYS: [&str; 9] =
    ["a b+%2F?#.txt", "目录/😀.bin", "a/../b", "./c", "a//b", "/lead", "-", "cos://x", "a&b=c;d'e\"f\\g"];

#[test]
fn odd_keys_make_the_round_trip() {
    let shell = Shell::new();
    let content = bytes(300_000);
    shell.write("in", &content);
    for key in ODD_KEYS {
        let url = shell.url(key);
        let put = &shell.json(&["cp", "in", &url])[0];
        assert_eq!((put["size"].as_u64(), put["destination"].as_str()), (Some(300_000), Some(&*url)), "{key}");
        assert!(put["crc64"].is_string() && put["request_id"].is_string(), "{put}");
        assert_eq!(shell.done(&["cat", &url]), content, "{key}");
        assert_eq!(shell.done(&["cat", &url, "--range", "100000-100009"]), content[100_000..100_010], "{key}");
        assert_eq!(shell.done(&["cat", &url, "--range", "-9"]), content[content.len() - 9..], "{key}");
        let stat = &shell.json(&["stat", &url])[0];
        assert_eq!((stat["key"].as_str(), stat["size"].as_u64()), (Some(key), Some(300_000)));
        assert_eq!((&stat["crc64"], &stat["etag"]), (&put["crc64"], &put["etag"]), "{key}");
        let got = &shell.json(&["cp", &url, "out"])[0];
        assert_eq!((&got["crc64"], got["destination"].as_str()), (&put["crc64"], Some("out")), "{key}");
        assert_eq!(fs::read(shell.path("out")).unwrap(), content, "{key}");
    }
    assert_eq!(shell.files(), ["in", "out"]);
    let mut listed: Vec<_> = shell.json(&["ls", "-r", &shell.url("")]).iter().map(|it| it["key"].to_string()).collect();
    let mut expected = ODD_KEYS.map(|key| json!(key).to_string());
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    for key in ODD_KEYS {
        shell.done(&["rm", &shell.url(key)]);
    }
    assert_eq!(shell.listed(&["--recursive", &shell.url("")]), (String::new(), "0 objects, 0 bytes\n".to_owned()));
}

#[test]
fn a_bucket_is_made_listed_and_removed() {
    let shell = Shell::new();
    let bucket = "cos://other-1250000000";
    let made = shell.json(&["mb", bucket, "--tag", "team=a b"]);
    assert_eq!(made[0]["bucket"], "other-1250000000");
    assert_eq!(shell.json(&["tag", bucket])[0]["tags"], json!({ "team": "a b" }));
    let (status, told) = shell.failed(&["mb", bucket]);
    assert!(status == 1 && told.contains("COS answered 409 BucketAlreadyOwnedByYou"), "{told}");
    assert_eq!(shell.fed(&["cp", "-", "cos://other-1250000000/k"], b"x").status.code(), Some(0));
    let (status, told) = shell.failed(&["rb", bucket]);
    assert!(status == 1 && told.contains("BucketNotEmpty"), "{told}");
    shell.done(&["rm", "cos://other-1250000000/k"]);
    shell.done(&["rb", bucket]);
    let (status, told) = shell.failed(&["ls", bucket]);
    assert!(status == 1 && told.contains("COS answered 404 NoSuchBucket"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn ls_goes_through_all_pages_level_by_level() {
    let emulator = crate::support::emulator().await;
    for number in 0..1005 {
        emulator.put_object(emulator.bucket(), &format!("p/{number:04}/x"), "x");
    }
    emulator.put_object(emulator.bucket(), "p/line\nbreak", "12345");
    let shell = Shell::over(&emulator);
    assert_eq!(shell.json(&["ls", "-r", &shell.url("p/")]).len(), 1006);
    let level = shell.json(&["ls", &shell.url("p/")]);
    assert_eq!(level.iter().filter(|it| it["type"] == "prefix").count(), 1005);
    let object = level.iter().find(|it| it["type"] == "object").expect("one object");
    assert_eq!((&object["key"], &object["size"]), (&json!("p/line\nbreak"), &json!(5)));
    let (printed, sum) = shell.listed(&[&shell.url("p/line")]);
    assert!(printed.ends_with("  p/line\\nbreak\n") && sum == "1 object, 5 bytes\n", "{printed:?} {sum}");
    let (top, sum) = shell.listed(&[&shell.url("")]);
    assert_eq!(top.split_whitespace().collect::<Vec<_>>(), ["PRE", "p/"]);
    assert_eq!(sum, "1 prefix, 0 objects, 0 bytes\n");
}

#[test]
fn standard_input_and_output_are_dashes() {
    let shell = Shell::new();
    let content = bytes(3 << 20);
    let url = shell.url("piped");
    let output = shell.fed(&["cp", "-", &url], &content);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert!(shell.done(&["cp", &url, "-"]) == content);
    assert_eq!(shell.fed(&["cp", "-", &url], b"").status.code(), Some(0));
    assert_eq!(shell.done(&["cp", &url, "-"]), b"");
    assert!(shell.files().is_empty());
}

#[test]
fn a_reader_that_leaves_ends_cos_quietly() {
    let shell = Shell::new();
    shell.write("in", bytes(16 << 20));
    shell.done(&["cp", "in", &shell.url("large")]);
    let url = shell.url("large");
    for arguments in [&["cat", &*url][..], &["cp", &url, "-"]] {
        let mut child = shell.command().args(arguments).spawn().unwrap();
        let mut first = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_a_failure() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Shell::offline().command().args(["cp", "--help"]).stdout(full).output().unwrap();
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(1) && told.starts_with("cos: standard output: "), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_does_not_listen_to_failures_stops_nothing() {
    let emulator = crate::support::emulator().await;
    for key in ["p/1", "p/2", "q/1"] {
        emulator.put_object(emulator.bucket(), key, "x");
    }
    let shell = Shell::over(&emulator);
    let deaf = |arguments: &[&str]| {
        let (reader, stderr) = std::io::pipe().unwrap();
        drop(reader);
        shell.command().args(arguments).stderr(stderr).output().unwrap().status.code()
    };
    assert_eq!(deaf(&["ls", &shell.url("p/")]), Some(0));
    assert_eq!(deaf(&["-v", "stat", &shell.url("p/1")]), Some(0));
    assert_eq!(deaf(&["stat", &shell.url("p/3")]), Some(1));
    let first = Matcher::operation("PUT Object - Copy").key("r/1");
    emulator.script(Rule::on(first).then(Action::status(403, "AccessDenied")).always());
    assert_eq!(deaf(&["cp", "-r", &shell.url("p/"), &shell.url("r/")]), Some(1));
    assert!(emulator.object(emulator.bucket(), "r/2").is_some());
}

#[test]
fn wrong_usage_is_2_before_anything_is_sent() {
    let mut shell = Shell::new();
    shell.write("in", "x");
    // Nobody listens there: what is sent would end with 1.
    shell.variables.iter_mut().find(|(name, _)| name == "COS_ENDPOINT").unwrap().1 = "http://127.0.0.1:1".to_owned();
    let (dots, long, hostile) = (shell.url("a/.."), shell.url(&"k".repeat(851)), shell.url("a/../b/.."));
    let (object, folder) = (shell.url("k"), shell.url("folder/"));
    let bucket = &shell.url("").trim_end_matches('/').to_owned();
    for (arguments, told) in [
        (&["cp", "in", &dots][..], "key: names the bucket"),
        (&["cp", "in", &long], "key: is 851 bytes long"),
        (&["stat", &hostile], "bucket"),
        (&["rm", &shell.url("")], "key: is empty"),
        (&["rm", shell.url("").trim_end_matches('/')], "--recursive removes every object of a bucket"),
        (&["cat", "cos://nameless/k"], "bucket: is not of the form"),
        (&["cat", "k"], "does not begin with cos://"),
        (&["rb", &object], "names more than a bucket"),
        (&["cat", &object, "--range", "5-4"], "--range"),
        (&["cat", &object, "--range", "-0"], "--range"),
        (&["cat", &object, "--range", "-"], "--range"),
        (&["cat", &object, "--range", "--5"], "--range"),
        (&["cat", &object, "--range", "+1-5"], "--range"),
        (&["cp", "in", "out"], "neither SRC nor DST"),
        (&["cp", "", &object], "'<SRC>': is empty"),
        (&["cp", &object, ""], "'<DST>': is empty"),
        (&["sync", "", &folder], "'<SRC>': is empty"),
        (&["cp", "-", &shell.url("")], "`-` has no name; cos://examplebucket-1250000000/KEY would be an object"),
        (&["cp", &folder, &shell.url("")], "key: is empty"),
        (&["cp", &object, &shell.url("")], "SRC and DST are the same object"),
        (&["cp", &shell.url(""), "out"], "is no object; --recursive copies all that is in it"),
        (&["cp", &object, &object], "SRC and DST are the same object"),
        (&["cp", "in", &object, "--source-region", "ap-shanghai"], "--source-region is for copies from COS to COS"),
        (&["cp", "in", &object, "--version-id", "v"], "--version-id is for a SRC on COS"),
        (&["rm", &object, "--version-id", ""], "is empty"),
        (&["rm", &object, "--dry-run"], "--recursive"),
        (&["rm", &object, "--dry-run", "--version-id", "v"], "cannot be used with"),
        (&["rm", &object, "--recursive", "--version-id", "v"], "cannot be used with"),
        (&["ls", "--versions"], "PREFIX"),
        (&["presign", &object, "--method", "POST"], "--method"),
        (&["presign", &object, "--method", "PUT", "--version-id", "v"], "--version-id is for GET, HEAD and DELETE"),
        (&["rm", &object, "--versions"], "--recursive"),
        (&["presign", &object, "--expires", "0"], "--expires"),
        (&["presign", &object, "--expires", "604801"], "--expires"),
        (&["cp", &folder, "."], "its last segment is no file name"),
        (&["ls", &object, "--endpoint", "ftp://x"], "endpoint: does not begin with http"),
        (&["ls", &object, "--endpoint", "http://cos.example.com"], "endpoint: is plain http"),
        (&["ls", &object, "--region", "Guangzhou"], "region: is not of the form"),
        (&["tag", &object, "team"], "is not of the form KEY=VALUE"),
        (&["tag", &object, "a=1", "a=2"], "tags: have the same key twice"),
        (&["tag", &object, "a=1", "--delete"], "cannot be used with"),
        (&["tag", &object, "--version-id", ""], "is empty"),
        (&["restore", &object], "--days"),
        (&["restore", &object, "--days", "0"], "--days"),
        (&["restore", &object, "--days", "1", "--tier", "fast"], "--tier"),
        (&["restore", &object, "--days", "1", "--dry-run"], "--recursive"),
        (&["restore", &object, "--days", "1", "--include", "a"], "--include is for --recursive"),
        (&["restore", &folder, "-r"], "--days"),
        (&["restore", &folder, "-r", "--intelligent-tiering"], "cannot be used with"),
        (&["sign", "--method", "GET"], "--path"),
        (&["cors", bucket, "--remove", "--methods", "PUT"], "cannot be used with"),
        (&["encryption", bucket, "--remove", "--kms-key-id", "k"], "cannot be used with"),
        (
            &["certificate", bucket, "--domain", "d.example.com", "--remove", "--private-key", "k"],
            "cannot be used with",
        ),
        (&["replication", bucket, "--remove", "--prefix", "logs/"], "cannot be used with"),
        (&["replication", bucket, "--remove", "--no-delete-markers"], "cannot be used with"),
        (&["domain", bucket, "--remove", "--to", "website"], "cannot be used with"),
        (&["domain", bucket, "--delete", "d.example.com", "--to", "website"], "cannot be used with"),
        (&["origin", bucket, "--mirror", "old.example.com", "--status", "403"], "cannot be used with"),
        (&["origin", bucket, "--remove", "--status", "403"], "cannot be used with"),
        (&["inventory", bucket, "--id", "daily", "--remove", "--prefix", "logs/"], "cannot be used with"),
        (&["inventory", bucket, "--id", "daily", "--remove", "--once"], "cannot be used with"),
        (&["tiering", bucket, "--turn-on", "30", "--prefix", "logs/"], "cannot be used with"),
        (&["tiering", bucket, "--turn-on", "30", "--archive", "91"], "cannot be used with"),
        (&["tiering", bucket, "--turn-on", "30", "--remove"], "cannot be used with"),
        (&["cp", "in", &object, "--encryption", "cos", "--kms-key-id", "k"], "--kms-key-id is for --encryption kms"),
        (&["sync", "--delete", &folder, "out", "--exclude", "keep/"], "as in 'keep/**'"),
        (&["sync", "--delete", ".", &folder, "--exclude", "/keep/**"], "--exclude /keep/** leaves no file out"),
        (&["rm", "-r", &folder, "--exclude", "keep/"], "as in 'keep/**'"),
        (&["frobnicate"], "frobnicate"),
        (&[], "Usage"),
    ] {
        let (status, stderr) = shell.failed(arguments);
        assert!(status == 2 && stderr.contains(told), "cos {arguments:?}: {status} {stderr}");
    }
    #[cfg(unix)]
    for (variable, arguments) in [
        ("COS_REGION", &["ls", &object][..]),
        ("COS_ENDPOINT", &["ls", &object]),
        ("STS_ENDPOINT", &["sts", "--allow", "upload", "--prefix", &object]),
    ] {
        let value = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"http://127.0.0.1:1\xff");
        let output = shell.command().args(arguments).env(variable, value).output().unwrap();
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(2), &*format!("cos: {variable}: is not UTF-8\n"))
        );
    }
    shell.variables.retain(|(name, _)| name != "COS_REGION");
    let (status, told) = shell.failed(&["ls", &object]);
    assert!(status == 2 && told.starts_with("cos: no region: give --region or set COS_REGION"), "{told}");
}

#[test]
fn a_failure_is_1_and_tells_what_was_tried_and_what_to_do() {
    let mut shell = Shell::new();
    let url = shell.url("no/such key");
    let target = url.strip_prefix("cos://").unwrap().to_owned();
    let (status, told) = shell.failed(&["cat", &url]);
    let beginning = format!("cos: GET Object {target}: COS answered 404 NoSuchKey: ");
    let (what, hint) = told.split_once('\n').expect("two lines");
    assert!(status == 1 && what.starts_with(&beginning) && what.ends_with(", 1 attempt)"), "{told}");
    assert!(what.contains("(request id "), "{told}");
    assert_eq!(hint, format!("hint: `cos ls cos://{}/no/` shows what there is\n", shell.bucket()));
    let (status, told) = shell.failed(&["stat", &url]);
    assert!(status == 1 && told.starts_with(&format!("cos: HEAD Object {target}: COS answered 404 (")), "{told}");
    for arguments in [["cp", "absent", &url], ["cp", ".", &url]] {
        let (status, told) = shell.failed(&arguments);
        assert!(status == 1 && told.starts_with(&format!("cos: {}: ", arguments[1])), "{told}");
    }
    let secret = shell.variables.iter_mut().find(|(name, _)| name == "TENCENTCLOUD_SECRET_KEY").unwrap();
    secret.1 = "wrong".to_owned();
    let (status, told) = shell.failed(&["ls", &url]);
    assert!(status == 1 && told.contains("COS answered 403 SignatureDoesNotMatch"), "{told}");
    shell.variables.retain(|(name, _)| !name.starts_with("TENCENTCLOUD"));
    // Named, so that no other source is asked: the machine may be an instance with a role.
    shell.variables.push(("TCCLI_PROFILE".to_owned(), "absent".to_owned()));
    let (status, told) = shell.failed(&["ls", &url]);
    assert!(status == 1 && told.contains("TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY are not set"), "{told}");
    assert!(told.contains("; the profile: TCCLI_PROFILE names no file"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_key_may_come_from_a_file_as_well() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "x");
    let mut shell = Shell::over(&emulator);
    shell.variables.retain(|(name, _)| !name.starts_with("TENCENTCLOUD"));
    let (id, key) = (emulator.secret_id(), emulator.secret_key());
    fs::create_dir(shell.path(".tencentcloud")).unwrap();
    shell.write(".tencentcloud/credentials", format!("[default]\nsecret_id = {id}\nsecret_key = {key}\n"));
    assert_eq!(shell.done(&["cat", &shell.url("k")]), b"x");
    shell.write(".tencentcloud/credentials", format!("[default]\nsecret_key = {key}\n"));
    let (status, told) = shell.failed(&["cat", &shell.url("k")]);
    assert!(status == 1 && told.contains("credentials: secret_id is missing") && !told.contains(key), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn verbose_tells_of_every_request_and_no_secret() {
    let emulator = crate::support::emulator().await;
    let mut shell = Shell::over(&emulator);
    let key = emulator.mint(Duration::from_secs(3600));
    shell.variables.retain(|(name, _)| !name.starts_with("TENCENTCLOUD"));
    let secrets = [("SECRET_ID", key.secret_id), ("SECRET_KEY", key.secret_key), ("TOKEN", key.token)];
    shell.variables.extend(secrets.map(|(name, value)| (format!("TENCENTCLOUD_{name}"), value)));
    shell.write("in", bytes(3 << 20));
    let url = shell.url("a\nb");
    emulator.script(Rule::on("Upload Part").skip(1).then(Action::status(503, "SlowDown")));
    let cp = ["cp", "in", &url, "--part-size", "1MiB"];
    for (command, line) in [
        (&cp[..], "  upload examplebucket-1250000000/a\\nb  part 3  Upload Part: attempt answered "),
        (&["--json", "ls", &shell.url("")], "  GET Bucket examplebucket-1250000000: attempt answered "),
        (&["cat", &url], "  GET Object examplebucket-1250000000/a\\nb: attempt answered "),
    ] {
        emulator.clear_journal();
        let output = shell.run(&[&["-v"], command].concat());
        let told = text(&output.stderr);
        assert!(output.status.success() && told.contains(line), "{told}");
        assert_eq!(told.matches(": attempt ").count(), emulator.journal().len(), "{told}");
        assert_eq!(told.lines().count(), emulator.journal().len() + 1, "one line for the key: {told}");
        for (name, secret) in shell.variables.iter().filter(|(name, _)| name.starts_with("TENCENTCLOUD")) {
            assert!(!told.contains(secret) && !told.contains("q-sign") && !told.contains('?'), "{name}: {told}");
        }
    }
}
