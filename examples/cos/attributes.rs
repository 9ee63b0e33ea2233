//! What an object gets beside its bytes.

use std::time::SystemTime;

use clap::Args;
use tencent_cos::transfer::{LargeCopy, Upload};
use tencent_cos::{Acl, Attributes, Encryption, KmsKey, ObjectKey, Operation as _, PutObject, StorageClass, Tags};

use crate::encryption::Keys;
use crate::failure::Outcome;
use crate::lock::time;
use crate::tag::Pair;
use crate::tree::only;

/// Each object that is written gets it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "What objects get, in uploads and copies")]
pub struct Given {
    /// Content-Type; else COS takes one by the key's extension. In a copy, any of these headers or --meta replaces all
    /// headers and metadata that SRC has
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Cache-Control, like max-age=600
    #[arg(long, value_name = "VALUE")]
    cache_control: Option<String>,
    /// Content-Disposition, like 'attachment; filename="a.pdf"'
    #[arg(long, value_name = "VALUE")]
    content_disposition: Option<String>,
    /// Content-Encoding, like gzip; nothing is compressed
    #[arg(long, value_name = "VALUE")]
    content_encoding: Option<String>,
    /// Content-Language
    #[arg(long, value_name = "VALUE")]
    content_language: Option<String>,
    /// Expires, as 2035-12-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    expires: Option<SystemTime>,
    /// Metadata, of visible ASCII; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    meta: Vec<Pair>,
    /// Storage class, like STANDARD_IA or ARCHIVE
    #[arg(long, value_name = "CLASS", value_parser = class)]
    storage_class: Option<StorageClass>,
    /// Canned ACL, like private or public-read
    #[arg(long, value_name = "NAME")]
    acl: Option<String>,
    /// A tag, up to 10; may be repeated. In a copy they replace those of SRC
    #[arg(long, value_name = "KEY=VALUE")]
    tag: Vec<Pair>,
    /// Encrypt with keys of COS (SSE-COS, AES256), or with a key of the key management service (SSE-KMS)
    #[arg(long, value_name = "KEYS")]
    encryption: Option<Keys>,
    /// The key of the key management service, in place of the account's default key
    #[arg(long, value_name = "ID", requires = "encryption")]
    kms_key_id: Option<String>,
    /// Fail where there is an object already. COS heeds it only in buckets that never had versioning
    #[arg(long)]
    no_overwrite: bool,
}

fn class(name: &str) -> Result<StorageClass, String> {
    if name.trim().is_empty() { Err("is empty".to_owned()) } else { Ok(StorageClass::new(name)) }
}

impl Given {
    /// Refuses what COS would, and anything where no object is written.
    pub fn check(&self, writes_objects: bool) -> Outcome {
        let is_kms = matches!(self.encryption, Some(Keys::Kms));
        only(self.kms_key_id.is_some() && !is_kms, "--kms-key-id", "--encryption kms")?;
        if writes_objects {
            let put = PutObject::new(ObjectKey::new("any")?, "").attributes(self.attributes());
            let put = self.acl().into_iter().fold(put, PutObject::acl);
            let put = self.tags().into_iter().fold(put, PutObject::tags);
            self.encryption().into_iter().fold(put, PutObject::encryption).request()?;
            return Ok(());
        }
        for (is_given, option) in [
            (self.content_type.is_some(), "--content-type"),
            (self.cache_control.is_some(), "--cache-control"),
            (self.content_disposition.is_some(), "--content-disposition"),
            (self.content_encoding.is_some(), "--content-encoding"),
            (self.content_language.is_some(), "--content-language"),
            (self.expires.is_some(), "--expires"),
            (!self.meta.is_empty(), "--meta"),
            (self.storage_class.is_some(), "--storage-class"),
            (self.acl.is_some(), "--acl"),
            (!self.tag.is_empty(), "--tag"),
            (self.encryption.is_some(), "--encryption"),
            (self.no_overwrite, "--no-overwrite"),
        ] {
            only(is_given, option, "uploads and copies")?;
        }
        Ok(())
    }

    pub fn upload(&self, upload: Upload) -> Upload {
        let upload = upload.attributes(self.attributes());
        let upload = self.acl().into_iter().fold(upload, Upload::acl);
        let upload = self.tags().into_iter().fold(upload, Upload::tags);
        let upload = self.encryption().into_iter().fold(upload, Upload::encryption);
        if self.no_overwrite { upload.forbid_overwrite() } else { upload }
    }

    pub fn copy(&self, mut copy: LargeCopy) -> LargeCopy {
        let attributes = self.headers();
        if attributes != Attributes::new() {
            copy = copy.replace_attributes(attributes);
        }
        copy = self.storage_class.clone().into_iter().fold(copy, LargeCopy::storage_class);
        copy = self.acl().into_iter().fold(copy, LargeCopy::acl);
        copy = self.tags().into_iter().fold(copy, LargeCopy::replace_tags);
        copy = self.encryption().into_iter().fold(copy, LargeCopy::encryption);
        if self.no_overwrite { copy.forbid_overwrite() } else { copy }
    }

    fn attributes(&self) -> Attributes {
        self.storage_class.clone().into_iter().fold(self.headers(), Attributes::storage_class)
    }

    /// Content headers and metadata.
    fn headers(&self) -> Attributes {
        type Set = fn(Attributes, String) -> Attributes;
        let headers = [
            (&self.content_type, Attributes::content_type as Set),
            (&self.cache_control, Attributes::cache_control),
            (&self.content_disposition, Attributes::content_disposition),
            (&self.content_encoding, Attributes::content_encoding),
            (&self.content_language, Attributes::content_language),
        ];
        let set = |attributes, (value, set): (&Option<String>, Set)| value.clone().into_iter().fold(attributes, set);
        let attributes = headers.into_iter().fold(Attributes::new(), set);
        let attributes = self.expires.into_iter().fold(attributes, Attributes::expires);
        self.meta.iter().fold(attributes, |attributes, Pair(name, value)| attributes.meta(name, value))
    }

    fn acl(&self) -> Option<Acl> {
        self.acl.clone().map(Acl::canned)
    }

    fn tags(&self) -> Option<Tags> {
        let tags = self.tag.iter().map(|Pair(key, value)| (key.clone(), value.clone()));
        (!self.tag.is_empty()).then(|| tags.collect())
    }

    fn encryption(&self) -> Option<Encryption> {
        self.encryption.map(|keys| match keys {
            Keys::Cos => Encryption::Cos,
            Keys::Kms => Encryption::Kms(self.kms_key_id.iter().fold(KmsKey::new(), KmsKey::kms_key_id)),
        })
    }
}
