//! A bucket as a website, hotlink protection, where a bucket is, and what web pages may: set by the client, seen by a
//! visitor.

use cos_emulator::Emulator;
use http::Method;
use tencent_cos::{
    Acl, CorsConfiguration, CorsRule, Credentials, DeleteBucketReferer, DeleteBucketWebsite, Endpoint, ErrorKind,
    GetBucketLocation, GetBucketReferer, GetBucketWebsite, OptionsObject, PutBucketAcl, PutBucketCors,
    PutBucketReferer, PutBucketWebsite, RefererConfiguration, RefererType, RoutingRule, WebsiteConfiguration,
};

use crate::support::{bucket, client, emulator};

const HOST: &str = "examplebucket-1250000000.cos-website.ap-guangzhou.myqcloud.com";

/// A browser that goes nowhere by itself.
struct Visitor {
    http: reqwest::Client,
    port: u16,
}

impl Visitor {
    fn of(emulator: &Emulator) -> Self {
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.resolve(HOST, emulator.address()).build().unwrap();
        Self { http, port: emulator.address().port() }
    }

    /// The status, and where it sends or what it shows.
    async fn sees(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("http://{HOST}:{}/{path}", self.port)).send().await.unwrap();
        let status = answer.status().as_u16();
        let location = answer.headers().get("location").map(|url| url.to_str().unwrap().to_owned());
        match location {
            Some(url) => (status, url.replace(&format!(":{}", self.port), "")),
            None => (status, answer.text().await.unwrap()),
        }
    }
}

#[tokio::test]
async fn a_website_is_seen_as_it_was_set() {
    let emulator = emulator().await;
    let (bucket, visitor) = (bucket(&emulator), Visitor::of(&emulator));
    assert_eq!(bucket.send(GetBucketWebsite::new()).await.unwrap(), None);
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.unwrap();
    for key in ["index.html", "docs/index.html", "documents/a b", "errors/404.html", "page.html"] {
        bucket.put(key, format!("this is {key}")).await.unwrap();
    }
    assert_eq!(visitor.sees("").await.0, 404);

    let mut website = WebsiteConfiguration::new("index.html");
    bucket.send(PutBucketWebsite::new(website.clone())).await.unwrap();
    assert_eq!(bucket.send(GetBucketWebsite::new()).await.unwrap().as_ref(), Some(&website));
    assert_eq!(visitor.sees("").await, (200, "this is index.html".to_owned()));
    assert_eq!(visitor.sees("docs/").await, (200, "this is docs/index.html".to_owned()));
    let (status, page) = visitor.sees("page").await;
    assert_eq!((status, page.contains("NoSuchKey")), (404, true));

    website = website.ignore_html_extension(true).error_document("errors/404.html").original_http_status(false);
    website.routing_rules = vec![
        RoutingRule::replace_prefix("old/", "documents/").https(true),
        RoutingRule::on_prefix("images/", "page.html"),
    ];
    bucket.send(PutBucketWebsite::new(website.clone())).await.unwrap();
    assert_eq!(bucket.send(GetBucketWebsite::new()).await.unwrap().as_ref(), Some(&website));
    assert_eq!(visitor.sees("page").await, (200, "this is page.html".to_owned()));
    assert_eq!(visitor.sees("missing").await, (200, "this is errors/404.html".to_owned()));
    assert_eq!(visitor.sees("old/a%20b").await, (302, format!("https://{HOST}/documents/a%20b")));
    assert_eq!(visitor.sees("images/x.png").await, (302, format!("http://{HOST}/page.html")));

    website = website.original_http_status(true).routing_rule(RoutingRule::on_error(404, "page.html"));
    bucket.send(PutBucketWebsite::new(website.clone())).await.unwrap();
    assert_eq!(visitor.sees("missing").await, (302, format!("http://{HOST}/page.html")));
    website.routing_rules.pop();
    bucket.send(PutBucketWebsite::new(website.https_only(true))).await.unwrap();
    assert_eq!(visitor.sees("docs/").await, (301, format!("https://{HOST}/docs/")));

    assert!(!bucket.send(DeleteBucketWebsite::new()).await.unwrap().request_id().is_empty());
    assert!(!bucket.send(DeleteBucketWebsite::new()).await.unwrap().request_id().is_empty());
    assert_eq!(bucket.send(GetBucketWebsite::new()).await.unwrap(), None);
    assert_eq!(visitor.sees("").await.0, 404);
}

#[tokio::test]
async fn who_comes_by_https_is_not_sent_there() {
    let emulator = Emulator::builder().tls_self_made(true).start().await.unwrap();
    let address = emulator.address();
    let to = |host: &str| {
        let endpoint = Endpoint::custom(format!("https://{host}:{}", address.port())).unwrap();
        let client = client(&emulator).endpoint(endpoint).resolve(host, address);
        let client = client.root_certificates(emulator.ca_pem().unwrap()).build().unwrap();
        client.bucket(emulator.bucket()).unwrap()
    };
    let bucket = to(&HOST.replace("cos-website", "cos"));
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.unwrap();
    bucket.put("docs/i.html", "hello").await.unwrap();
    bucket.send(PutBucketWebsite::new(WebsiteConfiguration::new("i.html").https_only(true))).await.unwrap();
    // The client is a visitor as others are; what it signs is not looked at.
    let visitor = to(HOST);
    assert_eq!(visitor.get("docs/").await.unwrap().bytes(9).await.unwrap(), "hello");
    assert!(visitor.head("missing").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn only_the_pages_that_were_named_show_what_is_in_a_bucket() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketReferer::new()).await.unwrap(), None);
    assert_eq!(emulator.journal().len(), 1);
    bucket.send(PutBucketAcl::new(Acl::public_read())).await.unwrap();
    bucket.put("a.png", "x").await.unwrap();
    let shown = async |referer: &str| {
        let get = reqwest::Client::builder().no_proxy().build().unwrap().get(bucket.object_url("a.png").unwrap());
        let answer = get.header("referer", referer).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap().contains("You are denied by bucket referer rule"))
    };
    let ours = RefererConfiguration::new(RefererType::WhiteList, ["*.a.example", "127.0.0.1:8000"]);
    bucket.send(PutBucketReferer::new(ours.clone())).await.unwrap();
    assert_eq!(bucket.send(GetBucketReferer::new()).await.unwrap(), Some(ours.clone()));
    assert_eq!(shown("https://www.a.example/gallery").await, (200, false));
    assert_eq!(shown("http://127.0.0.1:8000/").await, (200, false));
    assert_eq!(shown("https://b.example/").await, (403, true));
    assert_eq!(shown("").await, (403, true));
    // Who signs is not a page.
    assert_eq!(bucket.get("a.png").await.unwrap().bytes(9).await.unwrap(), "x");

    let mut theirs = ours.empty_referer(true);
    theirs.referer_type = Some(RefererType::BlackList);
    bucket.send(PutBucketReferer::new(theirs)).await.unwrap();
    assert_eq!(shown("https://www.a.example/").await, (403, true));
    assert_eq!((shown("https://b.example/").await, shown("").await), ((200, false), (200, false)));
    assert!(!bucket.send(DeleteBucketReferer::new()).await.unwrap().request_id().is_empty());
    assert_eq!(bucket.send(GetBucketReferer::new()).await.unwrap(), None);
    assert_eq!(shown("https://www.a.example/").await, (200, false));
    bucket.send(DeleteBucketReferer::new()).await.unwrap();
}

#[tokio::test]
async fn a_bucket_is_where_it_was_made() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    assert_eq!(bucket.send(GetBucketLocation::new()).await.unwrap().as_str(), emulator.region());
    let nowhere = client(&emulator).build().unwrap().bucket("nowhere-1250000000").unwrap();
    assert_eq!(nowhere.send(GetBucketLocation::new()).await.unwrap_err().code(), Some("NoSuchBucket"));
}

#[tokio::test]
async fn a_preflight_tells_what_a_page_may_or_that_it_may_not() {
    let emulator = emulator().await;
    let bucket = bucket(&emulator);
    let ask = |method| OptionsObject::new("a b".parse().unwrap(), "https://a.example", method);
    assert_eq!(bucket.send(ask(Method::PUT)).await.unwrap(), None);
    let sent = emulator.journal();
    assert_eq!((sent.len(), sent[0].code.as_deref()), (1, Some("AccessForbidden")));
    let rule = CorsRule::new("https://*.example", [Method::PUT, Method::GET])
        .allowed_header("content-type")
        .expose_header("ETag")
        .max_age(std::time::Duration::from_secs(60));
    bucket.send(PutBucketCors::new(CorsConfiguration::new([rule.clone()]))).await.unwrap();
    let preflight = bucket.send(ask(Method::PUT).header("Content-Type")).await.unwrap().unwrap();
    assert_eq!(preflight.allow_origin, "https://a.example");
    assert_eq!((&preflight.allow_methods, &preflight.expose_headers), (&rule.allowed_methods, &rule.expose_headers));
    assert_eq!((preflight.max_age, preflight.allow_credentials), (rule.max_age, true));
    assert_eq!(preflight.allow_headers, ["Content-Type"]);
    assert!(!preflight.request_id().is_empty());
    assert_eq!(bucket.send(ask(Method::DELETE)).await.unwrap(), None);
    assert_eq!(bucket.send(ask(Method::PUT).header("x-cos-acl")).await.unwrap(), None);

    // It is for everybody to ask.
    let stranger = client(&emulator).credentials(Credentials::anonymous()).build().unwrap();
    let stranger = stranger.bucket(emulator.bucket()).unwrap();
    assert!(stranger.send(ask(Method::GET)).await.unwrap().is_some());
    let nowhere = client(&emulator).build().unwrap().bucket("nowhere-1250000000").unwrap();
    assert_eq!(nowhere.send(ask(Method::GET)).await.unwrap_err().code(), Some("NoSuchBucket"));
    let before = emulator.journal().len();
    let error = bucket.send(ask(Method::GET).header("a b")).await.unwrap_err();
    assert_eq!((error.kind(), error.field(), emulator.journal().len()), (ErrorKind::Input, Some("header"), before));
}
