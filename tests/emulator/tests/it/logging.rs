//! Where the logs of a bucket go.

use cos_emulator::Emulator;

use crate::client::Ask;

/// The example of the reference, for the bucket itself.
pub const DOCUMENT: &str = "<BucketLoggingStatus><LoggingEnabled><TargetBucket>examplebucket-1250000000</TargetBucket>\
    <TargetPrefix>mylogs</TargetPrefix></LoggingEnabled></BucketLoggingStatus>";

const OFF: &str = "<BucketLoggingStatus/>";

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("logging", "")
}

#[tokio::test]
async fn logs_have_a_place_until_they_are_turned_off() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let set =
        async |document: &str| setting(&emulator, "PUT").body(document.to_owned()).send(&emulator).await.verdict();
    let kept = async || setting(&emulator, "GET").send(&emulator).await.text().replace(['\n', '\t'], "");
    assert!(kept().await.ends_with(OFF));
    assert_eq!(set(DOCUMENT).await, "200");
    assert!(kept().await.ends_with(DOCUMENT));
    assert_eq!(setting(&emulator, "GET").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "501 NotImplemented");
    assert_eq!(set("<BucketLoggingStatus></BucketLoggingStatus>").await, "200");
    assert!(kept().await.ends_with(OFF));
}

#[tokio::test]
async fn logs_go_to_a_bucket_that_is_there_in_the_same_region() {
    let builder = Emulator::builder().bucket("examplebucket-1250000000", "ap-guangzhou");
    let builder = builder.bucket("near-1250000000", "ap-guangzhou").bucket("far-1250000000", "ap-beijing");
    let emulator = builder.in_memory().unwrap();
    let set = async |part: &str, other: &str| {
        let document = DOCUMENT.replace(part, other);
        assert_ne!(document, DOCUMENT);
        setting(&emulator, "PUT").body(document).send(&emulator).await.verdict()
    };
    assert_eq!(set("examplebucket", "near").await, "200");
    assert_eq!(set("<TargetPrefix>mylogs</TargetPrefix>", "").await, "200");
    let before = setting(&emulator, "GET").send(&emulator).await.text().to_owned();
    for target in ["far", "none"] {
        assert_eq!(set("examplebucket", target).await, "400 InvalidTargetBucketForLogging");
    }
    let long = "k".repeat(851);
    for (part, other, verdict) in [
        ("<TargetBucket>examplebucket-1250000000</TargetBucket>", "", "400 InvalidTargetBucketForLogging"),
        ("mylogs", long.as_str(), "400 LoggingPrefixInvalid"),
        ("</LoggingEnabled>", "<New/></LoggingEnabled>", "400 MalformedXML"),
        ("</LoggingEnabled>", "</LoggingEnabled><LoggingEnabled/>", "400 MalformedXML"),
    ] {
        assert_eq!(set(part, other).await, verdict, "{other}");
    }
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.text(), before);
}
