//! POST Object: signed forms, their policies, and the answers a page can ask for.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cos_emulator::{Cors, Emulator};
use serde_json::Value;
use sha1::{Digest, Sha1};

use crate::bucket_policy;
use crate::client::{Answer, Ask, hmac, now};
use crate::sts_client::policy as rights;

const BUCKET: &str = "examplebucket-1250000000";
const TYPE: &str = "multipart/form-data; boundary=X-1";

/// A form as a browser sends it: fields, then the file.
#[derive(Clone, Debug)]
struct Form {
    fields: Vec<(String, String)>,
    file: Option<(String, Bytes)>,
    tail: String,
    host: String,
    path: String,
    origin: Option<String>,
}

impl Form {
    fn new(fields: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            fields: fields.iter().map(own).collect(),
            file: Some(("photo.jpg".to_owned(), Bytes::from_static(b"hello"))),
            tail: String::new(),
            host: crate::client::HOST.to_owned(),
            path: "/".to_owned(),
            origin: None,
        }
    }

    /// Signed with a policy of these conditions and the three that must be there.
    fn signed(id: &str, key: &str, conditions: &str, fields: &[(&str, &str)]) -> Self {
        let time = format!("{};{}", now() - 60, now() + 900);
        let joint = if conditions.is_empty() { "" } else { "," };
        let policy = format!(
            r#"{{"expiration":"2099-01-01T00:00:00.000Z","conditions":[{conditions}{joint}{{"q-sign-algorithm":"sha1"}},{{"q-ak":"{id}"}},{{"q-sign-time":"{time}"}}]}}"#
        );
        Self::new(fields).sign(id, key, &time, &policy)
    }

    fn sign(mut self, id: &str, key: &str, time: &str, policy: &str) -> Self {
        let signature = hmac(&hmac(key, time), &hex::encode(Sha1::digest(policy)));
        for (name, value) in [
            ("policy", STANDARD.encode(policy)),
            ("q-sign-algorithm", "sha1".to_owned()),
            ("q-ak", id.to_owned()),
            ("q-key-time", time.to_owned()),
            ("q-signature", signature),
        ] {
            self.fields.push((name.to_owned(), value));
        }
        self
    }

    fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(have, _)| have != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(have, _)| have != name);
        self
    }

    fn file(mut self, bytes: impl Into<Bytes>) -> Self {
        self.file = Some(("photo.jpg".to_owned(), bytes.into()));
        self
    }

    fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let part = format!("--X-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        if let Some((name, bytes)) = &self.file {
            let head = "--X-1\r\nContent-Disposition: form-data; name=\"file\"; filename=";
            body.extend_from_slice(format!("{head}\"{name}\"\r\nContent-Type: image/png\r\n\r\n").as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(self.tail.as_bytes());
        body.extend_from_slice(b"--X-1--\r\n");
        body
    }

    async fn post(&self, emulator: &Emulator) -> Answer {
        let mut ask = Ask::new(emulator, "POST", &self.path).host(&self.host).anonymous();
        if let Some(origin) = &self.origin {
            ask = ask.unsigned("origin", origin);
        }
        ask.unsigned("content-type", TYPE).body(self.body()).send(emulator).await
    }

    async fn verdict(&self, emulator: &Emulator) -> String {
        self.post(emulator).await.verdict()
    }
}

fn signed(emulator: &Emulator, conditions: &str, fields: &[(&str, &str)]) -> Form {
    Form::signed(emulator.secret_id(), emulator.secret_key(), conditions, fields)
}

fn emulator() -> Emulator {
    Emulator::builder().in_memory().unwrap()
}

#[tokio::test]
async fn a_form_that_is_not_signed_goes_where_everybody_may_write() {
    let emulator = emulator();
    let post = async |key: &str| {
        let form = signed(&emulator, "", &[("key", key)]).file("x");
        let signature = ["policy", "q-sign-algorithm", "q-ak", "q-key-time", "q-signature"];
        signature.into_iter().fold(form, Form::without).verdict(&emulator).await
    };
    assert_eq!(post("open/${filename}").await, "403 AccessDenied");
    let directory = Ask::new(&emulator, "PUT", "/open/").header("x-cos-acl", "public-read-write");
    assert_eq!(directory.send(&emulator).await.verdict(), "200");
    assert_eq!((post("open/${filename}").await.as_str(), post("other").await.as_str()), ("204", "403 AccessDenied"));
    let bucket = Ask::new(&emulator, "PUT", "/").query("acl", "").header("x-cos-acl", "public-read-write");
    assert_eq!(bucket.send(&emulator).await.verdict(), "200");
    assert_eq!(post("other").await, "204");
}

#[tokio::test]
async fn a_form_goes_where_the_policy_of_the_bucket_lets_it() {
    let emulator = emulator();
    let policy = |statements: &[String]| {
        Ask::new(&emulator, "PUT", "/").query("policy", "").body(bucket_policy::document(statements))
    };
    let allow = bucket_policy::allow(bucket_policy::ANYONE, "PostObject", "open/*");
    assert_eq!(policy(&[allow]).send(&emulator).await.verdict(), "204");
    let unsigned = |key: &str| Form::new(&[("key", key)]).file("x");
    assert_eq!(unsigned("open/k").verdict(&emulator).await, "204");
    assert_eq!(unsigned("closed/k").verdict(&emulator).await, "403 AccessDenied");
}

#[tokio::test]
async fn a_form_stores_its_file_and_what_its_fields_say_of_it() {
    let emulator = emulator();
    let fields = [
        ("key", "up/${filename}"),
        ("Content-Type", "image/jpeg"),
        ("x-cos-meta-note", "from a page"),
        ("x-cos-storage-class", "STANDARD_IA"),
        ("acl", "public-read"),
        ("submit", "Upload"),
    ];
    let answer = signed(&emulator, r#"["starts-with","$key","up/"]"#, &fields).post(&emulator).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0), "{}", answer.text());
    assert_eq!(answer.header("location"), format!("http://{}/up/photo.jpg", crate::client::HOST));
    assert!(!answer.header("x-cos-request-id").is_empty() && !answer.header("x-cos-hash-crc64ecma").is_empty());
    let object = emulator.object(BUCKET, "up/photo.jpg").unwrap();
    assert_eq!((object.bytes(), object.etag()), (Bytes::from_static(b"hello"), answer.header("etag")));
    assert_eq!((object.header("content-type"), object.storage_class()), (Some("image/jpeg"), "STANDARD_IA"));
    assert_eq!(object.acl(), Some("public-read"));
    assert_eq!(object.metadata(), [("x-cos-meta-note".to_owned(), Bytes::from_static(b"from a page"))]);
    assert_eq!(emulator.count("POST Object"), 1);

    let mut path = signed(&emulator, "", &[("key", "k")]);
    (path.host, path.path) = ("127.0.0.1:9911".to_owned(), format!("/{BUCKET}/"));
    assert_eq!(path.post(&emulator).await.header("location"), format!("http://127.0.0.1:9911/{BUCKET}/k"));
}

#[tokio::test]
async fn a_large_file_goes_to_disk_in_one_piece() {
    let emulator = Emulator::builder().start().await.unwrap();
    let mut bytes = vec![0_u8; 6 * 1024 * 1024];
    for (at, byte) in bytes.iter_mut().enumerate() {
        // Beginnings of the boundary all over.
        *byte = b"\r\n--X-0?"[at % 8];
    }
    let form = signed(&emulator, "", &[("key", "big")]).file(bytes.clone());
    assert_eq!(form.verdict(&emulator).await, "204");
    assert!(emulator.object(BUCKET, "big").unwrap().bytes() == bytes);
}

#[tokio::test]
async fn forms_signed_by_the_official_sdk_and_of_the_documents_are_believed() {
    let files =
        [include_str!("../../../golden/sdk_vectors.json"), include_str!("../../../golden/official_examples.json")];
    let mut seen = 0;
    for file in files {
        let file: Value = serde_json::from_str(file).unwrap();
        for case in file["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "post-policy") {
            let text = |name: &str| case[name].as_str().unwrap_or_default();
            let start: u64 = text("key_time").split(';').next().unwrap().parse().unwrap();
            let emulator = Emulator::builder()
                .credentials(text("secret_id"), text("secret_key"))
                .clock(Arc::new(move || UNIX_EPOCH + Duration::from_secs(start)))
                .in_memory()
                .unwrap();
            let policy: Value = serde_json::from_str(text("policy")).unwrap();
            let mut form = Form::new(&[]);
            for (name, field) in [
                ("policy", "policy_base64"),
                ("q-ak", "secret_id"),
                ("q-key-time", "key_time"),
                ("q-signature", "signature"),
            ] {
                form = form.field(name, text(field));
            }
            form = form.field("q-sign-algorithm", "sha1").field("key", "k");
            // The other fields are what the policy wants.
            for condition in policy["conditions"].as_array().unwrap() {
                let (name, value) = match condition {
                    Value::Object(pair) => pair.iter().next().map(|(name, value)| (name.as_str(), value)).unwrap(),
                    list if list[0] == "content-length-range" => continue,
                    list => (&list[1].as_str().unwrap()[1..], &list[2]),
                };
                let value = value.as_str().unwrap();
                match name {
                    "bucket" | "q-sign-algorithm" | "q-ak" | "q-sign-time" => {}
                    "key" if condition[0] == "starts-with" => form = form.field("key", &format!("{value}k")),
                    name => form = form.field(name, value),
                }
            }
            if let Some(token) = case["token"].as_str() {
                form = form.field("x-cos-security-token", token);
            }
            let id = text("id");
            let want = match id {
                "post-token" => "403 InvalidAccessKeyId", // the key is no temporary one here
                "doc-post-policy" => "303",
                _ => "204",
            };
            assert_eq!(form.verdict(&emulator).await, want, "{id}");
            if id != "post-token" {
                let forged = form.clone().field("q-signature", &text("signature").replace('0', "1"));
                assert_eq!(forged.verdict(&emulator).await, "403 SignatureDoesNotMatch", "{id}");
                let altered = form.field("policy", &STANDARD.encode(format!("{} ", text("policy"))));
                assert_eq!(altered.verdict(&emulator).await, "403 SignatureDoesNotMatch", "{id}");
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn the_policy_decides_what_may_be_posted() {
    let emulator = emulator();
    let conditions = r#"{"bucket":"examplebucket-1250000000"},["starts-with","$key","up/"],["eq","$Content-Type","image/png"],["content-length-range",2,5]"#;
    let good = signed(&emulator, conditions, &[("key", "up/k"), ("Content-Type", "image/png")]);
    assert_eq!(good.verdict(&emulator).await, "204");
    let denied = "403 AccessDenied";
    for (form, want) in [
        (good.clone().field("key", "down/k"), denied),
        (good.clone().field("key", "${filename}"), denied),
        (good.clone().field("Content-Type", "image/gif"), denied),
        (good.clone().without("Content-Type"), denied),
        (good.clone().file("123456"), "400 EntityTooLarge"),
        (good.clone().file("1"), "400 EntityTooSmall"),
        (good.clone().without("key"), "400 InvalidArgument"),
        (good.clone().without("policy"), "400 InvalidArgument"),
        (good.clone().without("q-signature"), "400 InvalidArgument"),
        (good.clone().field("q-sign-algorithm", "sha256"), "400 InvalidArgument"),
        (good.clone().field("q-key-time", "1;2"), denied),
        (good.clone().field("q-ak", "AKIDnobody"), "403 InvalidAccessKeyId"),
        (good.clone().field("q-signature", &"0".repeat(40)), "403 SignatureDoesNotMatch"),
        (good.clone().field("x-cos-acl", "private"), "400 InvalidArgument"),
        (good.clone().field("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="), "204"),
        (good.clone().field("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="), "400 BadDigest"),
        (good.clone().field("success_action_status", "302"), "400 InvalidArgument"),
        (Form::new(&[("key", "up/k")]), denied),
        (signed(&emulator, r#"{"bucket":"other-1250000000"}"#, &[("key", "k")]), denied),
        (signed(&emulator, r#"["ends-with","$key","k"]"#, &[("key", "k")]), "400 InvalidPolicyDocument"),
    ] {
        assert_eq!(form.verdict(&emulator).await, want, "{form:?}");
    }
    let refused = good.clone().field("key", "down/k").post(&emulator).await;
    assert_eq!(refused.element("Message"), "Condition key key doesn't match the value down/k");

    let time = format!("{};{}", now() - 60, now() + 900);
    let id = emulator.secret_id();
    let over = format!(
        r#"{{"expiration":"2020-01-01T00:00:00Z","conditions":[{{"q-sign-algorithm":"sha1"}},{{"q-ak":"{id}"}},{{"q-sign-time":"{time}"}}]}}"#
    );
    let over = Form::new(&[("key", "k")]).sign(id, emulator.secret_key(), &time, &over).post(&emulator).await;
    assert_eq!(over.verdict(), denied);
    assert!(
        over.element("Message").starts_with("You post object request has been expired, expiration time: 1577836800 ")
    );
    let empty = Form::new(&[("key", "k")]).sign(
        id,
        emulator.secret_key(),
        &time,
        r#"{"expiration":"2099-01-01T00:00:00Z","conditions":[]}"#,
    );
    assert_eq!(empty.verdict(&emulator).await, "400 InvalidPolicyDocument");
}

#[tokio::test]
async fn a_temporary_key_posts_with_its_token_and_its_rights() {
    let emulator = emulator();
    let key = emulator
        .mint_with(Duration::from_secs(600), &rights("allow", "name/cos:PostObject", &format!("{BUCKET}/up/*")));
    let form = |name: &str| Form::signed(&key.secret_id, &key.secret_key, "", &[("key", name)]);
    let token = |form: Form| form.field("x-cos-security-token", &key.token);
    assert_eq!(form("up/k").verdict(&emulator).await, "403 InvalidAccessKeyId");
    assert_eq!(token(form("up/k")).verdict(&emulator).await, "204");
    assert_eq!(token(form("k")).verdict(&emulator).await, "403 AccessDenied");
    let put =
        emulator.mint_with(Duration::from_secs(600), &rights("allow", "name/cos:PutObject", &format!("{BUCKET}/*")));
    let other =
        Form::signed(&put.secret_id, &put.secret_key, "", &[("key", "k")]).field("x-cos-security-token", &put.token);
    assert_eq!(other.verdict(&emulator).await, "403 AccessDenied");
    emulator.shift_clock(600);
    assert_eq!(token(form("up/k")).verdict(&emulator).await, "400 ExpiredToken");
}

#[tokio::test]
async fn a_page_chooses_the_answer() {
    let emulator = emulator();
    let form = signed(&emulator, "", &[("key", "a b+c")]);
    let created = form.clone().field("success_action_status", "201").post(&emulator).await;
    assert_eq!((created.status.as_u16(), created.element("Key")), (201, "a b+c"));
    assert_eq!(created.element("Location"), created.header("location"));
    assert_eq!(form.clone().field("success_action_status", "200").post(&emulator).await.text(), "");
    let there = form.clone().field("success_action_redirect", "https://example.com/done?x=1").post(&emulator).await;
    assert_eq!(there.status.as_u16(), 303);
    let want = "https://example.com/done?x=1&bucket=examplebucket-1250000000&key=a%20b%2Bc&etag=%225d41402abc4b2a76b9719d911017c592%22";
    assert_eq!(there.header("location"), want);
    assert_eq!(form.field("success_action_redirect", "done").verdict(&emulator).await, "400 InvalidArgument");
}

#[tokio::test]
async fn a_form_that_is_none_is_refused() {
    let emulator = emulator();
    let good = signed(&emulator, "", &[("key", "k")]);
    let with = |change: &dyn Fn(&mut Form)| {
        let mut form = good.clone();
        change(&mut form);
        form
    };
    let part = |name: &str| format!("--X-1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nx\r\n");
    for (form, want) in [
        (with(&|form| form.file = None), "400 IncorrectNumberOfFilesInPostRequest"),
        (with(&|form| form.tail = part("file")), "400 IncorrectNumberOfFilesInPostRequest"),
        (with(&|form| form.tail = part("late")), "400 MalformedPOSTRequest"),
        (with(&|form| form.fields.push(("KEY".to_owned(), "x".to_owned()))), "400 MalformedPOSTRequest"),
        (with(&|form| form.fields[0].0.clear()), "400 MalformedPOSTRequest"),
        (with(&|form| form.fields[0].1 = "x".repeat(2 << 20)), "400 MalformedPOSTRequest"),
    ] {
        assert_eq!(form.verdict(&emulator).await, want, "{:?}", form.tail);
    }
    let ask = |kind: &str, body: Vec<u8>| {
        Ask::new(&emulator, "POST", "/").anonymous().unsigned("content-type", kind).body(body)
    };
    for (ask, want) in [
        (ask("text/plain", good.body()), "400 MalformedPOSTRequest"),
        (ask("multipart/form-data", good.body()), "400 MalformedPOSTRequest"),
        (ask("multipart/form-data; boundary=Y", good.body()), "400 MalformedPOSTRequest"),
        (ask(TYPE, good.body()[..good.body().len() - 9].to_vec()), "400 MalformedPOSTRequest"),
        (ask(TYPE, good.body()).unsigned("content-length", "99999"), "400 IncompleteBody"),
    ] {
        assert_eq!(ask.send(&emulator).await.verdict(), want);
    }
    assert!(emulator.object(BUCKET, "k").is_none());
    assert_eq!(good.verdict(&emulator).await, "204");
}

#[tokio::test]
async fn a_page_sees_the_answer_if_its_origin_may() {
    let emulator = Emulator::builder().cors(Cors::origin("https://app.example.com")).in_memory().unwrap();
    let mut form = signed(&emulator, "", &[("key", "k")]);
    form.origin = Some("https://app.example.com".to_owned());
    let answer = form.post(&emulator).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example.com");
    assert!(answer.header("access-control-expose-headers").contains("ETag"));
}
