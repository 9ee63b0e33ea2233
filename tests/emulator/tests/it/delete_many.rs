//! DELETE Multiple Objects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cos_emulator::Emulator;
use md5::{Digest, Md5};

use crate::client::Ask;

fn emulator(keys: &[&str]) -> Emulator {
    let emulator = Emulator::builder().in_memory().unwrap();
    for key in keys {
        emulator.put_object(emulator.bucket(), key, "x");
    }
    emulator
}

fn delete(emulator: &Emulator, document: &str) -> Ask {
    let md5 = STANDARD.encode(Md5::digest(document));
    Ask::new(emulator, "POST", "/").query("delete", "").header("content-md5", md5).body(document.to_owned())
}

#[tokio::test]
async fn each_key_is_answered_for_and_missing_ones_are_gone_too() {
    let emulator = emulator(&["a b+c", "<&>", "stays", " lead", "line\rfeed"]);
    let document = "<?xml version=\"1.0\"?><Delete><Quiet>false</Quiet><Object><Key>a b+c</Key><VersionId/><Size>1</Size>\
                    </Object><Object><Key>&lt;&amp;&gt;</Key></Object><Object><Key>none</Key></Object>\
                    <Object><Key> lead</Key></Object><Object><Key>line&#xD;feed</Key></Object></Delete>";
    let answer = delete(&emulator, document).send(&emulator).await;
    assert_eq!(answer.verdict(), "200");
    assert_eq!(answer.all("Key"), ["a b+c", "&lt;&amp;&gt;", "none", " lead", "line&#13;feed"]);
    assert!(!answer.text().contains("VersionId") && !answer.text().contains("<Error>"), "{}", answer.text());
    let left = Ask::new(&emulator, "GET", "/").send(&emulator).await;
    assert_eq!(left.all("Key"), ["stays"]);
}

#[tokio::test]
async fn quiet_says_nothing_of_what_went_well() {
    let emulator = emulator(&["k"]);
    for quiet in ["true", "True"] {
        let document = format!("<Delete><Object><Key>k</Key></Object><Quiet>{quiet}</Quiet></Delete>");
        let answer = delete(&emulator, &document).send(&emulator).await;
        assert_eq!((answer.verdict().as_str(), answer.all("Key").len()), ("200", 0));
        assert!(answer.text().contains("<DeleteResult>"), "{}", answer.text());
    }
    assert!(emulator.object(emulator.bucket(), "k").is_none());
}

#[tokio::test]
async fn versions_and_markers_are_named() {
    let host = "v-1250000000.cos.ap-guangzhou.myqcloud.com";
    let emulator = Emulator::builder().versioned_bucket("v-1250000000", "ap-guangzhou").in_memory().unwrap();
    let put = Ask::new(&emulator, "PUT", "/k").host(host).body("x").send(&emulator).await;
    let id = put.header("x-cos-version-id");
    let answer = delete(&emulator, "<Delete><Object><Key>k</Key></Object></Delete>").host(host).send(&emulator).await;
    assert_eq!((answer.element("DeleteMarker"), answer.element("VersionId")), ("true", ""));
    let marker = answer.element("DeleteMarkerVersionId").to_owned();
    let both = format!(
        "<Delete><Object><Key>k</Key><VersionId>{id}</VersionId></Object><Object><Key>k</Key><VersionId>{marker}\
         </VersionId></Object></Delete>"
    );
    let answer = delete(&emulator, &both).host(host).send(&emulator).await;
    assert_eq!(answer.all("VersionId"), [id, marker.as_str()]);
    assert_eq!(answer.all("DeleteMarkerVersionId"), [marker.as_str()]);
    assert!(emulator.versions("v-1250000000", "k").is_empty());
}

#[tokio::test]
async fn bad_documents_delete_nothing() {
    let emulator = emulator(&["k"]);
    let object = "<Object><Key>k</Key></Object>";
    for (document, verdict) in [
        ("", "400 MissingRequestBodyError"),
        ("<Delete></Delete>", "400 MalformedXML"),
        (&format!("<Remove>{object}</Remove>"), "400 MalformedXML"),
        (&format!("<Delete>{object}"), "400 MalformedXML"),
        (&format!("<Delete>{object}<Object><Key/></Object></Delete>"), "400 MalformedXML"),
        (&format!("<Delete>{}</Delete>", object.repeat(1001)), "400 InvalidRequest"),
    ] {
        assert_eq!(delete(&emulator, document).send(&emulator).await.verdict(), verdict, "{document}");
    }
    let good = format!("<Delete>{}</Delete>", object.repeat(1000));
    let wrong = Ask::new(&emulator, "POST", "/").query("delete", "").body(good.clone());
    let wrong = wrong.header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(wrong.send(&emulator).await.verdict(), "400 BadDigest");
    let anonymous = delete(&emulator, &good).anonymous();
    assert_eq!(anonymous.send(&emulator).await.verdict(), "403 AccessDenied");
    assert!(emulator.object(emulator.bucket(), "k").is_some());
    // Not every client sends a digest.
    let bare = Ask::new(&emulator, "POST", "/").query("delete", "").body(good);
    assert_eq!(bare.send(&emulator).await.all("Key").len(), 1000);
}
