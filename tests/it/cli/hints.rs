//! What is told next to an error: the command, option or variable that helps.

use std::time::Duration;

use cos_emulator::{Action, Matcher, Rule};

#[cfg(unix)]
use super::shell::program;
use super::shell::{Shell, bytes};

/// The last line of a command that fails at COS.
fn hint(shell: &Shell, arguments: &[&str]) -> String {
    let (status, told) = shell.failed(arguments);
    let lines: Vec<_> = told.lines().collect();
    let [what, hint] = lines[..] else { panic!("{arguments:?}: {told}") };
    assert!(status == 1 && what.starts_with("cos: "), "{arguments:?}: {status} {told}");
    hint.strip_prefix("hint: ").expect(hint).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_the_emulator_refuses_is_told_with_a_way_on() {
    let emulator = crate::support::emulator().await;
    let mut shell = Shell::over(&emulator);
    let (bucket, url, absent) = (format!("cos://{}", emulator.bucket()), shell.url("a/k"), "cos://absent-1250000000/k");
    shell.put(&url, "x");
    let beside = format!("`cos ls {bucket}/a/` shows");
    for (arguments, told) in [
        (&["cat", &shell.url("a/absent")][..], &*beside),
        (&["stat", &shell.url("a/absent")], &beside),
        (&["cat", &url, "--version-id", "absent"], "`cos ls --versions "),
        (&["cat", absent], "`cos ls` shows your buckets and the region of each; --region or COS_REGION"),
        (&["mb", &bucket], "it is there: `cos ls cos://examplebucket-1250000000`"),
        (&["rb", &bucket], "`cos rm -r --versions cos://examplebucket-1250000000` removes its objects"),
    ] {
        let hint = hint(&shell, arguments);
        assert!(hint.starts_with(told), "{arguments:?}: {hint}");
    }
    let (id, key) = (emulator.secret_id(), emulator.secret_key());
    for (id, key, told) in [
        (id, "wrong", "check TENCENTCLOUD_SECRET_KEY; `cos sign` shows"),
        ("wrong", key, "check TENCENTCLOUD_SECRET_ID, and TENCENTCLOUD_TOKEN"),
    ] {
        shell.set("TENCENTCLOUD_SECRET_ID", id);
        shell.set("TENCENTCLOUD_SECRET_KEY", key);
        let hint = hint(&shell, &["cat", &url]);
        assert!(hint.starts_with(told), "{hint}");
    }
    let over = emulator.mint(Duration::ZERO);
    for (name, value) in [("ID", &over.secret_id), ("KEY", &over.secret_key)] {
        shell.set(&format!("TENCENTCLOUD_SECRET_{name}"), value);
    }
    shell.set("TENCENTCLOUD_TOKEN", &over.token);
    let hint = hint(&shell, &["cat", &url]);
    assert!(hint.starts_with("get a new key, as with `cos sts`, and set TENCENTCLOUD_SECRET_ID"), "{hint}");
}

/// It is no fault of the network.
#[cfg(unix)]
#[test]
fn a_shortage_of_file_descriptors_is_told_as_one() {
    let mut shell = Shell::offline();
    for (name, value) in [
        ("COS_ENDPOINT", "http://127.0.0.1:1"),
        ("COS_REGION", "ap-guangzhou"),
        ("TENCENTCLOUD_SECRET_ID", "AKIDexample"),
        ("TENCENTCLOUD_SECRET_KEY", "example"),
    ] {
        shell.set(name, value);
    }
    // The fewest it starts with leave none for a connection.
    let told = (8..64).find_map(|most: u32| {
        let mut limited = std::process::Command::new("sh");
        limited.args(["-c", r#"ulimit -n "$0"; exec "$@""#, &most.to_string()]).arg(program("examples/cos"));
        limited.args(["stat", "cos://examplebucket-1250000000/k"]).envs(shell.variables.clone());
        let told = String::from_utf8(limited.output().unwrap().stderr).unwrap();
        (!told.contains("cannot start")).then_some(told)
    });
    let told = told.unwrap();
    assert!(told.contains("Too many open files"), "{told}");
    assert!(told.contains("\nhint: a lower --files or --concurrency"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_only_cos_refuses_is_told_with_a_way_on() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let url = shell.url("k");
    for (status, code, told) in [
        (403, "AccessDenied", "use a key that may do this"),
        (403, "RequestTimeTooSkewed", "set the clock of this machine"),
        (403, "InvalidObjectState", "restore it first"),
        (405, "MethodNotAllowed", "`cos ls --versions cos://examplebucket-1250000000/k` shows"),
        (409, "BucketAlreadyExists", "take another name"),
        (404, "NoSuchUpload", "somebody ended the upload under way"),
        (400, "EntityTooLarge", "a smaller --part-size"),
        (503, "SlowDown", "run it again later"),
        (503, "ServiceUnavailable", "COS has a problem of its own"),
    ] {
        emulator.clear_script();
        emulator.script(Rule::on(Matcher::any()).then(Action::status(status, code)).always());
        let hint = hint(&shell, &["rm", &url]);
        assert!(hint.starts_with(told), "{code}: {hint}");
    }
    emulator.clear_script();
    emulator.script(Rule::on("HEAD Object").then(Action::status(403, "AccessDenied")).always());
    assert!(hint(&shell, &["stat", &url]).starts_with("use a key that may do this"));
}

/// Where nobody knows how it ended, and in a command that a shell takes as it is meant.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_looks_after_it_is_a_command_that_works() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let bucket = format!("cos://{}", emulator.bucket());
    shell.put(&shell.url("k"), "x");
    emulator.script(Rule::on(Matcher::any()).then(Action::status(404, "NoSuchKey")));
    let odd = hint(&shell, &["cat", &shell.url("$(touch it)/a'b/c")]);
    assert_eq!(odd, format!(r"`cos ls '{bucket}/$(touch it)/a'\''b/'` shows what there is"));
    for (arguments, look) in [
        (&["mb", "cos://new-1250000000"][..], "cos ls cos://new-1250000000".to_owned()),
        (&["rm", &shell.url("k")], format!("cos stat {bucket}/k")),
        (&["rm", "-r", &shell.url("")], format!("cos ls {bucket}")),
    ] {
        for operation in ["PUT Bucket", "DELETE Object", "DELETE Multiple Objects"] {
            emulator.script(Rule::on(operation).then(Action::ResetBeforeHeaders).always());
        }
        assert_eq!(hint(&shell, arguments), format!("`{look}` shows whether it was done"));
        emulator.clear_script();
    }
}

/// One for all that failed alike.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_tree_tells_the_hint_of_its_first_failure() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    std::fs::create_dir(shell.path("tree")).unwrap();
    for name in ["tree/a", "tree/b"] {
        shell.write(name, bytes(10));
    }
    emulator.script(Rule::on("PUT Object").then(Action::status(403, "AccessDenied")).always());
    let output = shell.run(&["cp", "-r", "tree", &shell.url("tree")]);
    let told = super::shell::text(&output.stderr);
    assert_eq!(
        (output.status.code(), told.matches("hint: use a key that may do this").count()),
        (Some(1), 1),
        "{told}"
    );
}

#[test]
fn without_a_key_or_a_host_it_is_told_what_to_set() {
    let mut shell = Shell::offline();
    shell.set("TCCLI_PROFILE", "absent");
    assert!(hint(&shell, &["ls"]).starts_with("set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY"));
    for (name, value) in [("SECRET_ID", "id"), ("SECRET_KEY", "key")] {
        shell.set(&format!("TENCENTCLOUD_{name}"), value);
    }
    let (status, told) = shell.failed(&["ls", "--endpoint", "http://127.0.0.1:1"]);
    assert!(status == 1 && told.contains("; the host is 127.0.0.1:1: "), "{told}");
    assert!(told.ends_with("hint: check the network, and --endpoint or COS_ENDPOINT where one is set\n"), "{told}");
}
