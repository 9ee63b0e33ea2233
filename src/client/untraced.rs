//! What `trace.rs` is without the feature `tracing`: nothing.

use http::Method;

use crate::client::provider::CredentialError;
use crate::error::Error;
use crate::region::BucketName;
use crate::retry::Evidence;

#[derive(Clone, Debug)]
pub(crate) struct Span;

#[expect(clippy::unused_self)] // so a trace has it
impl Span {
    pub(crate) fn operation(_: &'static str, _: &Method, _: &str, _: impl FnOnce() -> String) -> Self {
        Self
    }

    pub(crate) fn transfer(_: &'static str, _: &BucketName, _: &str) -> Self {
        Self
    }

    pub(crate) fn part(_: u64, _: u64, _: u64) -> Self {
        Self
    }

    pub(crate) fn refresh() -> Self {
        Self
    }

    pub(crate) fn current() -> Self {
        Self
    }

    pub(crate) fn around<F: Future>(self, future: F) -> F {
        future
    }

    pub(crate) fn over(self, _: impl FnOnce() -> (u64, u32), _: Option<&Error>) {}
}

pub(crate) fn answered(_: u32, _: u16, _: &str) {}

pub(crate) fn failed(_: u32, _: &Error, _: Evidence) {}

pub(crate) fn gave_up(_: &Error) {}

pub(crate) fn read_on(_: u64, _: &Error) {}

pub(crate) fn resumed(_: usize) {}

pub(crate) fn refreshed(_: &str) {}

pub(crate) fn not_refreshed(_: &str, _: &CredentialError, _: bool) {}

pub(crate) fn event(_: &'static str) {}
