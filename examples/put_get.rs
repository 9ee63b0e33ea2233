//! Puts an object with a temporary key and reads it back.
//!
//! `cargo run --example put_get`

mod common;

use std::process::ExitCode;
use std::time::Duration;

use common::{Outcome, Place};
use tencent_cos::Integrity;

const KEY: &str = "tencent-cos-example/hello 世界.txt";
const TEXT: &str = "hello, COS";

#[tokio::main]
async fn main() -> ExitCode {
    common::finish(run().await)
}

async fn run() -> Outcome {
    let place = Place::find().await?;
    let key = place.key(Duration::from_secs(1800)).await?;
    let kind = if key.token().is_some() { "temporary" } else { "permanent" };
    println!("signing with the {kind} key {key:?}");
    let bucket = place.bucket(key)?;

    let put = bucket.put(KEY, TEXT).await?;
    println!("put {} bytes as {}/{KEY}", TEXT.len(), bucket.name());
    println!("  ETag {}, CRC-64 {:?}, request id {}", put.etag, put.crc64, put.request_id());

    let object = bucket.get(KEY).await?;
    let (request_id, integrity) = (object.request_id().to_owned(), object.integrity);
    let bytes = object.bytes(1024).await?;
    match integrity {
        Integrity::Crc64(crc64) => println!("got {} bytes with CRC-64 {crc64}, checked", bytes.len()),
        Integrity::Unverified(why) => println!("got {} bytes, not checked: {why}", bytes.len()),
        _ => println!("got {} bytes", bytes.len()),
    }
    println!("  {:?}, request id {request_id}", String::from_utf8_lossy(&bytes));
    if bytes != TEXT {
        return Err("what came back is not what was put".into());
    }

    let deleted = bucket.delete(KEY).await?;
    println!("deleted it, request id {}", deleted.request_id());
    Ok(())
}
