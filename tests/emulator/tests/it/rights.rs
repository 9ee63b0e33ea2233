//! What a key may do: each operation by its name in policies, and the conditions.

use std::time::Duration;

use cos_emulator::{Emulator, Role, TemporaryKey};

use crate::client::{Answer, Ask, list_of};
use crate::sts_client::policy;

const BUCKET: &str = "examplebucket-1250000000";
const LIFETIME: Duration = Duration::from_secs(1800);

fn emulator() -> Emulator {
    Emulator::builder().small_parts(true).in_memory().unwrap()
}

fn key(emulator: &Emulator, action: &str, path: &str) -> TemporaryKey {
    emulator.mint_with(LIFETIME, &policy("allow", &format!("name/cos:{action}"), &format!("{BUCKET}/{path}")))
}

/// Operations, what they are called in policies, and what the resource must cover.
fn operations(upload: &str) -> Vec<(&'static str, &'static str, &'static str, String, &'static str)> {
    let part = format!("partNumber=1&uploadId={upload}");
    let id = format!("uploadId={upload}");
    [
        ("HeadBucket", "HEAD", "/", "", ""),
        ("GetBucket", "GET", "/", "", ""),
        ("GetBucketObjectVersions", "GET", "/", "versions", ""),
        ("GetBucketVersioning", "GET", "/", "versioning", ""),
        ("PutBucketCORS", "PUT", "/", "cors", ""),
        ("GetBucketCORS", "GET", "/", "cors", ""),
        ("DeleteBucketCORS", "DELETE", "/", "cors", ""),
        ("PutBucketLifecycle", "PUT", "/", "lifecycle", ""),
        ("GetBucketLifecycle", "GET", "/", "lifecycle", ""),
        ("DeleteBucketLifecycle", "DELETE", "/", "lifecycle", ""),
        ("PutBucketTagging", "PUT", "/", "tagging", ""),
        ("GetBucketTagging", "GET", "/", "tagging", ""),
        ("DeleteBucketTagging", "DELETE", "/", "tagging", ""),
        ("PutBucketEncryption", "PUT", "/", "encryption", ""),
        ("GetBucketEncryption", "GET", "/", "encryption", ""),
        ("DeleteBucketEncryption", "DELETE", "/", "encryption", ""),
        ("PutBucketPolicy", "PUT", "/", "policy", ""),
        ("GetBucketPolicy", "GET", "/", "policy", ""),
        ("DeleteBucketPolicy", "DELETE", "/", "policy", ""),
        ("PutBucketWebsite", "PUT", "/", "website", ""),
        ("GetBucketWebsite", "GET", "/", "website", ""),
        ("DeleteBucketWebsite", "DELETE", "/", "website", ""),
        ("PutBucketReferer", "PUT", "/", "referer", ""),
        ("GetBucketReferer", "GET", "/", "referer", ""),
        ("PutBucketInventory", "PUT", "/", "inventory&id=a", ""),
        ("GetBucketInventory", "GET", "/", "inventory&id=a", ""),
        ("GetBucketInventory", "GET", "/", "inventory", ""),
        ("PostBucketInventory", "POST", "/", "inventory&id=a", ""),
        ("DeleteBucketInventory", "DELETE", "/", "inventory&id=a", ""),
        ("PutBucketIntelligentTiering", "PUT", "/", "intelligent-tiering&id=a", ""),
        ("PutBucketIntelligentTiering", "PUT", "/", "intelligenttiering", ""),
        ("GetBucketIntelligentTiering", "GET", "/", "intelligent-tiering&id=a", ""),
        ("GetBucketIntelligentTiering", "GET", "/", "intelligent-tiering", ""),
        ("GetBucketIntelligentTiering", "GET", "/", "intelligenttiering", ""),
        ("DeleteBucketIntelligentTiering", "DELETE", "/", "intelligent-tiering&id=a", ""),
        ("PutBucketAccelerate", "PUT", "/", "accelerate", ""),
        ("GetBucketAccelerate", "GET", "/", "accelerate", ""),
        ("PutBucketLogging", "PUT", "/", "logging", ""),
        ("GetBucketLogging", "GET", "/", "logging", ""),
        ("PutBucketReplication", "PUT", "/", "replication", ""),
        ("GetBucketReplication", "GET", "/", "replication", ""),
        ("DeleteBucketReplication", "DELETE", "/", "replication", ""),
        ("PutBucketDomain", "PUT", "/", "domain", ""),
        ("GetBucketDomain", "GET", "/", "domain", ""),
        ("DeleteBucketDomain", "DELETE", "/", "domain", ""),
        ("PutBucketDomainCertificate", "PUT", "/", "domaincertificate", ""),
        ("GetBucketDomainCertificate", "GET", "/", "domaincertificate&domainname=a.test", ""),
        ("DeleteBucketDomainCertificate", "DELETE", "/", "domaincertificate&domainname=a.test", ""),
        ("PutBucketOrigin", "PUT", "/", "origin", ""),
        ("GetBucketOrigin", "GET", "/", "origin", ""),
        ("DeleteBucketOrigin", "DELETE", "/", "origin", ""),
        ("PutBucketObjectLockConfiguration", "PUT", "/", "object-lock", ""),
        ("GetBucketObjectLockConfiguration", "GET", "/", "object-lock", ""),
        ("GetBucketLocation", "GET", "/", "location", ""),
        ("ListMultipartUploads", "GET", "/", "uploads&prefix=up/", "up/"),
        ("PutObject", "PUT", "/up/k", "", "up/k"),
        ("GetObject", "GET", "/up/k", "", "up/k"),
        ("GetObject", "POST", "/up/k", "select&select-type=2", "up/k"),
        ("OptionsObject", "OPTIONS", "/up/k", "", "up/k"),
        ("HeadObject", "HEAD", "/up/k", "", "up/k"),
        ("AppendObject", "POST", "/up/log", "append&position=0", "up/log"),
        ("InitiateMultipartUpload", "POST", "/up/k", "uploads", "up/k"),
        ("UploadPart", "PUT", "/up/big", &part, "up/big"),
        ("ListParts", "GET", "/up/big", &id, "up/big"),
        ("CompleteMultipartUpload", "POST", "/up/big", &id, "up/big"),
        ("AbortMultipartUpload", "DELETE", "/up/big", &id, "up/big"),
        ("PutObjectTagging", "PUT", "/up/k", "tagging", "up/k"),
        ("GetObjectTagging", "GET", "/up/k", "tagging", "up/k"),
        ("DeleteObjectTagging", "DELETE", "/up/k", "tagging", "up/k"),
        ("PutObjectRetention", "PUT", "/up/k", "retention", "up/k"),
        ("GetObjectRetention", "GET", "/up/k", "retention", "up/k"),
        ("PostObjectRestore", "POST", "/up/k", "restore", "up/k"),
        ("PutSymlink", "PUT", "/up/link", "symlink", "up/link"),
        ("GetSymlink", "GET", "/up/link", "symlink", "up/link"),
        ("DeleteObject", "DELETE", "/up/k", "", "up/k"),
        ("PutObjectACL", "PUT", "/up/k", "acl", "up/k"),
        ("GetObjectACL", "GET", "/up/k", "acl", "up/k"),
        ("PutBucketACL", "PUT", "/", "acl", ""),
        ("GetBucketACL", "GET", "/", "acl", ""),
        ("PutBucketVersioning", "PUT", "/", "versioning", ""),
        ("DeleteBucket", "DELETE", "/", "", ""),
    ]
    .map(|(action, method, path, query, needs)| (action, method, path, query.to_owned(), needs))
    .into()
}

fn ask(emulator: &Emulator, key: &TemporaryKey, method: &str, path: &str, query: &str) -> Ask {
    let mut ask = Ask::new(emulator, method, path).temporary(key);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        ask = ask.query(name, value);
    }
    ask
}

fn is_denied(answer: &Answer) -> bool {
    answer.status == 403 && (answer.body.is_empty() || answer.element("Code") == "AccessDenied")
}

#[tokio::test]
async fn each_operation_needs_its_own_action_on_its_own_resource() {
    let emulator = emulator();
    emulator.put_object(BUCKET, "up/k", "x");
    let upload = Ask::new(&emulator, "POST", "/up/big").query("uploads", "").send(&emulator).await;
    let upload = upload.element("UploadId").to_owned();
    let all = operations(&upload);
    for (action, method, path, query, needs) in &all {
        for (other, ..) in all.iter().filter(|(other, ..)| other != action) {
            let wrong = key(&emulator, other, "*");
            let answer = ask(&emulator, &wrong, method, path, query).send(&emulator).await;
            assert!(is_denied(&answer), "{action} with {other}: {}", answer.verdict());
        }
        let elsewhere = key(&emulator, action, "down/*");
        let answer = ask(&emulator, &elsewhere, method, path, query).send(&emulator).await;
        assert!(is_denied(&answer), "{action} elsewhere: {}", answer.verdict());
        assert_eq!(answer.body.is_empty(), *method == "HEAD");
        let right = key(&emulator, action, needs);
        let body = match *action {
            "CompleteMultipartUpload" => {
                let parts = emulator.uploads(BUCKET).into_iter().find(|kept| kept.upload_id == upload).unwrap().parts;
                list_of(&parts.iter().map(|(number, _, etag)| (*number, etag.clone())).collect::<Vec<_>>())
            }
            "PutBucketVersioning" => {
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>".to_owned()
            }
            _ if ["PUT", "POST"].contains(method) && *action != "InitiateMultipartUpload" => "body".to_owned(),
            _ => String::new(),
        };
        let answer = ask(&emulator, &right, method, path, query).body(body).send(&emulator).await;
        assert!(!is_denied(&answer), "{action}: {} {}", answer.verdict(), answer.text());
    }
}

#[tokio::test]
async fn a_list_of_buckets_is_about_everything() {
    let emulator = emulator();
    let list = |key: &TemporaryKey| Ask::new(&emulator, "GET", "/").host("service.cos.myqcloud.com").temporary(key);
    let buckets = emulator.mint_with(LIFETIME, &policy("allow", "*", "examplebucket-1250000000/*"));
    assert_eq!(list(&buckets).send(&emulator).await.verdict(), "403 AccessDenied");
    let all = r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:GetService","resource":"*"}]}"#;
    assert_eq!(list(&emulator.mint_with(LIFETIME, all)).send(&emulator).await.verdict(), "200");
}

#[tokio::test]
async fn a_copy_needs_rights_to_its_source_and_to_its_target() {
    let emulator = emulator();
    emulator.put_object(BUCKET, "from/k", "x");
    let statement = |action: &str, path: &str| {
        format!(
            r#"{{"effect":"allow","action":"name/cos:{action}","resource":"qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/{path}"}}"#
        )
    };
    let with = |statements: &[String]| {
        emulator.mint_with(LIFETIME, &format!(r#"{{"version":"2.0","statement":[{}]}}"#, statements.join(",")))
    };
    let (read, write) = (statement("GetObject", "from/*"), statement("PutObject", "to/*"));
    for (statements, want) in [
        (vec![read.clone(), write.clone()], "200"),
        (vec![read.clone(), statement("PutObject", "from/*")], "403 AccessDenied"),
        (vec![write.clone(), statement("GetObject", "to/*")], "403 AccessDenied"),
        (vec![write.clone()], "403 AccessDenied"),
    ] {
        let source = format!("{BUCKET}.cos.ap-guangzhou.myqcloud.com/from/k");
        let copy =
            Ask::new(&emulator, "PUT", "/to/k").header("x-cos-copy-source", &source).temporary(&with(&statements));
        assert_eq!(copy.send(&emulator).await.verdict(), want, "{statements:?}");
    }
}

#[tokio::test]
async fn keys_that_are_deleted_together_are_looked_at_one_by_one() {
    let emulator = emulator();
    emulator.put_object(BUCKET, "up/k", "x");
    emulator.put_object(BUCKET, "other", "x");
    let list = "<Delete><Object><Key>up/k</Key></Object><Object><Key>other</Key></Object></Delete>";
    for (action, left) in [("DeleteMultipleObjects", true), ("DeleteObject", false)] {
        let ask = Ask::new(&emulator, "POST", "/").query("delete", "").body(list);
        let answer = ask.temporary(&key(&emulator, action, "up/*")).send(&emulator).await;
        assert_eq!(answer.all("Key"), ["up/k", "other"]);
        assert_eq!((answer.status.as_u16(), answer.element("Code")), (200, "AccessDenied"));
        assert_eq!(emulator.object(BUCKET, "up/k").is_some(), left, "{action}");
        assert!(emulator.object(BUCKET, "other").is_some());
    }
}

#[tokio::test]
async fn conditions_look_at_the_request() {
    let emulator = emulator();
    let with = |condition: &str| {
        let text = policy("allow", "name/cos:*", &format!("{BUCKET}/*"));
        emulator.mint_with(LIFETIME, &text.replace(r#""effect""#, &format!(r#""condition":{condition},"effect""#)))
    };
    let put = |key: &TemporaryKey| Ask::new(&emulator, "PUT", "/k").body("12345").temporary(key);
    let image = with(
        r#"{"string_like_if_exist":{"cos:content-type":"image/*"},"numeric_less_than_equal":{"cos:content-length":5}}"#,
    );
    assert_eq!(put(&image).send(&emulator).await.verdict(), "200");
    assert_eq!(put(&image).header("content-type", "image/png").send(&emulator).await.verdict(), "200");
    assert_eq!(put(&image).header("content-type", "text/plain").send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(put(&image).body("123456").send(&emulator).await.verdict(), "403 AccessDenied");
    let get = Ask::new(&emulator, "GET", "/k").temporary(&image).send(&emulator).await;
    assert_eq!(get.verdict(), "403 AccessDenied", "a GET has no length");

    let private = with(r#"{"string_not_equal_if_exist":{"cos:x-cos-acl":["public-read"]}}"#);
    assert_eq!(put(&private).send(&emulator).await.verdict(), "200");
    assert_eq!(put(&private).header("x-cos-acl", "public-read").send(&emulator).await.verdict(), "403 AccessDenied");
    let listing = with(r#"{"string_equal":{"cos:prefix":"up%2F"}}"#);
    let list = |prefix| Ask::new(&emulator, "GET", "/").query("prefix", prefix).temporary(&listing);
    assert_eq!(list("up/").send(&emulator).await.verdict(), "200");
    assert_eq!(list("").send(&emulator).await.verdict(), "403 AccessDenied");
    for (condition, want) in [
        (r#"{"ip_equal":{"qcs:ip":"127.0.0.0/8"}}"#, "200"),
        (r#"{"ip_equal":{"qcs:ip":["10.0.0.0/8","192.168.0.1"]}}"#, "403 AccessDenied"),
        (r#"{"bool_equal":{"cos:secure-transport":"true"}}"#, "403 AccessDenied"),
        (r#"{"bool_equal":{"cos:secure-transport":"false"}}"#, "200"),
        (r#"{"string_equal":{"cos:x-cos-storage-class":"STANDARD"}}"#, "403 AccessDenied"),
        (r#"{"string_equal":{"qcs:vpc":"vpc-1"}}"#, "403 AccessDenied"),
    ] {
        assert_eq!(put(&with(condition)).send(&emulator).await.verdict(), want, "{condition}");
    }
}

#[tokio::test]
async fn the_permanent_key_can_be_restricted_as_well() {
    let rights = policy("allow", "name/cos:PutObject", &format!("{BUCKET}/up/*"));
    let emulator = Emulator::builder().rights(rights).in_memory().unwrap();
    let put = |path| Ask::new(&emulator, "PUT", path).body("x");
    assert_eq!(put("/up/k").send(&emulator).await.verdict(), "200");
    assert_eq!(put("/k").send(&emulator).await.verdict(), "403 AccessDenied");
    let minted = emulator.mint(LIFETIME);
    assert_eq!(put("/k").temporary(&minted).send(&emulator).await.verdict(), "403 AccessDenied");
    let wider = key(&emulator, "*", "*");
    assert_eq!(put("/k").temporary(&wider).send(&emulator).await.verdict(), "403 AccessDenied");
    assert_eq!(put("/up/k").temporary(&wider).send(&emulator).await.verdict(), "200");
}

#[test]
fn a_setting_that_is_no_policy_or_names_no_role_is_refused() {
    let message = Emulator::builder().rights("{}").in_memory().unwrap_err().to_string();
    assert!(message.starts_with("The policy is malformed"), "{message}");
    assert!(Emulator::builder().role(Role::new("r").policy("no")).in_memory().is_err());
    assert!(Emulator::builder().instance_role("nobody").in_memory().is_err());
    assert!(Emulator::builder().web_identity("pod", "token", "nobody").in_memory().is_err());
}
