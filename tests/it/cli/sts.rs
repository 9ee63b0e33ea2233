//! `cos sts`: keys that may do less, for a shell.

use std::time::{Duration, SystemTime};

use cos_emulator::Emulator;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::shell::{Shell, text};

/// A shell that has taken the lines in place of the key it had.
fn with_lines(emulator: &Emulator, lines: &str) -> Shell {
    let mut shell = Shell::over(emulator);
    shell.variables.retain(|(name, _)| !name.starts_with("TENCENTCLOUD_"));
    for line in lines.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.strip_prefix("export ").and_then(|line| line.split_once('=')).expect(line);
        shell.variables.push((name.to_owned(), value.to_owned()));
    }
    assert_eq!(shell.variables.len(), 6, "{lines}");
    shell
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_key_for_a_prefix_does_there_what_it_is_for() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "k", "hello");
    let shell = Shell::over(&emulator);
    let printed = shell.done(&["sts", "--allow", "upload,download,list", "--prefix", &shell.url("up/")]);
    assert!(text(&printed).starts_with("# until 20"), "{}", text(&printed).lines().next().unwrap_or_default());
    let narrow = with_lines(&emulator, text(&printed));
    narrow.put(&shell.url("up/a"), "hello");
    assert_eq!(narrow.done(&["cat", &shell.url("up/a")]), b"hello");
    assert_eq!(narrow.json(&["ls", "-r", &shell.url("up/")]).len(), 1);
    for arguments in
        [["cat", &shell.url("k")], ["rm", &shell.url("up/a")], ["stat", &shell.url("up")], ["ls", &shell.url("")]]
    {
        let (status, told) = narrow.failed(&arguments);
        assert!(status == 1 && told.contains("answered 403"), "{arguments:?}: {told}");
    }
    let printed =
        shell.done(&["sts", "--allow", "Download,deleteobject,name/cos:PutObject", "--prefix", &shell.url("up/")]);
    let other = with_lines(&emulator, text(&printed));
    other.put(&shell.url("up/b"), "hello");
    assert_eq!(other.done(&["cat", &shell.url("up/b")]), b"hello");
    other.done(&["rm", &shell.url("up/b")]);
    // A key of a key there is not.
    let (status, told) = narrow.failed(&["sts", "--allow", "upload", "--prefix", &shell.url("up/")]);
    assert!(status == 1 && told.contains("FailedOperation.TempKeyNotAllowed"), "{told}");
    assert!(told.starts_with("cos: GetFederationToken 127.0.0.1:"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_policy_comes_from_a_file_or_from_standard_input() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let policy = json!({"version": "2.0", "statement": [
        {"effect": "allow", "action": "name/cos:PutObject",
         "resource": "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/only"}]});
    shell.write("policy.json", policy.to_string());
    let key = &shell.json(&["sts", "--policy", "policy.json", "--duration", "900", "--name", "alice"])[0];
    let end = OffsetDateTime::parse(key["expires_at"].as_str().unwrap(), &Rfc3339).unwrap();
    let left = SystemTime::from(end).duration_since(emulator.journal()[0].time).unwrap();
    assert!((Duration::from_secs(898)..=Duration::from_secs(900)).contains(&left), "{left:?}");
    for field in ["secret_id", "secret_key", "token", "request_id"] {
        assert!(key[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
    }
    let piped = shell.fed(&["sts", "--policy", "-"], policy.to_string().as_bytes());
    assert_eq!((piped.status.code(), text(&piped.stderr)), (Some(0), ""));
    let narrow = with_lines(&emulator, text(&piped.stdout));
    narrow.put(&shell.url("only"), "x");
    let refused = narrow.fed(&["cp", "-", &shell.url("other")], b"x");
    assert!(refused.status.code() == Some(1) && text(&refused.stderr).contains("403 AccessDenied"));
    assert!(emulator.journal().iter().filter(|it| it.operation == "GetFederationToken").count() == 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_makes_no_sense_is_2_and_what_sts_refuses_is_1() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let (here, pattern) = (shell.url("up/"), shell.url("up/*"));
    shell.write("principal.json", r#"{"version":"2.0","statement":[{"principal":{"qcs":"*"},"effect":"allow"}]}"#);
    for (arguments, told) in [
        (&["sts"][..], "--policy"),
        (&["sts", "--allow", "upload"], "--prefix"),
        (&["sts", "--allow", "upload", "--policy", "p", "--prefix", &here], "cannot be used with"),
        (&["sts", "--policy", "p", "--prefix", &here], "cannot be used with"),
        (&["sts", "--allow", "upload", "--prefix", &pattern], "prefix: holds `*`"),
        (&["sts", "--allow", "Put Object", "--prefix", &here], "is no right"),
        (
            &["sts", "--allow", "uplaod", "--prefix", &here],
            "invalid value 'uplaod' for '--allow <ACTIONS>': is no right",
        ),
        (&["sts", "--allow", "upload,", "--prefix", &here], "is no right"),
        (&["sts", "--allow", "name/cos:Put Object", "--prefix", &here], "policy: "),
        (&["sts", "--allow", "upload", "--prefix", &here, "--duration", "129601"], "129601"),
        (&["sts", "--policy", "principal.json"], "policy: is not one of CAM: unknown field `principal`"),
        (&["sts", "--policy", "principal.json", "--sts-endpoint", "http://sts.example.com"], "policy"),
        (&["sts", "--allow", "upload", "--prefix", &here, "--sts-endpoint", "http://sts.example.com"], "plain http"),
    ] {
        let (status, line) = shell.failed(arguments);
        assert!(status == 2 && line.contains(told), "{arguments:?}: {status} {line}");
    }
    assert!(emulator.journal().is_empty());
    let asking = ["sts", "--allow", "upload", "--prefix", &here];
    for (more, told) in [
        (["--duration", "7201"], "STS answered 200 InvalidParameter.OverTimeError"),
        (["--sts-endpoint", "http://127.0.0.1:1"], "connecting failed"),
        (["--endpoint", "http://127.0.0.1:1"], "connecting failed"),
    ] {
        let (status, line) = shell.failed(&[&asking[..], &more[..]].concat());
        assert!(status == 1 && line.contains(told), "{more:?}: {line}");
    }
    let mut elsewhere = Shell::over(&emulator);
    elsewhere.variables.push(("STS_ENDPOINT".to_owned(), "http://127.0.0.1:1".to_owned()));
    assert_eq!(elsewhere.failed(&asking).0, 1);
    assert_eq!(emulator.count("GetFederationToken"), 1);
}

/// What the help shows last, in a shell.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn where_sts_gives_no_key_the_example_goes_on_with_no_other() {
    let emulator = crate::support::emulator().await;
    emulator.put_object(emulator.bucket(), "a.txt", "hello");
    let mut shell = Shell::over(&emulator);
    let help = shell.done(&["sts", "--help"]);
    let example = text(&help).rfind("--allow download").and_then(|at| text(&help)[..at].rfind('\n'));
    let example = &text(&help)[example.expect("an example")..];
    let run = |shell: &Shell| {
        let cos = shell.command();
        let directory = std::path::Path::new(cos.get_program()).parent().unwrap();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", example]).env("PATH", format!("{}:/usr/bin:/bin", directory.display()));
        for (name, value) in cos.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.output().unwrap()
    };
    let output = run(&shell);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "hello"), "{}", text(&output.stderr));
    shell.set("STS_ENDPOINT", "http://127.0.0.1:1");
    emulator.clear_journal();
    let output = run(&shell);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""));
    assert!(emulator.journal().is_empty());
}
