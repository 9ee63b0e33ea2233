//! The app server: it knows its users, holds the permanent key, and lets none of the bytes through itself.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use tencent_cos::policy::{Policy, Resource, Statement};
use tencent_cos::sts::{self, GetFederationToken};
use tencent_cos::{
    Attributes, Bucket, CorsRule, GetBucketCors, GetObject, Overrides, PostPolicy, PresignOptions, PutBucketCors,
    PutObject, SessionCredentials,
};
use tokio::net::TcpListener;

use crate::finish;

/// How long a key lives.
const LIFETIME: Duration = Duration::from_secs(1800);
/// What a page may upload at once.
pub const LIMIT: u64 = 25 << 20;
/// A real server has sessions; this one knows one.
pub const SESSION: &str = "session-of-alice";
const USER: &str = "alice";

#[derive(Clone)]
pub struct AppServer {
    pub sts: sts::Client,
    pub bucket: Bucket,
}

impl AppServer {
    /// Serves until the program ends; the address is the first to be told.
    pub async fn start(self, listen: &str) -> std::io::Result<String> {
        let listener = TcpListener::bind(listen).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let routes = Router::new()
            .route("/", get(page))
            .route("/key", post(key))
            .route("/presign", post(presign))
            .route("/form", post(form))
            .with_state(self);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(address)
    }

    /// Lets the server's page upload to the bucket: a browser asks COS first whether the page's origin may. Other rules stay.
    pub async fn allow_page(&self, origin: &str) -> tencent_cos::Result<()> {
        let mut cors = self.bucket.send(GetBucketCors::new()).await?.unwrap_or_default();
        let mut rule = CorsRule::new(origin, [Method::PUT, Method::POST]).allowed_header("*");
        rule.expose_headers = ["ETag", "x-cos-hash-crc64ecma", "x-cos-request-id"].map(str::to_owned).into();
        let has = |there: &[String], needed: &[String]| needed.iter().all(|it| there.contains(it));
        let does_it = |other: &CorsRule| {
            has(&other.allowed_origins, &rule.allowed_origins)
                && rule.allowed_methods.iter().all(|method| other.allowed_methods.contains(method))
                && has(&other.allowed_headers, &rule.allowed_headers)
                && has(&other.expose_headers, &rule.expose_headers)
        };
        if cors.rules.iter().any(does_it) {
            return Ok(());
        }
        cors.rules.push(rule);
        self.bucket.send(PutBucketCors::new(cors)).await?;
        Ok(())
    }

    /// A key for one user: uploads below the user's prefix and reads there, nothing else, for half an hour.
    async fn key_of(&self, user: &str) -> Result<SessionCredentials, Refusal> {
        let own = Resource::prefix(self.bucket.region().clone(), self.bucket.name().clone(), prefix(user))?;
        let policy = Policy::new()
            .statement(Statement::allow(&own).upload().action("name/cos:PostObject"))
            .allow::<GetObject>(&own);
        let call = GetFederationToken::new(user, policy).duration(LIFETIME);
        Ok(self.sts.send(call).await?.key)
    }

    /// The bucket as this user may use it.
    async fn bucket_of(&self, user: &str) -> Result<Bucket, Refusal> {
        let overrides = Overrides::new().credentials(self.key_of(user).await?);
        Ok(self.bucket.with(overrides))
    }
}

fn prefix(user: &str) -> String {
    format!("uploads/{user}/")
}

async fn page() -> Html<String> {
    let page = include_str!("page.html").replace("{{user}}", USER).replace("{{session}}", SESSION);
    Html(page.replace("{{limit}}", &(LIMIT >> 20).to_string()))
}

/// Step 1 to 4: the app asks, STS is asked, the key is handed over.
async fn key(State(server): State<AppServer>, headers: HeaderMap) -> Result<Response, Refusal> {
    let key = server.key_of(user(&headers)?).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], key.to_json()).into_response())
}

#[derive(Deserialize)]
struct Question {
    name: String,
    size: u64,
    #[serde(rename = "type")]
    kind: String,
}

/// A URL that stores this one file: its length and type are signed, so no other fits. What may be added to it, like a copy of
/// another object, the user's own key limits.
async fn presign(
    State(server): State<AppServer>,
    headers: HeaderMap,
    Json(file): Json<Question>,
) -> Result<Response, Refusal> {
    let user = user(&headers)?;
    if file.size > LIMIT {
        return Err(Refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("at most {} MiB, please", LIMIT >> 20)));
    }
    let put = PutObject::new(format!("{}{}", prefix(user), file.name).parse()?, "")
        .attributes(Attributes::new().content_type(content_type(&file)));
    let options = PresignOptions::new(Duration::from_secs(600)).content_length(file.size);
    let presigned = server.bucket_of(user).await?.presign(put, options).await?;
    // The browser sets the length itself, and lets no page do it.
    let headers = presigned.headers.iter().filter(|(name, _)| **name != header::CONTENT_LENGTH);
    let headers: serde_json::Map<_, _> =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())).collect();
    Ok(Json(json!({ "url": presigned.url, "headers": headers })).into_response())
}

/// A form that stores any file within the limits, which COS checks.
async fn form(
    State(server): State<AppServer>,
    headers: HeaderMap,
    Json(file): Json<Question>,
) -> Result<Response, Refusal> {
    let user = user(&headers)?;
    let policy =
        PostPolicy::prefix(prefix(user))?.size(0..=LIMIT)?.content_type(content_type(&file))?.success_status(200)?;
    let form = server.bucket_of(user).await?.post_form(policy, Duration::from_secs(600)).await?;
    Ok(Json(json!({ "url": form.url, "fields": form.fields })).into_response())
}

fn content_type(file: &Question) -> &str {
    if file.kind.is_empty() { "application/octet-stream" } else { &file.kind }
}

/// Who asks, by the session.
fn user(headers: &HeaderMap) -> Result<&'static str, Refusal> {
    let session = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let known = session.filter(|session| *session == SESSION).map(|_| USER);
    known.ok_or_else(|| Refusal(StatusCode::UNAUTHORIZED, "who are you?".to_owned()))
}

/// What the server says no with.
struct Refusal(StatusCode, String);

impl From<tencent_cos::Error> for Refusal {
    fn from(error: tencent_cos::Error) -> Self {
        if error.kind() == tencent_cos::ErrorKind::Input {
            return Self(StatusCode::BAD_REQUEST, error.to_string());
        }
        // For who runs the server; users can do nothing about it.
        eprintln!("the app server: {}", finish::with_causes(&error));
        Self(StatusCode::BAD_GATEWAY, "COS cannot be asked right now".to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}
