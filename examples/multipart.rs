//! Uploads an object in parts, three at a time, and reads it back.
//!
//! `cargo run --example multipart`

mod common;

use std::{process::ExitCode, time::Duration};

use common::{Outcome, Place};
use futures_util::{StreamExt, TryStreamExt, stream};
use tencent_cos::{AbortMultipartUpload, CompleteMultipartUpload, InitiateMultipartUpload, UploadPart};
use tencent_cos::{Bucket, Crc64, ObjectKey, Operation, Result};

/// The least that every part but the last must have.
const PART: usize = 1 << 20;

#[tokio::main]
async fn main() -> ExitCode {
    common::finish(run().await)
}

async fn run() -> Outcome {
    let place = Place::find().await?;
    let bucket = place.bucket(place.key(Duration::from_secs(1800)).await?)?;
    let key: ObjectKey = "tencent-cos-example/in parts.bin".parse()?;
    let content: Vec<u8> = (0..=250).cycle().take(4 * PART + 12_345).collect();

    let id = bucket.send(InitiateMultipartUpload::new(key.clone())).await?.upload_id;
    println!("initiated upload {id}");
    if let Err(error) = upload(&bucket, &key, &id, &content).await {
        // Parts cost until they are completed or aborted. Where the object may be there by now, look before you abort.
        let completing = error.operation() == Some(CompleteMultipartUpload::NAME);
        if !(completing && error.may_have_taken_effect()) {
            bucket.send(AbortMultipartUpload::new(key, id)).await?;
        }
        return Err(error.into());
    }
    let bytes = bucket.get(&key).await?.bytes(content.len()).await?;
    println!("read back {} bytes", bytes.len());
    if bytes != content {
        return Err("what came back is not what was put".into());
    }
    bucket.delete(&key).await?;
    println!("deleted it");
    Ok(())
}

async fn upload(bucket: &Bucket, key: &ObjectKey, id: &str, content: &[u8]) -> Result<()> {
    let sends = (1..).zip(content.chunks(PART)).map(|(number, bytes)| async move {
        bucket.send(UploadPart::new(key.clone(), id, number, bytes.to_vec())).await.inspect(|part| {
            println!("  part {number}: {} bytes, CRC-64 {}, ETag {}", part.sent.length, part.sent.crc64, part.etag);
        })
    });
    let parts: Vec<_> = stream::iter(sends).buffered(3).try_collect().await?;
    let crc64 = parts.iter().fold(0, |crc64, part| Crc64::combine(crc64, part.sent.crc64, part.sent.length));
    let done = bucket.send(CompleteMultipartUpload::new(key.clone(), id, &parts).crc64(crc64)).await?;
    println!("completed with the CRC-64 of its parts, {crc64}, ETag {}", done.etag);
    Ok(())
}
