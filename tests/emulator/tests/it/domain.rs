//! Custom domains: set, kept, taken away, and what comes to their hosts. Their certificates.

use cos_emulator::Emulator;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use crate::accelerate;
use crate::client::Ask;

/// The example of the reference.
pub const DOCUMENT: &str = "<DomainConfiguration><DomainRule><Status>ENABLED</Status>\
    <Name>cos.cloud.tencent.com</Name><Type>REST</Type></DomainRule><DomainRule><Status>ENABLED</Status>\
    <Name>www.cos.cloud.tencent.com</Name><Type>WEBSITE</Type></DomainRule></DomainConfiguration>";

const OTHER: &str = "other-1250000000";

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("domain", "")
}

async fn set(emulator: &Emulator, document: &str) -> String {
    setting(emulator, "PUT").body(document.to_owned()).send(emulator).await.verdict()
}

/// The same of the other bucket.
fn of_other(emulator: &Emulator, method: &str, name: &str) -> Ask {
    Ask::new(emulator, method, "/").host(&format!("{OTHER}.cos.ap-guangzhou.myqcloud.com")).query(name, "")
}

fn rules(rules: &[(&str, &str)]) -> String {
    let rule = |(name, kind): &(&str, &str)| {
        format!("<DomainRule><Type>{kind}</Type><Name>{name}</Name><Status>ENABLED</Status></DomainRule>")
    };
    format!("<DomainConfiguration>{}</DomainConfiguration>", rules.iter().map(rule).collect::<String>())
}

fn two_buckets() -> Emulator {
    let builder = Emulator::builder().bucket("examplebucket-1250000000", "ap-guangzhou");
    builder.bucket(OTHER, "ap-guangzhou").in_memory().unwrap()
}

#[tokio::test]
async fn domains_are_kept_and_can_be_removed() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 DomainConfigNotFoundError");
    let put = setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("200", 0));
    let kept = setting(&emulator, "GET").send(&emulator).await;
    assert_eq!(kept.text().replace(['\n', '\t'], "").split_once(" ?>").unwrap().1, DOCUMENT);
    let proof = kept.header("x-cos-domain-txt-verification").strip_prefix("tencent-cloud-cos-verification=").unwrap();
    assert!(proof.len() == 32 && proof.bytes().all(|byte| byte.is_ascii_hexdigit()), "{proof}");
    for method in ["PUT", "GET", "DELETE"] {
        assert_eq!(setting(&emulator, method).anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    }
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 DomainConfigNotFoundError");
}

#[tokio::test]
async fn a_document_that_is_not_right_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    set(&emulator, DOCUMENT).await;
    for (part, other) in [
        ("<Status>ENABLED</Status>", ""),
        ("<Status>ENABLED</Status>", "<Status>Enabled</Status>"),
        ("<Type>REST</Type>", ""),
        ("<Type>REST</Type>", "<Type>CDN</Type>"),
        ("<Type>REST</Type>", "<Type>REST</Type><Type>REST</Type>"),
        ("<Type>REST</Type>", "<Type>REST</Type><Other/>"),
        ("<Type>REST</Type>", "<Type>REST</Type><ForcedReplacement>A</ForcedReplacement>"),
        ("<Name>cos.cloud.tencent.com</Name>", ""),
        ("<Name>cos.", "<Name>*."),
        ("<Name>cos.cloud.tencent.com", "<Name>b-1250000000.cos.ap-guangzhou.myqcloud.com"),
        ("<DomainConfiguration>", "<DomainConfiguration><Other/>"),
    ] {
        let document = DOCUMENT.replacen(part, other, 1);
        assert_ne!(document, DOCUMENT);
        assert_eq!(set(&emulator, &document).await, "400 MalformedXML", "{document}");
    }
    assert_eq!(set(&emulator, "<DomainConfiguration/>").await, "400 MalformedXML");
    assert_eq!(set(&emulator, &rules(&[("a.test", "REST"), ("A.test", "WEBSITE")])).await, "409 DomainConfigConflict");
    let names: Vec<String> = (0..21).map(|number| format!("n{number}.test")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "REST")).collect();
    assert_eq!(set(&emulator, &rules(&many)).await, "400 InvalidArgument");
    let kept = setting(&emulator, "GET").send(&emulator).await;
    assert_eq!(kept.text().replace(['\n', '\t'], "").split_once(" ?>").unwrap().1, DOCUMENT);
    assert_eq!(set(&emulator, &rules(&many[1..])).await, "200");
}

#[tokio::test]
async fn a_host_that_is_set_stands_for_its_bucket() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let get = async |host: &str, path: &str| Ask::new(&emulator, "GET", path).host(host).send(&emulator).await;
    Ask::new(&emulator, "PUT", "/dir/i.html").header("x-cos-acl", "public-read").body("hi").send(&emulator).await;
    let website = "<WebsiteConfiguration><IndexDocument><Suffix>i.html</Suffix></IndexDocument></WebsiteConfiguration>";
    Ask::new(&emulator, "PUT", "/").query("website", "").body(website).send(&emulator).await;
    Ask::new(&emulator, "PUT", "/").query("accelerate", "").body(accelerate::DOCUMENT).send(&emulator).await;
    assert_eq!(get("cdn.test", "/dir/i.html").await.verdict(), "404 NoSuchBucket");
    let all = rules(&[("cdn.test", "REST"), ("WWW.test", "WEBSITE"), ("fast.test", "ACCELERATE")]);
    assert_eq!(set(&emulator, &all).await, "200");
    // The signature is over the host that was asked.
    for host in ["cdn.test", "CDN.test:8080", "fast.test"] {
        assert_eq!(get(host, "/dir/i.html").await.text(), "hi", "{host}");
    }
    let mut wrong = Ask::new(&emulator, "GET", "/dir/i.html").host("cdn.test");
    wrong.key = "wrong".to_owned();
    assert_eq!(wrong.send(&emulator).await.verdict(), "403 SignatureDoesNotMatch");
    assert_eq!(get("cdn.test", "/").await.element("Name"), "examplebucket-1250000000");
    let page = Ask::new(&emulator, "GET", "/dir/").host("www.test").anonymous().send(&emulator).await;
    assert_eq!((page.status.as_u16(), page.text()), (200, "hi"));
    let refused = Ask::new(&emulator, "DELETE", "/").host("fast.test").send(&emulator).await;
    assert_eq!(refused.verdict(), "400 ActionAccelerateNotSupported");
    assert_eq!(get("other.cdn.test", "/dir/i.html").await.verdict(), "404 NoSuchBucket");
    assert_eq!(set(&emulator, &all.replacen("ENABLED", "DISABLED", 1)).await, "200");
    assert_eq!(get("cdn.test", "/dir/i.html").await.verdict(), "404 NoSuchBucket");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(get("fast.test", "/dir/i.html").await.verdict(), "404 NoSuchBucket");
}

#[tokio::test]
async fn a_domain_of_another_bucket_is_taken_by_force_alone() {
    let emulator = two_buckets();
    let other = async |document: &str| {
        of_other(&emulator, "PUT", "domain").body(document.to_owned()).send(&emulator).await.verdict()
    };
    let forced =
        |document: &str| document.replacen("<Status>", "<ForcedReplacement>TXT</ForcedReplacement><Status>", 1);
    let mine = rules(&[("a.test", "REST"), ("b.test", "REST")]);
    assert_eq!(set(&emulator, &forced(&mine)).await, "409 DomainConfigConflict", "nobody has it");
    assert_eq!(set(&emulator, &mine).await, "200");
    assert_eq!(set(&emulator, &forced(&mine)).await, "200");
    let theirs = rules(&[("A.test", "REST")]);
    assert_eq!(other(&theirs).await, "409 RecordAlreadyExist");
    assert_eq!(other(&forced(&theirs)).await, "200");
    let kept = setting(&emulator, "GET").send(&emulator).await;
    assert_eq!(kept.all("Name"), ["b.test"]);
    let kept = of_other(&emulator, "GET", "domain").send(&emulator).await;
    assert_eq!((kept.all("Name"), kept.text().contains("ForcedReplacement")), (vec!["a.test"], false));
    emulator.put_object(OTHER, "k", "theirs");
    let seen = Ask::new(&emulator, "GET", "/k").host("a.test").send(&emulator).await;
    assert_eq!(seen.text(), "theirs");
    assert_eq!(other(&forced(&rules(&[("b.test", "REST")]))).await, "200");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 DomainConfigNotFoundError");
}

fn certificate(emulator: &Emulator, method: &str, domain: &str) -> Ask {
    Ask::new(emulator, method, "/").query("domaincertificate", "").query("domainname", domain)
}

fn pem(name: &str) -> (String, String) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 2), date_time_ymd(2051, 3, 4));
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

/// The document that gives this to these domains.
fn given(custom: &str, domains: &[&str]) -> String {
    let names = domains.join("</DomainName><DomainName>");
    format!(
        "<DomainCertificate><CertificateInfo><CertType>CustomCert</CertType><CustomCert>{custom}</CustomCert>\
         </CertificateInfo><DomainList><DomainName>{names}</DomainName></DomainList></DomainCertificate>"
    )
}

async fn give(emulator: &Emulator, document: &str) -> String {
    let put = Ask::new(emulator, "PUT", "/").query("domaincertificate", "").body(document.to_owned());
    put.send(emulator).await.verdict()
}

pub fn certificate_document(domain: &str) -> String {
    let (chain, key) = pem(domain);
    given(&format!("<Cert>{chain}</Cert><PrivateKey>{key}</PrivateKey>"), &[domain])
}

#[tokio::test]
async fn a_certificate_is_told_of_and_its_key_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Emulator::builder().data_dir(folder.path()).in_memory().unwrap();
    let emulator = start();
    let get = async |emulator: &Emulator, domain: &str| certificate(emulator, "GET", domain).send(emulator).await;
    assert_eq!(get(&emulator, "a.test").await.verdict(), "404 DomainConfigNotFoundError");
    assert_eq!(give(&emulator, &certificate_document("a.test")).await, "404 DomainConfigNotFoundError");
    set(&emulator, &rules(&[("a.test", "REST"), ("b.test", "REST")])).await;
    assert_eq!(get(&emulator, "a.test").await.all("Status"), ["Disabled"]);
    assert_eq!(certificate(&emulator, "DELETE", "a.test").send(&emulator).await.verdict(), "204");
    let (chain, key) = pem("a.test");
    let custom = format!("<PrivateKey>{key}</PrivateKey><Cert>{chain}</Cert>");
    assert_eq!(give(&emulator, &given(&custom, &["A.test"])).await, "200");
    let told = get(&emulator, "a.test").await;
    let id = told.element("CertId").to_owned();
    assert_eq!((told.element("Status"), told.element("ValidityBegin")), ("Enabled", "1767312000"));
    assert_eq!((told.element("ValidityExpire"), id.len()), ("2561500800", 8));
    assert_eq!(get(&emulator, "b.test").await.element("Status"), "Disabled");
    assert_eq!(give(&emulator, &given(&format!("<CertId>{id}</CertId>"), &["b.test"])).await, "200");
    assert_eq!(get(&emulator, "b.test").await.element("CertId"), id);
    let secret = key.lines().nth(1).unwrap();
    drop(emulator);
    for file in std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = if file.is_file() { std::fs::read(file).unwrap() } else { Vec::new() };
        assert!(!String::from_utf8_lossy(&bytes).contains(secret));
    }
    let emulator = start();
    assert_eq!(get(&emulator, "a.test").await.element("CertId"), id);
    assert_eq!(certificate(&emulator, "DELETE", "A.test").send(&emulator).await.verdict(), "204");
    assert_eq!(get(&emulator, "a.test").await.element("Status"), "Disabled");
    // It goes with its domain.
    set(&emulator, &rules(&[("a.test", "REST")])).await;
    set(&emulator, &rules(&[("a.test", "REST"), ("b.test", "REST")])).await;
    assert_eq!(get(&emulator, "b.test").await.element("Status"), "Disabled");
}

#[tokio::test]
async fn a_certificate_that_is_none_is_refused() {
    let emulator = Emulator::builder().in_memory().unwrap();
    set(&emulator, &rules(&[("a.test", "REST")])).await;
    let ((chain, key), (_, other)) = (pem("a.test"), pem("a.test"));
    let custom = |chain: &str, key: &str| format!("<Cert>{chain}</Cert><PrivateKey>{key}</PrivateKey>");
    for (custom, verdict) in [
        (custom(&chain, &other), "400 InvalidArgument"),
        (custom("x", &key), "400 InvalidArgument"),
        (custom(&chain, "x"), "400 InvalidArgument"),
        (custom(&key, &key), "400 InvalidArgument"),
        ("<CertId>unknown</CertId>".to_owned(), "400 InvalidArgument"),
        (format!("<Cert>{chain}</Cert>"), "400 MalformedXML"),
        (format!("<CertId>a</CertId>{}", custom(&chain, &key)), "400 MalformedXML"),
        (format!("<Other/>{}", custom(&chain, &key)), "400 MalformedXML"),
        (String::new(), "400 MalformedXML"),
    ] {
        assert_eq!(give(&emulator, &given(&custom, &["a.test"])).await, verdict, "{custom}");
    }
    let right = given(&custom(&chain, &key), &["a.test"]);
    for (part, other) in [
        ("CertType>CustomCert<", "CertType>Other<"),
        ("<DomainName>a.test</DomainName>", ""),
        ("<DomainList>", "<Other/><DomainList>"),
    ] {
        assert_eq!(give(&emulator, &right.replace(part, other)).await, "400 MalformedXML", "{part}");
    }
    assert_eq!(certificate(&emulator, "GET", "a.test").send(&emulator).await.element("Status"), "Disabled");
    let unnamed = |method| Ask::new(&emulator, method, "/").query("domaincertificate", "");
    assert_eq!(unnamed("GET").send(&emulator).await.verdict(), "400 InvalidArgument");
    assert_eq!(unnamed("DELETE").send(&emulator).await.verdict(), "400 InvalidArgument");
    for method in ["PUT", "GET", "DELETE"] {
        assert_eq!(unnamed(method).anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    }
    assert_eq!(give(&emulator, &right).await, "200");
}
