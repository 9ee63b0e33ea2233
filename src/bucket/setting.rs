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

/// One of several settings of the same kind, each with an id.
pub(super) trait ById: Setting {
    fn id(&self) -> &str;

    fn check_id(id: &str) -> Result<()>;
}

/// What each call of one of several begins with.
pub(super) fn request_by_id<S: ById>(id: &str) -> Result<Request> {
    S::check_id(id)?;
    Ok(request::<S>().query("id", id.to_owned()))
}

pub(super) fn put_by_id<S: ById>(setting: &S) -> Result<Request> {
    request_by_id::<S>(setting.id())?.element(S::FIELD, &setting.write()?)
}

/// The calls of a setting: each with its title in the COS reference and the right it needs.
macro_rules! calls {
    ($setting:ty; $($method:ident $call:ident, $name:literal, $right:literal;)+) => {
        $($crate::bucket::setting::call! {
            $method $setting, $call, $name, $right,
            |call| $crate::bucket::setting::put(&call.0),
            |_| Ok($crate::bucket::setting::request::<$setting>())
        })+
    };
}

/// The same of one of several.
macro_rules! calls_by_id {
    ($setting:ty; $($method:ident $call:ident, $name:literal, $right:literal;)+) => {
        $($crate::bucket::setting::call! {
            $method $setting, $call, $name, $right,
            |call| $crate::bucket::setting::put_by_id(&call.0),
            |call| $crate::bucket::setting::request_by_id::<$setting>(&call.0)
        })+
    };
}

/// One call. Of the two requests the first is that of a PUT.
macro_rules! call {
    (PUT $setting:ty, $call:ident, $name:literal, $right:literal, $put:expr, $plain:expr) => {
        $crate::bucket::setting::call! {
            @ $call, PUT, $name, $right, SameEffect, $put,
            $crate::answer::Done, |answer| Ok($crate::answer::Done::told(answer.headers())), |_| None
        }
    };
    (GET $setting:ty, $call:ident, $name:literal, $right:literal, $put:expr, $plain:expr) => {
        $crate::bucket::setting::call! {
            @ $call, GET, $name, $right, Read, $plain,
            Option<$setting>, $crate::bucket::setting::read,
            |refusal| $crate::bucket::setting::is_unset::<$setting>(refusal).then_some(None)
        }
    };
    (DELETE $setting:ty, $call:ident, $name:literal, $right:literal, $put:expr, $plain:expr) => {
        $crate::bucket::setting::call! {
            @ $call, DELETE, $name, $right, SameEffect, $plain,
            $crate::answer::Done, |answer| Ok($crate::answer::Done::told(answer.headers())),
            |refusal| {
                $crate::bucket::setting::is_unset::<$setting>(refusal).then(|| $crate::answer::Done::refused(refusal))
            }
        }
    };
    (@ $call:ident, $method:ident, $name:literal, $right:literal, $safety:ident, $request:expr, $output:ty, $read:expr,
     $unset:expr) => {
        impl $crate::Operation for $call {
            type Output = $output;
            type Response = ::bytes::Bytes;
            const NAME: &'static str = $name;
            const METHOD: ::http::Method = ::http::Method::$method;
            const PERMISSIONS: $crate::Permissions = $crate::Permissions::bucket($right);

            fn request(&self) -> $crate::Result<$crate::Request> {
                let describe: fn(&Self) -> $crate::Result<$crate::Request> = $request;
                describe(self)
            }

            fn safety(&self) -> $crate::Safety {
                $crate::Safety::$safety
            }

            fn output(&self, _: &$crate::Sent, response: ::http::Response<::bytes::Bytes>) -> $crate::Result<$output> {
                let read: fn(::http::Response<::bytes::Bytes>) -> $crate::Result<$output> = $read;
                read(response)
            }

            fn unset_by(&self, refusal: &$crate::ServiceError) -> Option<$output> {
                let unset: fn(&$crate::ServiceError) -> Option<$output> = $unset;
                unset(refusal)
            }
        }
    };
}

pub(super) use {call, calls, calls_by_id};
