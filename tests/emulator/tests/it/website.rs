//! Static websites, and where a bucket is.

use cos_emulator::{Action, Cors, Emulator, Rule};

use crate::bucket_policy::{ANYONE, allow, deny, document};
use crate::client::{Answer, Ask};

const HOST: &str = "examplebucket-1250000000.cos-website.ap-guangzhou.myqcloud.com";

/// The example of the reference.
pub const DOCUMENT: &str = "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
    <RedirectAllRequestsTo><Protocol>https</Protocol></RedirectAllRequestsTo>\
    <ErrorDocument><Key>pages/error.html</Key></ErrorDocument><RoutingRules>\
    <RoutingRule><Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition>\
    <Redirect><Protocol>https</Protocol><ReplaceKeyWith>pages/403.html</ReplaceKeyWith></Redirect></RoutingRule>\
    <RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition>\
    <Redirect><ReplaceKeyWith>pages/404.html</ReplaceKeyWith></Redirect></RoutingRule>\
    <RoutingRule><Condition><KeyPrefixEquals>assets/</KeyPrefixEquals></Condition>\
    <Redirect><ReplaceKeyWith>index.html</ReplaceKeyWith></Redirect></RoutingRule>\
    <RoutingRule><Condition><KeyPrefixEquals>article/</KeyPrefixEquals></Condition>\
    <Redirect><Protocol>https</Protocol><ReplaceKeyPrefixWith>archived/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
    </RoutingRules></WebsiteConfiguration>";

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("website", "")
}

async fn set(emulator: &Emulator, document: &str) -> String {
    setting(emulator, "PUT").body(document.to_owned()).send(emulator).await.verdict()
}

fn page(emulator: &Emulator, path: &str) -> Ask {
    Ask::new(emulator, "GET", path).host(HOST).anonymous()
}

async fn seen(emulator: &Emulator, path: &str) -> (u16, String) {
    let answer = page(emulator, path).send(emulator).await;
    (answer.status.as_u16(), answer.text().to_owned())
}

async fn sent_to(emulator: &Emulator, path: &str) -> (u16, String) {
    let answer = page(emulator, path).send(emulator).await;
    (answer.status.as_u16(), answer.header("location").to_owned())
}

/// A bucket that everybody may read, and list.
async fn open_site(document: &str, keys: &[&str]) -> Emulator {
    let emulator = Emulator::builder().cors(Cors::origin("https://a.example")).in_memory().unwrap();
    let acl = Ask::new(&emulator, "PUT", "/").query("acl", "").header("x-cos-acl", "public-read");
    assert_eq!(acl.send(&emulator).await.verdict(), "200");
    assert_eq!(set(&emulator, document).await, "200");
    for key in keys {
        emulator.put_object(emulator.bucket(), key, (*key).to_owned());
    }
    emulator
}

/// A configuration with an index document and this.
fn site(more: &str) -> String {
    format!(
        "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>{more}</WebsiteConfiguration>"
    )
}

fn rule(condition: &str, redirect: &str) -> String {
    format!("<RoutingRule><Condition>{condition}</Condition><Redirect>{redirect}</Redirect></RoutingRule>")
}

#[tokio::test]
async fn a_document_is_kept_as_it_came_and_can_be_removed() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchWebsiteConfiguration");
    let put = setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("200", 0));
    let kept = setting(&emulator, "GET").send(&emulator).await;
    assert_eq!(kept.text().replace(['\n', '\t'], "").split_once(" ?>").unwrap().1, DOCUMENT);
    assert_eq!(setting(&emulator, "DELETE").anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchWebsiteConfiguration");
}

#[tokio::test]
async fn a_document_that_is_not_right_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(set(&emulator, DOCUMENT).await, "200");
    let before = setting(&emulator, "GET").send(&emulator).await.text().to_owned();
    let rules = |rules: &str| site(&format!("<RoutingRules>{rules}</RoutingRules>"));
    let (on_404, to_key) =
        ("<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>", "<ReplaceKeyWith>a</ReplaceKeyWith>");
    let (on_docs, to_prefix) =
        ("<KeyPrefixEquals>d/</KeyPrefixEquals>", "<ReplaceKeyPrefixWith>e/</ReplaceKeyPrefixWith>");
    let good = rule(on_404, to_key);
    for document in [
        "<WebsiteConfiguration/>".to_owned(),
        "<Website/>".to_owned(),
        site("").replace("index.html", ""),
        site("<IndexDocument><Suffix>a</Suffix></IndexDocument>"),
        site("<Other/>"),
        site("<ErrorDocument/>"),
        site("<ErrorDocument><Key>a</Key><OriginalHttpStatus>Yes</OriginalHttpStatus></ErrorDocument>"),
        site("<RedirectAllRequestsTo><Protocol>http</Protocol></RedirectAllRequestsTo>"),
        site("<RedirectAllRequestsTo><HostName>a.example</HostName></RedirectAllRequestsTo>"),
        site("<AutoAddressing><Status>on</Status></AutoAddressing>"),
        rules("<Rule/>"),
        rules("<RoutingRule/>"),
        rules(&rule("", to_key)),
        rules(&rule(on_404, "")),
        rules(&rule(&format!("{on_404}{on_docs}"), to_key)),
        rules(&rule(&on_404.replace("404", "500"), to_key)),
        rules(&rule(&on_404.replace("404", "4xx"), to_key)),
        rules(&rule(on_404, to_prefix)),
        rules(&rule(on_docs, &format!("{to_key}{to_prefix}"))),
        rules(&rule(on_404, &format!("<Protocol>http</Protocol>{to_key}"))),
        rules(&rule(on_404, &format!("<HostName>a.example</HostName>{to_key}"))),
        rules(&good.repeat(101)),
    ] {
        assert_eq!(set(&emulator, &document).await, "400 MalformedXML", "{document}");
    }
    assert_eq!(set(&emulator, "").await, "400 MissingRequestBodyError");
    let long = site(&format!("<ErrorDocument><Key>{}</Key></ErrorDocument>", "k".repeat(64 * 1024)));
    assert_eq!(set(&emulator, &long).await, "400 XMLSizeLimit");
    let charity = site("<ErrorDocument><Key>a</Key><Charity404>Enabled</Charity404></ErrorDocument>");
    assert_eq!(set(&emulator, &charity).await, "501 NotImplemented");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.text(), before);
    assert_eq!(set(&emulator, &rules(&good.repeat(100))).await, "200");
    // As the SDK for Java writes it.
    assert_eq!(
        set(&emulator, &rules(&rule(&format!("{on_404}<KeyPrefixEquals></KeyPrefixEquals>"), to_key))).await,
        "200"
    );
}

#[tokio::test]
async fn a_directory_is_its_index_document() {
    let emulator = open_site(&site(""), &["index.html", "docs/index.html", "docs/a.html", "plain"]).await;
    for (path, key) in [
        ("/", "index.html"),
        ("/docs/", "docs/index.html"),
        ("/docs/a.html", "docs/a.html"),
        ("/plain?versionId=x&response-content-type=y", "plain"),
    ] {
        assert_eq!(seen(&emulator, path).await, (200, key.to_owned()), "{path}");
    }
    let index = page(&emulator, "/").send(&emulator).await;
    assert_eq!((index.header("content-type"), index.header("x-cos-request-id").is_empty()), ("text/html", false));
    assert_eq!(page(&emulator, "/plain").header("range", "bytes=0-1").send(&emulator).await.text(), "pl");
    let etag = index.header("etag").to_owned();
    assert_eq!(page(&emulator, "/").header("if-none-match", etag).send(&emulator).await.status, 304);
    let from_a_page = page(&emulator, "/").header("origin", "https://a.example").send(&emulator).await;
    assert_eq!(from_a_page.header("access-control-allow-origin"), "https://a.example");
    assert_eq!(seen(&emulator, "/docs").await.0, 404);
    let head = Ask::new(&emulator, "HEAD", "/docs/").host(HOST).anonymous().send(&emulator).await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.body.len()), (200, "15", 0));
    let private_network = HOST.replace("cos-website", "cos-website-internal").replace("myqcloud.com", "tencentcos.cn");
    for host in [HOST.replace("myqcloud.com", "tencentcos.cn"), private_network] {
        assert_eq!(page(&emulator, "/").host(&host).send(&emulator).await.text(), "index.html", "{host}");
    }
    assert_eq!(emulator.journal().last().unwrap().operation, "Page of a website");
}

fn told(answer: &Answer) -> (u16, &str, bool) {
    (answer.status.as_u16(), answer.header("content-type"), answer.text().contains("<li>Code: "))
}

#[tokio::test]
async fn the_policy_of_the_bucket_says_who_sees_it() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(set(&emulator, &site("")).await, "200");
    emulator.put_object(emulator.bucket(), "index.html", "home");
    emulator.put_object(emulator.bucket(), "secret/index.html", "secret");
    assert_eq!(page(&emulator, "/").send(&emulator).await.status, 403);
    let statements = [allow(ANYONE, "GetObject", "*"), deny(ANYONE, "GetObject", "secret/*")];
    let policy = Ask::new(&emulator, "PUT", "/").query("policy", "").body(document(&statements));
    assert_eq!(policy.send(&emulator).await.verdict(), "204");
    assert_eq!(seen(&emulator, "/").await, (200, "home".to_owned()));
    assert_eq!(page(&emulator, "/secret/").send(&emulator).await.status, 403);
}

#[tokio::test]
async fn an_error_without_a_document_is_a_page_that_tells_it() {
    let emulator = open_site(&site(""), &[]).await;
    let missing = page(&emulator, "/a").send(&emulator).await;
    assert_eq!(told(&missing), (404, "text/html", true));
    assert!(missing.text().contains("NoSuchKey"), "{}", missing.text());
    assert_eq!(emulator.journal().last().unwrap().code.as_deref(), Some("NoSuchKey"));
    for (method, path, host, want) in [
        ("POST", "/a", HOST, (405, "MethodNotAllowed")),
        ("GET", "/%", HOST, (400, "InvalidURI")),
        ("GET", "/", "nobody-1250000000.cos-website.ap-guangzhou.myqcloud.com", (404, "NoSuchBucket")),
        ("GET", "/", "examplebucket-1250000000.cos-website.ap-beijing.myqcloud.com", (404, "NoSuchBucket")),
    ] {
        let ask = Ask::new(&emulator, method, path).host(host).anonymous().header("content-length", "0");
        let answer = ask.send(&emulator).await;
        assert_eq!((answer.status.as_u16(), answer.text().contains(want.1)), (want.0, true), "{method} {host}{path}");
    }
    setting(&emulator, "DELETE").send(&emulator).await;
    assert!(seen(&emulator, "/").await.1.contains("NoSuchWebsiteConfiguration"));
    emulator.script(Rule::on("Page of a website").then(Action::status(503, "SlowDown")));
    assert_eq!(seen(&emulator, "/").await.0, 503);
}

#[tokio::test]
async fn an_error_document_comes_with_the_status_of_the_error_or_without() {
    let errors = |more: &str| site(&format!("<ErrorDocument><Key>error.html</Key>{more}</ErrorDocument>"));
    let emulator = open_site(&errors(""), &["error.html", "private.html"]).await;
    let acl = Ask::new(&emulator, "PUT", "/private.html").query("acl", "").header("x-cos-acl", "private");
    acl.send(&emulator).await;
    assert_eq!(seen(&emulator, "/a").await, (404, "error.html".to_owned()));
    assert_eq!(seen(&emulator, "/private.html").await, (403, "error.html".to_owned()));
    let part = page(&emulator, "/a").header("range", "bytes=0-1").header("if-match", "\"x\"").send(&emulator).await;
    assert_eq!((part.status.as_u16(), part.text()), (404, "error.html"));
    // A signature opens nothing here.
    let signed = Ask::new(&emulator, "GET", "/private.html").host(HOST).send(&emulator).await;
    assert_eq!(signed.status, 403);
    set(&emulator, &errors("<OriginalHttpStatus>Enabled</OriginalHttpStatus>")).await;
    assert_eq!(seen(&emulator, "/a").await.0, 404);
    set(&emulator, &errors("<OriginalHttpStatus>Disabled</OriginalHttpStatus>")).await;
    assert_eq!(seen(&emulator, "/a").await, (200, "error.html".to_owned()));
    Ask::new(&emulator, "DELETE", "/error.html").send(&emulator).await;
    assert!(seen(&emulator, "/a").await.1.contains("NoSuchKey"));
}

#[tokio::test]
async fn who_may_not_list_does_not_learn_what_is_missing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    set(&emulator, &site("")).await;
    let put = Ask::new(&emulator, "PUT", "/index.html").header("x-cos-acl", "public-read").body("hello");
    put.send(&emulator).await;
    assert_eq!(seen(&emulator, "/").await, (200, "hello".to_owned()));
    assert_eq!(seen(&emulator, "/missing").await.0, 403);
}

#[tokio::test]
async fn rules_send_visitors_elsewhere() {
    let url = |scheme: &str, path: &str| format!("{scheme}://{HOST}/{path}");
    let document = DOCUMENT.replace("<RedirectAllRequestsTo><Protocol>https</Protocol></RedirectAllRequestsTo>", "");
    let keys = ["index.html", "article/a", "assets/x", "private", "pages/404.html", "pages/error.html"];
    let emulator = open_site(&document, &keys).await;
    let acl = Ask::new(&emulator, "PUT", "/private").query("acl", "").header("x-cos-acl", "private");
    acl.send(&emulator).await;
    assert_eq!(
        sent_to(&emulator, "/article/a%20b/%E4%B8%AD?q=1").await,
        (302, url("https", "archived/a%20b/%E4%B8%AD"))
    );
    assert_eq!(sent_to(&emulator, "/assets/x").await, (302, url("http", "index.html")));
    assert_eq!(sent_to(&emulator, "/missing").await, (302, url("http", "pages/404.html")));
    // The page for 403 is not there, which leaves the error document.
    assert_eq!(seen(&emulator, "/private").await, (403, "pages/error.html".to_owned()));
    emulator.put_object(emulator.bucket(), "pages/403.html", "no");
    assert_eq!(sent_to(&emulator, "/private").await, (302, url("https", "pages/403.html")));

    let stays = document.replace("</Redirect>", "<URLRedirect>Disabled</URLRedirect></Redirect>");
    assert_eq!(set(&emulator, &stays).await, "200");
    assert_eq!(seen(&emulator, "/missing").await, (200, "pages/404.html".to_owned()));
    assert_eq!(seen(&emulator, "/assets/x").await, (200, "index.html".to_owned()));
}

#[tokio::test]
async fn plain_http_is_sent_to_https_where_that_is_set() {
    let emulator = open_site(DOCUMENT, &["index.html"]).await;
    assert_eq!(sent_to(&emulator, "/a/b").await, (301, format!("https://{HOST}/a/b")));
}

#[tokio::test]
async fn the_extension_html_may_be_left_out_where_that_is_set() {
    let emulator = open_site(&site(""), &["a.html", "b.html", "b"]).await;
    assert_eq!(seen(&emulator, "/a").await.0, 404);
    set(&emulator, &site("<AutoAddressing><Status>Enabled</Status></AutoAddressing>")).await;
    assert_eq!(seen(&emulator, "/a").await, (200, "a.html".to_owned()));
    assert_eq!(seen(&emulator, "/b").await, (200, "b".to_owned()));
    assert_eq!(seen(&emulator, "/c").await.0, 404);
}

#[tokio::test]
async fn a_bucket_tells_its_owner_where_it_is() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let ask = Ask::new(&emulator, "GET", "/").query("location", "");
    let answer = ask.clone().send(&emulator).await;
    assert_eq!((answer.verdict().as_str(), answer.element("LocationConstraint")), ("200", "ap-guangzhou"));
    assert_eq!(ask.clone().anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    let nowhere = ask.host("nobody-1250000000.cos.ap-guangzhou.myqcloud.com");
    assert_eq!(nowhere.send(&emulator).await.verdict(), "404 NoSuchBucket");
}
