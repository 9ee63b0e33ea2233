use std::fmt;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Method, header};

use crate::body::Body;
use crate::client::defaults::MAX_PRESIGN;
use crate::client::execute::Call;
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::object::{PostForm, PostPolicy};
use crate::operation::Operation;
use crate::region::BucketName;
use crate::sign::{self, BACKDATE, Host, SigningKey};
use crate::time::Clock;

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
    fn check(&self) -> Result<()> {
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

    /// A key for the lifetime from now on, or until the credentials end.
    fn key(&self, credentials: &Credentials, now: SystemTime) -> Result<SigningKey> {
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

/// A request signed in its URL. Whoever has it may send it until it expires: `Debug` leaves the query out.
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

impl Call<'_> {
    pub(crate) async fn presign<O: Operation>(&self, operation: &O, options: &PresignOptions) -> Result<Presigned> {
        options.check()?;
        let (mut head, _) = self.place(operation, &self.route.address)?;
        // Whoever uses the URL brings a body of their own.
        head.headers_mut().remove(header::CONTENT_LENGTH);
        self.overrides.apply(&mut head)?;
        if let Some(length) = options.content_length {
            head.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let snapshot = self.signer().credentials().current().await?;
        let now = self.engine.clock.now();
        let mut expires_at = options.end(now)?;
        if !snapshot.credentials().is_anonymous() {
            let key = options.key(snapshot.credentials(), now)?;
            expires_at = key.end();
            sign::query(&mut head, &key, &options.host);
        }
        let url = head.url();
        head.headers_mut().remove(header::HOST);
        let headers = std::mem::take(head.headers_mut());
        Ok(Presigned { method: O::METHOD, url, headers, expires_at })
    }

    /// A form for this bucket.
    pub(crate) async fn post_form(
        &self,
        policy: &PostPolicy,
        bucket: &BucketName,
        options: &PresignOptions,
    ) -> Result<PostForm> {
        options.check()?;
        if options.host != Host::Own || options.content_length.is_some() {
            return Err(Error::input("options", "bind a form to a host or a length; its policy has limits of its own"));
        }
        let snapshot = self.signer().credentials().current().await?;
        let key = options.key(snapshot.credentials(), self.engine.clock.now())?;
        Ok(policy.form(bucket, &self.route.address, &key))
    }

    pub(crate) async fn sign<O: Operation>(&self, operation: &O) -> Result<http::Request<Body>> {
        let snapshot = self.signer().credentials().current().await?;
        let (mut head, body) = self.describe(operation, &self.route.address, 1)?;
        if let Some(key) = self.signer().key(&snapshot, self.engine.clock.now())? {
            sign::headers(&mut head, &key);
        }
        head.into_request(body)
    }
}
