//! Object lock: the configuration of a bucket, the retention of objects, and what is not done before its time.

use std::time::{Duration, UNIX_EPOCH};

use cos_emulator::Emulator;

use crate::client::{Answer, Ask, HOST, now};

const DAY: i64 = 24 * 3600;

/// Signed for all times, as they pass.
fn ask(emulator: &Emulator, method: &str, path: &str) -> Ask {
    Ask::new(emulator, method, path).window(1, 4_000_000_000)
}

async fn configure(emulator: &Emulator, rest: &str) -> String {
    let document = format!("<ObjectLockConfiguration>{rest}</ObjectLockConfiguration>");
    ask(emulator, "PUT", "/").query("object-lock", "").body(document).send(emulator).await.verdict()
}

fn days(days: &str) -> String {
    format!(
        "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>{days}</Days></DefaultRetention></Rule>\
         <ObjectLockEnabled>Enabled</ObjectLockEnabled>"
    )
}

const ENABLED: &str = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>";

async fn retain(emulator: &Emulator, until: &str) -> String {
    let document = format!("<Retention><RetainUntilDate>{until}</RetainUntilDate></Retention>");
    ask(emulator, "PUT", "/k").query("retention", "").body(document).send(emulator).await.verdict()
}

async fn retention(emulator: &Emulator) -> Answer {
    ask(emulator, "GET", "/k").query("retention", "").send(emulator).await
}

async fn put(emulator: &Emulator, key: &str) -> String {
    ask(emulator, "PUT", key).body("x").send(emulator).await.verdict()
}

async fn delete(emulator: &Emulator, key: &str) -> String {
    ask(emulator, "DELETE", key).send(emulator).await.verdict()
}

fn in_days(days: u64) -> String {
    let until = UNIX_EPOCH + Duration::from_secs(now() + days * 24 * 3600);
    let date: time::OffsetDateTime = until.into();
    date.format(&time::format_description::well_known::Rfc3339).unwrap()
}

#[tokio::test]
async fn a_configuration_is_checked_and_does_not_shrink() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let get = ask(&emulator, "GET", "/").query("object-lock", "");
    assert_eq!(get.send(&emulator).await.verdict(), "404 NoSuchObjectLockConfiguration");
    for wrong in [
        "",
        "<ObjectLockEnabled>Disabled</ObjectLockEnabled>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule/>",
        "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Other/>",
        &days("x"),
        &days("1").replace("COMPLIANCE", "GOVERNANCE"),
    ] {
        assert_eq!(configure(&emulator, wrong).await, "400 MalformedXML", "{wrong}");
    }
    for wrong in ["0", "36501"] {
        assert_eq!(configure(&emulator, &days(wrong)).await, "409 InvalidLockedTime", "{wrong}");
    }
    assert_eq!(configure(&emulator, ENABLED).await, "200");
    assert_eq!(get.send(&emulator).await.element("ObjectLockEnabled"), "Enabled");
    for (rule, verdict) in [("2", "200"), ("1", "409 InvalidLockedTime"), ("2", "200"), ("36500", "200")] {
        assert_eq!(configure(&emulator, &days(rule)).await, verdict, "{rule}");
    }
    assert_eq!(get.send(&emulator).await.element("Days"), "36500");
    assert_eq!(configure(&emulator, ENABLED).await, "200");
    let off = ask(&emulator, "DELETE", "/").query("object-lock", "").send(&emulator).await;
    assert_eq!(off.verdict(), "501 NotImplemented");
}

#[tokio::test]
async fn what_is_locked_stays_until_its_time() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(put(&emulator, "/k").await, "200");
    assert_eq!(retain(&emulator, &in_days(2)).await, "409 InvalidBucketState");
    assert_eq!(configure(&emulator, ENABLED).await, "200");
    assert_eq!(retention(&emulator).await.verdict(), "404 NoSuchObjectLockConfiguration");
    assert_eq!(put(&emulator, "/k").await, "200");
    let until = in_days(2);
    assert_eq!(retain(&emulator, "soon").await, "400 MalformedXML");
    assert_eq!(retain(&emulator, "2020-01-01T00:00:00Z").await, "409 InvalidLockedTime");
    assert_eq!(retain(&emulator, &until).await, "200");
    assert_eq!(retain(&emulator, &in_days(1)).await, "409 InvalidLockedTime");
    let told = retention(&emulator).await;
    assert_eq!((told.element("Mode"), &told.element("RetainUntilDate")[..19]), ("COMPLIANCE", &until[..19]));
    let head = ask(&emulator, "HEAD", "/k").send(&emulator).await;
    assert_eq!(head.header("x-cos-object-lock-retain-until-date"), told.element("RetainUntilDate"));

    assert_eq!(put(&emulator, "/k").await, "409 ObjectLocked");
    assert_eq!(delete(&emulator, "/k").await, "409 ObjectLocked");
    put(&emulator, "/other").await;
    let over = ask(&emulator, "PUT", "/k").header("x-cos-copy-source", format!("{HOST}/other"));
    assert_eq!(over.send(&emulator).await.verdict(), "409 ObjectLocked");
    let many = "<Delete><Object><Key>k</Key></Object><Object><Key>other</Key></Object></Delete>";
    let many = ask(&emulator, "POST", "/").query("delete", "").body(many).send(&emulator).await;
    assert_eq!((many.all("Code"), many.all("Key").len()), (vec!["ObjectLocked"], 2));
    assert_eq!(ask(&emulator, "GET", "/k").send(&emulator).await.text(), "x");

    emulator.shift_clock(2 * DAY + 2);
    assert_eq!(put(&emulator, "/k").await, "200");
    assert_eq!(delete(&emulator, "/k").await, "204");
    assert_eq!(retention(&emulator).await.verdict(), "404 NoSuchKey");
}

#[tokio::test]
async fn new_objects_are_locked_as_the_bucket_or_they_themselves_say() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let with = |until: &str, mode: &str| {
        let put = ask(&emulator, "PUT", "/own").header("x-cos-object-lock-mode", mode).body("x");
        put.header("x-cos-object-lock-retain-until-date", until)
    };
    assert_eq!(with(&in_days(9), "COMPLIANCE").send(&emulator).await.verdict(), "409 InvalidBucketState");
    put(&emulator, "/before").await;
    assert_eq!(configure(&emulator, &days("3")).await, "200");
    assert_eq!(put(&emulator, "/k").await, "200");
    assert_eq!(with(&in_days(9), "GOVERNANCE").send(&emulator).await.verdict(), "400 InvalidArgument");
    assert_eq!(with(&in_days(9), "COMPLIANCE").send(&emulator).await.verdict(), "200");
    assert_eq!(delete(&emulator, "/before").await, "204");
    for (key, locked) in [("/k", true), ("/own", true)] {
        assert_eq!(delete(&emulator, key).await == "409 ObjectLocked", locked, "{key}");
    }
    emulator.shift_clock(3 * DAY + 2);
    assert_eq!(delete(&emulator, "/own").await, "409 ObjectLocked");
    assert_eq!(delete(&emulator, "/k").await, "204");
}

#[tokio::test]
async fn versions_are_locked_one_by_one() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let versioning = |status: &str| {
        let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
        ask(&emulator, "PUT", "/").query("versioning", "").body(document)
    };
    assert_eq!(versioning("Suspended").send(&emulator).await.verdict(), "200");
    assert_eq!(configure(&emulator, ENABLED).await, "409 InvalidBucketState");
    assert_eq!(versioning("Enabled").send(&emulator).await.verdict(), "200");
    assert_eq!(configure(&emulator, &days("1")).await, "200");
    assert_eq!(versioning("Suspended").send(&emulator).await.verdict(), "409 InvalidBucketState");
    let first = ask(&emulator, "PUT", "/k").body("1").send(&emulator).await.header("x-cos-version-id").to_owned();
    assert_eq!(put(&emulator, "/k").await, "200");
    assert_eq!(delete(&emulator, "/k").await, "204");
    let version = ask(&emulator, "DELETE", "/k").query("versionId", &first);
    assert_eq!(version.send(&emulator).await.verdict(), "409 ObjectLocked");
    emulator.shift_clock(DAY + 2);
    assert_eq!(version.send(&emulator).await.verdict(), "204");
}

#[tokio::test]
async fn a_bucket_has_object_lock_or_intelligent_tiering() {
    let tiering = "<IntelligentTieringConfiguration><Status>Enabled</Status><Transition><Days>30</Days></Transition>\
                   </IntelligentTieringConfiguration>";
    let tier = |emulator| ask(emulator, "PUT", "/").query("intelligenttiering", "").body(tiering);
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(tier(&emulator).send(&emulator).await.verdict(), "200");
    assert_eq!(configure(&emulator, ENABLED).await, "409 InvalidBucketState");
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(configure(&emulator, ENABLED).await, "200");
    assert_eq!(tier(&emulator).send(&emulator).await.verdict(), "409 InvalidBucketState");
}

#[tokio::test]
async fn locks_outlive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let open = || Emulator::builder().data_dir(data.path()).in_memory().unwrap();
    let emulator = open();
    configure(&emulator, &days("1")).await;
    put(&emulator, "/k").await;
    drop(emulator);
    let emulator = open();
    assert_eq!(delete(&emulator, "/k").await, "409 ObjectLocked");
    assert_eq!(configure(&emulator, &days("1")).await, "200");
}
