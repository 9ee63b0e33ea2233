//! Hotlink protection.

use cos_emulator::Emulator;

use crate::client::Ask;

/// The example of the reference.
pub const DOCUMENT: &str = "<RefererConfiguration><Status>Enabled</Status><RefererType>White-List</RefererType>\
    <DomainList><Domain>*.qq.com</Domain><Domain>*.qcloud.com</Domain></DomainList>\
    <EmptyReferConfiguration>Allow</EmptyReferConfiguration></RefererConfiguration>";

/// MD5 of nothing.
const OF_NOTHING: &str = "1B2M2Y8AsgTpgAmY7PhCfg==";

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("referer", "")
}

async fn set(emulator: &Emulator, document: &str) -> String {
    setting(emulator, "PUT").body(document.to_owned()).send(emulator).await.verdict()
}

#[tokio::test]
async fn a_document_is_kept_as_it_came_and_nothing_removes_it() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let kept = async || setting(&emulator, "GET").send(&emulator).await.text().replace(['\n', '\t'], "");
    assert!(kept().await.ends_with("<RefererConfiguration/>"));
    let put = setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("200", 0));
    assert_eq!(kept().await.split_once(" ?>").unwrap().1, DOCUMENT);
    let nothing = || setting(&emulator, "PUT");
    let wrong = nothing().header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").send(&emulator).await;
    assert_eq!(wrong.verdict(), "400 BadDigest");
    assert_eq!(nothing().anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(kept().await.split_once(" ?>").unwrap().1, DOCUMENT);
    assert_eq!(nothing().header("content-md5", OF_NOTHING).send(&emulator).await.verdict(), "200");
    assert!(kept().await.ends_with("<RefererConfiguration/>"));
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "501 NotImplemented");
}

#[tokio::test]
async fn a_document_that_is_not_right_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    set(&emulator, DOCUMENT).await;
    let before = setting(&emulator, "GET").send(&emulator).await.text().to_owned();
    for (part, other) in [
        ("<Status>Enabled</Status>", ""),
        ("<Status>Enabled</Status>", "<Status>On</Status>"),
        ("<Status>Enabled</Status>", "<Status>Enabled</Status><Status>Enabled</Status>"),
        ("White-List", "Whitelist"),
        ("<RefererType>White-List</RefererType>", ""),
        ("<Domain>*.qq.com</Domain><Domain>*.qcloud.com</Domain>", ""),
        ("<Domain>*.qq.com</Domain>", "<Domain/>"),
        ("<Domain>*.qq.com</Domain>", "<Host>a</Host>"),
        ("Allow", "Maybe"),
        ("<DomainList>", "<Other/><DomainList>"),
    ] {
        let document = DOCUMENT.replace(part, other);
        assert_ne!(document, DOCUMENT);
        assert_eq!(set(&emulator, &document).await, "400 MalformedXML", "{document}");
    }
    let signed = DOCUMENT.replace("</Ref", "<VerifySignatureURL>Enabled</VerifySignatureURL></Ref");
    assert_eq!(set(&emulator, &signed).await, "501 NotImplemented");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.text(), before);
    assert_eq!(
        set(&emulator, &DOCUMENT.replace("<EmptyReferConfiguration>Allow</EmptyReferConfiguration>", "")).await,
        "200"
    );
}

#[tokio::test]
async fn objects_are_refused_to_pages_that_may_not_show_them() {
    let emulator = Emulator::builder().in_memory().unwrap();
    Ask::new(&emulator, "PUT", "/k").header("x-cos-acl", "public-read").body("x").send(&emulator).await;
    let get = async |method: &str, referer: Option<&str>| {
        let ask = Ask::new(&emulator, method, "/k").anonymous();
        let answer = referer.into_iter().fold(ask, |ask, from| ask.header("referer", from)).send(&emulator).await;
        let message = if answer.status == 403 && method == "GET" { answer.element("Message") } else { "" };
        (answer.status.as_u16(), message.to_owned())
    };
    let (open, denied) = ((200, String::new()), (403, "You are denied by bucket referer rule".to_owned()));
    let (black, empty) =
        (DOCUMENT.replace("White", "Black"), "<EmptyReferConfiguration>Allow</EmptyReferConfiguration>");
    for (document, listed, other, none) in [
        (DOCUMENT.to_owned(), &open, &denied, &open),
        (DOCUMENT.replace(empty, ""), &open, &denied, &denied),
        (black.clone(), &denied, &open, &open),
        (black.replace("Allow", "Deny"), &denied, &open, &denied),
        (DOCUMENT.replace("Enabled", "Disabled"), &open, &open, &open),
    ] {
        assert_eq!(set(&emulator, &document).await, "200");
        assert_eq!(get("GET", Some("https://www.qq.com/a")).await, *listed, "{document}");
        assert_eq!(get("HEAD", Some("https://www.qq.com/a")).await.0, listed.0, "{document}");
        assert_eq!(get("GET", Some("https://evil.example/?.qq.com")).await, *other, "{document}");
        assert_eq!(get("GET", None).await, *none, "{document}");
        assert_eq!(get("GET", Some("")).await, *none, "{document}");
        let signed = Ask::new(&emulator, "GET", "/k").header("referer", "https://evil.example/");
        assert_eq!(signed.send(&emulator).await.verdict(), "200", "who signs may come from anywhere");
    }
}
