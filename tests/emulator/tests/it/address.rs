//! Hosts, paths, buckets.

use cos_emulator::Emulator;

use crate::accelerate;
use crate::client::{Ask, now};

fn emulator() -> Emulator {
    Emulator::builder()
        .bucket("examplebucket-1250000000", "ap-guangzhou")
        .bucket("other-1250000000", "ap-beijing")
        .domain("cdn.example.com", "other-1250000000")
        .in_memory()
        .unwrap()
}

#[tokio::test]
async fn every_way_to_name_a_bucket_reaches_the_same_object() {
    let emulator = emulator();
    emulator.put_object("other-1250000000", "dir/k", "x");
    let on =
        Ask::new(&emulator, "PUT", "/").host("other-1250000000.cos.ap-beijing.myqcloud.com").query("accelerate", "");
    on.body(accelerate::DOCUMENT).send(&emulator).await;
    for (host, path) in [
        ("other-1250000000.cos.ap-beijing.myqcloud.com", "/dir/k"),
        ("other-1250000000.cos.ap-beijing.tencentcos.cn:80", "/dir%2Fk"),
        ("other-1250000000.cos-internal.ap-beijing.tencentcos.cn", "/dir/k"),
        ("other-1250000000.cos.accelerate.myqcloud.com", "/dir/k"),
        ("cdn.example.com", "/dir/k"),
        ("127.0.0.1:9911", "/other-1250000000/dir/k"),
        ("localhost", "/other-1250000000/dir/k"),
        ("other-1250000000.localhost:9911", "/dir/k"),
    ] {
        let answer = Ask::new(&emulator, "GET", path).host(host).send(&emulator).await;
        assert_eq!((answer.verdict().as_str(), answer.text()), ("200", "x"), "{host}{path}");
    }
}

#[tokio::test]
async fn a_bucket_is_not_in_another_region() {
    let emulator = emulator();
    let wrong = Ask::new(&emulator, "GET", "/k").host("other-1250000000.cos.ap-guangzhou.myqcloud.com");
    assert_eq!(wrong.send(&emulator).await.verdict(), "404 NoSuchBucket");
    let missing = Ask::new(&emulator, "GET", "/k").host("nobody-1250000000.cos.ap-guangzhou.myqcloud.com");
    assert_eq!(missing.send(&emulator).await.verdict(), "404 NoSuchBucket");
}

#[tokio::test]
async fn keys_are_what_the_path_says_decoded_once() {
    let emulator = emulator();
    for (path, key) in [
        ("/a%20b%2Bc+d", "a b+c+d"),
        ("/%252F", "%2F"),
        ("/a//b", "a//b"),
        ("//two", "/two"),
        ("/%2Flead", "/lead"),
        ("/a/.%2Fb", "a/./b"),
        ("/..%2Fx", "../x"),
        ("/%E7%9B%AE%E5%BD%95/%F0%9F%98%80", "目录/😀"),
        ("/a%0Ab", "a\nb"),
        ("/~a*b!'()", "~a*b!'()"),
        ("/t/", "t/"),
    ] {
        let answer = Ask::new(&emulator, "PUT", path).body("x").send(&emulator).await;
        assert_eq!(answer.verdict(), "200", "{path}");
        assert!(emulator.object(emulator.bucket(), key).is_some(), "{path} is not {key}");
    }
    let not_text = Ask::new(&emulator, "PUT", "/%FF").body("x").send(&emulator).await;
    assert_eq!(not_text.verdict(), "400 InvalidURI");
}

#[tokio::test]
async fn buckets_come_and_go() {
    let emulator = emulator();
    let host = "new-1250000000.cos.ap-shanghai.myqcloud.com";
    let ask = |method| Ask::new(&emulator, method, "/").host(host);
    assert_eq!(ask("HEAD").send(&emulator).await.verdict(), "404");
    assert_eq!(ask("PUT").send(&emulator).await.verdict(), "200");
    assert_eq!(ask("PUT").send(&emulator).await.verdict(), "409 BucketAlreadyOwnedByYou");
    assert_eq!(ask("HEAD").send(&emulator).await.header("x-cos-bucket-region"), "ap-shanghai");
    emulator.put_object("new-1250000000", "k", "x");
    assert_eq!(ask("DELETE").send(&emulator).await.verdict(), "409 BucketNotEmpty");
    assert_eq!(Ask::new(&emulator, "DELETE", "/k").host(host).send(&emulator).await.verdict(), "204");
    assert_eq!(ask("DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(ask("DELETE").send(&emulator).await.verdict(), "404 NoSuchBucket");
    let bad = ask("PUT").host("Bad_Name.cos.ap-shanghai.myqcloud.com");
    assert_eq!(bad.send(&emulator).await.verdict(), "400 InvalidBucketName");
    let fast = ask("PUT").host("fast-1250000000.cos.accelerate.myqcloud.com");
    assert_eq!(fast.send(&emulator).await.verdict(), "400 ActionAccelerateNotSupported");
}

#[tokio::test]
async fn the_service_lists_buckets_of_all_regions_or_of_one() {
    let emulator = emulator();
    let list = |host| Ask::new(&emulator, "GET", "/").host(host);
    let all = list("service.cos.myqcloud.com").send(&emulator).await;
    assert!(all.text().contains("<Name>examplebucket-1250000000</Name>"));
    assert!(all.text().contains("<Name>other-1250000000</Name>"));
    for host in ["cos.ap-beijing.myqcloud.com", "cos.ap-beijing.myqcloud.com:80"] {
        let one = list(host).send(&emulator).await;
        assert!(!one.text().contains("examplebucket"), "{}", one.text());
        assert_eq!(one.element("Location"), "ap-beijing");
    }
    assert_eq!(list("127.0.0.1:9911").send(&emulator).await.text(), all.text());
    let page = list("service.cos.myqcloud.com").query("max-keys", "1").send(&emulator).await;
    assert_eq!((page.element("IsTruncated"), page.element("NextMarker")), ("true", "examplebucket-1250000000"));
    let empty = list("cos.ap-nowhere.myqcloud.com").send(&emulator).await;
    assert!(empty.text().contains("<Buckets>"), "{}", empty.text());
}

#[tokio::test]
async fn buckets_are_filtered_by_time_and_tag() {
    let emulator = emulator();
    let now = now();
    let (past, future) = ((now - 100).to_string(), (now + 100).to_string());
    for (pairs, verdict, found) in [
        (&[("create-time", past.as_str()), ("range", "gt")][..], "200", 2),
        (&[("create-time", &future), ("range", "gte")], "200", 0),
        (&[("create-time", &future), ("range", "lt")], "200", 2),
        (&[("create-time", &past), ("range", "lte")], "200", 0),
        (&[("create-time", &future), ("range", "lt"), ("region", "ap-beijing")], "200", 1),
        (&[("tagkey", "a"), ("tagvalue", "b")], "200", 0),
        (&[("tagvalue", "b")], "400 InvalidArgument", 0),
        (&[("create-time", &past)], "400 InvalidArgument", 0),
        (&[("create-time", "today"), ("range", "lt")], "400 InvalidArgument", 0),
        (&[("create-time", &past), ("range", "eq")], "400 InvalidArgument", 0),
    ] {
        let ask = Ask::new(&emulator, "GET", "/").host("service.cos.myqcloud.com");
        let answer = pairs.iter().fold(ask, |ask, (name, value)| ask.query(name, value)).send(&emulator).await;
        assert_eq!((answer.verdict().as_str(), answer.all("Location").len()), (verdict, found), "{pairs:?}");
    }
}

#[tokio::test]
async fn what_is_not_done_says_so() {
    let emulator = emulator();
    for (method, path, name) in [
        ("PUT", "/k", "rename"),
        ("GET", "/", "notification"),
        ("POST", "/k", "decompression"),
        ("PUT", "/", "quota"),
        ("GET", "/k", "ci-process"),
    ] {
        let answer = Ask::new(&emulator, method, path).query(name, "").send(&emulator).await;
        assert_eq!(answer.verdict(), "501 NotImplemented", "{method} {path}?{name}");
    }
    let names: Vec<String> = emulator.journal().into_iter().map(|record| record.operation).collect();
    assert_eq!(names[1..4], ["GET Bucket notification", "POST Object decompression", "PUT Bucket quota"]);
    let kms = Ask::new(&emulator, "PUT", "/k").header("x-cos-server-side-encryption", "cos/kms");
    assert_eq!(kms.send(&emulator).await.verdict(), "501 NotImplemented");
    assert_eq!(Ask::new(&emulator, "PATCH", "/k").send(&emulator).await.verdict(), "405 MethodNotAllowed");
}
