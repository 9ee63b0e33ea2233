//! The `cos` command as a program, against the emulator as a program.

mod hints;
mod remote;
mod remove;
mod shell;
mod show;
mod sts;
#[cfg(unix)]
mod terminal;
mod transfer;

use std::fs;
use std::io::Read;
use std::process::Command;
use std::time::Duration;

use cos_emulator::{Action, Matcher, Rule};
use serde_json::{Value, json};

use self::shell::{KEY_VARIABLES, Shell, bytes, names, program, text};

const ODD_KEYS: [&str; 10] =
    ["a b+%2F?#.txt", "目录/😀.bin", "a/../b", "./c", "a//b", "/lead", "-", "cos://x", "a&b=c;d'e\"f\\g", "trailing/"];

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
    assert_eq!(shell.json(&["mb", bucket])[0]["bucket"], "other-1250000000");
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
    let mut child = shell.command().args(["cat", &shell.url("large")]).spawn().unwrap();
    let mut first = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn wrong_usage_is_2_before_anything_is_sent() {
    let mut shell = Shell::new();
    shell.write("in", "x");
    // Nobody listens there: what is sent would end with 1.
    shell.variables.iter_mut().find(|(name, _)| name == "COS_ENDPOINT").unwrap().1 = "http://127.0.0.1:1".to_owned();
    let (dots, long, hostile) = (shell.url("a/.."), shell.url(&"k".repeat(851)), shell.url("a/../b/.."));
    let (object, folder) = (shell.url("k"), shell.url("folder/"));
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
        (&["cat", &object, "--range=-5"], "--range"),
        (&["cp", "in", "out"], "neither SRC nor DST"),
        (&["cp", "in", &shell.url("")], "is no object; cos://examplebucket-1250000000/in would be one"),
        (&["cp", &shell.url(""), "out"], "is no object; --recursive copies all that is in it"),
        (&["cp", &object, &object], "SRC and DST are the same object"),
        (&["cp", "in", &object, "--source-region", "ap-shanghai"], "--source-region is for copies from COS to COS"),
        (&["cp", "in", &object, "--version-id", "v"], "--version-id is for a SRC on COS"),
        (&["rm", &object, "--version-id", ""], "is empty"),
        (&["rm", &object, "--dry-run"], "--recursive"),
        (&["rm", &object, "--recursive", "--version-id", "v"], "cannot be used with"),
        (&["ls", "--versions"], "PREFIX"),
        (&["presign", &object, "--method", "POST"], "--method"),
        (&["presign", &object, "--expires", "0"], "--expires"),
        (&["presign", &object, "--expires", "604801"], "--expires"),
        (&["cp", &folder, "."], "its last segment is no file name"),
        (&["ls", &object, "--endpoint", "ftp://x"], "endpoint: does not begin with http"),
        (&["ls", &object, "--endpoint", "http://cos.example.com"], "endpoint: is plain http"),
        (&["ls", &object, "--region", "Guangzhou"], "region: is not of the form"),
        (&["sign", "--method", "GET"], "--path"),
        (&["frobnicate"], "frobnicate"),
        (&[], "Usage"),
    ] {
        let (status, stderr) = shell.failed(arguments);
        assert!(status == 2 && stderr.contains(told), "cos {arguments:?}: {status} {stderr}");
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

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_interrupted_download_leaves_no_trace() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", bytes(1 << 20));
    let stall = Action::StallBody { at: 300_000, lasting: Duration::from_secs(15) };
    emulator.script(Rule::on("GET Object").then(stall));
    let shell = Shell::over(&emulator);
    let child = shell.command().args(["cp", &shell.url("k"), "out"]).spawn().unwrap();
    let patience = tokio::time::Instant::now() + Duration::from_secs(10);
    let begun = || fs::read_dir(shell.directory.path()).unwrap().any(|it| it.unwrap().metadata().unwrap().len() > 0);
    while !begun() && tokio::time::Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun(), "nothing arrived");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(130), "cos: interrupted\n"));
    assert!(shell.files().is_empty());
}

#[test]
fn examples_run_without_an_account_and_without_certificates() {
    for (example, last) in
        [("put_get", "deleted it, request id "), ("presigned_url", "deleted it"), ("multipart", "deleted it")]
    {
        let shell = Shell::offline();
        let mut command = Command::new(program(&format!("examples/{example}")));
        for name in ["COS_ENDPOINT", "COS_REGION", "COS_BUCKET"].into_iter().chain(KEY_VARIABLES) {
            command.env_remove(name);
        }
        let nowhere = shell.path("nowhere");
        let output = command.env("SSL_CERT_FILE", &nowhere).env("SSL_CERT_DIR", &nowhere).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{example}");
        let told = text(&output.stdout);
        assert!(told.lines().last().is_some_and(|line| line.starts_with(last)), "{told}");
        assert!(told.starts_with("no account in the environment: using an emulator"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_multipart_example_leaves_no_parts_behind_when_it_fails() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let run = || {
        let mut command = Command::new(program("examples/multipart"));
        for name in KEY_VARIABLES {
            command.env_remove(name);
        }
        command.envs(shell.variables.clone()).output().expect("the example starts")
    };
    for operation in ["Upload Part", "Complete Multipart Upload"] {
        emulator.script(Rule::on(operation).then(Action::status(403, "AccessDenied")));
        let output = run();
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(1) && told.starts_with(&format!("{operation} ")), "{told}");
        assert!(emulator.uploads(emulator.bucket()).is_empty(), "{operation}");
    }
    // Where the object may be there by now, nothing is aborted.
    emulator.script(Rule::on("Complete Multipart Upload").always().then(Action::ResetBeforeHeaders));
    assert_eq!(run().status.code(), Some(1));
    assert_eq!(emulator.uploads(emulator.bucket()).len(), 1);
    emulator.clear_script();
    assert_eq!(run().status.code(), Some(0));
}

/// The header signatures of a file that follow COS's documents.
fn vectors(json: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(json).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    cases.into_iter().filter(|case| case["kind"] == "header" && case["expect_spec"] != json!(false)).collect()
}

/// Runs `cos sign` with the key of a vector.
fn sign(shell: &Shell, case: &Value, token: Option<&str>, headers: &[&Value]) -> Value {
    let request = json!({
        "method": case["method"], "path": case["path"], "params": case["params"], "headers": headers,
        "start": case["start"], "end": case["end"],
    });
    shell.write("request.json", request.to_string());
    let mut command = shell.command();
    command.args(["sign", "--request", "request.json"]);
    command.env("TENCENTCLOUD_SECRET_ID", case["secret_id"].as_str().unwrap());
    command.env("TENCENTCLOUD_SECRET_KEY", case["secret_key"].as_str().unwrap());
    if let Some(token) = token {
        command.env("TENCENTCLOUD_TOKEN", token);
    }
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{}", case["id"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn sign_reproduces_every_signature_of_the_official_sdks() {
    let shell = Shell::offline();
    let cases = vectors(include_str!("../golden/sdk_vectors.json"));
    let published = vectors(include_str!("../golden/official_examples.json"));
    assert_eq!((cases.len(), published.len()), (135, 3));
    let mut tokens = 0;
    for case in cases.iter().chain(&published) {
        let signed = case["signed_header_names"].as_array();
        let is_signed = |header: &Value| {
            let name = header[0].as_str().unwrap().to_ascii_lowercase();
            signed.is_none_or(|names| names.iter().any(|signed| *signed == name))
        };
        let headers: Vec<_> = case["headers"].as_array().unwrap().iter().filter(|header| is_signed(header)).collect();
        let check = |stages: &Value| {
            for stage in ["http_string", "string_to_sign", "signature", "authorization"] {
                assert!(case[stage].is_string(), "{} {stage}", case["id"]);
                assert_eq!(stages[stage], case[stage], "{} {stage}", case["id"]);
            }
        };
        check(&sign(&shell, case, None, &headers));
        let is_token = |header: &&Value| header[0].as_str().unwrap().eq_ignore_ascii_case("x-cos-security-token");
        if let Some(token) = headers.iter().copied().find(is_token) {
            // From the environment it is signed once, whether it is among the headers or not.
            tokens += 1;
            check(&sign(&shell, case, token[1].as_str(), &headers));
            let others: Vec<_> = headers.iter().copied().filter(|header| !is_token(header)).collect();
            check(&sign(&shell, case, token[1].as_str(), &others));
        }
    }
    assert_eq!(tokens, 4);
}

#[test]
fn sign_takes_a_request_from_arguments_as_from_standard_input() {
    let mut shell = Shell::offline();
    shell.variables = [("TENCENTCLOUD_SECRET_ID", "AKIDexample"), ("TENCENTCLOUD_SECRET_KEY", "example")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let arguments = ["--method", "PUT", "--path", "/a b", "--param", "acl", "--param", "x=1=2"];
    let more = ["--header", "Host: h.example.com", "--header", "X-Cos-Meta-A:b:c", "--start", "1", "--end", "2"];
    let by_arguments = shell.json(&[&["sign"][..], &arguments, &more].concat());
    let request = json!({
        "method": "PUT", "path": "/a b", "params": [["x", "1=2"], ["acl", ""]],
        "headers": [["host", "h.example.com"], ["x-cos-meta-a", "b:c"]], "start": 1, "end": 2,
    });
    let output = shell.fed(&["sign", "--request", "-"], request.to_string().as_bytes());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), by_arguments[0]);
    let expected = "put\n/a b\nacl=&x=1%3D2\nhost=h.example.com&x-cos-meta-a=b%3Ac\n";
    assert_eq!(by_arguments[0]["http_string"], expected);
    let output = shell.fed(&["sign", "--request", "-"], br#"{"method":"GET"}"#);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("cos: -: missing field `path`"), "{}", text(&output.stderr));
}
