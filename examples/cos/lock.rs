//! `cos lock`.

use std::time::SystemTime;

use clap::Args;
use serde_json::json;
use tencent_cos::{Bucket, GetBucketObjectLock, GetObjectRetention, PutBucketObjectLock, PutObjectRetention};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::amount::counted;
use crate::failure::{Failure, Outcome};
use crate::output::time_text;
use crate::session::Session;
use crate::url::{ObjectUrl, PrefixUrl};

pub const EXAMPLES: &str = "\
Examples:
  cos lock cos://examplebucket-1250000000
  cos lock cos://examplebucket-1250000000 --days 30
  cos lock cos://examplebucket-1250000000/a.pdf --until 2035-12-31T00:00:00Z";

/// Show how objects are locked, or lock them
///
/// What is locked is neither removed nor overwritten before its time, by nobody. It may be locked for longer, never for
/// shorter, and a bucket with object lock has it for good.
#[derive(Debug, Args)]
pub struct Lock {
    /// cos://BUCKET-APPID[/KEY]
    #[arg(value_name = "BUCKET|OBJECT")]
    url: PrefixUrl,
    /// Turn object lock on for the bucket, and lock new objects for so many days
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,
    /// Lock the object until then, as 2035-12-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "days")]
    until: Option<SystemTime>,
}

pub fn time(text: &str) -> Result<SystemTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map(SystemTime::from)
        .map_err(|_| "is not of the form 2035-12-31T00:00:00Z".to_owned())
}

pub async fn run(session: &Session, Lock { url, days, until }: Lock) -> Outcome {
    let bucket = session.bucket(&url.bucket)?;
    match (url.prefix.is_empty(), days, until) {
        (true, _, Some(_)) => Err(Failure::usage("--until is for an object")),
        (false, Some(_), _) => Err(Failure::usage("--days are for a bucket")),
        (true, days, None) => of_bucket(session, &bucket, days).await,
        (false, None, until) => of_object(session, &bucket, ObjectUrl::try_from(url)?, until).await,
    }
}

async fn of_bucket(session: &Session, bucket: &Bucket, days: Option<u32>) -> Outcome {
    let mut lock = session.send(bucket, GetBucketObjectLock::new()).await?;
    if days.is_some() {
        let mut wanted = lock.unwrap_or_default();
        wanted.default_days = days;
        session.send(bucket, PutBucketObjectLock::new(wanted.clone())).await?;
        lock = Some(wanted);
    }
    let mut output = session.output();
    if let Some(lock) = lock {
        let unknown: Vec<_> = lock.unknown().collect();
        let json = || json!({ "type": "lock", "days": lock.default_days, "unknown": unknown });
        let line = match lock.default_days {
            Some(days) => format!("new objects are locked for {}", counted(u64::from(days), "day")),
            None => "objects may be locked".to_owned(),
        };
        output.line(json, format_args!("{line}"))?;
    }
    output.finish()
}

async fn of_object(session: &Session, bucket: &Bucket, object: ObjectUrl, until: Option<SystemTime>) -> Outcome {
    if let Some(until) = until {
        session.send(bucket, PutObjectRetention::new(object.key.clone(), until)).await?;
    }
    let retention = session.send(bucket, GetObjectRetention::new(object.key.clone())).await?;
    let mut output = session.output();
    if let Some(retention) = retention {
        let until = time_text(Some(retention.until));
        let json = || json!({ "type": "lock", "key": object.key.as_str(), "until": until, "mode": retention.mode });
        output.line(json, format_args!("locked until {}", until.as_deref().unwrap_or_default()))?;
    }
    output.finish()
}
