//! Signs URLs for PUT and GET, and uses them with an HTTP client that knows nothing of COS.
//!
//! `cargo run --example presigned_url`

mod common;

use std::process::ExitCode;
use std::time::Duration;

use common::{Outcome, Place};
use tencent_cos::{DeleteObject, ObjectKey, Presigned, PutObject};

const TEXT: &str = "put by a URL";

#[tokio::main]
async fn main() -> ExitCode {
    common::finish(run().await)
}

async fn run() -> Outcome {
    let place = Place::find().await?;
    let bucket = place.bucket(place.key(Duration::from_secs(1800)).await?)?;
    let key: ObjectKey = "tencent-cos-example/by url.txt".parse()?;
    let lifetime = Duration::from_secs(600);

    // The body of a presigned PUT is not looked at: whoever has the URL sends their own.
    let put = bucket.presign(PutObject::new(key.clone(), ""), lifetime).await?;
    tell(&put);
    send(&put, TEXT).await?;

    let get = bucket.presign_get(&key, lifetime).await?;
    tell(&get);
    let text = send(&get, "").await?;
    println!("  it brought {text:?}");
    if text != TEXT {
        return Err("what came back is not what was put".into());
    }
    bucket.send(DeleteObject::new(key)).await?;
    println!("deleted it");
    Ok(())
}

fn tell(signed: &Presigned) {
    // The query holds the signature and the token: whoever reads it may use it.
    let url = signed.url.split('?').next().unwrap_or_default();
    println!("{} {url}?…, {} characters", signed.method, signed.url.len());
    println!("  expires {}", httpdate::fmt_http_date(signed.expires_at));
}

async fn send(signed: &Presigned, body: &'static str) -> Outcome<String> {
    let mut http = reqwest::Client::builder().no_proxy();
    if signed.url.starts_with("http:") {
        http = http.tls_certs_only([]); // a machine without a CA store will do
    }
    let request = http.build()?.request(signed.method.clone(), &signed.url).headers(signed.headers.clone()).body(body);
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    println!("  used: {status}");
    let text = response.text().await.map_err(reqwest::Error::without_url)?;
    if status.is_success() {
        return Ok(text);
    }
    // Not all of it: a document about a signature repeats what was signed, the token too.
    let told = |name: &str| Some(text.split_once(&format!("<{name}>"))?.1.split_once('<')?.0);
    Err(format!("COS answered {status} {}: {}", told("Code").unwrap_or("?"), told("Message").unwrap_or("?")).into())
}
