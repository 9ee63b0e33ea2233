use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::BoxStream;
use futures_util::stream::{iter, try_unfold};
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::error::Result;

/// The entries or the pages of a listing, fetched as they are read. The first error ends it.
///
/// It is also a [`Stream`].
///
/// # Examples
/// ```no_run
/// # async fn example(bucket: tencent_cos::Bucket) -> tencent_cos::Result<()> {
/// let mut objects = bucket.list("notes/");
/// while let Some(object) = objects.next().await.transpose()? {
///     println!("{} {}", object.key, object.size);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation
/// Dropping it stops its I/O. The future of [`next`](Self::next) may be dropped and called again: nothing is lost.
#[must_use = "nothing is fetched before it is read"]
pub struct Listing<T>(BoxStream<'static, Result<T>>);

impl<T: Send + 'static> Listing<T> {
    pub(crate) fn new(stream: impl Stream<Item = Result<T>> + Send + 'static) -> Self {
        Self(stream.boxed())
    }

    /// Page by page: `fetch` gets one, and what fetches the next.
    pub(crate) fn pages<O, F>(first: O, fetch: impl Fn(O) -> F + Send + 'static) -> Self
    where
        O: Send + 'static,
        F: Future<Output = Result<(T, Option<O>)>> + Send + 'static,
    {
        Self::new(try_unfold(Some(first), move |operation| {
            let page = operation.map(&fetch);
            async move {
                match page {
                    Some(page) => page.await.map(Some),
                    None => Ok(None),
                }
            }
        }))
    }

    /// What is on the pages.
    pub(crate) fn entries<E: Send + 'static>(self, of: impl Fn(T) -> Vec<E> + Send + 'static) -> Listing<E> {
        Listing::new(self.map_ok(move |page| iter(of(page).into_iter().map(Ok))).try_flatten())
    }
}

impl<T> Listing<T> {
    /// The next one; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<T>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl<T> Stream for Listing<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listing").finish_non_exhaustive()
    }
}
