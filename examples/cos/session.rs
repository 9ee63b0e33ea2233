//! The client that the environment and the general options describe.

use std::env;
use std::time::Duration;

use tencent_cos::client::provider::ChainCredentials;
use tencent_cos::transfer::Transfer;
use tencent_cos::{Address, Bucket, BucketName, Client, Endpoint, Operation, Region};

use crate::General;
use crate::bars::Bars;
use crate::failure::{Failure, Outcome};
use crate::interrupt::{Interrupt, ended};
use crate::output::Output;

const NO_REGION: &str = "no region: give --region or set COS_REGION, like ap-guangzhou; `cos ls` alone shows the \
    region of each bucket";

pub struct Session {
    client: Client,
    region: Region,
    endpoint: Endpoint,
    json: bool,
    progress: bool,
    pub interrupt: Interrupt,
}

impl Session {
    pub fn open(general: &General, needs_region: bool, interrupt: Interrupt) -> Outcome<Self> {
        let region = ["COS_REGION", "TENCENTCLOUD_REGION", "TKE_REGION"]
            .iter()
            .find_map(|variable| given(general.region.as_ref(), variable).transpose())
            .or_else(|| (!needs_region).then(|| Ok("ap-guangzhou".to_owned())))
            .ok_or_else(|| Failure::usage(NO_REGION))??;
        let region = Region::new(region)?;
        let endpoint = given(general.endpoint.as_ref(), "COS_ENDPOINT")?;
        let endpoint = endpoint.map(Endpoint::custom).transpose()?.unwrap_or_default();
        let client = Client::builder()
            .region(&region)
            .endpoint(endpoint.clone())
            .credentials(ChainCredentials::standard())
            .user_agent("cos-example")
            .build()?;
        let General { json, verbose, no_progress, .. } = *general;
        Ok(Self { client, region, endpoint, json, progress: !(no_progress || json || verbose), interrupt })
    }

    pub fn bucket(&self, name: &BucketName) -> Outcome<Bucket> {
        Ok(self.client.bucket(name)?)
    }

    /// A bucket in that region, else in that of the general options.
    pub fn bucket_in(&self, region: Option<&Region>, name: &BucketName) -> Outcome<Bucket> {
        Ok(self.client.bucket_in(region.unwrap_or(&self.region), name)?)
    }

    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Where STS is, if not at its own address: what is said, or COS's address on this machine, which is an emulator.
    pub fn sts_address(&self, option: Option<&String>) -> Outcome<Option<String>> {
        if let Some(url) = given(option, "STS_ENDPOINT")? {
            return Ok(Some(url));
        }
        // An endpoint of one bucket has no address without it.
        let address = self.endpoint.address(None, &self.region).ok().filter(Address::is_loopback);
        Ok(address.map(|address| format!("{}://{}", address.scheme().as_str(), address.host())))
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    pub fn output(&self) -> Output {
        Output::new(self.json)
    }

    /// How far the transfer of one file or of many is, on a terminal.
    pub fn bars(&self, name: Option<&str>) -> Bars {
        Bars::new(self.progress, name)
    }

    /// Runs a transfer with its bar, so that Ctrl-C stops it in order; also how long it took.
    pub async fn run<T>(&self, name: &str, transfer: Transfer<T>) -> Outcome<(T, Duration)> {
        ended(self.interrupt.follow(transfer, &self.bars(Some(name)), || {}).await)
    }

    pub async fn send<O: Operation>(&self, bucket: &Bucket, operation: O) -> Outcome<O::Output> {
        Ok(bucket.send(operation).await?)
    }

    /// Sends what is about the account, not a bucket.
    pub async fn send_to_account<O: Operation>(&self, operation: O) -> Outcome<O::Output> {
        Ok(self.client.send(operation).await?)
    }
}

/// An option, else a variable; an empty one is none.
fn given(option: Option<&String>, variable: &str) -> Outcome<Option<String>> {
    let value = match option {
        Some(value) => Some(value.clone()),
        // What cannot be read is not nothing: with another address the key would go elsewhere.
        None => env::var_os(variable)
            .map(|value| value.into_string().map_err(|_| Failure::usage(format!("{variable}: is not UTF-8"))))
            .transpose()?,
    };
    Ok(value.filter(|value| !value.is_empty()))
}
