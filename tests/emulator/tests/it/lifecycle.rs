//! The lifecycle configuration of a bucket: kept, and not carried out.

use cos_emulator::Emulator;

use crate::client::Ask;

/// A configuration that gives up uploads.
pub const DOCUMENT: &str = "<LifecycleConfiguration><Rule><ID>a</ID><Filter/><Status>Enabled</Status>\
                            <AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>\
                            </AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>";

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("lifecycle", "")
}

fn rules(insides: &[&str]) -> String {
    let rules: Vec<_> = insides.iter().map(|inside| format!("<Rule><Status>Enabled</Status>{inside}</Rule>")).collect();
    format!("<LifecycleConfiguration>{}</LifecycleConfiguration>", rules.concat())
}

fn rule(inside: &str) -> String {
    rules(&[inside])
}

#[tokio::test]
async fn what_is_set_is_read_back_until_it_is_removed() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchLifecycleConfiguration");
    let frequency = "<AccessFrequency><AccessCountLessThan>5</AccessCountLessThan><RecentDays>30</RecentDays>\
                     </AccessFrequency>";
    for document in [
        DOCUMENT.to_owned(),
        rule("<Expiration><Date>2018-04-24T00:00:00+08:00</Date></Expiration>"),
        rule(
            "<Filter><Prefix/></Filter><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
        ),
        rule(&format!("<Transition>{frequency}<StorageClass>STANDARD_IA</StorageClass></Transition>")),
        rule(
            "<Filter><And><Prefix>a</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And></Filter><Transition>\
             <Days>0</Days><StorageClass>ARCHIVE</StorageClass></Transition><NoncurrentVersionTransition>\
             <NoncurrentDays>1</NoncurrentDays><StorageClass>ARCHIVE</StorageClass></NoncurrentVersionTransition>\
             <NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays></NoncurrentVersionExpiration>",
        ),
    ] {
        let put = setting(&emulator, "PUT").body(document.clone()).send(&emulator).await;
        assert_eq!((put.verdict().as_str(), put.body.len()), ("200", 0), "{document}");
        let kept = setting(&emulator, "GET").send(&emulator).await.text().replace(['\n', '\t'], "");
        assert_eq!(kept.split_once(" ?>").unwrap().1, document);
    }
    for _ in 0..2 {
        assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    }
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchLifecycleConfiguration");
    assert_eq!(setting(&emulator, "DELETE").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn a_document_that_cos_would_not_take_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await.verdict(), "200");
    let before = setting(&emulator, "GET").send(&emulator).await.text().to_owned();
    let end = "<Expiration><Days>1</Days></Expiration>";
    let archive =
        |time: &str| rule(&format!("{end}<Transition>{time}<StorageClass>ARCHIVE</StorageClass></Transition>"));
    let two = |id: &str| rules(&[&format!("<ID>a</ID>{end}"), &format!("{id}{end}")]);
    for (document, want) in [
        (rules(&[]), "400 MalformedXML"),
        (rules(&vec![end; 1001]), "400 MalformedXML"),
        (rule(""), "400 MalformedXML"),
        (rule(&format!("<Prefix>a</Prefix>{end}")), "400 MalformedXML"),
        (rule(&format!("{end}{end}")), "400 MalformedXML"),
        (rule(&format!("<Filter><Prefix>a</Prefix><Tag/></Filter>{end}")), "400 MalformedXML"),
        (rule(&format!("<Filter><Suffix>a</Suffix></Filter>{end}")), "400 MalformedXML"),
        (rule("<Expiration><Days>x</Days></Expiration>"), "400 MalformedXML"),
        (rule("<Transition><Days>1</Days></Transition>"), "400 MalformedXML"),
        (rule(end).replace("Enabled", "Paused"), "400 MalformedXML"),
        (DOCUMENT.replace('7', "0"), "400 InvalidArgument"),
        (rule(end).replace('1', "3651"), "400 InvalidArgument"),
        (archive("<Date>2018-04-24T00:00:00+08:00</Date>"), "400 InvalidArgument"),
        (two("<ID>a</ID>"), "400 InvalidArgument"),
        (DOCUMENT.replace("<ID>a", &format!("<ID>{}", "a".repeat(256))), "400 InvalidArgument"),
        (rule(&format!("<Filter><Tag><Key/></Tag></Filter>{end}")), "400 InvalidTag"),
    ] {
        assert_eq!(
            setting(&emulator, "PUT").body(document.clone()).send(&emulator).await.verdict(),
            want,
            "{document}"
        );
    }
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.text(), before);
    for right in [archive("<Days>1</Days>"), two("<ID>b</ID>"), two("")] {
        assert_eq!(setting(&emulator, "PUT").body(right.clone()).send(&emulator).await.verdict(), "200", "{right}");
    }
}
