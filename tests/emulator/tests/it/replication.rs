//! Rules of replication.

use cos_emulator::Emulator;

use crate::client::Ask;

const SOURCE: &str = "source-1250000000.cos.ap-guangzhou.myqcloud.com";

/// The example of the reference, for a bucket in another region.
const DOCUMENT: &str = "<ReplicationConfiguration><Role>qcs::cam::uin/100000000001:uin/100000000001</Role><Rule>\
    <Status>Enabled</Status><ID>RuleId_01</ID><Prefix>testPrefix</Prefix><Destination>\
    <Bucket>qcs::cos:ap-beijing::copy-1250000000</Bucket><StorageClass>STANDARD</StorageClass></Destination>\
    </Rule></ReplicationConfiguration>";

fn emulator() -> Emulator {
    let builder = Emulator::builder().versioned_bucket("source-1250000000", "ap-guangzhou");
    let builder = builder.versioned_bucket("copy-1250000000", "ap-beijing").bucket("plain-1250000000", "ap-beijing");
    builder.in_memory().unwrap()
}

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").host(SOURCE).query("replication", "")
}

async fn set(emulator: &Emulator, document: &str) -> String {
    setting(emulator, "PUT").body(document.to_owned()).send(emulator).await.verdict()
}

#[tokio::test]
async fn rules_are_kept_until_they_are_removed_and_versions_with_them() {
    let emulator = emulator();
    let get = async || setting(&emulator, "GET").send(&emulator).await;
    let versioning = async |status: &str| {
        let document = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
        let put = Ask::new(&emulator, "PUT", "/").host(SOURCE).query("versioning", "").body(document);
        put.send(&emulator).await.verdict()
    };
    assert_eq!(get().await.verdict(), "404 ReplicationConfigurationNotFoundError");
    assert_eq!(set(&emulator, DOCUMENT).await, "200");
    assert!(get().await.text().replace(['\n', '\t'], "").ends_with(DOCUMENT));
    assert_eq!(setting(&emulator, "GET").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(versioning("Suspended").await, "409 InvalidBucketState");
    assert_eq!(versioning("Enabled").await, "200");
    for _ in 0..2 {
        assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    }
    assert_eq!(get().await.verdict(), "404 ReplicationConfigurationNotFoundError");
    assert_eq!(versioning("Suspended").await, "200");
    assert_eq!(set(&emulator, DOCUMENT).await, "400 BucketVersionNotOpen");
}

#[tokio::test]
async fn a_document_that_is_not_right_changes_nothing() {
    let emulator = emulator();
    set(&emulator, DOCUMENT).await;
    let before = setting(&emulator, "GET").send(&emulator).await.text().to_owned();
    let rule = &DOCUMENT[DOCUMENT.find("<Rule>").unwrap()..DOCUMENT.find("</Repl").unwrap()];
    let other = rule.replace("RuleId_01", "2").replace("testPrefix", "test");
    let prefix = "<Prefix>testPrefix</Prefix>";
    for (part, with, verdict) in [
        (rule, "", "400 MalformedXML"),
        ("<Role>qcs::cam::uin/100000000001:uin/100000000001</Role>", "", "400 MalformedXML"),
        ("qcs::cam::uin/100000000001:uin", "qcs::cam::role", "400 MalformedXML"),
        ("<Status>Enabled</Status>", "", "400 MalformedXML"),
        ("Enabled", "On", "400 MalformedXML"),
        (prefix, "<Priority>high</Priority>", "400 MalformedXML"),
        (prefix, "<Prefix>a</Prefix><Filter><Prefix>a</Prefix></Filter>", "400 MalformedXML"),
        (prefix, "<Filter><And><Prefix>a</Prefix></And></Filter>", "400 MalformedXML"),
        (prefix, "<DeleteMarkerReplication><Status>No</Status></DeleteMarkerReplication>", "400 MalformedXML"),
        (prefix, "<SourceSelectionCriteria/>", "400 MalformedXML"),
        ("qcs::cos:ap-beijing::", "", "400 MalformedXML"),
        (">STANDARD<", ">COLD<", "400 MalformedXML"),
        ("copy-", "none-", "400 InvalidArgument"),
        ("ap-beijing::copy", "ap-shanghai::copy", "400 InvalidArgument"),
        ("ap-beijing::copy", "ap-guangzhou::source", "400 InvalidArgument"),
        ("copy-", "plain-", "400 BucketVersionNotOpen"),
        ("</Rule>", &format!("</Rule>{other}"), "400 InvalidArgument"),
        ("</Rule>", &format!("</Rule>{}", rule.replace("testPrefix", "other")), "400 InvalidArgument"),
        ("</Rule>", "</Rule><New/>", "400 MalformedXML"),
    ] {
        let document = DOCUMENT.replacen(part, with, 1);
        assert_ne!(document, DOCUMENT);
        assert_eq!(set(&emulator, &document).await, verdict, "{document}");
    }
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.text(), before);
    let ranked = rule.replace("<ID>", "<Priority>1</Priority><ID>");
    for fine in [
        DOCUMENT.replace(prefix, ""),
        DOCUMENT.replace("STANDARD", "Standard_IA"),
        DOCUMENT.replace(
            prefix,
            "<Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter>\
             <DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication><SourceSelectionCriteria>\
             <SseKmsEncryptedObjects><Status>Enabled</Status></SseKmsEncryptedObjects></SourceSelectionCriteria>",
        ),
        DOCUMENT.replace(
            rule,
            &format!("{ranked}{}", ranked.replace("RuleId_01", "2").replace("<Priority>1", "<Priority>2")),
        ),
    ] {
        assert_eq!(set(&emulator, &fine).await, "200", "{fine}");
    }
}
