//! The same with this crate, as a program would use it.

use std::time::{Duration, SystemTime};

use futures_util::{TryStreamExt, stream};
use tencent_cos::transfer::{Download, Upload};
use tencent_cos::{Bucket, Client, Endpoint, ObjectKey, Result, SessionCredentials};

use crate::case::{AT_ONCE, Case, Kind, PART, SMALL_AT_ONCE, SMALL_BYTES, Task};
use crate::process::small_object;
use crate::typical::{BUCKET, PATH, REGION, token};

/// The key of the large object.
pub fn big_key() -> ObjectKey {
    ObjectKey::new(&PATH[1..]).expect("a key")
}

pub fn small_key(number: u64) -> ObjectKey {
    ObjectKey::new(format!("small{PATH}-{number:05}")).expect("a key")
}

pub fn bucket(task: &Task) -> Bucket {
    #[allow(clippy::disallowed_methods)] // a key must end some time from now
    let end = SystemTime::now() + Duration::from_secs(3600);
    let credentials = SessionCredentials::new("AKIDexampleFAKEexample", "FAKEsecretKEYexample", token(), end);
    let builder = Client::builder()
        .region(REGION)
        .endpoint(Endpoint::custom(format!("http://{}", task.server)).expect("an endpoint"))
        .credentials(credentials.expect("a key"));
    let builder = match task.kind {
        #[cfg(feature = "hyper")]
        Kind::OursOnHyper => builder.transport(tencent_cos::Transport::Hyper),
        _ => builder,
    };
    builder.build().and_then(|client| client.bucket(BUCKET)).expect("a bucket")
}

pub async fn run(task: Task, bucket: Bucket) -> Result<()> {
    match task.case {
        Case::Up | Case::SlowUp => {
            let upload = Upload::new(big_key(), &*task.source).part_size(PART).concurrency(AT_ONCE);
            let made = bucket.transfer(upload).await?;
            assert_eq!(made.length, task.size);
            assert!(made.crc64.is_some());
        }
        Case::Down => {
            let mut object = bucket.get(big_key()).await?;
            let mut received = 0;
            while let Some(bytes) = object.body.next().await {
                received += bytes?.len() as u64;
            }
            assert_eq!(received, task.size);
        }
        Case::DownFile => {
            let download = Download::new(big_key()).concurrency(1).to_path(&*task.destination);
            assert_eq!(bucket.transfer(download).await?.bytes, task.size);
        }
        Case::Ranges | Case::SlowDown => {
            let download = Download::new(big_key()).concurrency(AT_ONCE).require_checksum().to_path(&*task.destination);
            assert_eq!(bucket.transfer(download).await?.bytes, task.size);
        }
        Case::RangesOrdered => {
            let download =
                Download::new(big_key()).concurrency(AT_ONCE).require_checksum().to_writer(tokio::io::sink());
            assert_eq!(bucket.transfer(download).await?.bytes, task.size);
        }
        Case::SmallUp => {
            let object = bytes::Bytes::from(small_object());
            let numbers = stream::iter((0..task.size).map(Result::Ok));
            let put = |number| {
                let upload = bucket.upload(small_key(number), object.clone());
                async { upload.await.map(drop) }
            };
            numbers.try_for_each_concurrent(SMALL_AT_ONCE, put).await?;
        }
        Case::SmallDown => {
            let numbers = stream::iter((0..task.size).map(Result::Ok));
            let get = async |number| {
                let bytes = bucket.get(small_key(number)).await?.bytes(1 << 20).await?;
                assert_eq!(bytes.len() as u64, SMALL_BYTES);
                Ok::<(), tencent_cos::Error>(())
            };
            numbers.try_for_each_concurrent(SMALL_AT_ONCE, get).await?;
        }
    }
    Ok(())
}
