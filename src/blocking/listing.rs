//! Listings as iterators.

use std::fmt;

use super::runtime::Runtime;
use crate::{Listing, Result};

/// What a listing gives, one by one.
#[must_use = "nothing is fetched before it is read"]
pub struct Iter<T> {
    listing: Option<Listing<T>>,
    runtime: Runtime,
}

impl<T> Iter<T> {
    pub(super) fn new(listing: Listing<T>, runtime: &Runtime) -> Self {
        Self { listing: Some(listing), runtime: runtime.clone() }
    }
}

impl<T> Iterator for Iter<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let listing = self.listing.as_mut()?;
        let item = self.runtime.wait(async { listing.next().await.transpose() }).transpose();
        if !matches!(item, Some(Ok(_))) {
            self.listing = None;
        }
        item
    }
}

impl<T> fmt::Debug for Iter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}
