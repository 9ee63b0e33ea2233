//! Back-to-origin rules.

use cos_emulator::Emulator;

use crate::client::Ask;

/// The first example of the reference.
pub const DOCUMENT: &str = "<OriginConfiguration><OriginRule><RulePriority>1</RulePriority>\
    <OriginType>Mirror</OriginType><OriginCondition><HTTPStatusCode>404</HTTPStatusCode><Prefix/></OriginCondition>\
    <OriginParameter><Protocol>HTTP</Protocol><FollowQueryString>true</FollowQueryString><HttpHeader>\
    <FollowAllHeaders>false</FollowAllHeaders><NewHttpHeaders><Header><Key>x-cos</Key><Value>exampleHeader</Value>\
    </Header></NewHttpHeaders><FollowHttpHeaders><Header><Key>exampleHeaderKey</Key></Header></FollowHttpHeaders>\
    </HttpHeader><FollowRedirection>true</FollowRedirection><HttpRedirectCode>302</HttpRedirectCode></OriginParameter>\
    <OriginInfo><HostInfo><HostName>examplebucket-1250000000.cos.ap-shanghai.myqcloud.com</HostName></HostInfo>\
    </OriginInfo></OriginRule></OriginConfiguration>";

fn setting(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("origin", "")
}

async fn set(emulator: &Emulator, document: &str) -> String {
    setting(emulator, "PUT").body(document.to_owned()).send(emulator).await.verdict()
}

/// A rule that redirects.
fn rule(priority: u32, condition: &str, parameter: &str, info: &str) -> String {
    format!(
        "<OriginRule><OriginInfo><HostInfo><HostName>origin.test</HostName></HostInfo>{info}</OriginInfo>\
         <OriginType>Redirect</OriginType><OriginCondition>{condition}</OriginCondition>\
         <OriginParameter>{parameter}</OriginParameter><RulePriority>{priority}</RulePriority></OriginRule>"
    )
}

fn all(rules: &[String]) -> String {
    format!("<OriginConfiguration>{}</OriginConfiguration>", rules.concat())
}

const MISSING: &str = "<HTTPStatusCode>404</HTTPStatusCode>";

#[tokio::test]
async fn a_document_is_kept_as_it_came_and_can_be_removed() {
    let emulator = Emulator::builder().in_memory().unwrap();
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 OriginConfigurationNotFoundError");
    let put = setting(&emulator, "PUT").body(DOCUMENT).send(&emulator).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("200", 0));
    let kept = setting(&emulator, "GET").send(&emulator).await;
    assert_eq!(kept.text().replace(['\n', '\t'], "").split_once(" ?>").unwrap().1, DOCUMENT);
    for method in ["PUT", "GET", "DELETE"] {
        assert_eq!(setting(&emulator, method).anonymous().send(&emulator).await.verdict(), "403 AccessDenied");
    }
    // What would be fetched is not.
    assert_eq!(Ask::new(&emulator, "GET", "/k").send(&emulator).await.verdict(), "404 NoSuchKey");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(setting(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 OriginConfigurationNotFoundError");
}

#[tokio::test]
async fn a_document_that_is_not_right_changes_nothing() {
    let emulator = Emulator::builder().in_memory().unwrap();
    let host = "<HostInfo><HostName>examplebucket-1250000000.cos.ap-shanghai.myqcloud.com</HostName></HostInfo>";
    for (part, other) in [
        ("<RulePriority>1</RulePriority>", ""),
        ("<RulePriority>1", "<RulePriority>-1"),
        (">Mirror<", ">mirror<"),
        ("<OriginType>Mirror</OriginType>", ""),
        (">404<", ">403<"),
        ("<HTTPStatusCode>404</HTTPStatusCode>", ""),
        (">HTTP<", ">FTP<"),
        (">true</FollowQueryString>", ">yes</FollowQueryString>"),
        (">302<", ">303<"),
        ("<Key>x-cos</Key>", ""),
        ("<Key>exampleHeaderKey</Key>", "<Key>a</Key><Value>b</Value>"),
        (host, ""),
        ("<HostName>", "<HostName>http://"),
        ("</HostName>", "</HostName><StandbyHostName_11>a.test</StandbyHostName_11>"),
        ("</HostName>", "</HostName><Weight>heavy</Weight>"),
        ("</HostName>", "</HostName><PrivateHost><Host>a.test</Host></PrivateHost>"),
        ("</OriginInfo>", "</OriginInfo><OriginInfo/>"),
        ("</OriginInfo>", "</OriginInfo><Other/>"),
        (host, &host.repeat(11)),
    ] {
        let document = DOCUMENT.replacen(part, other, 1);
        assert_ne!(document, DOCUMENT);
        assert_eq!(set(&emulator, &document).await, "400 MalformedXML", "{document}");
    }
    let proxy = DOCUMENT.replace(">Mirror<", ">Proxy<");
    assert_eq!(set(&emulator, &proxy.replace(host, &host.repeat(2))).await, "400 MalformedXML");
    assert_eq!(set(&emulator, "<OriginConfiguration/>").await, "400 MalformedXML");
    let replaces = "<FileInfo><PrefixConfiguration><Prefix>a</Prefix><ReplacedWithPrefix>b</ReplacedWithPrefix>\
                    </PrefixConfiguration></FileInfo>";
    assert_eq!(set(&emulator, &all(&[rule(1, MISSING, "", replaces)])).await, "501 NotImplemented");
    assert_eq!(setting(&emulator, "GET").send(&emulator).await.verdict(), "404 OriginConfigurationNotFoundError");
    let more = "</HostName><Weight>5</Weight><StandbyHostName_1>a.test</StandbyHostName_1><PrivateHost>\
                <Host>b.test</Host><CredentialProvider><Role>r</Role></CredentialProvider></PrivateHost>";
    for (part, other) in [
        ("</HostName>", more),
        (host, &host.repeat(10)),
        ("</OriginInfo>", "</OriginInfo><HTTPStandbyCode><StatusCode>403</StatusCode></HTTPStandbyCode>"),
        (">Mirror<", ">Proxy<"),
    ] {
        assert_eq!(set(&emulator, &DOCUMENT.replacen(part, other, 1)).await, "200", "{other}");
    }
}

#[tokio::test]
async fn who_asks_for_what_is_not_there_is_sent_to_the_origin() {
    let emulator = Emulator::builder().in_memory().unwrap();
    emulator.put_object(emulator.bucket(), "there", "x");
    let ask = |method: &str, path: &str| Ask::new(&emulator, method, path);
    let sent = async |ask: Ask| {
        let answer = ask.send(&emulator).await;
        (answer.status.as_u16(), answer.header("location").to_owned())
    };
    let stays = |status: u16| (status, String::new());
    let file = |inner: &str| format!("<FileInfo>{inner}</FileInfo>");
    let old = rule(1, &format!("{MISSING}<Prefix>old/</Prefix>"), "<HttpRedirectCode>301</HttpRedirectCode>", "");
    let rest = rule(
        7,
        MISSING,
        "<Protocol>HTTPS</Protocol><FollowQueryString>false</FollowQueryString>",
        &file("<PrefixConfiguration><Prefix>new/</Prefix></PrefixConfiguration><Suffix>.bak</Suffix>"),
    );
    assert_eq!(set(&emulator, &all(&[rest, old])).await, "200");
    assert_eq!(sent(ask("GET", "/there")).await, stays(200));
    assert_eq!(sent(ask("GET", "/old/a%20b")).await, (301, "http://origin.test/old/a%20b".to_owned()));
    let query = ask("GET", "/old/x").query("response-expires", "a b");
    assert_eq!(sent(query).await, (301, "http://origin.test/old/x?response-expires=a%20b".to_owned()));
    assert_eq!(sent(ask("HEAD", "/k")).await, (302, "https://origin.test/new/k.bak".to_owned()));
    assert_eq!(sent(ask("GET", "/k").query("versionId", "x")).await.0, 302);
    assert_eq!(sent(ask("GET", "/k").anonymous()).await, stays(403));
    assert_eq!(sent(ask("DELETE", "/k")).await, stays(204));
    let mut wrong = ask("GET", "/k");
    wrong.key = "wrong".to_owned();
    assert_eq!(wrong.send(&emulator).await.verdict(), "403 SignatureDoesNotMatch");

    let fixed = file("<FixedFileConfiguration><FixedFilePath>/sorry.html</FixedFilePath></FixedFileConfiguration>");
    let filter = "<HTTPStatusCode>403</HTTPStatusCode><Suffix>.png</Suffix><FilterHost><ForbidHost><DomainList>\
                  <Domain>no.test</Domain></DomainList></ForbidHost></FilterHost>";
    let denied = rule(1, filter, "<HttpRedirectCode>307</HttpRedirectCode>", &fixed);
    assert_eq!(set(&emulator, &all(&[denied])).await, "200");
    let domain = "<DomainConfiguration><DomainRule><Status>ENABLED</Status><Name>no.test</Name><Type>REST</Type>\
                  </DomainRule></DomainConfiguration>";
    ask("PUT", "/").query("domain", "").body(domain).send(&emulator).await;
    assert_eq!(sent(ask("GET", "/a.png").anonymous()).await, (307, "http://origin.test/sorry.html".to_owned()));
    assert_eq!(sent(ask("GET", "/a.jpg").anonymous()).await, stays(403));
    assert_eq!(sent(ask("GET", "/a.png").anonymous().host("no.test")).await, stays(403));
    assert_eq!(sent(ask("GET", "/a.png")).await, stays(404));
}
