//! The other examples as programs.

use std::process::Command;

use cos_emulator::{Action, Rule};
use http::Method;
use tencent_cos::{CorsConfiguration, CorsRule, GetBucketCors, PutBucketCors};

use super::shell::{KEY_VARIABLES, Shell, program, text};

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

#[test]
fn examples_go_to_their_emulator_through_no_proxy() {
    for example in ["own_transport", "put_get", "presigned_url"] {
        let mut command = Command::new(program(&format!("examples/{example}")));
        for name in ["COS_ENDPOINT", "COS_REGION", "COS_BUCKET"].into_iter().chain(KEY_VARIABLES) {
            command.env_remove(name);
        }
        for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            command.env(name, "http://127.0.0.1:1");
        }
        let output = command.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""), "{example}");
    }
}

#[test]
fn the_core_alone_repeats_what_fails_and_asks_for_another_key() {
    let output = Command::new(program("examples/own_transport")).output().unwrap();
    let told = text(&output.stdout);
    let mut lines = told.lines();
    for begins in
        ["  attempt 1: PUT Object: COS answered 503", "  attempt 2: PUT Object: COS answered 403 ExpiredToken"]
    {
        assert!(lines.next().is_some_and(|line| line.starts_with(begins)), "{told}");
    }
    assert!(
        lines.next().is_some_and(|line| line.starts_with("stored, ")) && told.contains("read back \"hello\""),
        "{told}"
    );
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

/// A rule for the page that lets it only read is not the one it needs.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_direct_upload_example_lets_its_page_upload_once() {
    let emulator = crate::support::emulator().await;
    let (bucket, shell) = (crate::support::bucket(&emulator), Shell::over(&emulator));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let reads = CorsRule::new(format!("http://{free}"), [Method::GET]);
    bucket.send(PutBucketCors::new(CorsConfiguration::new([reads.clone()]))).await.unwrap();
    for _ in 0..2 {
        let mut command = Command::new(program("examples/direct_upload"));
        for name in KEY_VARIABLES {
            command.env_remove(name);
        }
        let output = command.envs(shell.variables.clone()).args(["--allow-page", &free]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let rules = bucket.send(GetBucketCors::new()).await.unwrap().unwrap().rules;
        assert_eq!((rules.len(), &rules[0]), (2, &reads));
        assert_eq!(rules[1].allowed_methods, [Method::PUT, Method::POST]);
    }
}

/// What is half set is no wish for an emulator, and whoever runs the app server learns why it has no key to give.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_direct_upload_example_fails_with_the_reason() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let run = |changes: &[(&str, &str)]| {
        let mut command = Command::new(program("examples/direct_upload"));
        for name in KEY_VARIABLES {
            command.env_remove(name);
        }
        command.envs(shell.variables.clone()).envs(changes.iter().copied());
        let output = command.output().expect("the example starts");
        (output.status.code(), text(&output.stderr).to_owned())
    };
    assert_eq!(run(&[]), (Some(0), String::new()));
    for name in ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "COS_REGION", "COS_BUCKET"] {
        let (code, told) = run(&[(name, "")]);
        assert!(code == Some(1) && told.starts_with(&format!("{name} is not set")), "{code:?} {told}");
    }
    let (code, told) = run(&[("TENCENTCLOUD_TOKEN", "t0ken")]);
    assert!(code == Some(1) && told.starts_with("TENCENTCLOUD_TOKEN is set"), "{told}");
    let (code, told) = run(&[("TENCENTCLOUD_SECRET_KEY", "PLANTEDwrongkey")]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.lines().next().is_some_and(|line| line.contains("AuthFailure.SignatureFailure")), "{told}");
    assert!(told.lines().last().is_some_and(|line| line.contains("502 Bad Gateway")), "{told}");
    assert!(!told.contains("PLANTED"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_presigned_url_example_tells_what_cos_answered() {
    let emulator = crate::support::emulator().await;
    let shell = Shell::over(&emulator);
    let key = emulator.mint(std::time::Duration::from_secs(600));
    let mut command = Command::new(program("examples/presigned_url"));
    for name in KEY_VARIABLES {
        command.env_remove(name);
    }
    command.envs(shell.variables.clone()).env("TENCENTCLOUD_SECRET_ID", &key.secret_id);
    let output = command.env("TENCENTCLOUD_TOKEN", &key.token).output().expect("the example starts");
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("COS answered 403 Forbidden SignatureDoesNotMatch: The Signature"), "{told}");
    assert!(!format!("{told}{}", text(&output.stdout)).contains(&key.token[..12]), "{told}");
}
