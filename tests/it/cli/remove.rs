//! `cos rm --recursive`.

use cos_emulator::{Action, Emulator, Matcher, Rule};
use serde_json::{Value, json};

use super::shell::{Shell, text};

const LISTED: &str = "DELETE Multiple Objects";

/// The keys that lines of `ls`, or of a removal before its sum, tell of.
fn keys(lines: &[Value]) -> Vec<&str> {
    let lines = lines.iter().filter(|it| it["action"] != "sum");
    lines.map(|it| it["key"].as_str().expect("a key")).collect()
}

fn sent(emulator: &Emulator, operation: &str) -> usize {
    emulator.journal().iter().filter(|record| record.operation == operation).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rm_recursive_removes_what_begins_with_the_prefix_a_thousand_at_once() {
    let emulator = crate::support::emulator().await;
    for number in 0..1500 {
        emulator.put_object(emulator.bucket(), &format!("p/{number:04}"), "x");
    }
    // The last two cannot stand in XML.
    let odd =
        ["p/a&b<c>\"'", "p/ lead and trail ", "p/..", "p//", "p/世界😀", "p/tab\tline\n", "p/\u{1}", "p/return\r"];
    for key in odd {
        emulator.put_object(emulator.bucket(), key, "x");
    }
    for key in ["P/0000", "p", "q/0000"] {
        emulator.put_object(emulator.bucket(), key, "kept");
    }
    let shell = Shell::over(&emulator);

    let shown = shell.json(&["rm", "--recursive", "--dry-run", &shell.url("p/")]);
    assert_eq!((shown.len(), sent(&emulator, LISTED), sent(&emulator, "DELETE Object")), (1509, 0, 0));
    assert_eq!(shown[1508], json!({ "action": "sum", "removed": 1508, "failed": 0, "dry_run": true }));
    let bucket = emulator.bucket();
    assert!(
        shown.contains(&json!({
            "action": "delete",
            "bucket": bucket,
            "key": "p/\u{1}",
            "version_id": null,
            "size": 1,
            "delete_marker": null,
            "request_id": null,
            "dry_run": true,
        })),
        "{shown:?}"
    );
    let printed = shell.done(&["rm", "-r", "--dry-run", &shell.url("p/"), "--include", "tab*"]);
    assert_eq!(text(&printed), format!("would remove cos://{bucket}/p/tab\\tline\\n\n"));

    let removed = shell.json(&["rm", "--recursive", &shell.url("p/")]);
    assert_eq!((removed.len(), sent(&emulator, LISTED), sent(&emulator, "DELETE Object")), (1509, 2, 2));
    assert_eq!(removed[1508], json!({ "action": "sum", "removed": 1508, "failed": 0, "dry_run": false }));
    let (mut told, mut expected) = (keys(&removed), keys(&shown));
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
    for line in &removed[..1508] {
        assert!(line.as_object().unwrap().keys().eq(shown[0].as_object().unwrap().keys()), "{line}");
        assert_eq!((&line["size"], &line["dry_run"]), (&json!(1), &json!(false)), "{line}");
    }
    assert_eq!(keys(&shell.json(&["ls", "-r", &shell.url("")])), ["P/0000", "p", "q/0000"]);
    // Nothing is there any more, and that is no failure.
    assert!(shell.done(&["rm", "--recursive", &shell.url("p/")]).is_empty());
}

#[test]
fn a_whole_bucket_goes_only_when_it_is_said() {
    let shell = Shell::new();
    let bucket = shell.url("").trim_end_matches('/').to_owned();
    for key in ["a", "b/c", "..x"] {
        shell.put(&shell.url(key), "x");
    }
    assert_eq!(shell.failed(&["rm", &bucket]).0, 2);
    assert_eq!(shell.json(&["rm", "-r", "--dry-run", &bucket]).len(), 4);
    let printed = shell.done(&["rm", "-r", &bucket]);
    let told: Vec<_> = text(&printed).lines().map(|line| line.split(" (request id ").next().unwrap()).collect();
    assert_eq!(told, ["..x", "a", "b/c"].map(|key| format!("removed {bucket}/{key}")));
    shell.done(&["rb", &bucket]);
}

#[test]
fn versions_stay_behind_delete_markers() {
    let shell = Shell::with(&["--versioned", "kept-1250000000"]);
    for key in ["a", "b"] {
        shell.put(&shell.url(key), "x");
    }
    let removed = shell.json(&["rm", "--recursive", &shell.url("")]);
    let removed = &removed[..2];
    assert!(removed.iter().all(|it| it["delete_marker"] == true && it["version_id"].is_string()), "{removed:?}");
    assert!(shell.listed(&[&shell.url("")]).0.is_empty());
    let versions = shell.json(&["ls", "--versions", &shell.url("")]);
    let seen: Vec<_> = versions.iter().map(|it| json!([it["key"], it["delete_marker"], it["latest"]])).collect();
    let expected =
        [json!(["a", true, true]), json!(["a", false, false]), json!(["b", true, true]), json!(["b", false, false])];
    assert_eq!(seen, expected);
    assert_eq!(
        (&versions[0]["version_id"], &versions[2]["version_id"]),
        (&removed[0]["version_id"], &removed[1]["version_id"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_failure_has_a_line_and_the_rest_goes_on() {
    let emulator = crate::support::emulator().await;
    let bucket = emulator.bucket().to_owned();
    for key in ["a", "b", "c", "d\u{1}", "e\u{2}"] {
        emulator.put_object(&bucket, key, "x");
    }
    let shell = Shell::over(&emulator);
    let answer = "<DeleteResult><Deleted><Key>a</Key></Deleted>\
                  <Error><Key>b</Key><Code>ObjectLocked</Code><Message>Locked.</Message></Error></DeleteResult>";
    let answer = Action::RawBody { status: 200, headers: Vec::new(), body: answer.into() };
    emulator.script(Rule::on(LISTED).then(answer));
    emulator
        .script(Rule::on(Matcher::operation("DELETE Object").key("d\u{1}")).then(Action::status(403, "AccessDenied")));
    let output = shell.run(&["rm", "-r", &shell.url("")]);
    let told: Vec<_> = text(&output.stderr).lines().collect();
    assert_eq!((output.status.code(), told.len()), (Some(1), 4), "{told:?}");
    assert!(told[0].starts_with(&format!("cos: cos://{bucket}/b: ObjectLocked Locked. (request id ")), "{told:?}");
    assert!(
        told[1].starts_with(&format!("cos: cos://{bucket}/c: COS does not say whether it was removed")),
        "{told:?}"
    );
    assert!(told[2].starts_with(&format!("cos: cos://{bucket}/d\\u{{1}}: DELETE Object ")), "{told:?}");
    assert!(told[2].contains("403 AccessDenied"), "{told:?}");
    assert_eq!(told[3], "cos: 3 of 5 objects were not removed");
    let removed: Vec<_> = text(&output.stdout).lines().map(|line| line.split(" (").next().unwrap()).collect();
    assert_eq!(removed, ["a", "e\\u{2}"].map(|key| format!("removed cos://{bucket}/{key}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_request_that_fails_as_a_whole_ends_it() {
    let emulator = crate::support::emulator().await;
    for number in 0..1001 {
        emulator.put_object(emulator.bucket(), &format!("{number:04}"), "x");
    }
    let shell = Shell::over(&emulator);
    emulator.script(Rule::on(LISTED).always().then(Action::status(403, "AccessDenied")));
    let (status, told) = shell.failed(&["rm", "-r", &shell.url("")]);
    assert!(status == 1 && told.starts_with(&format!("cos: {LISTED} ")) && told.lines().count() == 2, "{told}");
    assert_eq!(sent(&emulator, LISTED), 1);
    emulator.clear_script();
    assert_eq!(shell.json(&["rm", "-r", &shell.url("")]).len(), 1002);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_ends_before_all_is_removed_is_no_success() {
    let emulator = crate::support::emulator().await;
    for number in 0..1500 {
        emulator.put_object(emulator.bucket(), &format!("p/{number:04}"), "x");
    }
    let shell = Shell::over(&emulator);
    let all = shell.url("p/");
    assert_eq!(shell.unread(&["rm", "-r", "--dry-run", &all]), (Some(0), String::new()));
    let told = "cos: standard output is closed: what was left by then is not done\n";
    assert_eq!(shell.unread(&["rm", "-r", &all]), (Some(1), told.to_owned()));
    assert_eq!(shell.json(&["ls", &all]).len(), 500);
    assert_eq!(shell.unread(&["rm", "-r", &all]), (Some(0), String::new()));
    // Nor is a failure that is told where somebody reads it.
    emulator.put_object(emulator.bucket(), "p/\u{1}", "x");
    emulator.script(Rule::on("DELETE Object").then(Action::status(403, "AccessDenied")));
    let (status, told) = shell.unread(&["rm", "-r", &all]);
    assert!(status == Some(1) && told.ends_with("cos: 1 of 1 objects were not removed\n"), "{status:?} {told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_never_had_versions_goes_with_all_versions_as_well() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let bucket = format!("cos://{}", emulator.bucket());
    for name in ["p/a b", "p/\u{1}", "q"] {
        emulator.put_object(emulator.bucket(), name, "x");
    }
    let listed = shell.json(&["ls", "-r", "--versions", &bucket]);
    assert!(listed.len() == 3 && listed.iter().all(|it| it["version_id"].is_null()), "{listed:?}");
    let removed = shell.json(&["rm", "-r", "--versions", &shell.url("p/")]);
    assert_eq!((removed[0]["version_id"].as_str(), &removed.last().unwrap()["removed"]), (None, &json!(2)));
    shell.done(&["rm", "-r", "--versions", &bucket]);
    shell.done(&["rb", &bucket]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn versions_and_delete_markers_go_when_it_is_said() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let bucket = format!("cos://{}", emulator.bucket());
    let told = |arguments: &[&str]| text(&shell.done(&[&["versioning", &bucket], arguments].concat())).to_owned();
    assert_eq!(told(&[]), format!("versioning of {bucket} is off\n"));
    shell.put(&shell.url("p/old"), "before there were versions");
    assert_eq!(told(&["--enable"]), format!("versioning of {bucket} is on\n"));
    assert_eq!(told(&[]), format!("versioning of {bucket} is on\n"));
    // More than a page of them.
    for number in 0..1010 {
        emulator.put_object(emulator.bucket(), "p/k", number.to_string());
    }
    emulator.put_object(emulator.bucket(), "q/\u{1}", "kept");
    shell.done(&["rm", "-r", &shell.url("p/")]);
    assert_eq!(told(&["--suspend"]), format!("versioning of {bucket} is suspended\n"));
    assert_eq!(shell.json(&["versioning", &bucket])[0], json!({ "type": "versioning", "enabled": false }));
    let (status, hint) = shell.failed(&["rb", &bucket]);
    assert!(status == 1 && hint.contains(&format!("`cos rm -r --versions {bucket}` removes")), "{hint}");

    let (p, count) = (shell.url("p/"), || shell.json(&["ls", "-r", "--versions", &bucket]).len());
    assert_eq!(count(), 1014);
    let shown = shell.json(&["rm", "-r", "--versions", "--dry-run", &p]);
    assert_eq!((shown.len(), count(), &shown[0]["size"]), (1014, 1014, &json!(null)));
    let printed = shell.done(&["rm", "-r", "--versions", &p, "--include", "old"]);
    let printed: Vec<_> = text(&printed).lines().collect();
    assert!(
        printed.len() == 2 && printed[1].starts_with(&format!("removed {p}old version null (request id ")),
        "{printed:?}"
    );
    let removed = shell.json(&["rm", "-r", "--versions", &p]);
    assert_eq!(removed.last().unwrap()["removed"], 1011);
    assert_eq!((&removed[1]["version_id"], &removed[1]["size"]), (&shown[1]["version_id"], &shown[1]["size"]));
    assert_eq!(keys(&shell.json(&["ls", "-r", "--versions", &bucket])), ["q/\u{1}"]);
    shell.done(&["rm", "-r", "--versions", &bucket]);
    shell.done(&["rb", &bucket]);
}

#[test]
fn rm_recursive_takes_what_is_meant() {
    let shell = Shell::new();
    for key in ["logs/a.log", "logs/a.tmp", "logs/sub/b.log", "logbook.log"] {
        shell.put(&shell.url(key), "x");
    }
    let shown = shell.json(&["rm", "-r", "--dry-run", &shell.url("logs/"), "--include", "*.log", "--exclude", "sub/*"]);
    assert_eq!(keys(&shown), ["logs/a.log"]);
    // What only begins alike is not in the folder that `cp -r` and `sync` take this for.
    let (status, told) = shell.failed(&["rm", "-r", &shell.url("log")]);
    assert!(status == 2 && told.contains("names no folder, as cos://examplebucket-1250000000/log/ does"), "{told}");
    shell.done(&["rm", "-r", &shell.url(""), "--include", "log*", "--exclude", "logs/**"]);
    let left = shell.json(&["ls", "-r", &shell.url("")]);
    assert_eq!(keys(&left), ["logs/a.log", "logs/a.tmp", "logs/sub/b.log"]);
    for option in ["--include", "--exclude"] {
        let (status, told) = shell.failed(&["rm", &shell.url("logs/a.log"), option, "*"]);
        assert!(status == 2 && told.contains(&format!("{option} is for --recursive")), "{told}");
    }
}
