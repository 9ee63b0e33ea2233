//! The policy of a bucket: what is kept, and who may what by it.

use std::time::Duration;

use cos_emulator::{Emulator, Role};

use crate::client::{Ask, HOST};
use crate::sts_client;

pub const ANYONE: &str = "qcs::cam::anyone:anyone";
const OWNER: &str = "qcs::cam::uin/100000000001:uin/100000000001";
const USER: &str = "qcs::cam::uin/100000000001:uin/100000000111";
const FRIEND: &str = "qcs::cam::uin/100000000002:uin/100000000002";

fn statement(effect: &str, principal: &str, action: &str, path: &str) -> String {
    format!(
        r#"{{"Principal":{{"qcs":["{principal}"]}},"Effect":"{effect}","Action":["name/cos:{action}"],"Resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/{path}"]}}"#
    )
}

pub fn allow(principal: &str, action: &str, path: &str) -> String {
    statement("Allow", principal, action, path)
}

pub fn deny(principal: &str, action: &str, path: &str) -> String {
    statement("deny", principal, action, path)
}

pub fn document(statements: &[String]) -> String {
    format!(r#"{{"Statement":[{}],"version":"2.0"}}"#, statements.join(","))
}

fn emulator() -> Emulator {
    // A sub-account that may list alone, and another account.
    let lists = sts_client::policy("allow", "name/cos:GetBucket", "examplebucket-1250000000/");
    let emulator = Emulator::builder()
        .sub_account("AKIDuser", "key of the user", Some(&lists))
        .other_account("AKIDfriend", "key of the friend")
        .role(Role::new("reader").policy(lists))
        .in_memory()
        .unwrap();
    emulator.put_object(emulator.bucket(), "a/k", "x");
    emulator.put_object(emulator.bucket(), "b/k", "x");
    emulator
}

fn policy(emulator: &Emulator, method: &str) -> Ask {
    Ask::new(emulator, method, "/").query("policy", "")
}

async fn set(emulator: &Emulator, statements: &[String]) {
    let set = policy(emulator, "PUT").body(document(statements)).send(emulator).await;
    assert_eq!(set.verdict(), "204", "{}", set.text());
}

/// Somebody's request: of the owner, of the user, of the friend, of nobody.
fn by(who: &str, emulator: &Emulator, method: &str, path: &str) -> Ask {
    let mut ask = Ask::new(emulator, method, path);
    match who {
        "owner" => {}
        "user" => (ask.id, ask.key) = ("AKIDuser".to_owned(), "key of the user".to_owned()),
        "friend" => (ask.id, ask.key) = ("AKIDfriend".to_owned(), "key of the friend".to_owned()),
        _ => ask.anonymous = true,
    }
    ask
}

/// Who of the four may read an object.
async fn readers(emulator: &Emulator, path: &str) -> Vec<&'static str> {
    let mut may = Vec::new();
    for who in ["owner", "user", "friend", "nobody"] {
        let answer = by(who, emulator, "GET", path).send(emulator).await;
        match answer.verdict().as_str() {
            "200" => may.push(who),
            verdict => assert_eq!(verdict, "403 AccessDenied", "{who}"),
        }
    }
    may
}

#[tokio::test]
async fn a_policy_is_kept_as_it_came_and_a_bad_one_refused() {
    let emulator = emulator();
    assert_eq!(policy(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchBucketPolicy");
    assert_eq!(policy(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    let text = document(&[allow(ANYONE, "GetObject", "*")]).replace(',', ",\n  ");
    let put = policy(&emulator, "PUT").body(text.clone()).send(&emulator).await;
    assert_eq!((put.verdict().as_str(), put.body.len()), ("204", 0));
    for bad in ["<xml/>".to_owned(), document(&[]), document(&[allow("alice", "GetObject", "*")])] {
        let answer = policy(&emulator, "PUT").body(bad).send(&emulator).await;
        assert_eq!(answer.verdict(), "400 MalformedPolicy");
    }
    let set = document(&[allow(ANYONE, "GetObject", "*").replace("name/cos:GetObject", "permid/280655")]);
    let group = document(&[allow("qcs::cam::uin/100000000001:groupid/7", "GetObject", "*")]);
    for unplayed in [set, group] {
        assert_eq!(policy(&emulator, "PUT").body(unplayed).send(&emulator).await.verdict(), "501 NotImplemented");
    }
    assert_eq!(policy(&emulator, "PUT").send(&emulator).await.verdict(), "400 MissingRequestBodyError");
    let digest = policy(&emulator, "PUT").header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==").body(text.clone());
    assert_eq!(digest.send(&emulator).await.verdict(), "400 BadDigest");
    let kept = policy(&emulator, "GET").send(&emulator).await;
    assert_eq!((kept.text(), kept.header("content-type")), (&*text, "application/json"));
    assert_eq!(policy(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
    assert_eq!(policy(&emulator, "GET").send(&emulator).await.verdict(), "404 NoSuchBucketPolicy");
}

#[tokio::test]
async fn an_allow_lets_in_whom_it_names() {
    let emulator = emulator();
    assert_eq!(readers(&emulator, "/a/k").await, ["owner"]);
    for (principal, may) in [
        (ANYONE, vec!["owner", "user", "friend", "nobody"]),
        (USER, vec!["owner", "user"]),
        (FRIEND, vec!["owner", "friend"]),
    ] {
        set(&emulator, &[allow(principal, "GetObject", "a/*")]).await;
        assert_eq!(readers(&emulator, "/a/k").await, may, "{principal}");
        assert_eq!(readers(&emulator, "/b/k").await, ["owner"], "{principal}");
        for who in ["user", "friend", "nobody"] {
            let put = by(who, &emulator, "PUT", "/a/k").body("y").send(&emulator).await;
            assert_eq!(put.verdict(), "403 AccessDenied", "{who}");
            let missing = by(who, &emulator, "GET", "/a/missing").send(&emulator).await;
            let expected = if may.contains(&who) { "404 NoSuchKey" } else { "403 AccessDenied" };
            assert_eq!(missing.verdict(), expected, "{who}");
        }
    }
    policy(&emulator, "DELETE").send(&emulator).await;
    assert_eq!(readers(&emulator, "/a/k").await, ["owner"]);
}

#[tokio::test]
async fn each_way_in_is_let_by_its_own_action() {
    let emulator = emulator();
    let all = ["PutObject", "DeleteObject", "GetBucket", "PutBucketCORS", "GetBucketCORS", "PostObject"];
    set(&emulator, &all.map(|action| allow(FRIEND, action, "*"))).await;
    let put = by("friend", &emulator, "PUT", "/c/k").body("y").send(&emulator).await;
    assert_eq!(put.verdict(), "200");
    assert_eq!(by("friend", &emulator, "GET", "/").send(&emulator).await.all("Key"), ["a/k", "b/k", "c/k"]);
    assert_eq!(
        by("friend", &emulator, "GET", "/").query("cors", "").send(&emulator).await.verdict(),
        "404 NoSuchCORSConfiguration"
    );
    assert_eq!(
        by("friend", &emulator, "GET", "/").query("lifecycle", "").send(&emulator).await.verdict(),
        "403 AccessDenied"
    );
    // The source of a copy needs a right of its own.
    let copy = || by("friend", &emulator, "PUT", "/c/copy").header("x-cos-copy-source", format!("{HOST}/a/k"));
    assert_eq!(copy().send(&emulator).await.verdict(), "403 AccessDenied");
    set(&emulator, &[allow(FRIEND, "PutObject", "*"), allow(FRIEND, "GetObject", "a/*")]).await;
    assert_eq!(copy().send(&emulator).await.verdict(), "200");
    // Nor does a policy make an account of another.
    set(&emulator, &[allow(FRIEND, "*", "*")]).await;
    let made = by("friend", &emulator, "PUT", "/").host(&HOST.replace("examplebucket", "made")).send(&emulator).await;
    assert_eq!(made.verdict(), "403 AccessDenied");
    let listed = by("friend", &emulator, "GET", "/").host("service.cos.myqcloud.com").send(&emulator).await;
    assert_eq!((listed.verdict().as_str(), listed.all("Name").len()), ("200", 0));
}

#[tokio::test]
async fn of_many_objects_those_are_deleted_that_may_be() {
    let emulator = emulator();
    let body = "<Delete><Object><Key>a/k</Key></Object><Object><Key>b/k</Key></Object></Delete>";
    let [one, many] = ["DeleteObject", "DeleteMultipleObjects"].map(|action| allow(ANYONE, action, "a/*"));
    // Who is nobody needs both.
    for (who, statements, left) in [
        ("nobody", vec![one.clone()], true),
        ("nobody", vec![many.clone()], true),
        ("nobody", vec![one.clone(), many.clone()], false),
        ("friend", vec![many], true),
        ("friend", vec![one], false),
    ] {
        set(&emulator, &statements).await;
        let answer = by(who, &emulator, "POST", "/").query("delete", "").body(body).send(&emulator).await;
        assert_eq!((answer.verdict().as_str(), answer.all("Key")), ("200 AccessDenied", vec!["a/k", "b/k"]));
        assert_eq!(emulator.object(emulator.bucket(), "a/k").is_some(), left, "{who} {statements:?}");
        assert!(emulator.object(emulator.bucket(), "b/k").is_some());
        emulator.put_object(emulator.bucket(), "a/k", "x");
    }
}

#[tokio::test]
async fn a_denial_ends_what_others_allow() {
    let emulator = emulator();
    let acl = Ask::new(&emulator, "PUT", "/").query("acl", "").header("x-cos-acl", "public-read").send(&emulator).await;
    assert_eq!(acl.verdict(), "200");
    assert_eq!(readers(&emulator, "/a/k").await, ["owner", "user", "friend", "nobody"]);
    for (principal, may) in [
        (OWNER, vec!["user", "friend", "nobody"]),
        (USER, vec!["owner", "friend", "nobody"]),
        (FRIEND, vec!["owner", "user", "nobody"]),
        // "Any unsigned request will be denied while any signed request will be authenticated."
        (ANYONE, vec!["owner", "user", "friend"]),
    ] {
        set(&emulator, &[deny(principal, "GetObject", "a/*"), allow(ANYONE, "GetObject", "*")]).await;
        assert_eq!(readers(&emulator, "/a/k").await, may, "{principal}");
        assert_eq!(readers(&emulator, "/b/k").await, ["owner", "user", "friend", "nobody"], "{principal}");
    }
}

#[tokio::test]
async fn the_owner_can_always_set_another_policy() {
    let emulator = emulator();
    set(&emulator, &[deny(OWNER, "*", "*"), allow(USER, "*", "*"), deny(USER, "PutBucketPolicy", "*")]).await;
    assert_eq!(readers(&emulator, "/a/k").await, ["user"]);
    let user = by("user", &emulator, "PUT", "/").query("policy", "").body("{}").send(&emulator).await;
    assert_eq!(user.verdict(), "403 AccessDenied");
    // "The root account always has the permission for the PUT Bucket Policy operation": nothing is said of the others.
    for method in ["GET", "DELETE"] {
        assert_eq!(policy(&emulator, method).send(&emulator).await.verdict(), "403 AccessDenied", "{method}");
    }
    set(&emulator, &[deny(USER, "GetObject", "*")]).await;
    assert_eq!(readers(&emulator, "/a/k").await, ["owner"]);
    assert_eq!(policy(&emulator, "DELETE").send(&emulator).await.verdict(), "204");
}

#[tokio::test]
async fn a_temporary_key_stays_within_its_own_policy() {
    let emulator = emulator();
    set(&emulator, &[allow(ANYONE, "*", "*")]).await;
    let only = sts_client::policy("allow", "name/cos:GetObject", "examplebucket-1250000000/a/*");
    let key = emulator.mint_with(Duration::from_secs(1800), &only);
    for (path, verdict) in [("/a/k", "200"), ("/b/k", "403 AccessDenied")] {
        assert_eq!(Ask::new(&emulator, "GET", path).temporary(&key).send(&emulator).await.verdict(), verdict);
    }
    assert_eq!(Ask::new(&emulator, "PUT", "/a/k").temporary(&key).send(&emulator).await.verdict(), "403 AccessDenied");
    // What it is denied as the owner, it is denied.
    set(&emulator, &[deny(OWNER, "GetObject", "a/*")]).await;
    let denied = Ask::new(&emulator, "GET", "/a/k").temporary(&key).send(&emulator).await;
    assert_eq!(denied.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn conditions_hold_for_strangers_too() {
    let emulator = emulator();
    let under = |condition: &str| {
        let statement = allow(ANYONE, "GetObject", "*");
        format!("{},\"Condition\":{condition}}}", statement.strip_suffix('}').unwrap())
    };
    for (condition, may) in [
        (r#"{"bool_equal":{"cos:secure-transport":"false"}}"#, true),
        (r#"{"bool_equal":{"cos:secure-transport":"true"}}"#, false),
        (r#"{"string_equal":{"cos:versionid":"v"}}"#, false),
        (r#"{"string_equal_if_exist":{"cos:versionid":"v"}}"#, true),
    ] {
        set(&emulator, &[under(condition)]).await;
        assert_eq!(readers(&emulator, "/a/k").await.contains(&"nobody"), may, "{condition}");
    }
}

#[tokio::test]
async fn an_acl_lets_in_whom_it_names_where_no_policy_speaks() {
    let emulator = emulator();
    for (name, value, may) in [
        ("x-cos-acl", "authenticated-read", vec!["owner", "user", "friend"]),
        ("x-cos-grant-read", "id=\"100000000002\"", vec!["owner", "friend"]),
        ("x-cos-grant-read", "id=\"100000000001/100000000111\"", vec!["owner", "user"]),
        ("x-cos-grant-write", "id=\"100000000002\"", vec!["owner"]),
    ] {
        let acl = Ask::new(&emulator, "PUT", "/").query("acl", "").header(name, value).send(&emulator).await;
        assert_eq!(acl.verdict(), "200");
        assert_eq!(readers(&emulator, "/a/k").await, may, "{name}: {value}");
    }
    let put = |who| by(who, &emulator, "PUT", "/a/new").body("y");
    assert_eq!(put("friend").send(&emulator).await.verdict(), "200");
    assert_eq!(put("user").send(&emulator).await.verdict(), "403 AccessDenied");
}

#[tokio::test]
async fn a_session_of_a_role_is_the_role() {
    let emulator = Emulator::builder()
        .role(Role::new("reader").policy(sts_client::policy(
            "allow",
            "name/cos:GetBucket",
            "examplebucket-1250000000/",
        )))
        .in_memory()
        .unwrap();
    emulator.put_object(emulator.bucket(), "a/k", "x");
    let reader = "qcs::cam::uin/100000000001:roleName/reader";
    set(&emulator, &[allow(reader, "GetObject", "a/*")]).await;
    let assume =
        sts_client::Call::new(&emulator, "AssumeRole").give("RoleArn", reader).give("RoleSessionName", "test-1");
    let session = sts_client::Call::response(&assume.send(&emulator).await);
    for (path, verdict) in [("/a/k", "200"), ("/b/k", "403 AccessDenied")] {
        let answer = Ask::new(&emulator, "GET", path).session(&session).send(&emulator).await;
        assert_eq!(answer.verdict(), verdict, "{path}");
    }
}
