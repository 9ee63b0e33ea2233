//! The calls of a setting of a bucket that is one document: it is put, read and removed as a whole, under a parameter of
//! its name.

use bytes::Bytes;
use http::Response;

use crate::answer::request_id;
use crate::error::{Error, Result, ServiceError};
use crate::request::Request;
use crate::xml::{self, Element, Unknown};

/// What is set. Its file has the document; its calls are the lines of [`calls!`].
pub(super) trait Setting: Sized {
    /// The parameter of the URL.
    const PARAMETER: &'static str;
    /// The root of the document.
    const ROOT: &'static str;
    /// What COS answers when it was never set.
    const UNSET: &'static str;
    /// The input that the text of the document comes from.
    const FIELD: &'static str;
    /// The longest document, in bytes, where COS names a limit.
    const LONGEST: usize = usize::MAX;

    fn write(&self) -> Result<Element>;

    fn read(root: Element) -> Self;
}

/// What each of its calls begins with.
pub(super) fn request<S: Setting>() -> Request {
    Request::bucket().query(S::PARAMETER, "")
}

pub(super) fn put<S: Setting>(setting: &S) -> Result<Request> {
    let request = request::<S>().element(S::FIELD, &setting.write()?)?;
    if request.body_ref().len() > S::LONGEST as u64 {
        return Err(Error::input(S::FIELD, format!("would be longer than {} KiB as a document", S::LONGEST / 1024)));
    }
    Ok(request)
}

/// A document without anything in it sets nothing.
pub(super) fn read<S: Setting>(response: Response<Bytes>) -> Result<Option<S>> {
    let (head, body) = response.into_parts();
    let root = xml::read_whole(S::ROOT, head.status.as_u16(), &request_id(&head.headers), &body)?;
    Ok((!root.children.is_empty()).then(|| S::read(root)))
}

pub(super) fn is_unset<S: Setting>(refusal: &ServiceError) -> bool {
    refusal.code == S::UNSET
}

/// The children of these names, each if it is there once and is known, and what else there is.
pub(super) fn sift<const N: usize>(
    part: &Element,
    names: [&'static str; N],
    known: impl Fn(&str, &Element) -> bool,
) -> (Unknown, [Option<Element>; N]) {
    let mut part = part.clone();
    let mut unknown = part.take_unknown();
    // The SDK for Java writes an empty one for none.
    part.children.retain(|child| child.text() != Some("") || !names.contains(&child.name.as_str()));
    let repeated = part.repeated(&names);
    let mut found = [const { None }; N];
    for child in part.children {
        let name = child.name.as_str();
        match names.iter().position(|known| *known == name) {
            Some(place) if !repeated.contains(&name) && known(name, &child) => found[place] = Some(child),
            _ => unknown.push(child),
        }
    }
    (unknown, found)
}

/// The calls of a setting: each with its title in the COS reference and the right it needs.
macro_rules! calls {
    ($setting:ty; $($method:ident $call:ident, $name:literal, $right:literal;)+) => {
        $($crate::bucket::setting::call! { $setting; $method $call, $name, $right })+
    };
}

macro_rules! call {
    ($setting:ty; PUT $call:ident, $name:literal, $right:literal) => {
        impl $crate::Operation for $call {
            type Output = $crate::answer::Done;
            type Response = ::bytes::Bytes;
            const NAME: &'static str = $name;
            const METHOD: ::http::Method = ::http::Method::PUT;
            const PERMISSIONS: $crate::Permissions = $crate::Permissions::bucket($right);

            fn request(&self) -> $crate::Result<$crate::Request> {
                $crate::bucket::setting::put(&self.0)
            }

            fn safety(&self) -> $crate::Safety {
                $crate::Safety::SameEffect
            }

            fn output(
                &self,
                _: &$crate::Sent,
                response: ::http::Response<::bytes::Bytes>,
            ) -> $crate::Result<$crate::answer::Done> {
                Ok($crate::answer::Done::told(response.headers()))
            }
        }
    };
    ($setting:ty; GET $call:ident, $name:literal, $right:literal) => {
        impl $crate::Operation for $call {
            type Output = Option<$setting>;
            type Response = ::bytes::Bytes;
            const NAME: &'static str = $name;
            const METHOD: ::http::Method = ::http::Method::GET;
            const PERMISSIONS: $crate::Permissions = $crate::Permissions::bucket($right);

            fn request(&self) -> $crate::Result<$crate::Request> {
                Ok($crate::bucket::setting::request::<$setting>())
            }

            fn safety(&self) -> $crate::Safety {
                $crate::Safety::Read
            }

            fn output(
                &self,
                _: &$crate::Sent,
                response: ::http::Response<::bytes::Bytes>,
            ) -> $crate::Result<Option<$setting>> {
                $crate::bucket::setting::read(response)
            }

            fn unset_by(&self, refusal: &$crate::ServiceError) -> Option<Option<$setting>> {
                $crate::bucket::setting::is_unset::<$setting>(refusal).then_some(None)
            }
        }
    };
    ($setting:ty; DELETE $call:ident, $name:literal, $right:literal) => {
        impl $crate::Operation for $call {
            type Output = $crate::answer::Done;
            type Response = ::bytes::Bytes;
            const NAME: &'static str = $name;
            const METHOD: ::http::Method = ::http::Method::DELETE;
            const PERMISSIONS: $crate::Permissions = $crate::Permissions::bucket($right);

            fn request(&self) -> $crate::Result<$crate::Request> {
                Ok($crate::bucket::setting::request::<$setting>())
            }

            fn safety(&self) -> $crate::Safety {
                $crate::Safety::SameEffect
            }

            fn output(
                &self,
                _: &$crate::Sent,
                response: ::http::Response<::bytes::Bytes>,
            ) -> $crate::Result<$crate::answer::Done> {
                Ok($crate::answer::Done::told(response.headers()))
            }

            fn unset_by(&self, refusal: &$crate::ServiceError) -> Option<$crate::answer::Done> {
                $crate::bucket::setting::is_unset::<$setting>(refusal).then(|| $crate::answer::Done::refused(refusal))
            }
        }
    };
}

pub(super) use {call, calls};
