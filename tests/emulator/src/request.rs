//! The head of a request as it came over the wire, and what it asks for.

use std::borrow::Cow;

use http::header::HOST;
use http::{HeaderMap, Method, request::Parts};

use crate::address::{self, Address, Bound, Domains};
use crate::encoding::{Query, decode_path};
use crate::error::CosError;
use crate::{metadata, sts};

/// Headers that an object keeps, beside its metadata.
pub(crate) const KEPT: [&str; 6] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"];

/// Headers that mean something to an operation, beside those of COS.
const READ: [&str; 9] = [
    "authorization",
    "content-length",
    "content-md5",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
];

/// A request head. Everything derived from the request line is decoded exactly once, here.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    /// The target as received, origin form or absolute form.
    pub(crate) target: String,
    pub(crate) host: String,
    pub(crate) path: Vec<u8>,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) address: Address,
    /// Set if the target could not be decoded: a lone `%`.
    pub(crate) broken_target: bool,
    /// The form that a request to the account as a whole carries: the older way to call STS. Read before anything else.
    pub(crate) form: Option<Query>,
}

impl Head {
    pub(crate) fn new(parts: Parts, domains: &Domains, custom: impl Fn(&str) -> Option<Bound>) -> Self {
        let Parts { method, uri, headers, .. } = parts;
        // RFC 9112 3.2.2: in absolute form the target says who is meant, whatever Host says.
        let host = match (uri.authority(), headers.get(HOST)) {
            (Some(authority), _) => authority.as_str().to_owned(),
            (None, Some(host)) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
            (None, None) => String::new(),
        };
        let path = decode_path(uri.path()).map(Cow::into_owned);
        let query = Query::parse(uri.query().unwrap_or_default());
        let broken_target = path.is_none() || query.is_none();
        let path = path.unwrap_or_else(|| uri.path().as_bytes().to_vec());
        let address = address::resolve(&host, &path, domains, custom);
        Self {
            method,
            target: uri.to_string(),
            host,
            path,
            query: query.unwrap_or_default(),
            headers,
            address,
            broken_target,
            form: None,
        }
    }

    /// Whether the body is a form and names what is asked for.
    pub(crate) fn expects_form(&self) -> bool {
        let form =
            self.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let bucket = matches!(self.address, Address::Bucket { .. });
        form && !bucket && self.method == Method::POST && self.path == b"/" && !self.headers.contains_key("x-tc-action")
    }

    /// A header as text. An empty value counts as absent: the Node SDK sends `Content-Type:` and means nothing by it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok().filter(|value| !value.is_empty())
    }

    /// Refuses a header that would be passed over in silence: one that is there twice, as nobody says which of the two
    /// holds, or one that is no text.
    pub(crate) fn check_headers(&self) -> Result<(), CosError> {
        for name in self.headers.keys().map(http::HeaderName::as_str) {
            let kept = KEPT.contains(&name) || name.starts_with("x-cos-meta-");
            if !kept && !READ.contains(&name) && !name.starts_with("x-cos-") {
                continue;
            }
            let mut values = self.headers.get_all(name).iter();
            let first = values.next().map_or(&[][..], http::HeaderValue::as_bytes);
            if values.next().is_some() {
                return Err(CosError::invalid_request(format!("The header {name} is there twice.")));
            }
            // What is kept for the readers of an object is kept as the bytes it came as.
            if !kept && std::str::from_utf8(first).is_err() {
                return Err(CosError::invalid_argument(format!("The header {name} is not UTF-8.")));
            }
        }
        Ok(())
    }

    pub(crate) fn path_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.path)
    }

    pub(crate) fn operation(&self) -> Operation {
        Operation::of(self)
    }
}

/// What a request asks for, by the title the COS reference gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    GetService,
    PutBucket,
    HeadBucket,
    DeleteBucket,
    GetBucket,
    PutObject,
    GetObject,
    HeadObject,
    DeleteObject,
    CopyObject,
    AppendObject,
    DeleteMultipleObjects,
    InitiateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    ListParts,
    ListMultipartUploads,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    GetBucketVersions,
    PutBucketVersioning,
    GetBucketVersioning,
    PutObjectTagging,
    GetObjectTagging,
    DeleteObjectTagging,
    RestoreObject,
    PutSymlink,
    GetSymlink,
    SelectObjectContent,
    PutBucketAcl,
    GetBucketAcl,
    PutObjectAcl,
    GetObjectAcl,
    PutBucketCors,
    GetBucketCors,
    DeleteBucketCors,
    PutBucketLifecycle,
    GetBucketLifecycle,
    DeleteBucketLifecycle,
    PutBucketTagging,
    GetBucketTagging,
    DeleteBucketTagging,
    PutBucketEncryption,
    GetBucketEncryption,
    DeleteBucketEncryption,
    PutBucketPolicy,
    GetBucketPolicy,
    DeleteBucketPolicy,
    PutBucketWebsite,
    GetBucketWebsite,
    DeleteBucketWebsite,
    PutBucketReferer,
    GetBucketReferer,
    PutBucketInventory,
    PostBucketInventory,
    GetBucketInventory,
    ListBucketInventory,
    DeleteBucketInventory,
    PutBucketIntelligentTiering,
    GetBucketIntelligentTiering,
    ListBucketIntelligentTiering,
    DeleteBucketIntelligentTiering,
    PutBucketIntelligentTieringV1,
    GetBucketIntelligentTieringV1,
    PutBucketAccelerate,
    GetBucketAccelerate,
    PutBucketLogging,
    GetBucketLogging,
    PutBucketReplication,
    GetBucketReplication,
    DeleteBucketReplication,
    DeleteBucketDomain,
    DeleteBucketDomainCertificate,
    DeleteBucketOrigin,
    GetBucketDomain,
    GetBucketDomainCertificate,
    GetBucketObjectLock,
    GetBucketOrigin,
    GetObjectRetention,
    PutBucketDomain,
    PutBucketDomainCertificate,
    PutBucketObjectLock,
    PutBucketOrigin,
    PutObjectRetention,
    GetBucketLocation,
    PostObject,
    OptionsObject,
    /// A page of a static website.
    Page,
    /// A call of STS, by its action.
    Sts(String),
    InstanceMetadata,
    /// Known to COS, or to nobody, but not done here.
    Other(Cow<'static, str>),
}

/// Query names that make a request another operation. COS routes by name, wherever it stands in the query.
const SUB_RESOURCES: [&str; 42] = [
    "accelerate",
    "acl",
    "append",
    "ci-process",
    "cors",
    "decompression",
    "delete",
    "domain",
    "domaincertificate",
    "encryption",
    "imageInfo",
    "imageMogr2",
    "imageView2",
    "intelligent-tiering",
    "intelligenttiering",
    "inventory",
    "lifecycle",
    "live",
    "location",
    "logging",
    "notification",
    "object-lock",
    "origin",
    "partNumber",
    "policy",
    "preflight",
    "quota",
    "referer",
    "rename",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "strict-signature",
    "symlink",
    "tagging",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

impl Operation {
    fn of(head: &Head) -> Self {
        let method = head.method.as_str();
        if let Some(action) = sts::action_of(head) {
            return Self::Sts(action);
        }
        if metadata::is_asked(head) {
            return Self::InstanceMetadata;
        }
        let has_key = match &head.address {
            Address::Service { .. } if method == "GET" && head.path == b"/" => return Self::GetService,
            Address::Service { .. } => return Self::Other(format!("{method} on the service host").into()),
            Address::Foreign { service } => return Self::Other(format!("the host of {service}").into()),
            Address::Bucket { key, .. } => !key.is_empty(),
            Address::Nowhere => head.path != b"/",
        };
        if method == "OPTIONS" {
            return Self::OptionsObject; // a browser asks before a call with a sub-resource, too
        }
        if matches!(head.address, Address::Bucket { website: true, .. }) {
            return Self::Page;
        }
        if let Some(sub_resource) = SUB_RESOURCES.iter().find(|name| head.query.has(name)) {
            return Self::with_sub_resource(head, method, has_key, sub_resource);
        }
        match (method, has_key) {
            ("PUT", false) => Self::PutBucket,
            ("HEAD", false) => Self::HeadBucket,
            ("DELETE", false) => Self::DeleteBucket,
            ("GET", false) => Self::GetBucket,
            ("POST", false) => Self::PostObject,
            ("PUT", true) if head.headers.contains_key("x-cos-copy-source") => Self::CopyObject,
            ("PUT", true) => Self::PutObject,
            ("GET", true) => Self::GetObject,
            ("HEAD", true) => Self::HeadObject,
            ("DELETE", true) => Self::DeleteObject,
            (method, _) => {
                Self::Other(format!("{method} on {}", if has_key { "an object" } else { "a bucket" }).into())
            }
        }
    }

    fn with_sub_resource(head: &Head, method: &str, has_key: bool, sub_resource: &str) -> Self {
        let copy = head.headers.contains_key("x-cos-copy-source");
        match (method, has_key, sub_resource) {
            ("POST", false, "delete") => Self::DeleteMultipleObjects,
            ("GET", false, "versions") => Self::GetBucketVersions,
            ("PUT", false, "versioning") => Self::PutBucketVersioning,
            ("GET", false, "versioning") => Self::GetBucketVersioning,
            ("PUT", false, "acl") => Self::PutBucketAcl,
            ("GET", false, "acl") => Self::GetBucketAcl,
            ("PUT", true, "acl") => Self::PutObjectAcl,
            ("GET", true, "acl") => Self::GetObjectAcl,
            ("PUT", false, "cors") => Self::PutBucketCors,
            ("GET", false, "cors") => Self::GetBucketCors,
            ("DELETE", false, "cors") => Self::DeleteBucketCors,
            ("PUT", false, "lifecycle") => Self::PutBucketLifecycle,
            ("GET", false, "lifecycle") => Self::GetBucketLifecycle,
            ("DELETE", false, "lifecycle") => Self::DeleteBucketLifecycle,
            ("PUT", false, "tagging") => Self::PutBucketTagging,
            ("GET", false, "tagging") => Self::GetBucketTagging,
            ("DELETE", false, "tagging") => Self::DeleteBucketTagging,
            ("PUT", false, "encryption") => Self::PutBucketEncryption,
            ("GET", false, "encryption") => Self::GetBucketEncryption,
            ("DELETE", false, "encryption") => Self::DeleteBucketEncryption,
            ("PUT", false, "policy") => Self::PutBucketPolicy,
            ("GET", false, "policy") => Self::GetBucketPolicy,
            ("DELETE", false, "policy") => Self::DeleteBucketPolicy,
            ("PUT", false, "website") => Self::PutBucketWebsite,
            ("GET", false, "website") => Self::GetBucketWebsite,
            ("DELETE", false, "website") => Self::DeleteBucketWebsite,
            ("PUT", false, "referer") => Self::PutBucketReferer,
            ("GET", false, "referer") => Self::GetBucketReferer,
            ("PUT", false, "inventory") => Self::PutBucketInventory,
            ("POST", false, "inventory") => Self::PostBucketInventory,
            ("GET", false, "inventory") if !head.query.has("id") => Self::ListBucketInventory,
            ("GET", false, "inventory") => Self::GetBucketInventory,
            ("DELETE", false, "inventory") => Self::DeleteBucketInventory,
            ("PUT", false, "intelligent-tiering") => Self::PutBucketIntelligentTiering,
            ("GET", false, "intelligent-tiering") if !head.query.has("id") => Self::ListBucketIntelligentTiering,
            ("GET", false, "intelligent-tiering") => Self::GetBucketIntelligentTiering,
            ("DELETE", false, "intelligent-tiering") => Self::DeleteBucketIntelligentTiering,
            ("PUT", false, "intelligenttiering") => Self::PutBucketIntelligentTieringV1,
            ("GET", false, "intelligenttiering") => Self::GetBucketIntelligentTieringV1,
            ("PUT", false, "accelerate") => Self::PutBucketAccelerate,
            ("GET", false, "accelerate") => Self::GetBucketAccelerate,
            ("PUT", false, "logging") => Self::PutBucketLogging,
            ("GET", false, "logging") => Self::GetBucketLogging,
            ("PUT", false, "replication") => Self::PutBucketReplication,
            ("GET", false, "replication") => Self::GetBucketReplication,
            ("DELETE", false, "replication") => Self::DeleteBucketReplication,
            ("PUT", false, "domain") => Self::PutBucketDomain,
            ("GET", false, "domain") => Self::GetBucketDomain,
            ("DELETE", false, "domain") => Self::DeleteBucketDomain,
            ("PUT", false, "domaincertificate") => Self::PutBucketDomainCertificate,
            ("GET", false, "domaincertificate") => Self::GetBucketDomainCertificate,
            ("DELETE", false, "domaincertificate") => Self::DeleteBucketDomainCertificate,
            ("PUT", false, "origin") => Self::PutBucketOrigin,
            ("GET", false, "origin") => Self::GetBucketOrigin,
            ("DELETE", false, "origin") => Self::DeleteBucketOrigin,
            ("PUT", false, "object-lock") => Self::PutBucketObjectLock,
            ("GET", false, "object-lock") => Self::GetBucketObjectLock,
            ("PUT", true, "retention") => Self::PutObjectRetention,
            ("GET", true, "retention") => Self::GetObjectRetention,
            ("GET", false, "location") => Self::GetBucketLocation,
            ("GET", false, "uploads") => Self::ListMultipartUploads,
            ("POST", true, "uploads") => Self::InitiateMultipartUpload,
            ("PUT", true, "partNumber" | "uploadId") if copy => Self::UploadPartCopy,
            ("PUT", true, "partNumber" | "uploadId") => Self::UploadPart,
            ("GET", true, "uploadId") => Self::ListParts,
            ("POST", true, "uploadId") => Self::CompleteMultipartUpload,
            ("DELETE", true, "uploadId") => Self::AbortMultipartUpload,
            ("POST", true, "append") => Self::AppendObject,
            ("PUT", true, "tagging") => Self::PutObjectTagging,
            ("GET", true, "tagging") => Self::GetObjectTagging,
            ("DELETE", true, "tagging") => Self::DeleteObjectTagging,
            ("POST", true, "restore") => Self::RestoreObject,
            ("PUT", true, "symlink") => Self::PutSymlink,
            ("GET", true, "symlink") => Self::GetSymlink,
            ("POST", true, "select") => Self::SelectObjectContent,
            (method, true, name) => Self::Other(format!("{method} Object {name}").into()),
            (method, false, name) => Self::Other(format!("{method} Bucket {name}").into()),
        }
    }

    /// The name that fault rules match and the journal shows.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::GetService => "GET Service",
            Self::PutBucket => "PUT Bucket",
            Self::HeadBucket => "HEAD Bucket",
            Self::DeleteBucket => "DELETE Bucket",
            Self::GetBucket => "GET Bucket",
            Self::PutObject => "PUT Object",
            Self::GetObject => "GET Object",
            Self::HeadObject => "HEAD Object",
            Self::DeleteObject => "DELETE Object",
            Self::CopyObject => "PUT Object - Copy",
            Self::AppendObject => "APPEND Object",
            Self::DeleteMultipleObjects => "DELETE Multiple Objects",
            Self::InitiateMultipartUpload => "Initiate Multipart Upload",
            Self::UploadPart => "Upload Part",
            Self::UploadPartCopy => "Upload Part - Copy",
            Self::ListParts => "List Parts",
            Self::ListMultipartUploads => "List Multipart Uploads",
            Self::CompleteMultipartUpload => "Complete Multipart Upload",
            Self::AbortMultipartUpload => "Abort Multipart Upload",
            Self::GetBucketVersions => "GET Bucket Object Versions",
            Self::PutBucketVersioning => "PUT Bucket versioning",
            Self::GetBucketVersioning => "GET Bucket versioning",
            Self::PutObjectTagging => "PUT Object tagging",
            Self::GetObjectTagging => "GET Object tagging",
            Self::DeleteObjectTagging => "DELETE Object tagging",
            Self::RestoreObject => "POST Object restore",
            Self::PutSymlink => "PUT Object symlink",
            Self::GetSymlink => "GET Object symlink",
            Self::SelectObjectContent => "SELECT Object Content",
            Self::PutBucketAcl => "PUT Bucket acl",
            Self::GetBucketAcl => "GET Bucket acl",
            Self::PutObjectAcl => "PUT Object acl",
            Self::GetObjectAcl => "GET Object acl",
            Self::PutBucketCors => "PUT Bucket cors",
            Self::GetBucketCors => "GET Bucket cors",
            Self::DeleteBucketCors => "DELETE Bucket cors",
            Self::PutBucketLifecycle => "PUT Bucket lifecycle",
            Self::GetBucketLifecycle => "GET Bucket lifecycle",
            Self::DeleteBucketLifecycle => "DELETE Bucket lifecycle",
            Self::PutBucketTagging => "PUT Bucket tagging",
            Self::GetBucketTagging => "GET Bucket tagging",
            Self::DeleteBucketTagging => "DELETE Bucket tagging",
            Self::PutBucketEncryption => "PUT Bucket encryption",
            Self::GetBucketEncryption => "GET Bucket encryption",
            Self::DeleteBucketEncryption => "DELETE Bucket encryption",
            Self::PutBucketPolicy => "PUT Bucket policy",
            Self::GetBucketPolicy => "GET Bucket policy",
            Self::DeleteBucketPolicy => "DELETE Bucket policy",
            Self::PutBucketWebsite => "PUT Bucket website",
            Self::GetBucketWebsite => "GET Bucket website",
            Self::DeleteBucketWebsite => "DELETE Bucket website",
            Self::PutBucketReferer => "PUT Bucket referer",
            Self::GetBucketReferer => "GET Bucket referer",
            Self::PutBucketInventory => "PUT Bucket inventory",
            Self::PostBucketInventory => "POST Bucket inventory",
            Self::GetBucketInventory => "GET Bucket inventory",
            Self::ListBucketInventory => "List Bucket Inventory Configurations",
            Self::DeleteBucketInventory => "DELETE Bucket inventory",
            Self::PutBucketIntelligentTiering => "PUT Bucket IntelligentTiering",
            Self::GetBucketIntelligentTiering => "GET Bucket IntelligentTiering",
            Self::ListBucketIntelligentTiering => "List Bucket IntelligentTiering Configurations",
            Self::DeleteBucketIntelligentTiering => "DELETE Bucket IntelligentTiering",
            Self::PutBucketIntelligentTieringV1 => "PUT Bucket intelligenttiering",
            Self::GetBucketIntelligentTieringV1 => "GET Bucket intelligenttiering",
            Self::PutBucketAccelerate => "PUT Bucket accelerate",
            Self::GetBucketAccelerate => "GET Bucket accelerate",
            Self::PutBucketLogging => "PUT Bucket logging",
            Self::GetBucketLogging => "GET Bucket logging",
            Self::PutBucketReplication => "PUT Bucket replication",
            Self::GetBucketReplication => "GET Bucket replication",
            Self::DeleteBucketReplication => "DELETE Bucket replication",
            Self::PutBucketDomain => "PUT Bucket domain",
            Self::GetBucketDomain => "GET Bucket domain",
            Self::DeleteBucketDomain => "DELETE Bucket domain",
            Self::PutBucketDomainCertificate => "PUT Bucket domaincertificate",
            Self::GetBucketDomainCertificate => "GET Bucket domaincertificate",
            Self::DeleteBucketDomainCertificate => "DELETE Bucket domaincertificate",
            Self::PutBucketOrigin => "PUT Bucket Origin",
            Self::GetBucketOrigin => "GET Bucket Origin",
            Self::DeleteBucketOrigin => "DELETE Bucket Origin",
            Self::PutBucketObjectLock => "PUT Bucket ObjectLockConfiguration",
            Self::GetBucketObjectLock => "GET Bucket ObjectLockConfiguration",
            Self::PutObjectRetention => "PUT Object Retention",
            Self::GetObjectRetention => "GET Object Retention",
            Self::GetBucketLocation => "GET Bucket location",
            Self::PostObject => "POST Object",
            Self::OptionsObject => "OPTIONS Object",
            Self::Page => "Page of a website",
            Self::Sts(action) => action,
            Self::InstanceMetadata => "Instance metadata",
            Self::Other(name) => name,
        }
    }
}
