//! What the app server is given: the permanent key, the bucket, and where COS and STS are.

use std::env;

use cos_emulator::Emulator;
use tencent_cos::client::provider::ProvideCredentials;
use tencent_cos::{Bucket, Client, Credentials, Endpoint, sts};

use crate::finish::Outcome;

/// Any of these says that an account is meant; without one the example needs none.
const VARIABLES: [&str; 4] = ["TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "COS_REGION", "COS_BUCKET"];

pub struct Account {
    pub key: Credentials,
    region: String,
    bucket: String,
    /// Of COS and STS, as an emulator has it; `None`: the real ones.
    endpoint: Option<String>,
    /// Kept, for it ends when it is dropped.
    emulator: Option<Emulator>,
}

impl Account {
    /// The account of the environment, or an emulator in this process.
    pub async fn find() -> Outcome<Self> {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = variable("COS_ENDPOINT");
        if variable("TENCENTCLOUD_TOKEN").is_some() {
            return Err("TENCENTCLOUD_TOKEN is set: only a permanent key can ask for keys for others".into());
        }
        let values = VARIABLES.map(variable);
        let account = endpoint.is_some() || values.iter().any(Option::is_some);
        if let Some(name) = VARIABLES.iter().find(|name| account && variable(name).is_none()) {
            let all = VARIABLES.join(", ");
            return Err(format!("{name} is not set; unset {all} and COS_ENDPOINT to use an emulator").into());
        }
        if let [Some(id), Some(secret), Some(region), Some(bucket)] = values {
            println!("using {bucket} in {region}");
            return Ok(Self { key: Credentials::permanent(id, secret)?, region, bucket, endpoint, emulator: None });
        }
        let emulator = Emulator::builder().strict_signature(true).start().await?;
        println!("no account in the environment: COS and STS are an emulator in this process, {}", emulator.endpoint());
        let key = Credentials::permanent(emulator.secret_id(), emulator.secret_key())?;
        let (region, bucket) = (emulator.region().to_owned(), emulator.bucket().to_owned());
        Ok(Self { key, region, bucket, endpoint: Some(emulator.endpoint()), emulator: Some(emulator) })
    }

    /// Whether its buckets are nobody's but this example's.
    pub fn is_emulated(&self) -> bool {
        self.emulator.is_some()
    }

    pub fn bucket(&self, keys: impl ProvideCredentials + 'static) -> tencent_cos::Result<Bucket> {
        let endpoint = self.endpoint.as_ref().map(Endpoint::custom).transpose()?;
        let client = Client::builder().region(&*self.region).endpoint(endpoint.unwrap_or_default()).credentials(keys);
        client.build()?.bucket(&*self.bucket)
    }

    pub fn sts(&self) -> tencent_cos::Result<sts::Client> {
        let endpoint = self.endpoint.as_ref().map(sts::Endpoint::custom).transpose()?;
        let sts = sts::Client::builder().region(&*self.region).credentials(self.key.clone());
        sts.endpoint(endpoint.unwrap_or_default()).build()
    }
}
