use std::fmt;
use std::ops::RangeInclusive;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, Method};
use serde_json::{Value, json};

use crate::endpoint::Address;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::operation::Permissions;
use crate::region::BucketName;
use crate::request::Request;
use crate::sign::{SECURITY_TOKEN, SigningKey};
use crate::time::iso8601;

/// What a form on a web page may upload: one object of up to 5 GiB by `multipart/form-data`, within limits on its key,
/// size and type that COS checks.
///
/// Made into a [`PostForm`] by [`Bucket::post_form`](crate::Bucket::post_form), or by [`form`](Self::form) without a
/// client. The key that signs needs the right `name/cos:PostObject`, which a policy has from
/// [`Statement::action`](crate::policy::Statement::action) and not from those for uploads. An object that exists is
/// replaced.
///
/// What is not said here is the page's to say: whoever has the form may add other fields, `acl` or a redirect among
/// them. [`field`](Self::field) holds one down: `.field("acl", "default")`.
///
/// # Examples
/// ```
/// use tencent_cos::PostPolicy;
///
/// let avatars = PostPolicy::prefix("avatars/alice/")?
///     .size(1..=1 << 20)?
///     .content_type_prefix("image/")?;
/// # Ok::<(), tencent_cos::Error>(())
/// ```
///
/// COS reference: [POST Object](https://cloud.tencent.com/document/product/436/14690)
#[doc(alias = "POST Object")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "Bucket::post_form makes a form of it"]
pub struct PostPolicy {
    key: Limit,
    size: Option<RangeInclusive<u64>>,
    content_type: Option<Limit>,
    fields: Vec<(String, String)>,
}

/// What a field may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Limit {
    Exactly(String),
    StartsWith(String),
}

impl PostPolicy {
    /// What the key that signs the form must be allowed.
    pub const PERMISSIONS: Permissions = Permissions::target("name/cos:PostObject");
    /// The largest object, in bytes.
    pub const MAX_BYTES: u64 = 5 << 30;

    /// An upload to this key alone.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `key`: it is none, or holds `${filename}`, in whose
    /// place COS puts the name of the file.
    pub fn key<K: TryInto<ObjectKey, Error: Into<Error>>>(key: K) -> Result<Self> {
        let key = key.try_into().map_err(Into::into)?;
        not_expanded("key", key.as_str())?;
        Ok(Self::new(Limit::Exactly(key.to_string())))
    }

    /// An upload to a key that begins with this. The form says `PREFIX${filename}`, and COS puts the name of the file
    /// there; the page may say another key.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `prefix`: it is empty, which would be any key of the
    /// bucket, too long, or holds `${filename}` or a control character that no key may have.
    pub fn prefix(prefix: impl Into<String>) -> Result<Self> {
        let prefix = prefix.into();
        if prefix.is_empty() || prefix.len() > ObjectKey::MAX_BYTES {
            return Err(Error::input("prefix", "is not of 1 to 850 bytes"));
        }
        if prefix.bytes().any(|byte| (24..=27).contains(&byte)) {
            return Err(Error::input(
                "prefix",
                "holds one of the control characters 24 to 27, which COS refuses in keys",
            ));
        }
        not_expanded("prefix", &prefix)?;
        Ok(Self::new(Limit::StartsWith(prefix)))
    }

    fn new(key: Limit) -> Self {
        Self { key, size: None, content_type: None, fields: Vec::new() }
    }

    /// From so many bytes to so many.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `size`: it is empty, or goes beyond 5 GiB.
    pub fn size(mut self, bytes: RangeInclusive<u64>) -> Result<Self> {
        if bytes.is_empty() || *bytes.end() > Self::MAX_BYTES {
            return Err(Error::input("size", "is an empty range, or goes beyond 5 GiB"));
        }
        self.size = Some(bytes);
        Ok(self)
    }

    /// With this `Content-Type`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `content_type` when a header cannot carry it.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Result<Self> {
        self.content_type = Some(Limit::Exactly(text("content_type", content_type.into())?));
        Ok(self)
    }

    /// With a `Content-Type` that begins with this, like `image/`. The page must send the field; see
    /// [`PostForm::open`].
    ///
    /// # Errors
    /// As [`content_type`](Self::content_type).
    pub fn content_type_prefix(mut self, prefix: impl Into<String>) -> Result<Self> {
        self.content_type = Some(Limit::StartsWith(text("content_type", prefix.into())?));
        Ok(self)
    }

    /// COS answers with this status, 200, 201 or 204; else with 204. With 201 the answer is a document with location,
    /// key and entity tag.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `success_status`.
    pub fn success_status(self, status: u16) -> Result<Self> {
        if !matches!(status, 200 | 201 | 204) {
            return Err(Error::input("success_status", "is not 200, 201 or 204"));
        }
        Ok(self.with("success_action_status", status.to_string()))
    }

    /// COS answers with a redirect to this page, with bucket, key and entity tag in its query. The URL goes out as a
    /// header carries it: in ASCII, percent-encoded.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `success_redirect` when it is no URL of http or https,
    /// or has a fragment: what COS adds would be a part of that.
    pub fn success_redirect(self, url: impl AsRef<str>) -> Result<Self> {
        let url = url.as_ref();
        let page = url::Url::parse(url).ok().filter(|page| {
            matches!(page.scheme(), "http" | "https") && page.fragment().is_none() && !url.chars().any(char::is_control)
        });
        let page =
            page.ok_or_else(|| Error::input("success_redirect", "is no URL of http or https without a fragment"))?;
        Ok(self.with("success_action_redirect", page.into()))
    }

    /// One more field with this value and no other: `acl`, `Cache-Control`, `x-cos-meta-…`, `x-cos-storage-class`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) with field `field`: it is no name of a field, or has a setter of
    /// its own, or a header cannot carry the value.
    pub fn field(self, name: &str, value: impl Into<String>) -> Result<Self> {
        const OWN: [&str; 9] = [
            "bucket",
            "content-type",
            "file",
            "key",
            "policy",
            "signature",
            "success_action_redirect",
            "success_action_status",
            SECURITY_TOKEN,
        ];
        let lower = name.to_ascii_lowercase();
        let is_name = HeaderName::from_bytes(lower.as_bytes()).is_ok();
        if !is_name || OWN.contains(&&*lower) || lower.starts_with("q-") {
            return Err(Error::input("field", "is no name of a field, or one with a setter of its own"));
        }
        let value = text("field", value.into())?;
        Ok(self.with(name, value))
    }

    fn with(mut self, name: &str, value: String) -> Self {
        match self.fields.iter_mut().find(|(have, _)| have.eq_ignore_ascii_case(name)) {
            Some((_, have)) => *have = value,
            None => self.fields.push((name.to_owned(), value)),
        }
        self
    }

    /// Signs a form for this bucket at its address; it holds as long as the key that signs. Pure; nothing is sent.
    pub fn form(&self, bucket: &BucketName, address: &Address, key: &SigningKey) -> PostForm {
        let policy = self.document(bucket, key);
        let name = match &self.key {
            Limit::Exactly(name) => name.clone(),
            Limit::StartsWith(prefix) => format!("{prefix}{FILE_NAME}"),
        };
        let mut fields = vec![("key".to_owned(), name)];
        let mut open = Vec::new();
        match &self.content_type {
            Some(Limit::Exactly(kind)) => fields.push((CONTENT_TYPE.to_owned(), kind.clone())),
            Some(Limit::StartsWith(_)) => open.push(CONTENT_TYPE.to_owned()),
            None => {}
        }
        fields.extend(self.fields.iter().cloned());
        let signature = key.sign_policy(&policy);
        let mut add = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
        add("policy", &STANDARD.encode(&policy));
        add("q-sign-algorithm", "sha1");
        add("q-ak", key.secret_id());
        add("q-key-time", key.key_time());
        add("q-signature", &signature);
        if let Some(token) = key.token() {
            add(SECURITY_TOKEN, token);
        }
        let url = Request::bucket().into_head(Method::POST, address).0.url();
        PostForm { url, fields, open, expires_at: key.end() }
    }

    /// The policy as it is signed.
    fn document(&self, bucket: &BucketName, key: &SigningKey) -> String {
        let limit = |field: &str, limit: &Limit| match limit {
            Limit::Exactly(value) => json!({ field: value }),
            Limit::StartsWith(prefix) => json!(["starts-with", format!("${field}"), prefix]),
        };
        let mut conditions: Vec<Value> = vec![json!({ "bucket": bucket.as_str() }), limit("key", &self.key)];
        conditions.extend(self.size.as_ref().map(|size| json!(["content-length-range", size.start(), size.end()])));
        conditions.extend(self.content_type.as_ref().map(|kind| limit(CONTENT_TYPE, kind)));
        conditions.extend(self.fields.iter().map(|(name, value)| json!({ name: value })));
        conditions.push(json!({ "q-sign-algorithm": "sha1" }));
        conditions.push(json!({ "q-ak": key.secret_id() }));
        // The field of the form is `q-key-time`; the condition has this name.
        conditions.push(json!({ "q-sign-time": key.key_time() }));
        // In this order, as everybody writes it.
        format!(r#"{{"expiration":"{}","conditions":{}}}"#, iso8601(key.end()), Value::from(conditions))
    }
}

/// In its place COS puts the name of the file.
const FILE_NAME: &str = "${filename}";
const CONTENT_TYPE: &str = "Content-Type";

fn not_expanded(field: &'static str, text: &str) -> Result<()> {
    if text.contains(FILE_NAME) {
        return Err(Error::input(field, "holds ${filename}, in whose place COS puts the name of the file"));
    }
    Ok(())
}

fn text(field: &'static str, text: String) -> Result<String> {
    if text.is_empty() || !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(Error::input(field, "is empty, or holds what is not visible ASCII"));
    }
    Ok(text)
}

/// A signed form: where it goes, and its fields. Whoever has it may upload within its limits until it expires; `Debug`
/// shows no value of a field.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostForm {
    /// The form's `action`; its method is POST and its `enctype` `multipart/form-data`.
    pub url: String,
    /// Fields in order. The page may set `key` within its limit, adds those in [`open`](Self::open), and `file` as the
    /// last.
    pub fields: Vec<(String, String)>,
    /// Fields that the policy limits and leaves to the page, which must send them: `Content-Type`, or none.
    pub open: Vec<String>,
    /// When it ends.
    pub expires_at: SystemTime,
}

impl fmt::Debug for PostForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.fields.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("PostForm")
            .field("url", &self.url)
            .field("fields", &fields)
            .field("open", &self.open)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credentials;
    use crate::endpoint::Endpoint;
    use crate::region::Region;

    fn form(policy: &PostPolicy, key: &Credentials) -> PostForm {
        let bucket = BucketName::new("examplebucket-1250000000").unwrap();
        let address = Endpoint::default().address(Some(&bucket), &Region::new("ap-beijing").unwrap()).unwrap();
        let key = SigningKey::for_key_time(key, 1_567_150_692, 1_567_157_892).unwrap();
        policy.form(&bucket, &address, &key)
    }

    #[test]
    fn fields_and_policy_say_the_same() {
        let policy = PostPolicy::prefix("folder/ü/").unwrap().size(1..=1024).unwrap();
        let policy = policy.content_type_prefix("image/").unwrap().success_status(201).unwrap();
        let policy = policy.field("x-cos-meta-by", "alice").unwrap().field("acl", "default").unwrap();
        let form = form(&policy, &Credentials::with_token("AKIDexample", "key", "t0ken").unwrap());
        assert_eq!(form.url, "https://examplebucket-1250000000.cos.ap-beijing.myqcloud.com/");
        assert_eq!(form.open, ["Content-Type"]);
        assert_eq!(form.expires_at, std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_567_157_892));
        let names: Vec<_> = form.fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "key",
                "success_action_status",
                "x-cos-meta-by",
                "acl",
                "policy",
                "q-sign-algorithm",
                "q-ak",
                "q-key-time",
                "q-signature",
                "x-cos-security-token"
            ]
        );
        assert_eq!(form.fields[0].1, "folder/ü/${filename}");
        let document: Value = serde_json::from_slice(&STANDARD.decode(&form.fields[4].1).unwrap()).unwrap();
        assert_eq!(
            document,
            json!({
                "expiration": "2019-08-30T09:38:12.000Z",
                "conditions": [
                    {"bucket": "examplebucket-1250000000"},
                    ["starts-with", "$key", "folder/ü/"],
                    ["content-length-range", 1, 1024],
                    ["starts-with", "$Content-Type", "image/"],
                    {"success_action_status": "201"},
                    {"x-cos-meta-by": "alice"},
                    {"acl": "default"},
                    {"q-sign-algorithm": "sha1"},
                    {"q-ak": "AKIDexample"},
                    {"q-sign-time": "1567150692;1567157892"}
                ]
            })
        );
        let shown = format!("{form:?}");
        assert!(!shown.contains("t0ken") && !shown.contains(&form.fields[8].1), "{shown}");
    }

    #[test]
    fn an_exact_form_leaves_nothing_open() {
        let policy = PostPolicy::key("a.png").unwrap().content_type("image/png").unwrap();
        let form = form(&policy, &Credentials::permanent("AKIDexample", "key").unwrap());
        let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(fields[..2], [("key", "a.png"), ("Content-Type", "image/png")]);
        assert!(form.open.is_empty() && !fields.iter().any(|(name, _)| *name == SECURITY_TOKEN));
    }

    #[test]
    fn limits_that_are_none_are_refused() {
        let policy = || PostPolicy::key("k").unwrap();
        let field = |outcome: Result<PostPolicy>| outcome.unwrap_err().field();
        assert_eq!(field(PostPolicy::key("a/..")), Some("key"));
        assert_eq!(field(PostPolicy::key("a/${filename}")), Some("key"));
        assert_eq!(field(PostPolicy::prefix("")), Some("prefix"));
        #[allow(clippy::reversed_empty_ranges)]
        let backwards = policy().size(2..=1);
        assert_eq!(field(backwards), Some("size"));
        assert_eq!(field(policy().size(0..=PostPolicy::MAX_BYTES + 1)), Some("size"));
        assert_eq!(field(policy().content_type("")), Some("content_type"));
        assert_eq!(field(policy().success_status(302)), Some("success_status"));
        for url in ["javascript:alert(1)", "//a.example/", "https://a.example/\nx", "https://a.example/#done"] {
            assert_eq!(field(policy().success_redirect(url)), Some("success_redirect"), "{url}");
        }
        for name in ["", "q-ak", "Key", "policy", "a b", "x-cos-security-token"] {
            assert_eq!(field(policy().field(name, "v")), Some("field"), "{name}");
        }
        assert_eq!(field(policy().field("acl", "a\nb")), Some("field"));
    }
}
