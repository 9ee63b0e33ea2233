//! A temporary key from the server to the app, and uploads from app and browser directly to COS.
//!
//! `cargo run --example direct_upload` plays the whole scene; `-- --serve [ADDRESS]` keeps the page up for a person. The
//! page needs a CORS rule of the bucket. In an emulator it gets one, in a bucket of yours with `-- --serve --allow-page`.

mod account;
#[path = "../common/finish.rs"]
mod finish;
mod server;

use std::process::ExitCode;

use account::Account;
use finish::{Outcome, finish};
use server::{AppServer, SESSION};
use tencent_cos::Bucket;
use tencent_cos::client::provider::EndpointCredentials;

#[tokio::main]
async fn main() -> ExitCode {
    finish(run().await)
}

async fn run() -> Outcome {
    let (options, words): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|it| it.starts_with("--"));
    let (serve, allow) = (options.contains(&"--serve".to_owned()), options.contains(&"--allow-page".to_owned()));
    let listen = words.first().map_or("127.0.0.1:0", String::as_str);
    let account = Account::find().await?;

    println!("\nThe app server holds the permanent key. It knows who its users are, and where STS is.");
    let server = AppServer { sts: account.sts()?, bucket: account.bucket(account.key.clone())? };
    let address = server.clone().start(listen).await?;
    println!("It listens on {address}.");
    if allow || account.is_emulated() {
        server.allow_page(&address).await?;
        println!("It has the bucket let its page upload (PutBucketCors).");
    } else if serve {
        println!("Unless a CORS rule of the bucket allows {address}, browsers refuse: --allow-page adds one.");
    }
    if serve {
        println!("\nopen {address}/ in a browser, choose a file, upload it; Ctrl-C ends this");
        tokio::signal::ctrl_c().await?;
        return Ok(());
    }
    let bucket = the_app(&account, &address)?;
    the_scene(&bucket).await
}

/// What ships with the app: the address of its server, and the session of its user. No key.
fn the_app(account: &Account, server: &str) -> Outcome<Bucket> {
    let keys = EndpointCredentials::new(&format!("{server}/key"))?
        .method(http::Method::POST)
        .header("Authorization", &format!("Bearer {SESSION}"))?;
    Ok(account.bucket(keys)?)
}

async fn the_scene(bucket: &Bucket) -> Outcome {
    println!("\n1. The app wants to upload, has no key, and asks the app server for one.");
    println!("2. The app server asks STS, with its permanent key and a policy: uploads/alice/ and no more.");
    println!("3. STS answers with a key for half an hour.");
    println!("4. The app server hands it over. (All of that is behind the first upload.)");
    let key = "uploads/alice/notes.txt";
    let put = bucket.put(key, "written by the app").await?;
    println!("5. The app signs its own requests to COS: put {key}, request id {}", put.request_id());

    let text = bucket.get(key).await?.bytes(1024).await?;
    println!("   and reads it back: {:?}", String::from_utf8_lossy(&text));
    let snapshot = bucket.client().credentials().current().await?;
    println!("   The key in use is {:?}; it is asked for again before it ends.", snapshot.credentials());

    println!("\nWhat the policy does not allow stays forbidden:");
    for (what, refused) in [
        ("put uploads/bob/x", bucket.put("uploads/bob/x", "x").await.err()),
        ("delete the note", bucket.delete(key).await.err()),
    ] {
        let error = refused.ok_or_else(|| format!("{what}: was allowed"))?;
        if error.code() != Some("AccessDenied") {
            return Err(error.into());
        }
        println!("   {what}: {error}");
    }
    println!("\nFor the page that does the same from a browser: cargo run --example direct_upload -- --serve");
    Ok(())
}
