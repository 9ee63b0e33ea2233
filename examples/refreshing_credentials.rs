//! A closure that issues keys of a few seconds, and requests that never notice.
//!
//! `cargo run --example refreshing_credentials`

mod common;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{Outcome, Place};
use tencent_cos::client::provider::from_fn;

const KEY: &str = "tencent-cos-example/counter";
const LIFETIME: Duration = Duration::from_secs(3);
const AT_ONCE: usize = 8;

#[tokio::main]
async fn main() -> ExitCode {
    common::finish(run().await)
}

async fn run() -> Outcome {
    let place = Arc::new(Place::find().await?);
    let asked = Arc::new(AtomicU32::new(0));
    // In an application the closure asks an app server, and SessionCredentials::from_json reads the answer.
    let issuer = from_fn({
        let (place, asked) = (Arc::clone(&place), Arc::clone(&asked));
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            let place = Arc::clone(&place);
            async move { place.key(LIFETIME).await }
        }
    });
    let bucket = place.bucket(issuer)?;

    let (start, mut requests, mut last) = (tokio::time::Instant::now(), 0, None);
    while start.elapsed() < 3 * LIFETIME {
        let puts = (0..AT_ONCE).map(|number| bucket.put(format!("{KEY}-{number}"), "x"));
        requests += futures_util::future::try_join_all(puts).await?.len();
        let snapshot = bucket.client().credentials().current().await?;
        if last.replace(snapshot.generation()) != Some(snapshot.generation()) {
            let (seconds, key) = (start.elapsed().as_secs_f32(), snapshot.credentials());
            println!("{seconds:4.1} s: generation {} is {key:?}, {requests} requests so far", snapshot.generation());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for number in 0..AT_ONCE {
        bucket.delete(format!("{KEY}-{number}")).await?;
    }
    println!("{requests} requests, none failed; the closure was asked {} times", asked.load(Ordering::Relaxed));
    if matches!(*place, Place::Emulator(_)) && last < Some(3) {
        return Err("the key should have been replaced twice by now".into());
    }
    Ok(())
}
