//! Signs with the core of the crate and sends with ureq, which blocks: what a wrapper in another language does.
//!
//! `cargo run --example own_transport`. It needs no feature of the library; for https turn on one of ureq's.

use std::error::Error;
use std::time::SystemTime;

use cos_emulator::Emulator;
use futures_util::FutureExt as _;
use tencent_cos::sign::{self, BACKDATE, REQUEST_LIFETIME, SigningKey};
use tencent_cos::{
    Address, BucketName, Credentials, Endpoint, GetObject, ObjectKey, Operation, PutObject, Region, Sent, read_response,
};

struct Wire {
    address: Address,
    credentials: Credentials,
    http: ureq::Agent,
}

impl Wire {
    #[allow(clippy::disallowed_methods)] // here it is the program that reads the clock
    fn send<O: Operation>(&self, operation: &O) -> Result<O::Output, Box<dyn Error>> {
        let now = SystemTime::now();
        let key = SigningKey::new(&self.credentials, now - BACKDATE, now + REQUEST_LIFETIME)?;
        let (mut head, body) = operation.request()?.into_head(O::METHOD, &self.address);
        sign::headers(&mut head, &key);
        let body = body.as_bytes().ok_or("only bodies in memory")?;
        let sent = Sent::once(&body);
        let answer = match &*body {
            [] => self.http.run(head.into_request(())?)?,
            bytes => self.http.run(head.into_request(bytes)?)?,
        };
        let (parts, mut body) = answer.into_parts();
        let answer = http::Response::from_parts(parts, body.read_to_vec()?.into());
        Ok(read_response(operation, &sent, answer)?)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // Only the emulator needs a runtime.
    let runtime = tokio::runtime::Runtime::new()?;
    let emulator = runtime.block_on(Emulator::builder().strict_signature(true).start())?;
    let (bucket, region) = (BucketName::new(emulator.bucket())?, Region::new(emulator.region())?);
    let wire = Wire {
        address: Endpoint::custom(emulator.endpoint())?.address(Some(&bucket), &region)?,
        credentials: Credentials::permanent(emulator.secret_id(), emulator.secret_key())?,
        http: ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build().into(),
    };
    let key: ObjectKey = "notes/a b.txt".parse()?;
    let put = wire.send(&PutObject::new(key.clone(), "hello"))?;
    println!("stored, entity tag {}, CRC-64 checked: {}", put.etag, put.crc64.is_some());

    // All of it is in memory: there is nothing to wait for.
    let bytes = wire.send(&GetObject::new(key))?.bytes(1024).now_or_never().ok_or("not in memory")??;
    println!("read back {:?}", String::from_utf8(bytes.to_vec())?);
    println!("another key: {}", wire.send(&GetObject::new("missing".parse()?)).err().ok_or("it is there")?);
    Ok(())
}
