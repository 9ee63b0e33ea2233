//! Forms of web pages: what they upload, and what they do not. The page is a stranger that knows HTTP and nothing else.

use std::time::Duration;

use cos_emulator::Emulator;
use http::{Response, StatusCode};
use tencent_cos::policy::{Policy, Resource, Statement};
use tencent_cos::sts::GetFederationToken;
use tencent_cos::{Bucket, Client, Credentials, ErrorKind, PostForm, PostPolicy, PresignOptions, sign::Host, sts};

use crate::support::{self, session};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";

/// What the page makes of a form: it may change fields, add some, and brings the file last.
struct Page {
    url: String,
    fields: Vec<(String, String)>,
    file: (&'static str, Vec<u8>),
}

impl Page {
    fn new(form: &PostForm) -> Self {
        Self { url: form.url.clone(), fields: form.fields.clone(), file: ("cat.png", b"meow".to_vec()) }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(have, _)| have == name) {
            Some((_, have)) => value.clone_into(have),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(have, _)| have != name);
        self
    }

    fn bytes(mut self, length: usize) -> Self {
        self.file.1 = vec![b'x'; length];
        self
    }

    async fn submit(self) -> Response<String> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.into_bytes());
        }
        let (name, content) = &self.file;
        let head =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend(head.into_bytes());
        body.extend(content);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        let http = http.tls_certs_only([]).build().expect("a client");
        let request = http.post(&self.url).header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        let answer = request.body(body).send().await.expect("an answer");
        let mut response = Response::new(String::new());
        (*response.status_mut(), *response.headers_mut()) = (answer.status(), answer.headers().clone());
        *response.body_mut() = answer.text().await.expect("a body");
        response
    }

    /// The status, and the code if there is one.
    async fn verdict(self) -> String {
        let response = self.submit().await;
        let code = response.body().split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        format!("{} {}", response.status().as_u16(), code.map_or("", |(code, _)| code)).trim().to_owned()
    }
}

fn images() -> PostPolicy {
    let policy = PostPolicy::prefix("up/alice/").and_then(|it| it.size(2..=10));
    policy.and_then(|it| it.content_type_prefix("image/")).expect("a policy")
}

fn bucket_of(client: &Client, emulator: &Emulator) -> Bucket {
    client.bucket(emulator.bucket()).expect("a bucket")
}

#[tokio::test]
async fn a_form_uploads_within_its_limits_with_either_kind_of_key() {
    let emulator = support::emulator().await;
    let temporary = session(&emulator.mint(Duration::from_secs(3600)));
    for client in [support::client(&emulator), support::client(&emulator).credentials(temporary)] {
        let bucket = bucket_of(&client.build().unwrap(), &emulator);
        let form = bucket.post_form(images(), TEN_MINUTES).await.unwrap();
        assert_eq!(form.open, ["Content-Type"]);
        let page = || Page::new(&form).set("Content-Type", "image/png");
        let answer = page().submit().await;
        assert_eq!((answer.status(), answer.body().as_str()), (StatusCode::NO_CONTENT, ""));
        let stored = emulator.object(emulator.bucket(), "up/alice/cat.png").unwrap();
        assert_eq!((&stored.bytes()[..], stored.header("content-type")), (&b"meow"[..], Some("image/png")));
        assert_eq!(page().set("key", "up/alice/b").verdict().await, "204");

        for (what, page, refusal) in [
            ("another key", page().set("key", "up/bob/cat.png"), "403 AccessDenied"),
            ("another type", page().set("Content-Type", "text/html"), "403 AccessDenied"),
            ("no type", page().without("Content-Type"), "403 AccessDenied"),
            ("too small", page().bytes(1), "400 EntityTooSmall"),
            ("too large", page().bytes(11), "400 EntityTooLarge"),
            ("another key that signs", page().set("q-ak", "AKIDother"), "403 InvalidAccessKeyId"),
            ("a longer time", page().set("q-key-time", "1;4000000000"), "403 SignatureDoesNotMatch"),
            ("another signature", page().set("q-signature", &"0".repeat(40)), "403 SignatureDoesNotMatch"),
            ("another policy", page().set("policy", "e30="), "403 SignatureDoesNotMatch"),
        ] {
            assert_eq!(page.verdict().await, refusal, "{what}");
        }
        emulator.shift_clock(601);
        assert_eq!(page().verdict().await, "403 AccessDenied", "over");
        emulator.shift_clock(0);
    }
}

#[tokio::test]
async fn a_form_for_one_key_says_what_comes_back() {
    let emulator = support::emulator().await;
    let bucket = support::bucket(&emulator);
    let policy = || PostPolicy::key("a/目录 b.png").unwrap().content_type("image/png").unwrap();
    let created = policy().success_status(201).unwrap().field("x-cos-meta-by", "alice").unwrap();
    let form = bucket.post_form(created, TEN_MINUTES).await.unwrap();
    assert!(form.open.is_empty());
    let answer = Page::new(&form).submit().await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert!(answer.body().contains("<ETag>") && answer.body().contains("a/目录 b.png"), "{}", answer.body());
    let stored = emulator.object(emulator.bucket(), "a/目录 b.png").unwrap();
    assert!(stored.metadata().iter().any(|(name, value)| name.ends_with("by") && value == "alice"), "{stored:?}");
    // A field that is signed has its value and no other, and is not left out.
    assert_eq!(Page::new(&form).set("x-cos-meta-by", "bob").verdict().await, "403 AccessDenied");
    assert_eq!(Page::new(&form).without("x-cos-meta-by").verdict().await, "403 AccessDenied");

    for (page, begins) in [
        ("https://app.example.com/done?x=1", "https://app.example.com/done?x=1&"),
        ("HTTPS://App.example.com/做好 了", "https://app.example.com/%E5%81%9A%E5%A5%BD%20%E4%BA%86?"),
    ] {
        let form = bucket.post_form(policy().success_redirect(page).unwrap(), TEN_MINUTES).await.unwrap();
        let answer = Page::new(&form).submit().await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{page}");
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.starts_with(begins) && location.contains("etag="), "{location}");
    }
}

#[tokio::test]
async fn the_key_that_signs_needs_the_right_to_post() {
    let emulator = support::emulator().await;
    let policy = |action: &str| {
        let prefix = Resource::prefix(emulator.region(), emulator.bucket(), "up/").unwrap();
        Policy::new().statement(Statement::allow(&prefix).action(action))
    };
    let sts = sts::Client::builder()
        .region(emulator.region())
        .credentials(support::permanent(&emulator))
        .endpoint(sts::Endpoint::custom(emulator.endpoint()).unwrap())
        .build()
        .unwrap();
    let (post, _) = PostPolicy::PERMISSIONS.iter().next().unwrap();
    for (action, verdict) in [(post, "204"), ("name/cos:PutObject", "403 AccessDenied")] {
        let keys = sts.provider(GetFederationToken::new("form", policy(action)));
        let bucket = bucket_of(&support::client(&emulator).credentials(keys).build().unwrap(), &emulator);
        let form = bucket.post_form(images(), TEN_MINUTES).await.unwrap();
        assert_eq!(Page::new(&form).set("Content-Type", "image/png").verdict().await, verdict, "{action}");
    }
}

#[tokio::test]
async fn no_form_outlives_its_key() {
    let emulator = support::emulator().await;
    let key = session(&emulator.mint(TEN_MINUTES));
    let end = key.expires_at();
    let bucket = bucket_of(&support::client(&emulator).credentials(key).build().unwrap(), &emulator);
    let hour = Duration::from_secs(3600);
    let form = bucket.post_form(images(), hour).await.unwrap();
    assert!(form.expires_at <= end);
    let refused = |field: &'static str, outcome: tencent_cos::Result<PostForm>| {
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), error.field()), (ErrorKind::Input, Some(field)), "{error}");
    };
    refused("lifetime", bucket.post_form(images(), PresignOptions::new(hour).refuse_short_key()).await);
    refused("lifetime", bucket.post_form(images(), Duration::ZERO).await);
    refused("lifetime", bucket.post_form(images(), Duration::from_secs(8 * 24 * 3600)).await);
    refused("options", bucket.post_form(images(), PresignOptions::new(TEN_MINUTES).sign_host(Host::Unsigned)).await);
    refused("options", bucket.post_form(images(), PresignOptions::new(TEN_MINUTES).content_length(5)).await);
    let anonymous = support::client(&emulator).credentials(Credentials::anonymous()).build().unwrap();
    refused("credentials", bucket_of(&anonymous, &emulator).post_form(images(), TEN_MINUTES).await);
    assert!(emulator.journal().is_empty(), "signing asks nobody");
}
