use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::body::Body;
use crate::bucket::{ListObjects, ObjectSummary};
use crate::client::Client;
use crate::client::execute::Call;
use crate::client::listing::Listing;
use crate::client::overrides::Overrides;
use crate::client::route::Route;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::object::{
    DeleteObject, DeleteObjectOutput, GetObject, HeadObject, Object, ObjectMeta, PostForm, PostPolicy, PutObject,
    PutObjectOutput,
};
use crate::operation::Operation;
use crate::paging::Paged;
use crate::presign::{PresignOptions, Presigned};
use crate::region::{BucketName, Region};
use crate::request::Request;
use http::Method;

/// One bucket to talk to. Cheap to clone.
///
/// There are two ways in. The short verbs take only what they need: [`put`](Self::put), [`get`](Self::get),
/// [`head`](Self::head), [`delete`](Self::delete), [`exists`](Self::exists), [`list`](Self::list),
/// [`presign_get`](Self::presign_get), and for objects of any size [`upload`](Self::upload),
/// [`download`](Self::download), [`copy`](Self::copy). An operation has all the options, and goes through
/// [`send`](Self::send), [`pages`](Self::pages), [`presign`](Self::presign) or [`sign`](Self::sign); a job of
/// [`transfer`](crate::transfer) goes through [`transfer`](Self::transfer).
///
/// # Cancellation
/// Dropping one of its futures stops all I/O. A request that was already sent may still take effect.
///
/// # Examples
/// ```no_run
/// use tencent_cos::{Attributes, Client, Credentials, PutObject};
///
/// # async fn example() -> tencent_cos::Result<()> {
/// let credentials = Credentials::permanent("AKID…", "…")?;
/// let client = Client::builder().region("ap-guangzhou").credentials(credentials).build()?;
/// let bucket = client.bucket("examplebucket-1250000000")?;
///
/// bucket.put("notes/a.txt", "hello").await?;
/// let text = bucket.get("notes/a.txt").await?.bytes(1024).await?;
/// assert_eq!(text, "hello");
///
/// let page = PutObject::new("index.html".parse()?, "<p>hello")
///     .attributes(Attributes::new().content_type("text/html; charset=utf-8"));
/// bucket.send(page).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Bucket {
    client: Client,
    name: BucketName,
    region: Region,
    route: Arc<Route>,
    overrides: Arc<Overrides>,
}

impl Bucket {
    pub(crate) fn new(client: Client, name: BucketName, region: Region, route: Arc<Route>) -> Self {
        Self { client, name, region, route, overrides: Arc::default() }
    }

    /// The full name: `name-appid`.
    pub fn name(&self) -> &BucketName {
        &self.name
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The client it belongs to.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The same bucket with other settings for what goes through the new handle. Settings that `overrides` leaves open
    /// stay as they are in this handle, credentials included; headers and parameters are added to those of this handle.
    #[must_use]
    pub fn with(&self, overrides: Overrides) -> Self {
        let overrides = overrides.over(&self.overrides, &self.client.engine().clock);
        Self { overrides: Arc::new(overrides), ..self.clone() }
    }

    /// For the requests of a transfer.
    pub(crate) fn patient(&self) -> Self {
        self.with(Overrides::patient())
    }

    /// Stores an object of up to 5 GiB: [`PutObject`] without options.
    ///
    /// # Errors
    /// As [`PutObject`]; [`ErrorKind::Input`](crate::ErrorKind::Input) when the key is not valid.
    ///
    /// # Cancellation
    /// Dropping the future stops the request; COS stores nothing of a body that ends early. Once the last byte was
    /// sent, the object may be stored all the same.
    pub async fn put<K>(&self, key: K, body: impl Into<Body>) -> Result<PutObjectOutput>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        self.send(PutObject::new(parse(key)?, body)).await
    }

    /// Reads an object as a stream: [`GetObject`] without options.
    ///
    /// # Errors
    /// As [`GetObject`].
    pub async fn get<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<Object> {
        self.send(GetObject::new(parse(key)?)).await
    }

    /// Reads the metadata of an object: [`HeadObject`] without options.
    ///
    /// # Errors
    /// As [`HeadObject`].
    pub async fn head<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<ObjectMeta> {
        self.send(HeadObject::new(parse(key)?)).await
    }

    /// Whether the object exists. Anything that is not a clear yes or no is an error: a 403 does not count as `false`.
    /// It is `false`, too, when the bucket does not exist, or not in this region, because COS answers the HEAD in the
    /// same way.
    ///
    /// # Errors
    /// As [`HeadObject`], except 404.
    pub async fn exists<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<bool> {
        match self.head(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes an object: [`DeleteObject`] without options. A key that does not exist is a success.
    ///
    /// # Errors
    /// As [`DeleteObject`].
    pub async fn delete<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<DeleteObjectOutput> {
        self.send(DeleteObject::new(parse(key)?)).await
    }

    /// All objects whose keys begin with `prefix`, fetched page by page as they are read; an empty prefix lists the
    /// whole bucket.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
    /// let mut objects = bucket.list("notes/");
    /// while let Some(object) = objects.next().await.transpose()? {
    ///     println!("{}", object.key);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Items are as [`ListObjects`]; the first error ends the listing.
    pub fn list(&self, prefix: impl Into<String>) -> Listing<ObjectSummary> {
        self.pages(ListObjects::new().prefix(prefix)).entries(|page| page.objects)
    }

    /// A URL with which anybody can read the object for `lifetime`; whoever has it may be able to do more, see
    /// [`presign`](Self::presign). It contains the session token of a temporary key.
    ///
    /// # Errors
    /// As [`presign`](Self::presign).
    pub async fn presign_get<K>(&self, key: K, lifetime: Duration) -> Result<Presigned>
    where
        K: TryInto<ObjectKey, Error: Into<Error>>,
    {
        self.presign(GetObject::new(parse(key)?), lifetime).await
    }

    /// Sends an operation, and sends it again where that is safe when it fails for a temporary reason.
    ///
    /// # Errors
    /// What the operation documents, and everything that can go wrong on the way; see [`ErrorKind`](crate::ErrorKind).
    ///
    /// # Cancellation
    /// Dropping the future stops all I/O. A request that was already sent may still take effect.
    pub async fn send<O: Operation>(&self, operation: O) -> Result<O::Output> {
        Ok(self.call().send(&operation, false).await?.0)
    }

    /// Sends an operation, and returns status and headers of the answer together with its output.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_raw<O: Operation>(&self, operation: O) -> Result<http::Response<O::Output>> {
        self.call().send_raw(&operation).await
    }

    /// All pages of an operation, fetched as they are read.
    ///
    /// # Examples
    /// What lies in a folder, and the folders in it:
    /// ```no_run
    /// use tencent_cos::ListObjects;
    ///
    /// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
    /// let mut pages = bucket.pages(ListObjects::new().prefix("photos/").delimiter("/"));
    /// while let Some(page) = pages.next().await.transpose()? {
    ///     page.common_prefixes.iter().for_each(|folder| println!("{folder}"));
    ///     page.objects.iter().for_each(|object| println!("{} {}", object.key, object.size));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send); [`ErrorKind::Response`](crate::ErrorKind::Response) when the markers do not advance.
    /// The first error ends the listing.
    pub fn pages<O>(&self, operation: O) -> Listing<O::Output>
    where
        O: Paged + 'static,
        O::Output: Send + 'static,
    {
        let bucket = self.clone();
        Listing::pages(operation, move |operation| {
            let bucket = bucket.clone();
            async move { bucket.call().page(&operation).await }
        })
    }

    /// The unsigned URL of an object. It works for objects that everybody may read
    /// ([`Acl::public_read`](crate::Acl::public_read)). Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the key is not valid.
    ///
    /// # Examples
    /// ```
    /// use tencent_cos::{Client, Credentials};
    ///
    /// # fn main() -> tencent_cos::Result<()> {
    /// let client = Client::builder().region("ap-guangzhou").credentials(Credentials::anonymous()).build()?;
    /// let url = client.bucket("examplebucket-1250000000")?.object_url("gallery/a b.png")?;
    /// assert_eq!(url, "https://examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/gallery/a%20b.png");
    /// # Ok(())
    /// # }
    /// ```
    pub fn object_url<K: TryInto<ObjectKey, Error: Into<Error>>>(&self, key: K) -> Result<String> {
        let (head, _) = Request::object(&parse(key)?).into_head(Method::GET, &self.route.address);
        Ok(head.url())
    }

    /// Signs an operation into a URL that needs no further signature.
    ///
    /// Any operation on a bucket or an object can be presigned; for operations on the account see [`Client::presign`].
    /// The second argument is the lifetime, or [`PresignOptions`]. The headers in [`Presigned::headers`] must be sent
    /// with the URL, unchanged.
    ///
    /// The bytes of an object or a part are not signed: neither length nor checksum, unless set. A document, like that
    /// of [`PutObjectTagging`](crate::PutObjectTagging), is signed by its MD5, so only this document can be sent:
    /// [`Operation::request`] contains it.
    ///
    /// # Security
    /// COS checks what is signed, but accepts additions that are not: a parameter like `acl` or `versionId`, a header
    /// like `x-cos-copy-source` or `x-cos-acl`. So the URL serves for every request with its method to this object,
    /// even one that copies another object here, as far as the key is allowed to do that. Sign with a temporary key
    /// that may do nothing else (feature `sts`), or turn on the bucket's strict signature mode, which demands that
    /// these be signed.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the lifetime is zero or over seven days, for an operation on
    /// the account, and, if [`PresignOptions`] ask for that, when the key expires earlier;
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials).
    ///
    /// # Examples
    /// A web page that has this URL can put an object of this type and length:
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use tencent_cos::{Attributes, PresignOptions, PutObject};
    ///
    /// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
    /// let put = PutObject::new("uploads/a.png".parse()?, "") // the body comes with the URL
    ///     .attributes(Attributes::new().content_type("image/png"));
    /// let options = PresignOptions::new(Duration::from_secs(600)).content_length(51_200);
    /// let presigned = bucket.presign(put, options).await?;
    /// println!("{} {} with {:?}", presigned.method, presigned.url, presigned.headers);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// COS reference: [Presigned URLs](https://cloud.tencent.com/document/product/436/14114)
    pub async fn presign<O: Operation>(&self, operation: O, options: impl Into<PresignOptions>) -> Result<Presigned> {
        self.call()
            .presign(&operation, &options.into())
            .await
            .map_err(|error| error.during(O::NAME, self.name.as_str(), 0))
    }

    /// Signs a form with which a web page uploads within the limits of the policy.
    ///
    /// The second argument is the lifetime, or [`PresignOptions`] without a host or a length. The form expires with the
    /// key if that is earlier, and contains the session token of a temporary key.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the lifetime is zero or over seven days, when the credentials
    /// are anonymous, and, if [`PresignOptions`] ask for that, when the key expires earlier;
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials).
    ///
    /// COS reference: [POST Object](https://cloud.tencent.com/document/product/436/14690)
    pub async fn post_form(&self, policy: PostPolicy, options: impl Into<PresignOptions>) -> Result<PostForm> {
        let form = self.call().post_form(&policy, &self.name, &options.into()).await;
        form.map_err(|error| error.during("POST Object", self.name.as_str(), 0))
    }

    /// Signs an operation for another HTTP client, which must send it within 15 minutes and send every header as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) when the operation cannot be sent,
    /// [`ErrorKind::Credentials`](crate::ErrorKind::Credentials).
    pub async fn sign<O: Operation>(&self, operation: O) -> Result<http::Request<Body>> {
        self.call().sign(&operation).await.map_err(|error| error.during(O::NAME, self.name.as_str(), 0))
    }

    fn call(&self) -> Call<'_> {
        Call { engine: self.client.engine(), route: &self.route, overrides: &self.overrides }
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).field("region", &self.region).finish_non_exhaustive()
    }
}

fn parse<K: TryInto<ObjectKey, Error: Into<Error>>>(key: K) -> Result<ObjectKey> {
    key.try_into().map_err(Into::into)
}
