use std::fmt;

use http::{HeaderName, HeaderValue};

use crate::bucket::setting::sift;
use crate::error::{Error, Result};
use crate::xml::{Element, Unknown};

/// Which headers go to an origin (`HttpHeader`).
///
/// `Debug` shows no values: what an origin is told may be secret.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginHeaders {
    /// Whether all headers of the request go there (`FollowAllHeaders`). COS takes no value as no.
    pub follow_all: Option<bool>,
    /// What is said besides, up to ten names and values (`NewHttpHeaders`).
    pub new: Vec<(String, String)>,
    /// The headers of the request that go there (`FollowHttpHeaders`).
    pub follow: Vec<String>,
    /// The headers of the request that do not go there (`ForbidFollowHeaders`).
    pub forbid: Vec<String>,
    /// Of all, and of the three lists.
    unknown: [Unknown; 4],
}

impl OriginHeaders {
    /// The most headers that are said besides.
    pub const MAX_NEW: usize = 10;

    /// Nothing is said.
    pub fn new() -> Self {
        Self::default()
    }

    /// `FollowAllHeaders`.
    #[must_use]
    pub fn follow_all(mut self, all: bool) -> Self {
        self.follow_all = Some(all);
        self
    }

    /// One more of `NewHttpHeaders`.
    #[must_use]
    pub fn add(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.new.push((name.into(), value.into()));
        self
    }

    /// One more of `FollowHttpHeaders`.
    #[must_use]
    pub fn follow(mut self, name: impl Into<String>) -> Self {
        self.follow.push(name.into());
        self
    }

    /// One more of `ForbidFollowHeaders`.
    #[must_use]
    pub fn forbid(mut self, name: impl Into<String>) -> Self {
        self.forbid.push(name.into());
        self
    }

    /// Names of what was read in it, is not known here or could not be set here, and is written back with it.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().flat_map(Unknown::names)
    }

    pub(super) fn read(element: &Element) -> Self {
        let known = |name: &str, part: &Element| if name == ALL { part.flag().is_some() } else { part.has_no_text() };
        let (unknown, [all, new, follow, forbid]) = sift(element, PARTS, known);
        let (new, unknown_new) = list(new);
        let (follow, unknown_follow) = list(follow);
        let (forbid, unknown_forbid) = list(forbid);
        let names = |list: Vec<(String, Option<String>)>| list.into_iter().map(|(name, _)| name).collect();
        Self {
            follow_all: all.and_then(|all| all.flag()),
            new: new.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).collect(),
            follow: names(follow),
            forbid: names(forbid),
            unknown: [unknown, unknown_new, unknown_follow, unknown_forbid],
        }
    }

    pub(super) fn write(&self) -> Result<Element> {
        if self.new.len() > Self::MAX_NEW {
            return Err(Error::input("http_header", "adds more than ten headers"));
        }
        let names = self.new.iter().map(|(name, _)| name).chain(&self.follow).chain(&self.forbid);
        if !names.into_iter().all(|name| HeaderName::from_bytes(name.as_bytes()).is_ok()) {
            return Err(Error::input("http_header", "has a name that no header can have"));
        }
        if !self.new.iter().all(|(_, value)| HeaderValue::from_str(value).is_ok()) {
            return Err(Error::input("http_header", "has a value that no header can carry"));
        }
        let [unknown, of_lists @ ..] = &self.unknown;
        let new = self.new.iter().map(|(name, value)| Element::new(HEADER).leaf(KEY, name).leaf(VALUE, value));
        let of = |names: &[String]| names.iter().map(|name| Element::new(HEADER).leaf(KEY, name)).collect();
        let lists: [Vec<Element>; 3] = [new.collect(), of(&self.follow), of(&self.forbid)];
        let mut root = Element::new(HEADERS).leaf_opt(ALL, self.follow_all.map(|all| all.to_string()));
        for ((name, list), unknown) in PARTS[1..].iter().zip(lists).zip(of_lists) {
            let list = list.into_iter().fold(Element::new(*name), Element::child);
            let list = list.with_unknown(unknown, &[]).expect("nothing in it is there but once");
            if list != Element::new(*name) {
                root = root.child(list);
            }
        }
        let written = root.with_unknown(unknown, &PARTS);
        written.ok_or_else(|| Error::input("http_header", "has a part twice, once with a value that is not known"))
    }
}

impl fmt::Debug for OriginHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginHeaders")
            .field("follow_all", &self.follow_all)
            .field("new", &self.new.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("follow", &self.follow)
            .field("forbid", &self.forbid)
            .field("unknown", &self.unknown)
            .finish()
    }
}

/// Names, with values where a list has them; and what else is in it.
fn list(element: Option<Element>) -> (Vec<(String, Option<String>)>, Unknown) {
    let Some(mut element) = element else { return (Vec::new(), Unknown::default()) };
    let has_values = element.name == PARTS[1];
    let (mut known, mut unknown) = (Vec::new(), element.take_unknown());
    for child in element.children {
        match child.texts([KEY, VALUE]) {
            Some([Some(name), value])
                if child.name == HEADER && can_be(name, value) && value.is_some() == has_values =>
            {
                known.push((name.to_owned(), value.map(str::to_owned)));
            }
            _ => unknown.push(child),
        }
    }
    (known, unknown)
}

fn can_be(name: &str, value: Option<&str>) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok() && value.is_none_or(|value| HeaderValue::from_str(value).is_ok())
}

pub(super) const HEADERS: &str = "HttpHeader";
const ALL: &str = "FollowAllHeaders";
const HEADER: &str = "Header";
const KEY: &str = "Key";
const VALUE: &str = "Value";

/// What is in it once at most.
const PARTS: [&str; 4] = [ALL, "NewHttpHeaders", "FollowHttpHeaders", "ForbidFollowHeaders"];
