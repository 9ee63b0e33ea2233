//! Settings of a bucket that are documents: kept as they come, once they are found to be right. All but the policy are
//! XML.

use crate::bucket::deny_strangers;
use crate::error::CosError;
use crate::policy::{BadPolicy, BucketPolicy};
use crate::receive::{receive_document_within, receive_nothing, receive_text_within};
use crate::respond::Reply;
use crate::service::Call;
use crate::store::Setting;
use crate::xml::{Document, Element};
use crate::{
    accelerate, certificate, cors, domain, encryption, lifecycle, lock, logging, origin, referer, replication, tagging,
    website,
};

impl Setting {
    /// The root of the XML.
    fn root(self) -> &'static str {
        match self {
            Self::Policy => "",
            Self::Cors => "CORSConfiguration",
            Self::Lifecycle => "LifecycleConfiguration",
            Self::Tagging => "Tagging",
            Self::Encryption => "ServerSideEncryptionConfiguration",
            Self::Website => "WebsiteConfiguration",
            Self::Referer => "RefererConfiguration",
            Self::Accelerate => "AccelerateConfiguration",
            Self::Logging => "BucketLoggingStatus",
            Self::Replication => "ReplicationConfiguration",
            Self::Domain => domain::ROOT,
            Self::Certificates => certificate::KEPT,
            Self::Origin => "OriginConfiguration",
            Self::ObjectLock => "ObjectLockConfiguration",
        }
    }

    /// In bytes. COS names a limit for CORS and websites alone.
    fn longest(self) -> usize {
        match self {
            Self::Cors | Self::Website => 64 * 1024,
            _ => 2 * 1024 * 1024,
        }
    }

    fn unset(self) -> Result<Reply, CosError> {
        Err(match self {
            // An empty document. COS says so of these two, and nothing of the third (inferred).
            Self::Accelerate | Self::Logging | Self::Referer => {
                return Ok(Reply::xml(Document::leaf(self.root(), "")));
            }
            Self::Cors => CosError::new(404, "NoSuchCORSConfiguration", "The CORS configuration does not exist."),
            Self::Lifecycle => {
                CosError::new(404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist.")
            }
            Self::Encryption => {
                let message = "The specified bucket does not have a Encryption configuration.";
                CosError::new(404, "NoSuchEncryptionConfiguration", message)
            }
            Self::Policy => CosError::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist."),
            Self::Tagging => CosError::new(404, "NoSuchTagSet", "There is no tag set associated with the bucket."),
            Self::Website => website::unset(),
            Self::Replication => {
                let message = "The replication configuration was not found.";
                CosError::new(404, "ReplicationConfigurationNotFoundError", message)
            }
            Self::Domain | Self::Certificates => domain::unset(),
            Self::Origin => origin::unset(),
            Self::ObjectLock => lock::unset(),
        })
    }
}

pub(crate) async fn put(call: &mut Call<'_>, setting: Setting) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    if setting == Setting::Policy {
        let text = receive_text_within(call, setting.longest()).await?;
        let text = String::from_utf8(text).map_err(|_| malformed("it is not UTF-8"))?;
        BucketPolicy::parse(&text, &bucket.name, &bucket.region).map_err(|bad| match bad.code {
            BadPolicy::NOT_PLAYED => CosError::not_implemented(&bad.message),
            _ => malformed(&bad.message),
        })?;
        bucket.set(setting, Some(text))?;
        return Ok(Reply::no_content());
    }
    // COS has no DELETE for it.
    if setting == Setting::Referer && call.upload.length() == Some(0) {
        receive_nothing(call)?;
        bucket.set(setting, None)?;
        return Ok(Reply::ok());
    }
    let document = receive_document_within(call, setting.root(), setting.longest()).await?;
    let mut kept = Some(Document::of(&document));
    match setting {
        // They have calls of their own.
        Setting::Policy | Setting::Domain | Setting::Certificates => {}
        Setting::Cors => cors::check(&document)?,
        Setting::Lifecycle => lifecycle::check(&document)?,
        Setting::Tagging => tagging::check_bucket(&document)?,
        Setting::Encryption => encryption::check(&document)?,
        Setting::Website => website::check(&document)?,
        Setting::Referer => referer::check(&document)?,
        Setting::Accelerate => kept = accelerate::kept(&bucket, &document)?,
        Setting::Logging if logging::check(call, &bucket, &document)? => {}
        Setting::Logging => kept = None,
        Setting::Replication => replication::check(call, &bucket, &document)?,
        Setting::Origin => origin::check(&document)?,
        Setting::ObjectLock => lock::check(&bucket, &document)?,
    }
    bucket.set(setting, kept)?;
    // The one setting in XML whose reference shows this.
    Ok(if setting == Setting::Tagging { Reply::no_content() } else { Reply::ok() })
}

fn malformed(why: &str) -> CosError {
    CosError::new(400, "MalformedPolicy", why.to_owned())
}

pub(crate) fn get(call: &Call<'_>, setting: Setting) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    let Some(document) = bucket.setting(setting) else { return setting.unset() };
    let mut reply = Reply::xml(document.to_string());
    if setting == Setting::Policy {
        reply.set("content-type", "application/json");
    }
    Ok(reply)
}

pub(crate) fn delete(call: &Call<'_>, setting: Setting) -> Result<Reply, CosError> {
    let bucket = call.bucket()?;
    deny_strangers(call)?;
    bucket.set(setting, None)?;
    Ok(Reply::no_content())
}

/// The children of these names, if there are no others and each is there once at most.
pub(crate) fn children<'d, const N: usize>(parent: &'d Element, names: [&str; N]) -> Option<[Option<&'d Element>; N]> {
    let fine = parent.has_only(&names) && names.iter().all(|name| parent.all(name).count() <= 1);
    fine.then(|| names.map(|name| parent.child(name)))
}

/// The same of their texts; the SDK for Java sends an empty one for none.
pub(crate) fn texts<'d, const N: usize>(parent: &'d Element, names: [&str; N]) -> Option<[Option<&'d str>; N]> {
    children(parent, names)?;
    Some(names.map(|name| parent.text_of(name)))
}
