//! What the app server is given: the permanent key, the bucket, and where COS and STS are.

use std::env;

use cos_emulator::{Cors, Emulator};
use tencent_cos::client::provider::ProvideCredentials;
use tencent_cos::{Bucket, Client, Credentials, Endpoint, sts};

use crate::finish::Outcome;

pub struct Account {
    pub key: Credentials,
    region: String,
    bucket: String,
    /// `None`: the real ones. Kept, for it ends when it is dropped.
    emulator: Option<Emulator>,
}

impl Account {
    /// The account of the environment, or an emulator in this process.
    pub async fn find() -> Outcome<Self> {
        let [id, secret, region, bucket] =
            ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "COS_REGION", "COS_BUCKET"].map(env::var);
        if let (Ok(id), Ok(secret), Ok(region), Ok(bucket)) = (id, secret, region, bucket) {
            println!("using {bucket} in {region}; for the page its CORS rules must allow this machine's address");
            return Ok(Self { key: Credentials::permanent(id, secret)?, region, bucket, emulator: None });
        }
        let emulator = Emulator::builder().strict_signature(true).cors(Cors::origin("*")).start().await?;
        println!("no account in the environment: COS and STS are an emulator in this process, {}", emulator.endpoint());
        let key = Credentials::permanent(emulator.secret_id(), emulator.secret_key())?;
        let (region, bucket) = (emulator.region().to_owned(), emulator.bucket().to_owned());
        Ok(Self { key, region, bucket, emulator: Some(emulator) })
    }

    pub fn bucket(&self, keys: impl ProvideCredentials + 'static) -> tencent_cos::Result<Bucket> {
        let endpoint = self.emulator.as_ref().map(|emulator| Endpoint::custom(emulator.endpoint())).transpose()?;
        let client = Client::builder().region(&*self.region).endpoint(endpoint.unwrap_or_default()).credentials(keys);
        client.build()?.bucket(&*self.bucket)
    }

    pub fn sts(&self) -> tencent_cos::Result<sts::Client> {
        let endpoint = self.emulator.as_ref().map(|emulator| sts::Endpoint::custom(emulator.endpoint())).transpose()?;
        let sts = sts::Client::builder().region(&*self.region).credentials(self.key.clone());
        sts.endpoint(endpoint.unwrap_or_default()).build()
    }
}
