//! Readable copies of archived objects. Time is the emulator's.

use std::time::Duration;

use cos_emulator::Emulator;

use crate::client::{Answer, Ask, HOST};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Signed for all times, as they pass.
fn ask(emulator: &Emulator, method: &str, path: &str) -> Ask {
    Ask::new(emulator, method, path).window(1, 4_000_000_000)
}

async fn archived(class: &str) -> Emulator {
    archived_in(Emulator::builder().in_memory().unwrap(), class).await
}

async fn archived_in(emulator: Emulator, class: &str) -> Emulator {
    let put = ask(&emulator, "PUT", "/k").header("x-cos-storage-class", class).body("[archived]");
    assert_eq!(put.send(&emulator).await.verdict(), "200");
    emulator
}

async fn restore(emulator: &Emulator, days: &str, tier: &str) -> String {
    let job = if tier.is_empty() { String::new() } else { format!("<Tier>{tier}</Tier>") };
    let document =
        format!("<RestoreRequest><Days>{days}</Days><CASJobParameters>{job}</CASJobParameters></RestoreRequest>");
    ask(emulator, "POST", "/k").query("restore", "").body(document).send(emulator).await.verdict()
}

async fn get(emulator: &Emulator) -> String {
    let answer = ask(emulator, "GET", "/k").send(emulator).await;
    if answer.status == 200 { answer.text().to_owned() } else { answer.verdict() }
}

async fn head(emulator: &Emulator) -> Answer {
    ask(emulator, "HEAD", "/k").send(emulator).await
}

/// What the list of objects says of the restore.
async fn listed(emulator: &Emulator) -> String {
    let list = ask(emulator, "GET", "/").query("prefix", "k").send(emulator).await;
    assert!(list.text().contains("<RestoreStatus"), "{}", list.text());
    list.element("RestoreStatus").to_owned()
}

#[tokio::test]
async fn a_restored_copy_comes_and_goes() {
    let emulator = archived("ARCHIVE").await;
    assert_eq!((head(&emulator).await.header("x-cos-restore"), listed(&emulator).await.as_str()), ("", ""));
    assert_eq!(restore(&emulator, "2", "Standard").await, "202");
    assert_eq!(
        (get(&emulator).await.as_str(), listed(&emulator).await.as_str()),
        ("403 InvalidObjectState", "ONGOING")
    );
    let ongoing = head(&emulator).await;
    assert_eq!(ongoing.header("x-cos-restore"), "ongoing-request=\"true\"");
    assert!(ongoing.header("x-cos-restore-status").starts_with("tier=\"standard\"; request-date=\""));
    assert_eq!(restore(&emulator, "2", "Standard").await, "409 RestoreAlreadyInProgress");

    emulator.shift_clock(5 * HOUR + 1);
    assert_eq!((get(&emulator).await.as_str(), listed(&emulator).await.as_str()), ("[archived]", "DONE"));
    let copy = ask(&emulator, "PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/k"));
    assert_eq!(copy.clone().send(&emulator).await.verdict(), "200");
    let readable = head(&emulator).await;
    let told = readable.header("x-cos-restore").to_owned();
    let date = told.strip_prefix("ongoing-request=\"false\", expiry-date=\"").unwrap().trim_end_matches('"');
    let until = httpdate::parse_http_date(date).unwrap();
    let asked = httpdate::parse_http_date(readable.header("date")).unwrap();
    assert_eq!(until.duration_since(asked).unwrap().as_secs() / 3600, 47, "{told}");
    assert_eq!(readable.header("x-cos-storage-class"), "ARCHIVE");

    // Once more: the time begins anew.
    emulator.shift_clock(DAY);
    assert_eq!(restore(&emulator, "2", "Standard").await, "200");
    emulator.shift_clock(3 * DAY - 60);
    assert_eq!(get(&emulator).await, "[archived]");
    emulator.shift_clock(3 * DAY + 60);
    assert_eq!((get(&emulator).await.as_str(), head(&emulator).await.header("x-cos-restore")), {
        ("403 InvalidObjectState", "")
    });
    assert_eq!(copy.send(&emulator).await.verdict(), "403 InvalidObjectState");
    assert_eq!(restore(&emulator, "1", "Expedited").await, "202");
}

#[tokio::test]
async fn each_tier_takes_its_time() {
    for (class, tier, hours) in [
        ("ARCHIVE", "Bulk", 12),
        ("MAZ_ARCHIVE", "", 5),
        ("DEEP_ARCHIVE", "Standard", 24),
        ("DEEP_ARCHIVE", "Bulk", 48),
    ] {
        let emulator = archived(class).await;
        assert_eq!(restore(&emulator, "1", tier).await, "202");
        emulator.shift_clock(hours * HOUR - 60);
        assert_eq!(get(&emulator).await, "403 InvalidObjectState", "{class} {tier}");
        emulator.shift_clock(hours * HOUR + 60);
        assert_eq!(get(&emulator).await, "[archived]", "{class} {tier}");
    }
}

#[tokio::test]
async fn restoring_takes_as_long_as_the_builder_says() {
    let builder = Emulator::builder().restore_time(Duration::from_secs(20));
    let emulator = archived_in(builder.in_memory().unwrap(), "DEEP_ARCHIVE").await;
    assert_eq!(restore(&emulator, "2", "Expedited").await, "400 InvalidArgument");
    assert_eq!(restore(&emulator, "2", "Bulk").await, "202");
    assert_eq!(get(&emulator).await, "403 InvalidObjectState");
    emulator.shift_clock(20);
    assert_eq!(get(&emulator).await, "[archived]");
}

#[tokio::test]
async fn what_cannot_be_restored_is_refused() {
    let emulator = archived("DEEP_ARCHIVE").await;
    for (days, tier) in [("0", "Bulk"), ("-1", "Bulk"), ("x", "Bulk"), ("", ""), ("1", "Expedited"), ("1", "Fast")] {
        assert_eq!(restore(&emulator, days, tier).await, "400 InvalidArgument", "{days} {tier}");
    }
    for days in ["366", "4294967295", "18446744073709551616"] {
        assert_eq!(restore(&emulator, days, "Bulk").await, "400 InvalidArgument", "{days}");
    }
    let bare = ask(&emulator, "POST", "/k").query("restore", "");
    assert_eq!(bare.clone().send(&emulator).await.verdict(), "400 MissingRequestBodyError");
    assert_eq!(bare.clone().body("<Restore/>").send(&emulator).await.verdict(), "400 MalformedXML");
    assert_eq!(bare.anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    let missing = ask(&emulator, "POST", "/none").query("restore", "").body("<RestoreRequest/>");
    assert_eq!(missing.send(&emulator).await.verdict(), "404 NoSuchKey");
    assert_eq!(head(&emulator).await.header("x-cos-restore"), "");
    assert_eq!(restore(&emulator, "365", "Bulk").await, "202");
    for class in ["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING"] {
        assert_eq!(restore(&archived(class).await, "1", "Standard").await, "405 RestoreNonArchiveObject", "{class}");
    }
}
