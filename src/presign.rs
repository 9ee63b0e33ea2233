//! Requests signed in their URLs, for others to send. Pure: the time is an argument.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, header};

use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::head::Head;
use crate::sign::{self, BACKDATE, Host, MAX_PRESIGN, SigningKey};

/// How a URL is presigned. A [`Duration`] alone is a lifetime and nothing else.
#[derive(Clone, Debug)]
pub struct PresignOptions {
    lifetime: Duration,
    host: Host,
    content_length: Option<u64>,
    refuse_short_key: bool,
    over_a_week: bool,
}

impl PresignOptions {
    /// A URL that holds for `lifetime`, or until the key ends if that is sooner.
    pub fn new(lifetime: Duration) -> Self {
        Self { lifetime, host: Host::Own, content_length: None, refuse_short_key: false, over_a_week: false }
    }

    /// Binds the signature to another host, like that of a CDN, or to none.
    #[must_use]
    pub fn sign_host(mut self, host: Host) -> Self {
        self.host = host;
        self
    }

    /// Signs the length: who uses the URL must send just so many bytes.
    #[must_use]
    pub fn content_length(mut self, bytes: u64) -> Self {
        self.content_length = Some(bytes);
        self
    }

    /// Fails when the key ends before the lifetime does, in place of a URL that ends with the key.
    #[must_use]
    pub fn refuse_short_key(mut self) -> Self {
        self.refuse_short_key = true;
        self
    }

    /// Allows a lifetime of more than seven days.
    #[must_use]
    pub fn allow_over_a_week(mut self) -> Self {
        self.over_a_week = true;
        self
    }
}

impl PresignOptions {
    /// Signs a request in its URL at this time, for those who have no client;
    /// [`Bucket::presign`](crate::Bucket::presign) does the same. What its headers are must be sent with the URL; its
    /// body is for whoever uses the URL to bring. Anonymous credentials give a URL without a signature.
    ///
    /// # Security
    /// COS looks at what is signed alone: whoever has the URL may add parameters like `acl` and headers like
    /// `x-cos-copy-source`, as far as the key may do what comes of it. Sign with a temporary key that may do nothing
    /// else, or have the bucket demand in strict signature mode that these be signed.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input): with field `lifetime` when that is under a second, or over what
    /// these options allow; with field `end` when the credentials are over; with field `query` when the request has a
    /// parameter twice, or one of the signature's own; with field `customer_key` as [`Head::into_request`].
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use tencent_cos::{Credentials, Endpoint, Operation, PresignOptions, PutObject};
    ///
    /// # fn main() -> tencent_cos::Result<()> {
    /// let credentials = Credentials::permanent("AKIDexample", "example")?;
    /// let bucket = "examplebucket-1250000000".parse()?;
    /// let address = Endpoint::default().address(Some(&bucket), &"ap-guangzhou".parse()?)?;
    /// let put = PutObject::new("notes/a.txt".parse()?, "");
    ///
    /// let (head, _) = put.request()?.into_head(PutObject::METHOD, &address);
    /// let options = PresignOptions::new(Duration::from_secs(600));
    /// let presigned = options.presign(head, &credentials, SystemTime::now())?;
    /// assert!(presigned.url.contains("&q-signature=") && presigned.headers.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn presign(&self, mut head: Head, credentials: &Credentials, now: SystemTime) -> Result<Presigned> {
        self.check()?;
        head.check()?;
        // Whoever uses the URL brings a body of their own.
        head.headers_mut().remove(header::CONTENT_LENGTH);
        if let Some(length) = self.content_length {
            head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut expires_at = self.end(now)?;
        if !credentials.is_anonymous() {
            let key = self.key(credentials, now)?;
            expires_at = key.end();
            sign::query(&mut head, &key, &self.host);
        }
        let (method, url) = (head.method().clone(), head.url());
        head.headers_mut().remove(header::HOST);
        let headers = std::mem::take(head.headers_mut());
        Ok(Presigned { method, url, headers, expires_at })
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.lifetime < Duration::from_secs(1) {
            return Err(Error::input("lifetime", "is under a second"));
        }
        if self.lifetime > MAX_PRESIGN && !self.over_a_week {
            return Err(Error::input("lifetime", "is over seven days; allow_over_a_week() permits it"));
        }
        Ok(())
    }

    fn end(&self, now: SystemTime) -> Result<SystemTime> {
        now.checked_add(self.lifetime).ok_or_else(|| Error::input("lifetime", "goes beyond all time"))
    }

    /// Whether they say more than a lifetime, which a form cannot keep to.
    #[cfg(feature = "client")]
    pub(crate) fn bind(&self) -> bool {
        self.host != Host::Own || self.content_length.is_some()
    }

    /// A key for the lifetime from now on, or until the credentials end.
    pub(crate) fn key(&self, credentials: &Credentials, now: SystemTime) -> Result<SigningKey> {
        let (start, end) = (now.checked_sub(BACKDATE).unwrap_or(now), self.end(now)?);
        let key = SigningKey::new(credentials, start, end)?;
        if self.refuse_short_key && credentials.expires_at().is_some_and(|expiry| expiry < end) {
            return Err(Error::input("lifetime", "goes beyond the end of the key"));
        }
        Ok(key)
    }
}

impl From<Duration> for PresignOptions {
    fn from(lifetime: Duration) -> Self {
        Self::new(lifetime)
    }
}

/// A request signed in its URL. Whoever has it may send it until it expires, with more that is not signed: `Debug`
/// leaves the query out.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Presigned {
    /// The method it is signed for. A URL for GET does not serve HEAD.
    pub method: Method,
    /// The URL.
    pub url: String,
    /// Headers that are signed and must be sent as they are; `Host` is not among them.
    pub headers: HeaderMap,
    /// When it ends: after its lifetime, or with the key.
    pub expires_at: SystemTime,
}

impl fmt::Debug for Presigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presigned")
            .field("method", &self.method)
            .field("url", &self.url.split('?').next().unwrap_or_default())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::credentials::SessionCredentials;
    use crate::endpoint::Endpoint;
    use crate::object::{GetObject, PutObject};
    use crate::operation::Operation;
    use crate::region::{BucketName, Region};

    fn presign(options: &PresignOptions) -> Result<Presigned> {
        let (bucket, region) = (BucketName::new("b-1").unwrap(), Region::new("ap-x").unwrap());
        let address = Endpoint::default().address(Some(&bucket), &region).unwrap();
        let (head, _) = PutObject::new("k".parse().unwrap(), "").request().unwrap().into_head(Method::PUT, &address);
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let key = SessionCredentials::new("id", "key", "tok", now + Duration::from_secs(600)).unwrap();
        options.presign(head, &key.into(), now)
    }

    #[test]
    fn who_uses_the_url_brings_a_body_of_any_length_unless_it_is_said() {
        let lifetime = Duration::from_secs(60);
        let any = presign(&PresignOptions::new(lifetime)).unwrap();
        assert!(any.url.contains("&q-header-list=host&") && any.headers.is_empty(), "{}", any.url);
        assert_eq!(any.expires_at, UNIX_EPOCH + Duration::from_secs(1_000_060));
        let five = presign(&PresignOptions::new(lifetime).content_length(5)).unwrap();
        assert!(five.url.contains("&q-header-list=content-length%3Bhost&"), "{}", five.url);
        assert_eq!((five.method, &five.headers[header::CONTENT_LENGTH]), (Method::PUT, &HeaderValue::from(5)));
    }

    #[test]
    fn a_url_ends_with_its_key_and_no_lifetime_is_beyond_its_limits() {
        let hour = PresignOptions::new(Duration::from_secs(3600));
        assert_eq!(presign(&hour).unwrap().expires_at, UNIX_EPOCH + Duration::from_secs(1_000_600));
        for options in
            [hour.refuse_short_key(), PresignOptions::new(Duration::ZERO), PresignOptions::new(2 * MAX_PRESIGN)]
        {
            assert_eq!(presign(&options).unwrap_err().field(), Some("lifetime"));
        }
    }

    #[test]
    fn a_parameter_of_the_signature_is_the_signatures_alone() {
        let address = Endpoint::custom("https://cos.example.com").unwrap();
        let address = address.address(Some(&BucketName::new("b-1").unwrap()), &Region::new("ap-x").unwrap()).unwrap();
        for name in ["q-signature", "Q-AK", "", "X-COS-Security-Token", "versionid"] {
            let get = GetObject::new("k".parse().unwrap()).version_id("v").param(name, "0");
            let (head, _) = get.request().unwrap().into_head(Method::GET, &address);
            let options = PresignOptions::new(Duration::from_secs(60));
            let refused = options.presign(head, &Credentials::permanent("id", "key").unwrap(), UNIX_EPOCH);
            assert_eq!(refused.unwrap_err().field(), Some("query"), "{name}");
        }
    }
}
