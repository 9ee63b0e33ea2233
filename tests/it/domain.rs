//! Custom domains and their certificates, and where visitors are sent for what is not there: set by the client, and seen.

use cos_emulator::{Action, Emulator, Rule};
use tencent_cos::{
    Acl, Bucket, CustomCertificate, DeleteBucketDomain, DeleteBucketDomainCertificate, DeleteBucketOrigin,
    DomainConfiguration, DomainRule, DomainType, Endpoint, ErrorKind, ForcedReplacement, GetBucketDomain,
    GetBucketDomainCertificate, GetBucketOrigin, OriginConfiguration, OriginProtocol, OriginRule, PutBucketAcl,
    PutBucketDomain, PutBucketDomainCertificate, PutBucketOrigin, PutBucketWebsite, WebsiteConfiguration,
};

use crate::support::{bucket, client, emulator};

const CDN: &str = "cdn.example.com";
const WWW: &str = "www.example.com";

/// The bucket by a domain.
fn through(emulator: &Emulator, domain: &str) -> Bucket {
    let to = Endpoint::custom(format!("http://{domain}:{}", emulator.address().port())).unwrap();
    let client = client(emulator).endpoint(to).allow_http(true).resolve(domain, emulator.address());
    client.build().unwrap().bucket(emulator.bucket()).unwrap()
}

#[tokio::test]
async fn a_bucket_is_reached_by_its_domains() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketDomain::new()).await.unwrap(), None);
    let by_domain = through(&emulator, CDN);
    assert_eq!(by_domain.put("k", "x").await.unwrap_err().code(), Some("NoSuchBucket"));
    let domains = [DomainRule::new(CDN, DomainType::Rest), DomainRule::new(WWW, DomainType::Website)];
    bucket.send(PutBucketDomain::new(DomainConfiguration::new(domains.clone()))).await.unwrap();
    let mut found = bucket.send(GetBucketDomain::new()).await.unwrap().unwrap();
    assert_eq!(found.rules, domains);
    assert!(found.txt_verification.as_ref().unwrap().starts_with("tencent-cloud-cos-verification="));

    by_domain.put("dir/a b+.html", "by domain").await.unwrap();
    assert_eq!(bucket.get("dir/a b+.html").await.unwrap().bytes(99).await.unwrap(), "by domain");
    assert_eq!(
        emulator.journal().iter().rev().find(|seen| seen.operation == "PUT Object").unwrap().host.split(':').next(),
        Some(CDN)
    );
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.unwrap();
    bucket.send(PutBucketWebsite::new(WebsiteConfiguration::new("a b+.html"))).await.unwrap();
    let page = through(&emulator, WWW).get("dir/").await.unwrap();
    assert_eq!(page.bytes(99).await.unwrap(), "by domain");

    // What was read goes back, a bit changed.
    found.rules[0].enabled = false;
    bucket.send(PutBucketDomain::new(found)).await.unwrap();
    assert_eq!(by_domain.head("dir/a b+.html").await.unwrap_err().status(), Some(404));
    for _ in 0..2 {
        assert!(!bucket.send(DeleteBucketDomain::new()).await.unwrap().request_id().is_empty());
    }
    assert_eq!(bucket.send(GetBucketDomain::new()).await.unwrap(), None);
}

#[tokio::test]
async fn a_domain_of_another_bucket_is_taken_by_force() {
    let builder = Emulator::builder().bucket("examplebucket-1250000000", "ap-guangzhou");
    let emulator = builder.bucket("other-1250000000", "ap-guangzhou").start().await.unwrap();
    let (first, other) = (bucket(&emulator), client(&emulator).build().unwrap().bucket("other-1250000000").unwrap());
    let put = |rule: DomainRule| PutBucketDomain::new(DomainConfiguration::new([rule]));
    let rule = DomainRule::new(CDN, DomainType::Rest);
    let forced = rule.clone().forced_replacement(ForcedReplacement::Txt);
    assert_eq!(first.send(put(forced.clone())).await.unwrap_err().status(), Some(409));
    first.send(put(rule.clone())).await.unwrap();
    assert_eq!(other.send(put(rule)).await.unwrap_err().code(), Some("RecordAlreadyExist"));
    other.send(put(forced)).await.unwrap();
    assert_eq!(first.send(GetBucketDomain::new()).await.unwrap(), None);
}

#[tokio::test]
async fn a_certificate_is_given_to_a_domain_and_taken() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let (chain, key) = (include_str!("../golden/certificate/cdn.pem"), include_str!("../golden/certificate/cdn.key"));
    let put = |key: &str| {
        let certificate = CustomCertificate::pem(chain, key).unwrap();
        bucket.send(PutBucketDomainCertificate::new(certificate, [CDN]))
    };
    assert_eq!(put(key).await.unwrap_err().code(), Some("DomainConfigNotFoundError"));
    let domain = DomainConfiguration::new([DomainRule::new(CDN, DomainType::Rest)]);
    bucket.send(PutBucketDomain::new(domain)).await.unwrap();
    let get = || bucket.send(GetBucketDomainCertificate::new(CDN));
    assert_eq!(get().await.unwrap(), None);
    put(key).await.unwrap();
    let found = get().await.unwrap().unwrap();
    let lasts = found.validity_expire.unwrap().duration_since(found.validity_begin.unwrap()).unwrap();
    assert_eq!((found.enabled, lasts.as_secs()), (true, 36_500 * 24 * 3600));
    let by_id = CustomCertificate::id(found.cert_id.clone().unwrap());
    bucket.send(PutBucketDomainCertificate::new(by_id, [CDN])).await.unwrap();
    assert_eq!(get().await.unwrap(), Some(found));
    for _ in 0..2 {
        bucket.send(DeleteBucketDomainCertificate::new(CDN)).await.unwrap();
    }
    assert_eq!(get().await.unwrap(), None);

    // A key that is no key, and whoever repeats what was sent.
    let wrong = key.replace("MIGH", "PLAN");
    let secret = wrong.lines().nth(1).unwrap();
    let refused = put(&wrong).await.unwrap_err();
    assert_eq!(refused.code(), Some("InvalidArgument"));
    assert!(!format!("{refused:#} {refused:?}").contains(secret));
    let echo = format!("<Error><Code>MalformedXML</Code><Message>not right: {wrong}</Message></Error>");
    let unreadable = format!("<DomainCertificate><PrivateKey>{wrong}");
    for (status, body, kind) in [(400, echo, ErrorKind::Service), (200, unreadable, ErrorKind::Response)] {
        emulator.script(Rule::on("GET Bucket domaincertificate").then(Action::RawBody {
            status,
            headers: Vec::new(),
            body: body.into(),
        }));
        let error = get().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(!format!("{error:#} {error:?} {error:#?}").contains(secret), "{error:?}");
    }
}

#[tokio::test]
async fn who_asks_for_what_is_not_there_is_sent_elsewhere() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketOrigin::new()).await.unwrap(), None);
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.unwrap();
    let visitor = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = async |key: &str| {
        let answer = visitor.get(bucket.object_url(key).unwrap()).send().await.unwrap();
        let location = answer.headers().get("location").map(|url| url.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location.unwrap_or_default())
    };
    let docs = OriginRule::redirect(1, 404, WWW).prefix("docs/").protocol(OriginProtocol::Https);
    let rest = OriginRule::redirect(2, 404, CDN).http_redirect_code(301).file_prefix("all/");
    let origin = OriginConfiguration::new([docs, rest]);
    bucket.send(PutBucketOrigin::new(origin.clone())).await.unwrap();
    assert_eq!(bucket.send(GetBucketOrigin::new()).await.unwrap(), Some(origin));
    assert_eq!(sent("docs/a b").await, (302, format!("https://{WWW}/docs/a%20b")));
    assert_eq!(sent("x").await, (301, format!("http://{CDN}/all/x")));
    // The client does not follow with its keys.
    assert_eq!(bucket.get("x").await.unwrap_err().status(), Some(301));
    bucket.put("x", "there").await.unwrap();
    assert_eq!(sent("x").await.0, 200);
    for _ in 0..2 {
        bucket.send(DeleteBucketOrigin::new()).await.unwrap();
    }
    assert_eq!(bucket.send(GetBucketOrigin::new()).await.unwrap(), None);
    assert_eq!(sent("y").await.0, 404);
}
