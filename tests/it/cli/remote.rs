//! Buckets, versions, copies inside COS, and URLs for others.

use std::collections::BTreeSet;
use std::fs;

use cos_emulator::{Action, Matcher, Rule};
use reqwest::Method;
use serde_json::{Value, json};

use super::shell::{Shell, bytes, text};

const BUCKETS: [&str; 6] = [
    "--bucket",
    "examplebucket-1250000000",
    "--bucket",
    "far-1250000000@ap-shanghai",
    "--versioned",
    "kept-1250000000",
];

/// A shell that also has a bucket in another region, and one that keeps versions.
fn shell() -> Shell {
    Shell::with(&BUCKETS)
}

fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn ls_without_argument_lists_the_buckets_of_all_regions() {
    let shell = shell();
    let listed = shell.json(&["ls"]);
    let seen: Vec<_> =
        listed.iter().map(|it| (it["bucket"].as_str().unwrap(), it["region"].as_str().unwrap())).collect();
    let expected = [
        ("examplebucket-1250000000", "ap-guangzhou"),
        ("far-1250000000", "ap-shanghai"),
        ("kept-1250000000", "ap-guangzhou"),
    ];
    assert_eq!(seen, expected);
    for bucket in &listed {
        assert_eq!(fields(bucket), BTreeSet::from(["type", "bucket", "region", "created"]));
        assert!(bucket["type"] == "bucket" && bucket["created"].as_str().unwrap().ends_with('Z'), "{bucket}");
    }
    let printed = shell.done(&["ls"]);
    let words: Vec<_> = text(&printed).lines().nth(1).unwrap().split_whitespace().skip(1).collect();
    assert_eq!(words, ["ap-shanghai", "far-1250000000"]);
    let told = shell.run(&["-v", "ls"]);
    assert!(text(&told.stderr).contains("  GET Service: attempt answered "), "{told:?}");
}

#[test]
fn cp_copies_between_buckets_and_regions() {
    let shell = shell();
    let content = bytes(300_000);
    shell.write("in", &content);
    for key in ["plain", "a b+%2F?#.txt", "目录/😀.bin", "a/../b", "/lead"] {
        let (near, far, back) =
            (shell.url(key), format!("cos://far-1250000000/x/{key}"), shell.url(&format!("back{key}")));
        shell.done(&["cp", "in", &near]);
        let there = &shell.json(&["cp", &near, &far, "--region", "ap-shanghai", "--source-region", "ap-guangzhou"])[0];
        let again = &shell.json(&["cp", &far, &back, "--source-region", "ap-shanghai"])[0];
        let stat = &shell.json(&["stat", &near])[0];
        for (copy, source, destination) in [(there, &near, &far), (again, &far, &back)] {
            assert_eq!((&copy["source"], &copy["destination"]), (&json!(source), &json!(destination)));
            assert_eq!((&copy["size"], &copy["crc64"]), (&json!(300_000), &stat["crc64"]), "{key}");
            let expected = "crc64 destination etag parts request_id size source source_version_id version_id";
            assert_eq!(fields(copy), expected.split(' ').collect());
        }
        assert!(shell.done(&["cat", &back]) == content, "{key}");
    }
    let (status, told) = shell.failed(&["cp", &shell.url("absent"), "cos://far-1250000000/k"]);
    assert!(status == 1 && told.contains("HEAD Object examplebucket-1250000000/absent: COS answered 404"), "{told}");
    // The region of the source is told to COS, and a wrong one is not ignored.
    let (status, told) = shell.failed(&["cp", "cos://far-1250000000/x/plain", &shell.url("k")]);
    assert!(status == 1 && told.contains("PUT Object - Copy") && told.contains("404"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn cp_inside_cos_refuses_what_it_cannot_copy_as_it_was() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let shell = Shell::over(&emulator);
    let (source, destination) = (shell.url("k"), shell.url("copy"));

    // Somebody replaced the object between the look and the copy.
    let head = vec![("Content-Length".to_owned(), "5".to_owned()), ("ETag".to_owned(), "\"e\"".to_owned())];
    emulator.script(Rule::on("HEAD Object").then(Action::RawBody { status: 200, headers: head, body: "".into() }));
    let (status, told) = shell.failed(&["cp", &source, &destination]);
    assert!(status == 1 && told.contains("412 PreconditionFailed"), "{told}");

    let other = "<CopyObjectResult><ETag>\"e\"</ETag><CRC64>7</CRC64></CopyObjectResult>";
    let other = Action::RawBody { status: 200, headers: Vec::new(), body: other.into() };
    emulator.script(Rule::on("PUT Object - Copy").then(other));
    let (status, told) = shell.failed(&["cp", &source, &destination]);
    assert!(status == 1 && told.contains("its copy 7"), "{told}");
    assert!(emulator.object(emulator.bucket(), "copy").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn mv_renames_and_keeps_what_was_replaced_meanwhile() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let object = |key: &str| emulator.object(emulator.bucket(), key);
    emulator.put_object(emulator.bucket(), "notes/a b", "hello");
    let told = shell.json(&["mv", &shell.url("notes/a b"), &shell.url("archive/"), "--storage-class", "ARCHIVE"]);
    assert_eq!((&told[0]["destination"], &told[1]["key"]), (&json!(shell.url("archive/a b")), &json!("notes/a b")));
    let moved = object("archive/a b").expect("the object");
    assert_eq!((moved.bytes().as_ref(), moved.storage_class()), (&b"hello"[..], "ARCHIVE"));
    assert!(object("notes/a b").is_none());

    emulator.put_object(emulator.bucket(), "k", "hello");
    for wrong in [[&shell.url("k"), &shell.url("k")], [&shell.url("none"), &shell.url("to")]] {
        assert!(shell.failed(&["mv", wrong[0], wrong[1]]).0 > 0);
        assert!(object("k").is_some() && object("to").is_none());
    }
    // It is looked at again before it is removed.
    let replaced = Matcher::operation("HEAD Object").key("k").header("if-match");
    emulator.script(Rule::on(replaced).then(Action::status(412, "PreconditionFailed")));
    let moved = shell.run(&["mv", &shell.url("k"), &shell.url("to")]);
    let told = text(&moved.stderr);
    assert!(moved.status.code() == Some(1) && told.contains("and not removed") && told.contains("412"), "{told}");
    assert!(object("k").is_some() && object("to").is_some());
}

#[test]
fn versions_are_listed_read_copied_and_removed() {
    let shell = shell();
    let bucket = "cos://kept-1250000000";
    let url = format!("{bucket}/notes/a b.txt");
    shell.put(&url, "one");
    shell.put(&url, "second");
    shell.put(&format!("{bucket}/other"), "x");
    let marker = &shell.json(&["rm", &url])[0];
    assert_eq!(marker["delete_marker"], true);

    let level = shell.json(&["ls", "--versions", bucket]);
    assert_eq!(level.iter().map(|it| it["type"].as_str().unwrap()).collect::<Vec<_>>(), ["prefix", "version"]);
    let listed = shell.json(&["ls", "--versions", "--recursive", &format!("{bucket}/notes/")]);
    let seen: Vec<_> = listed.iter().map(|it| json!([it["latest"], it["delete_marker"], it["size"]])).collect();
    assert_eq!(seen, [json!([true, true, null]), json!([false, false, 6]), json!([false, false, 3])]);
    assert_eq!(listed[0]["version_id"], marker["version_id"]);
    let expected = "delete_marker etag key last_modified latest size storage_class type version_id";
    assert!(listed.iter().all(|it| fields(it) == expected.split(' ').collect() && it["key"] == "notes/a b.txt"));
    let (printed, sum) = shell.listed(&["--versions", "-r", &url]);
    assert_eq!(sum, "2 versions, 9 bytes\n");
    let lines: Vec<Vec<_>> = printed.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    let id = |at: usize| listed[at]["version_id"].as_str().expect("an id");
    assert_eq!(lines[0], ["MARKER", "latest", id(0), "notes/a", "b.txt"]);
    assert_eq!(lines[2], ["3", id(2), "notes/a", "b.txt"]);

    assert_eq!(shell.failed(&["cat", &url]).0, 1);
    assert_eq!(shell.done(&["cat", &url, "--version-id", id(2)]), b"one");
    let stat = &shell.json(&["stat", &url, "--version-id", id(1)])[0];
    assert_eq!((&stat["size"], &stat["version_id"]), (&json!(6), &json!(id(1))));
    shell.done(&["cp", &url, "out", "--version-id", id(2)]);
    assert_eq!(fs::read(shell.path("out")).unwrap(), b"one");
    // An old version is brought back by copying it onto its own key.
    let back = &shell.json(&["cp", &url, &url, "--version-id", id(2)])[0];
    assert_eq!((&back["size"], &back["source_version_id"]), (&json!(3), &json!(id(2))));
    assert_eq!(shell.done(&["cat", &url]), b"one");
    // Without the copy and without the marker the second is the latest again.
    for version in [back["version_id"].as_str().unwrap(), id(0)] {
        assert_eq!(shell.json(&["rm", &url, "--version-id", version])[0]["version_id"], version);
    }
    assert_eq!(shell.done(&["cat", &url]), b"second");
}

/// A client that knows nothing of COS.
fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn presigned_urls_work_for_anybody_and_for_one_method() {
    let shell = shell();
    let url = shell.url("a b/+世界?.txt");
    let use_it = async |method: Method, url: &str, body: &'static str| {
        let response = http().request(method, url).body(body).send().await.expect("an answer");
        let (status, length) = (response.status().as_u16(), response.headers().get("content-length").cloned());
        (status, length, response.text().await.expect("a body"))
    };
    let presign = |arguments: &[&str]| {
        let printed = shell.done(&[&["presign", &url], arguments].concat());
        text(&printed).strip_suffix('\n').expect("one line").to_owned()
    };
    let put = presign(&["--method", "PUT", "--expires", "60"]);
    assert_eq!(use_it(Method::PUT, &put, "hello").await.0, 200);
    let get = presign(&[]);
    let (status, _, body) = use_it(Method::GET, &get, "").await;
    assert_eq!((status, body.as_str()), (200, "hello"));
    assert_eq!(use_it(Method::PUT, &get, "other").await.0, 403);
    let head = presign(&["--method", "head"]);
    let (status, length, _) = use_it(Method::HEAD, &head, "").await;
    assert!(status == 200 && length.is_some_and(|length| length == "5"));
    assert_eq!(use_it(Method::DELETE, &presign(&["--method=DELETE"]), "").await.0, 204);
    assert_eq!(use_it(Method::GET, &get, "").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_presigned_url_is_told_as_json_and_ends_in_time() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let shell = Shell::over(&emulator);
    let version = text(&shell.done(&["presign", &shell.url("k"), "--version-id", "null"])).trim().to_owned();
    assert!(version.contains("?versionId=null&"), "{version}");
    let response = http().get(version).send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
    emulator.clear_journal();
    let signed = &shell.json(&["presign", &shell.url("k")])[0];
    assert_eq!(fields(signed), BTreeSet::from(["method", "url", "headers", "expires_at"]));
    assert_eq!((&signed["method"], &signed["headers"]), (&json!("GET"), &json!({})));
    assert!(signed["expires_at"].as_str().unwrap().ends_with('Z'), "{}", signed["expires_at"]);
    assert!(emulator.journal().is_empty(), "nothing is sent");

    let status = async || http().get(signed["url"].as_str().unwrap()).send().await.unwrap().status().as_u16();
    assert_eq!(status().await, 200);
    emulator.shift_clock(890);
    assert_eq!(status().await, 200);
    emulator.shift_clock(910);
    assert_eq!(status().await, 403);
}

#[test]
fn every_command_tells_an_example() {
    let shell = Shell::offline();
    let help = shell.done(&["--help"]);
    let commands: Vec<_> = text(&help)
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    let all = "mb rb ls du stat cat cp mv sync orphans lifecycle inventory tiering cors encryption website referer accelerate \
               versioning logging replication domain certificate origin rm ln tag restore lock select acl policy presign sts sign \
               completion";
    assert_eq!(commands, all.split(' ').collect::<Vec<_>>());
    assert!(text(&help).contains("Exit status: 0 done, 1 failed, 2 wrong usage"));
    for command in commands {
        let help = shell.done(&[command, "--help"]);
        let (_, examples) = text(&help).split_once("Example").expect(command);
        assert!(examples.contains(&format!("cos {command}")), "{examples}");
    }
    assert!(text(&shell.done(&["rm", "--help"])).contains("Versions are not touched"));
}
