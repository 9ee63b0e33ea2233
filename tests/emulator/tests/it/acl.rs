//! Access control lists: what is put, what is told of it, and who may read then.

use cos_emulator::Emulator;

use crate::client::{Answer, Ask, list_of};

const ALL_USERS: &str = "http://cam.qcloud.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://cam.qcloud.com/groups/global/AuthenticatedUsers";
const OWNER: &str = "qcs::cam::uin/100000000001:uin/100000000001";
const FRIEND: &str = "qcs::cam::uin/100000000002:uin/100000000002";

fn emulator() -> Emulator {
    let emulator = Emulator::builder().small_parts(true).in_memory().unwrap();
    emulator.put_object(emulator.bucket(), "k", "x");
    emulator
}

fn acl(emulator: &Emulator, method: &str, path: &str) -> Ask {
    Ask::new(emulator, method, path).query("acl", "")
}

async fn set(emulator: &Emulator, path: &str, header: &str, value: &str) -> String {
    acl(emulator, "PUT", path).header(header, value).send(emulator).await.verdict()
}

/// Permission and grantee of every grant, in order.
async fn told(emulator: &Emulator, path: &str) -> Vec<(String, String)> {
    grants(&acl(emulator, "GET", path).send(emulator).await)
}

fn grants(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.verdict(), "200");
    let grant = |text: &str| {
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(text, _)| text.to_owned())
        };
        (element("Permission").unwrap(), element("ID").or(element("URI")).unwrap())
    };
    answer.text().split("<Grant>").skip(1).map(grant).collect()
}

fn grant(permission: &str, grantee: &str) -> (String, String) {
    (permission.to_owned(), grantee.to_owned())
}

fn body(grants: &[(&str, &str)]) -> String {
    let grants: Vec<String> = grants
        .iter()
        .map(|(permission, grantee)| {
            format!("<Grant><Grantee>{grantee}</Grantee><Permission>{permission}</Permission></Grant>")
        })
        .collect();
    format!(
        "<AccessControlPolicy><Owner><ID>{OWNER}</ID></Owner><AccessControlList>{}</AccessControlList>\
         </AccessControlPolicy>",
        grants.join("")
    )
}

#[tokio::test]
async fn canned_acls_are_told_as_the_grants_they_stand_for() {
    let emulator = emulator();
    let owner = grant("FULL_CONTROL", OWNER);
    assert_eq!(told(&emulator, "/").await, std::slice::from_ref(&owner));
    for (path, name, others) in [
        ("/", "public-read", vec![grant("READ", ALL_USERS)]),
        ("/", "public-read-write", vec![grant("READ", ALL_USERS), grant("WRITE", ALL_USERS)]),
        ("/", "authenticated-read", vec![grant("READ", AUTHENTICATED_USERS)]),
        ("/", "private", vec![]),
        ("/k", "public-read", vec![grant("READ", ALL_USERS)]),
        ("/k", "authenticated-read", vec![grant("READ", AUTHENTICATED_USERS)]),
        ("/k", "bucket-owner-read", vec![]),
        ("/k", "bucket-owner-full-control", vec![]),
        ("/k", "private", vec![]),
    ] {
        assert_eq!(set(&emulator, path, "x-cos-acl", name).await, "200", "{path} {name}");
        let expected: Vec<_> = [owner.clone()].into_iter().chain(others).collect();
        assert_eq!(told(&emulator, path).await, expected, "{path} {name}");
    }
}

#[tokio::test]
async fn the_document_is_that_of_the_reference() {
    let emulator = emulator();
    let inherited = acl(&emulator, "GET", "/k").send(&emulator).await;
    assert_eq!(inherited.header("x-cos-acl"), "default");
    assert_eq!(
        inherited.text(),
        format!(
            "<?xml version='1.0' encoding='utf-8' ?>\n<AccessControlPolicy>\n\t<Owner>\n\t\t<ID>{OWNER}</ID>\n\t\t\
             <DisplayName>{OWNER}</DisplayName>\n\t</Owner>\n\t<AccessControlList/>\n</AccessControlPolicy>\n"
        )
    );
    assert_eq!(set(&emulator, "/k", "x-cos-acl", "public-read").await, "200");
    let own = acl(&emulator, "GET", "/k").send(&emulator).await;
    assert_eq!((own.header("x-cos-acl"), own.header("content-type")), ("", "application/xml"));
    let schema = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
    let (_, list) = own.text().split_once("</Owner>").unwrap();
    let list: String = list.chars().filter(|character| !matches!(character, '\n' | '\t')).collect();
    assert_eq!(
        list,
        format!(
            "<AccessControlList><Grant><Grantee {schema} xsi:type=\"CanonicalUser\"><ID>{OWNER}</ID><DisplayName>\
             {OWNER}</DisplayName></Grantee><Permission>FULL_CONTROL</Permission></Grant><Grant><Grantee {schema} \
             xsi:type=\"Group\"><URI>{ALL_USERS}</URI></Grantee><Permission>READ</Permission></Grant>\
             </AccessControlList></AccessControlPolicy>"
        )
    );
}

#[tokio::test]
async fn headers_or_a_body_set_all_there_is() {
    let emulator = emulator();
    let owner = grant("FULL_CONTROL", OWNER);
    for path in ["/", "/k"] {
        let put = acl(&emulator, "PUT", path).header("x-cos-acl", "private");
        let put = put.header("x-cos-grant-read", "id=\"100000000002\",id=\"100000000003/100000000004\"");
        assert_eq!(put.send(&emulator).await.verdict(), "200");
        let sub_account = grant("READ", "qcs::cam::uin/100000000003:uin/100000000004");
        assert_eq!(told(&emulator, path).await, [owner.clone(), grant("READ", FRIEND), sub_account]);

        let document = body(&[
            ("FULL_CONTROL", &format!("<ID>{OWNER}</ID>")),
            ("READ_ACP", "<uin>100000000002</uin>"),
            ("READ", &format!("<URI>{ALL_USERS}</URI>")),
        ]);
        assert_eq!(acl(&emulator, "PUT", path).body(document).send(&emulator).await.verdict(), "200");
        let expected = [owner.clone(), grant("READ_ACP", FRIEND), grant("READ", ALL_USERS)];
        assert_eq!(told(&emulator, path).await, expected);
        assert_eq!(acl(&emulator, "PUT", path).body(body(&[])).send(&emulator).await.verdict(), "200");
        assert_eq!(told(&emulator, path).await, std::slice::from_ref(&owner));
    }
    assert_eq!(set(&emulator, "/k", "x-cos-acl", "default").await, "200");
    assert_eq!(told(&emulator, "/k").await, []);
}

#[tokio::test]
async fn what_makes_no_acl_is_refused_and_changes_nothing() {
    let emulator = emulator();
    let user = format!("<ID>{FRIEND}</ID>");
    let many = vec![("READ", user.as_str()); 101];
    let ids = vec!["id=\"1\""; 101].join(",");
    let stranger = "<URI>http://cam.qcloud.com/groups/global/Nobody</URI>";
    for (path, header, text, verdict) in [
        ("/", ("x-cos-acl", "private"), body(&[]), "400 InvalidArgument"),
        ("/k", ("x-cos-grant-read", "id=\"1\""), body(&[]), "400 InvalidArgument"),
        ("/k", ("x-cos-acl", "public-read-write"), String::new(), "400 InvalidArgument"),
        ("/k", ("x-cos-grant-write", "id=\"1\""), String::new(), "400 InvalidArgument"),
        ("/", ("x-cos-acl", "default"), String::new(), "400 InvalidArgument"),
        ("/", ("x-cos-acl", "bucket-owner-read"), String::new(), "400 InvalidArgument"),
        ("/", ("x-cos-grant-all", "id=\"1\""), String::new(), "400 InvalidArgument"),
        ("/", ("x-cos-grant-read", "id=\"alice\""), String::new(), "400 InvalidArgument"),
        ("/", ("x-cos-grant-read", &ids), String::new(), "400 AttachmentFull"),
        ("/", ("", ""), body(&many), "400 AttachmentFull"),
        ("/", ("", ""), body(&many[1..]), "200"),
        ("/", ("", ""), String::new(), "400 MissingRequestBodyError"),
        ("/k", ("", ""), body(&[("WRITE", &user)]), "400 InvalidArgument"),
        ("/k", ("", ""), body(&[("EVERYTHING", &user)]), "400 MalformedXML"),
        ("/k", ("", ""), body(&[("READ", stranger)]), "400 InvalidArgument"),
        ("/k", ("", ""), body(&[("READ", "")]), "400 MalformedXML"),
        ("/k", ("", ""), "<AccessControlPolicy/>".to_owned(), "400 MalformedXML"),
        ("/k", ("", ""), body(&[]).replace(OWNER, ""), "400 MalformedXML"),
        ("/k", ("", ""), body(&[]).replace("AccessControlPolicy", "Acl"), "400 MalformedXML"),
        ("/none", ("x-cos-acl", "private"), String::new(), "404 NoSuchKey"),
    ] {
        let put = acl(&emulator, "PUT", path).body(text);
        let put = if header.0.is_empty() { put } else { put.header(header.0, header.1) };
        let answer = put.send(&emulator).await;
        assert_eq!(answer.verdict(), verdict, "{path} {header:?} {}", answer.text());
    }
    assert_eq!(told(&emulator, "/k").await, []);
    assert_eq!(acl(&emulator, "GET", "/none").send(&emulator).await.verdict(), "404 NoSuchKey");
}

#[tokio::test]
async fn strangers_may_what_is_granted_to_everybody() {
    let emulator = emulator();
    let ask = |method, path| Ask::new(&emulator, method, path).anonymous();
    let stranger = async |method, path| ask(method, path).send(&emulator).await.status.as_u16();
    assert_eq!(stranger("GET", "/k").await, 403);
    for open in ["public-read", "private", "public-read", "default"] {
        assert_eq!(set(&emulator, "/k", "x-cos-acl", open).await, "200");
        assert_eq!(stranger("GET", "/k").await, if open == "public-read" { 200 } else { 403 }, "{open}");
    }
    assert_eq!(set(&emulator, "/", "x-cos-acl", "public-read").await, "200");
    assert_eq!((stranger("GET", "/k").await, stranger("GET", "/").await, stranger("PUT", "/k").await), (200, 200, 403));
    assert_eq!(set(&emulator, "/k", "x-cos-acl", "private").await, "200");
    assert_eq!((stranger("GET", "/k").await, stranger("GET", "/none").await), (403, 404));
    assert_eq!(set(&emulator, "/", "x-cos-acl", "public-read-write").await, "200");
    assert_eq!(stranger("PUT", "/new").await, 200);
    assert_eq!(set(&emulator, "/", "x-cos-acl", "authenticated-read").await, "200");
    assert_eq!((stranger("GET", "/").await, stranger("PUT", "/new").await), (403, 403));
    assert_eq!(set(&emulator, "/", "x-cos-grant-full-control", "id=\"qcs::cam::anyone:anyone\"").await, "200");
    assert_eq!((stranger("GET", "/").await, stranger("PUT", "/new").await), (200, 200));
    assert_eq!(ask("GET", "/").query("acl", "").send(&emulator).await.verdict(), "200");
    assert_eq!(ask("GET", "/k").query("acl", "").send(&emulator).await.verdict(), "403 AccessDenied");
    let close = ask("PUT", "/").query("acl", "").header("x-cos-acl", "private");
    assert_eq!(close.send(&emulator).await.verdict(), "200");
    assert_eq!(close.send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn what_is_said_when_a_thing_is_made_is_told_later() {
    let emulator = emulator();
    let read = |ask: Ask| ask.header("x-cos-grant-read", "id=\"100000000002\"").header("x-cos-acl", "private");
    let expected = [grant("FULL_CONTROL", OWNER), grant("READ", FRIEND)];
    let host = "new-1250000000.cos.ap-guangzhou.myqcloud.com";
    assert_eq!(read(Ask::new(&emulator, "PUT", "/").host(host)).send(&emulator).await.verdict(), "200");
    assert_eq!(grants(&acl(&emulator, "GET", "/").host(host).send(&emulator).await), expected);

    let put = read(Ask::new(&emulator, "PUT", "/put").body("x"));
    assert_eq!(put.send(&emulator).await.verdict(), "200");
    let source = format!("{}.cos.ap-guangzhou.myqcloud.com/put", emulator.bucket());
    let copy = read(Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", &source));
    assert_eq!(copy.send(&emulator).await.verdict(), "200");
    let append = Ask::new(&emulator, "POST", "/append").query("append", "").query("position", "0").body("x");
    assert_eq!(read(append).send(&emulator).await.verdict(), "200");
    let id = read(Ask::new(&emulator, "POST", "/parts").query("uploads", "")).send(&emulator).await;
    let id = id.element("UploadId");
    let part = Ask::new(&emulator, "PUT", "/parts").query("partNumber", "1").query("uploadId", id).body("x");
    let list = list_of(&[(1, part.send(&emulator).await.header("etag"))]);
    let complete = Ask::new(&emulator, "POST", "/parts").query("uploadId", id).body(list);
    assert_eq!(complete.send(&emulator).await.verdict(), "200");
    for path in ["/put", "/copy", "/append", "/parts"] {
        assert_eq!(told(&emulator, path).await, expected, "{path}");
    }
    let plain = Ask::new(&emulator, "PUT", "/copy").header("x-cos-copy-source", &source);
    assert_eq!(plain.send(&emulator).await.verdict(), "200");
    assert_eq!(told(&emulator, "/copy").await, [], "an ACL is not copied");
}

#[tokio::test]
async fn the_innermost_directory_with_a_list_counts_before_the_bucket() {
    let emulator = emulator();
    for key in ["a/b/c", "a/b/", "a/", "ab"] {
        emulator.put_object(emulator.bucket(), key, "x");
    }
    let open = async || {
        let mut open = Vec::new();
        for path in ["/a/b/c", "/a/b/", "/a/", "/ab", "/k"] {
            let get = Ask::new(&emulator, "GET", path).anonymous().send(&emulator).await;
            open.extend((get.status == 200).then_some(path));
        }
        open
    };
    assert!(open().await.is_empty());
    for (path, list, opened) in [
        ("/a/", "public-read", &["/a/b/c", "/a/b/", "/a/"][..]),
        ("/a/b/", "private", &["/a/"]),
        ("/a/b/c", "public-read", &["/a/b/c", "/a/"]),
        ("/a/b/c", "default", &["/a/"]),
        ("/a/b/", "default", &["/a/b/c", "/a/b/", "/a/"]),
        ("/", "public-read", &["/a/b/c", "/a/b/", "/a/", "/ab", "/k"]),
        ("/a/", "private", &["/ab", "/k"]),
        ("/a/", "default", &["/a/b/c", "/a/b/", "/a/", "/ab", "/k"]),
    ] {
        assert_eq!(set(&emulator, path, "x-cos-acl", list).await, "200");
        assert_eq!(open().await, opened, "{path} {list}");
    }
    // Some may be written to.
    let write = async |path| Ask::new(&emulator, "PUT", path).anonymous().body("y").send(&emulator).await.verdict();
    set(&emulator, "/", "x-cos-acl", "private").await;
    assert_eq!(set(&emulator, "/a/b/", "x-cos-acl", "public-read-write").await, "200");
    assert_eq!(told(&emulator, "/a/b/").await[1..], [grant("READ", ALL_USERS), grant("WRITE", ALL_USERS)]);
    assert_eq!((write("/a/b/c").await, write("/a/b/d/e").await), ("200".to_owned(), "200".to_owned()));
    for path in ["/a/b", "/a/b/", "/a/new", "/new"] {
        assert_eq!(write(path).await, "403 AccessDenied", "{path}");
    }
    let put = Ask::new(&emulator, "PUT", "/d/").header("x-cos-acl", "public-read-write").send(&emulator).await;
    assert_eq!((put.verdict().as_str(), write("/d/e").await.as_str()), ("200", "200"));
    set(&emulator, "/a/b/", "x-cos-acl", "default").await;

    // A directory that was deleted opens nothing any more.
    set(&emulator, "/", "x-cos-acl", "private").await;
    set(&emulator, "/a/", "x-cos-acl", "public-read").await;
    Ask::new(&emulator, "DELETE", "/a/").send(&emulator).await;
    assert!(open().await.is_empty());
}

#[tokio::test]
async fn every_version_has_its_own_and_a_restart_keeps_them() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let builder = Emulator::builder().data_dir(folder.path());
        builder.versioned_bucket("examplebucket-1250000000", "ap-guangzhou").in_memory().unwrap()
    };
    let (old, marker) = {
        let emulator = start();
        let old = Ask::new(&emulator, "PUT", "/k").body("old").send(&emulator).await;
        let old = old.header("x-cos-version-id").to_owned();
        Ask::new(&emulator, "PUT", "/k").body("new").send(&emulator).await;
        let open = acl(&emulator, "PUT", "/k").query("versionId", &old).header("x-cos-acl", "public-read");
        assert_eq!(open.send(&emulator).await.verdict(), "200");
        assert_eq!(told(&emulator, "/k").await, []);
        let grant = acl(&emulator, "PUT", "/k").header("x-cos-grant-read-acp", "id=\"100000000002\"");
        assert_eq!(grant.send(&emulator).await.verdict(), "200");
        assert_eq!(set(&emulator, "/", "x-cos-grant-write", "id=\"100000000002\"").await, "200");
        let deleted = Ask::new(&emulator, "DELETE", "/gone").send(&emulator).await;
        (old, deleted.header("x-cos-version-id").to_owned())
    };
    for _ in 0..2 {
        let emulator = start();
        let get = Ask::new(&emulator, "GET", "/k").anonymous();
        assert_eq!(get.send(&emulator).await.verdict(), "403 AccessDenied");
        assert_eq!(get.query("versionId", &old).send(&emulator).await.text(), "old");
        let inherits = acl(&emulator, "GET", "/k").send(&emulator).await;
        assert_eq!(inherits.header("x-cos-acl"), "default");
        assert_eq!(grants(&inherits), [grant("FULL_CONTROL", OWNER), grant("READ_ACP", FRIEND)]);
        assert_eq!(told(&emulator, "/").await, [grant("FULL_CONTROL", OWNER), grant("WRITE", FRIEND)]);
        assert_eq!(emulator.versions(emulator.bucket(), "k").len(), 2, "no version is made");
        for (method, id, verdict) in [
            ("GET", None, "404 NoSuchKey"),
            ("PUT", None, "404 NoSuchKey"),
            ("GET", Some(marker.as_str()), "404 NoSuchKey"),
            ("PUT", Some("none"), "404 NoSuchVersion"),
        ] {
            let ask = acl(&emulator, method, "/gone").header("x-cos-acl", "private");
            let ask = id.into_iter().fold(ask, |ask, id| ask.query("versionId", id));
            let answer = ask.send(&emulator).await;
            assert_eq!(answer.verdict(), verdict, "{method} {id:?}");
        }
    }
}
