//! The objects behind a prefix, page by page.

use std::vec;

use crate::bucket::{ListObjects, ObjectSummary};
use crate::client::Bucket;
use crate::error::{Error, ErrorKind, Result};
use crate::paging::Paged as _;

/// One page is held, whatever the number of objects.
pub(super) struct Listing {
    bucket: Bucket,
    next: Option<ListObjects>,
    page: vec::IntoIter<ObjectSummary>,
    last: Option<String>,
}

impl Listing {
    pub(super) fn new(bucket: Bucket, prefix: String) -> Self {
        let next = Some(ListObjects::new().prefix(prefix));
        Self { bucket, next, page: Vec::new().into_iter(), last: None }
    }

    /// The next object; `None` at the end.
    ///
    /// # Errors
    /// As [`ListObjects`]. [`ErrorKind::Response`] when keys are out of order: who compares two listings relies on it.
    pub(super) async fn next(&mut self) -> Result<Option<ObjectSummary>> {
        loop {
            if let Some(object) = self.page.next() {
                self.check(&object.key)?;
                return Ok(Some(object));
            }
            let Some(list) = self.next.take() else { return Ok(None) };
            let page = self.bucket.send(list.clone()).await?;
            self.next = list.next_page(&page)?;
            self.page = page.objects.into_iter();
        }
    }

    fn check(&mut self, key: &str) -> Result<()> {
        if self.last.as_deref().is_some_and(|last| key <= last) {
            return Err(Error::new(ErrorKind::Response, "the listing is not in the order of keys"));
        }
        self.last = Some(key.to_owned());
        Ok(())
    }
}

#[cfg(all(test, unix))]
impl Listing {
    /// One that is all there.
    pub(super) fn of(bucket: Bucket, keys: &[String]) -> Self {
        let object = |key: &String| ObjectSummary { key: key.clone(), ..ObjectSummary::default() };
        let page: Vec<_> = keys.iter().map(object).collect();
        Self { bucket, next: None, page: page.into_iter(), last: None }
    }
}
