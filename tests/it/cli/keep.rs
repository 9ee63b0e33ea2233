//! `cos tag` and `cos restore`: what COS keeps with an object is changed, and its bytes are not.

use bytes::Bytes;
use cos_emulator::{Action, Emulator, Matcher, Rule};
use serde_json::json;
use tencent_cos::{Attributes, PutObject, StorageClass};

use super::shell::{Shell, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tags_are_shown_given_and_removed() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "a b", "x");
    let shell = Shell::over(&emulator);
    let url = shell.url("a b");
    assert_eq!(text(&shell.done(&["tag", &url])), "");
    assert_eq!(shell.json(&["tag", &url])[0]["tags"], json!({}));
    let given = shell.done(&["tag", &url, "team=blue", "equation=a=b", "long name=夏", "empty="]);
    assert!(text(&given).starts_with(&format!("gave {url} 4 tags (request id ")), "{}", text(&given));
    let stored = emulator.object(emulator.bucket(), "a b").unwrap();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        stored.tags(),
        [pair("team", "blue"), pair("equation", "a=b"), pair("long name", "夏"), pair("empty", "")]
    );
    let shown = shell.done(&["tag", &url]);
    let lines: Vec<&str> = text(&shown).lines().map(str::trim_end).collect();
    assert_eq!(lines, ["team       blue", "equation   a=b", "long name  夏", "empty"]);
    let replaced = &shell.json(&["tag", &url, "one=1"])[0];
    let fields: Vec<&str> = replaced.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["bucket", "key", "request_id", "tags", "version_id"]);
    assert_eq!((&replaced["tags"], &replaced["version_id"]), (&json!({ "one": "1" }), &json!(null)));
    assert_eq!(shell.json(&["tag", &url])[0]["tags"], json!({ "one": "1" }));
    let removed = shell.done(&["tag", &url, "--delete"]);
    assert!(text(&removed).starts_with(&format!("removed the tags of {url} (request id ")));
    assert!(emulator.object(emulator.bucket(), "a b").unwrap().tags().is_empty());
    let (status, told) = shell.failed(&["tag", &shell.url("none")]);
    assert!(status == 1 && told.contains("COS answered 404 NoSuchKey"), "{told}");
}

#[test]
fn tags_of_a_version_are_its_own() {
    let shell = Shell::with(&["--versioned", "kept-1250000000"]);
    let url = shell.url("k");
    shell.put(&url, "one");
    let first = shell.json(&["stat", &url])[0]["version_id"].as_str().unwrap().to_owned();
    shell.put(&url, "two");
    let given = &shell.json(&["tag", &url, "v=1", "--version-id", &first])[0];
    assert_eq!(given["version_id"], first.as_str());
    assert_eq!(shell.json(&["tag", &url, "--version-id", &first])[0]["tags"], json!({ "v": "1" }));
    assert_eq!(shell.json(&["tag", &url])[0]["tags"], json!({}));
    shell.done(&["tag", &url, "--version-id", &first, "--delete"]);
    assert_eq!(shell.json(&["tag", &url, "--version-id", &first])[0]["tags"], json!({}));
}

async fn archived() -> (Emulator, Shell) {
    let emulator = crate::support::emulator().await;
    let put = PutObject::new("k".parse().unwrap(), "x");
    let put = put.attributes(Attributes::new().storage_class(StorageClass::DEEP_ARCHIVE));
    crate::support::bucket(&emulator).send(put).await.unwrap();
    let shell = Shell::over(&emulator);
    (emulator, shell)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_archived_object_is_restored() {
    let (emulator, shell) = archived().await;
    let url = shell.url("k");
    let (status, told) = shell.failed(&["cat", &url]);
    assert!(status == 1 && told.contains("hint: restore it first, with `cos restore`"), "{told}");
    let (status, told) = shell.failed(&["restore", &url, "--days", "2", "--tier", "expedited"]);
    assert!(status == 1 && told.contains("COS answered 400 InvalidArgument"), "{told}");
    let begun = shell.done(&["restore", &url, "--days", "2", "--tier", "bulk"]);
    assert!(text(&begun).starts_with(&format!("restoring: {url}, for 2 days (request id ")), "{}", text(&begun));
    assert_eq!(shell.json(&["stat", &url])[0]["restore"], "ongoing-request=\"true\"");
    let (status, told) = shell.failed(&["restore", &url, "--days", "2"]);
    assert!(status == 1 && told.contains("COS answered 409 RestoreAlreadyInProgress"), "{told}");
    assert!(told.contains(&format!("hint: `cos stat {url}` tells how far it is")), "{told}");
    let (status, told) = shell.failed(&["restore", &url, "--days", "366"]);
    assert!(status == 2 && told.contains("366 is not in 1..=365"), "{told}");
    let record = emulator.journal().into_iter().find(|it| it.operation == "POST Object restore").unwrap();
    assert_eq!(record.status, Some(400));

    let (emulator, shell) = archived().await;
    let url = shell.url("k");
    let begun = &shell.json(&["restore", &url, "--days", "1"])[0];
    let fields: Vec<&str> = begun.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["bucket", "days", "key", "request_id", "was_restored"]);
    assert_eq!((&begun["days"], &begun["was_restored"]), (&json!(1), &json!(false)));
    assert_eq!(emulator.count("POST Object restore"), 1);

    // One that comes back for good has no days.
    let (status, told) = shell.failed(&["restore", &url, "--intelligent-tiering", "--days", "1"]);
    assert!(status == 2 && told.contains("cannot be used with"), "{told}");
    let (status, told) = shell.failed(&["restore", &url, "--intelligent-tiering"]);
    assert!(status == 1 && told.contains("Days must be a number from 1 to 365"), "{told}");
    let begun = Action::RawBody { status: 202, headers: Vec::new(), body: Bytes::new() };
    emulator.script(Rule::on("POST Object restore").then(begun));
    let begun = shell.done(&["restore", &url, "--intelligent-tiering"]);
    assert!(text(&begun).starts_with(&format!("restoring: {url} (request id ")), "{}", text(&begun));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_archived_in_a_folder_is_restored() {
    let emulator = crate::support::emulator().await;
    let put = async |key: &str, class| {
        let put = PutObject::new(key.parse().unwrap(), "x").attributes(Attributes::new().storage_class(class));
        crate::support::bucket(&emulator).send(put).await.unwrap();
    };
    for key in ["old/a", "old/b.tmp", "old/c", "older"] {
        put(key, StorageClass::ARCHIVE).await;
    }
    put("old/new", StorageClass::STANDARD_IA).await;
    let shell = Shell::over(&emulator);
    let (folder, sent) = (shell.url("old/"), || emulator.count("POST Object restore"));

    let shown = shell.done(&["restore", "-r", &folder, "--days", "2", "--dry-run", "--exclude", "*.tmp"]);
    let expected = ["a", "c"].map(|name| format!("would restore: {folder}{name}, for 2 days\n")).concat();
    assert_eq!((text(&shown), sent()), (&*expected, 0));

    emulator.script(
        Rule::on(Matcher::operation("POST Object restore").key("old/a")).then(Action::status(403, "AccessDenied")),
    );
    let output = shell.run(&["restore", "-r", &folder, "--days", "2", "--exclude", "*.tmp"]);
    assert_eq!((output.status.code(), sent()), (Some(1), 2));
    assert!(text(&output.stdout).starts_with(&format!("restoring: {folder}c, for 2 days (request id ")));
    let told: Vec<&str> = text(&output.stderr).lines().collect();
    assert!(told[0].starts_with(&format!("cos: {folder}a: POST Object restore ")), "{told:?}");
    assert_eq!(told[1], "cos: 1 of 2 objects were not restored");

    // One of them is on its way by now.
    let begun = shell.json(&["restore", "-r", &folder, "--days", "2"]);
    let seen: Vec<_> = begun.iter().map(|it| json!([it["action"], it["key"], it["was_restored"]])).collect();
    let line = |key: &str, was_restored| json!(["restore", key, was_restored]);
    let (a, b, c) = (line("old/a", Some(false)), line("old/b.tmp", Some(false)), line("old/c", None));
    assert_eq!(seen, [a, b, c, json!(["sum", null, null])]);
    assert_eq!(begun[3], json!({ "action": "sum", "begun": 3, "failed": 0, "dry_run": false }));

    let (status, told) = shell.failed(&["restore", "-r", &shell.url("old"), "--days", "2"]);
    assert!(status == 2 && told.contains("names no folder"), "{told}");
}
