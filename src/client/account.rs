//! What a client does with operations on the account, as [`Bucket`](crate::Bucket) does with those on a bucket.

use std::sync::{Arc, LazyLock};

use crate::body::Body;
use crate::client::Client;
use crate::client::execute::Call;
use crate::client::listing::Listing;
use crate::client::overrides::Overrides;
use crate::client::route::Route;
use crate::error::{Error, Result};
use crate::operation::Operation;
use crate::paging::Paged;
use crate::presign::{PresignOptions, Presigned};

static NO_OVERRIDES: LazyLock<Arc<Overrides>> = LazyLock::new(Arc::default);

impl Client {
    /// Sends an operation on the account, like [`ListBuckets`](crate::ListBuckets).
    ///
    /// # Errors
    /// As [`Bucket::send`](crate::Bucket::send); [`ErrorKind::Input`](crate::ErrorKind::Input) for an operation on a
    /// bucket or an object, and when the client has no region.
    pub async fn send<O: Operation>(&self, operation: O) -> Result<O::Output> {
        Ok(self.call(&self.account()?).send(&operation, false).await?.0)
    }

    /// Sends an operation on the account and keeps status and headers of the answer beside its output.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_raw<O: Operation>(&self, operation: O) -> Result<http::Response<O::Output>> {
        self.call(&self.account()?).send_raw(&operation).await
    }

    /// All pages of an operation on the account, fetched as they are read.
    ///
    /// # Errors
    /// As [`Bucket::pages`](crate::Bucket::pages).
    pub fn pages<O>(&self, operation: O) -> Listing<O::Output>
    where
        O: Paged + 'static,
        O::Output: Send + 'static,
    {
        let client = self.clone();
        Listing::pages(operation, move |operation| {
            let client = client.clone();
            async move { client.call(&client.account()?).page(&operation).await }
        })
    }

    /// Signs an operation on the account into a URL that needs no further signature.
    ///
    /// # Errors
    /// As [`Bucket::presign`](crate::Bucket::presign); [`ErrorKind::Input`](crate::ErrorKind::Input) for an operation
    /// on a bucket or an object, and when the client has no region.
    pub async fn presign<O: Operation>(&self, operation: O, options: impl Into<PresignOptions>) -> Result<Presigned> {
        let route = self.account()?;
        let outcome = self.call(&route).presign(&operation, &options.into()).await;
        outcome.map_err(|error| error.during(O::NAME, "", 0))
    }

    /// Signs an operation on the account for another HTTP client, as [`Bucket::sign`](crate::Bucket::sign).
    ///
    /// # Errors
    /// As [`presign`](Self::presign).
    pub async fn sign<O: Operation>(&self, operation: O) -> Result<http::Request<Body>> {
        let outcome = self.call(&self.account()?).sign(&operation).await;
        outcome.map_err(|error| error.during(O::NAME, "", 0))
    }

    fn account(&self) -> Result<Arc<Route>> {
        let region = self.0.region.clone().ok_or_else(|| Error::input("region", "is not set"))?;
        self.route(None, &region).map(Arc::new)
    }

    fn call<'a>(&'a self, route: &'a Arc<Route>) -> Call<'a> {
        Call { engine: self.engine(), route, overrides: &NO_OVERRIDES }
    }
}
