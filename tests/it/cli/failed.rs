//! `--json` when something fails.

use std::fs;
use std::path::Path;
use std::process::Output;

use cos_emulator::{Action, Emulator, Matcher, Rule};
use serde_json::{Value, json};

use super::shell::{Shell, text};

/// The lines of standard output, and the last of standard error.
fn told(output: &Output) -> (Vec<Value>, Value) {
    let parsed = |line: &str| serde_json::from_str::<Value>(line).expect(line);
    let last = text(&output.stderr).lines().last().map_or(Value::Null, parsed);
    (text(&output.stdout).lines().map(parsed).collect(), last["error"].clone())
}

fn deny(emulator: &Emulator, operation: &'static str, key: &str) {
    let matcher = Matcher::operation(operation).key(key);
    emulator.script(Rule::on(matcher).then(Action::status(403, "AccessDenied")).always());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_last_failure_is_a_line_of_json() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let url = shell.url("no/k\u{9b}");
    let output = shell.run(&["--json", "cat", &url]);
    let (printed, error) = told(&output);
    assert_eq!((output.status.code(), printed.len(), text(&output.stderr).lines().count()), (Some(1), 0, 1));
    assert!(!text(&output.stderr).contains('\u{9b}'));
    for (field, value) in [
        ("kind", json!("Service")),
        ("code", json!("NoSuchKey")),
        ("status", json!(404)),
        ("target", json!(url.strip_prefix("cos://"))),
    ] {
        assert_eq!(error[field], value, "{error}");
    }
    assert!(error["request_id"].is_string() && error["upload_id"].is_null(), "{error}");
    assert!(error["message"].as_str().unwrap().contains("COS answered 404"), "{error}");
    assert!(error["hint"].as_str().unwrap().starts_with("`cos ls "), "{error}");
    for (arguments, status, kind, message) in [
        (&["cp", "absent", &url][..], 1, "Io", "absent: "),
        (&["cp", ".", &url], 1, "Failed", ".: is a directory"),
        (&["cp", "in", "out"], 2, "Usage", "neither SRC nor DST"),
        (&["cat", "--range", "x", &url], 2, "Usage", "error: invalid value 'x' for '--range"),
        (&["rm", &shell.url("")], 2, "Usage", "key: is empty"),
    ] {
        let output = shell.run(&[arguments, &["--json"]].concat());
        let (_, error) = told(&output);
        assert_eq!(
            (output.status.code(), error["kind"].as_str()),
            (Some(status), Some(kind)),
            "{arguments:?}: {error}"
        );
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_file_of_a_tree_that_fails_is_a_line_of_json() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for name in ["a", "b"] {
        shell.write(&format!("tree/{name}"), "x");
        emulator.put_object(emulator.bucket(), &format!("from/{name}"), "x");
    }
    let (from, up, across) = (shell.url("from/"), shell.url("up/"), shell.url("across/"));
    deny(&emulator, "PUT Object", "up/b");
    deny(&emulator, "GET Object", "from/b");
    deny(&emulator, "PUT Object - Copy", "across/b");
    for (arguments, target) in [
        (["cp", "-r", "tree", &up], Path::new("tree").join("b").display().to_string()),
        (["cp", "-r", &from, "down"], format!("{from}b")),
        (["cp", "-r", &from, &across], format!("{from}b")),
    ] {
        let output = shell.run(&[&arguments[..], &["--json"]].concat());
        let (lines, error) = told(&output);
        assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(1), 1), "{arguments:?}");
        let failed: Vec<_> = lines.iter().filter(|line| line["action"] == "failed").collect();
        assert_eq!((lines.len(), failed.len(), &failed[0]["target"]), (3, 1, &json!(target)), "{lines:?}");
        let why = &failed[0]["error"];
        assert_eq!(
            (&why["kind"], &why["code"], &why["status"]),
            (&json!("Service"), &json!("AccessDenied"), &json!(403))
        );
        assert!(why["request_id"].is_string(), "{why}");
        assert_eq!((&lines[2]["action"], &lines[2]["failed"]), (&json!("sum"), &json!(1)));
        assert_eq!(error["kind"], "Failed", "{error}");
    }
}

/// An object that is not removed has no file, nor a file in the way an object.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_failed_is_named_where_it_is() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    shell.write("tree/a", "x");
    for key in ["up/a", "up/gone"] {
        emulator.put_object(emulator.bucket(), key, "x");
    }
    let up = shell.url("up/");
    emulator.script(Rule::on("DELETE Multiple Objects").then(Action::status(403, "AccessDenied")).always());
    let (lines, _) = told(&shell.run(&["--json", "sync", "--delete", "--by", "size", "tree", &up]));
    assert_eq!(
        (&lines[0]["action"], &lines[0]["target"]),
        (&json!("failed"), &json!(format!("{up}gone"))),
        "{lines:?}"
    );

    // A path of a directory that is longer than the system takes.
    let mut deep = shell.path("tree");
    while fs::create_dir(deep.join("d".repeat(100))).is_ok() {
        deep.push("d".repeat(100));
    }
    deep.pop();
    let open = cap_std::fs::Dir::open_ambient_dir(&deep, cap_std::ambient_authority()).unwrap();
    let locked = "l".repeat(200);
    open.create_dir(&locked).unwrap();
    let (lines, _) = told(&shell.run(&["--json", "sync", &up, deep.to_str().unwrap()]));
    let failed = lines.iter().find(|line| line["action"] == "failed").unwrap();
    assert_eq!(failed["target"], json!(deep.join(locked)), "{lines:?}");
}

/// What ends with the others is not told as a failure of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn as_many_failures_are_told_as_are_counted() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    fs::create_dir(shell.path("tree")).unwrap();
    for number in 0..10 {
        shell.write(&format!("tree/{number}"), "x");
    }
    let stall = Action::StallBeforeHeaders(std::time::Duration::from_secs(20));
    emulator.script(Rule::on(Matcher::operation("PUT Object").key("up/0")).then(stall).always());
    let gone = Action::status(404, "NoSuchBucket");
    for number in 1..10 {
        let put = Matcher::operation("PUT Object").key(format!("up/{number}"));
        emulator.script(Rule::on(put).then(gone.clone()).always());
    }
    let output = shell.run(&["--json", "cp", "-r", "tree", &shell.url("up/")]);
    let (lines, _) = told(&output);
    let failed: Vec<_> = lines.iter().filter(|line| line["action"] == "failed").collect();
    let sum = lines.last().unwrap();
    assert_eq!(sum["failed"], failed.len(), "{lines:?}");
    assert!(failed.iter().all(|line| line["error"]["code"] == "NoSuchBucket"), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_object_that_stays_is_a_line_of_json() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    for key in ["a", "b", "c", "d\u{1}"] {
        emulator.put_object(emulator.bucket(), key, "x");
    }
    let answer = "<DeleteResult><Deleted><Key>a</Key></Deleted>\
                  <Error><Key>b</Key><Code>ObjectLocked</Code><Message>Locked.</Message></Error></DeleteResult>";
    let answer = Action::RawBody { status: 200, headers: Vec::new(), body: answer.into() };
    emulator.script(Rule::on("DELETE Multiple Objects").then(answer));
    deny(&emulator, "DELETE Object", "d\u{1}");
    let output = shell.run(&["--json", "rm", "-r", &shell.url("")]);
    let (lines, error) = told(&output);
    assert_eq!((output.status.code(), lines.len(), text(&output.stderr).lines().count()), (Some(1), 5, 1), "{lines:?}");
    let seen: Vec<_> = lines[..4].iter().map(|it| json!([it["action"], it["error"]["code"]])).collect();
    let failed = |code| json!(["failed", code]);
    assert_eq!(
        seen,
        [json!(["delete", null]), failed(json!("ObjectLocked")), failed(json!(null)), failed(json!("AccessDenied"))]
    );
    assert_eq!(lines[1]["target"], shell.url("b"));
    assert!(lines[1]["error"]["request_id"].is_string(), "{lines:?}");
    assert_eq!(lines[4], json!({ "action": "sum", "removed": 1, "failed": 3, "dry_run": false }));
    assert_eq!(error["message"], "3 of 4 objects were not removed");
}

#[cfg(unix)]
#[test]
fn links_that_stay_behind_are_lines_of_json() {
    let shell = Shell::new();
    fs::create_dir(shell.path("tree")).unwrap();
    std::os::unix::fs::symlink("absent", shell.path("tree/link")).unwrap();
    let lines = shell.json(&["cp", "-r", "tree", &shell.url("up/")]);
    assert_eq!(lines[0], json!({ "action": "link", "target": "tree/link" }));
}
