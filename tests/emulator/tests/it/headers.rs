//! What a request may say in its headers and parameters, and how often.

use cos_emulator::Emulator;

use crate::client::{Ask, HOST};

fn emulator() -> Emulator {
    let emulator = Emulator::builder().in_memory().unwrap();
    emulator.put_object("examplebucket-1250000000", "k", "0123456789");
    emulator
}

#[tokio::test]
async fn a_header_that_is_there_twice_is_refused() {
    let emulator = emulator();
    for name in ["range", "if-match", "content-type", "x-cos-acl", "x-cos-copy-source", "x-cos-meta-a", "content-md5"] {
        let ask = Ask::new(&emulator, "PUT", "/k").header(name, "a").header(name, "b");
        let answer = ask.send(&emulator).await;
        assert_eq!(answer.verdict(), "400 InvalidRequest", "{name}");
        assert!(answer.element("Message").contains(name), "{name}");
    }
    for (name, value) in [("host", HOST), ("host", "other.example"), ("authorization", "q-ak=x")] {
        let ask = Ask::new(&emulator, "GET", "/k").unsigned(name, value);
        assert_ne!(ask.send(&emulator).await.status, 200, "{name}: {value}");
    }
    let other = Ask::new(&emulator, "GET", "/k").unsigned("accept", "a").unsigned("accept", "b");
    assert_eq!(other.send(&emulator).await.verdict(), "200");
}

#[tokio::test]
async fn a_parameter_that_is_there_twice_is_refused() {
    let emulator = emulator();
    for name in ["prefix", "max-keys", "uploads", "x-unknown"] {
        let answer = Ask::new(&emulator, "GET", "/").query(name, "1").query(name, "2").send(&emulator).await;
        assert_eq!(answer.verdict(), "400 InvalidRequest", "{name}");
        assert!(answer.element("Message").contains(name), "{name}");
    }
}

#[tokio::test]
async fn no_header_is_passed_over_for_its_bytes() {
    let emulator = emulator();
    for (name, value, verdict) in [
        ("x-cos-tagging", "k=中", "400 InvalidTag"),
        ("x-cos-acl", "prïvate", "400 InvalidArgument"),
        ("x-cos-storage-class", "STANDARDÜ", "400 NotSupportedStorageClass"),
        ("x-cos-copy-source", "中", "400 InvalidCopySource"),
        ("content-md5", "ü", "400 InvalidDigest"),
    ] {
        let ask = Ask::new(&emulator, "PUT", "/k").header(name, value).body("x");
        assert_eq!(ask.send(&emulator).await.verdict(), verdict, "{name}");
    }
    let unlike = Ask::new(&emulator, "GET", "/k").header("if-match", "\"ü\"");
    assert_eq!(unlike.send(&emulator).await.verdict(), "412 PreconditionFailed");
    for name in ["range", "if-match", "x-cos-forbid-overwrite"] {
        let ask = Ask::new(&emulator, "PUT", "/k").header(name, b"\xff").body("x");
        assert_eq!(ask.send(&emulator).await.verdict(), "400 InvalidArgument", "{name}");
    }
    assert_eq!(emulator.object(emulator.bucket(), "k").unwrap().bytes(), "0123456789");
}
