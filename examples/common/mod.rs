//! Where the examples run: on COS if the environment names an account, else on an emulator in this process.

mod finish;

use std::env;
use std::time::Duration;

use cos_emulator::Emulator;
use tencent_cos::client::provider::{ChainCredentials, CredentialError, ProvideCredentials};
use tencent_cos::{Bucket, Client, Credentials, Endpoint, SessionCredentials};

pub use self::finish::{Outcome, finish};

/// Any of these says that an account is meant; without one the examples need none.
const VARIABLES: [&str; 6] = [
    "TENCENTCLOUD_SECRET_ID",
    "TENCENTCLOUD_SECRET_KEY",
    "TENCENTCLOUD_TOKEN",
    "COS_REGION",
    "COS_BUCKET",
    "COS_ENDPOINT",
];

pub enum Place {
    Emulator(Emulator),
    Cos { region: String, bucket: String, endpoint: Endpoint },
}

impl Place {
    pub async fn find() -> Outcome<Self> {
        if VARIABLES.iter().all(|name| variable(name).is_none()) {
            let emulator = Emulator::builder().strict_signature(true).start().await?;
            println!("no account in the environment: using an emulator in this process, {}", emulator.endpoint());
            return Ok(Self::Emulator(emulator));
        }
        let needed = |name: &str| {
            let unset = format!("{name} is not set; unset all of {} to use an emulator", VARIABLES.join(", "));
            variable(name).ok_or(unset)
        };
        let (region, bucket) = (needed("COS_REGION")?, needed("COS_BUCKET")?);
        let endpoint = variable("COS_ENDPOINT").map(Endpoint::custom).transpose()?.unwrap_or_default();
        println!("using {bucket} in {region} with the first key of environment, profile, TKE, CVM");
        Ok(Self::Cos { region, bucket, endpoint })
    }

    /// A key as an issuer would give it: minted by the emulator for this long, or the first that this machine has.
    pub async fn key(&self, lifetime: Duration) -> Result<Credentials, CredentialError> {
        match self {
            Self::Emulator(emulator) => {
                let key = emulator.mint(lifetime);
                Ok(SessionCredentials::new(key.secret_id, key.secret_key, key.token, key.expires_at)?.into())
            }
            Self::Cos { .. } => ChainCredentials::standard().provide().await,
        }
    }

    pub fn bucket(&self, keys: impl ProvideCredentials + 'static) -> tencent_cos::Result<Bucket> {
        let (region, bucket, endpoint) = match self {
            Self::Emulator(emulator) => (emulator.region(), emulator.bucket(), Endpoint::custom(emulator.endpoint())?),
            Self::Cos { region, bucket, endpoint } => (region.as_str(), bucket.as_str(), endpoint.clone()),
        };
        Client::builder().region(region).endpoint(endpoint).credentials(keys).build()?.bucket(bucket)
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
