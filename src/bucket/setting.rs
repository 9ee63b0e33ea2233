//! The calls of a setting of a bucket that is one document: it is put, read and removed as a whole, under a parameter
//! of its name.

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

/// The calls of a setting and what makes them: each with its title in the COS reference and the right it needs.
macro_rules! calls {
    ($setting:ty; $($method:ident $call:ident, $name:literal, $right:literal;)+) => {
        $($crate::bucket::setting::constructor! { $method $setting, $call }
        $crate::bucket::setting::call! {
            $method $setting, $call, $name, $right,
            |call| $crate::bucket::setting::put(&call.0),
            |_| Ok($crate::bucket::setting::request::<$setting>())
        })+
    };
}

/// What makes one call.
macro_rules! constructor {
    (PUT $setting:ty, $call:ident) => {
        impl $call {
            /// Sets this.
            pub fn new(setting: $setting) -> Self {
                Self(setting)
            }
        }
    };
    (GET $setting:ty, $call:ident) => {
        impl $call {
            /// Reads it.
            pub fn new() -> Self {
                Self::default()
            }
        }
    };
    (DELETE $setting:ty, $call:ident) => {
        impl $call {
            /// Removes it.
            pub fn new() -> Self {
                Self::default()
            }
        }
    };
}

/// The calls of one of several, whose constructors stand in its file.
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

pub(super) use {call, calls, calls_by_id, constructor};

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::{BytesStart, Event};

    use super::*;
    use crate::ErrorKind;

    /// An element, read and printed without the code that is tested.
    #[derive(Clone, Default)]
    struct Node {
        name: String,
        attributes: Vec<(String, String)>,
        text: String,
        children: Vec<Node>,
    }

    impl Node {
        fn parse(xml: &str) -> Self {
            let begin = |start: &BytesStart<'_>| Self {
                name: start.local_name().as_ref().to_owned(),
                attributes: start
                    .attributes()
                    .map(|attribute| attribute.unwrap())
                    .map(|attribute| (attribute.key.as_ref().to_owned(), attribute.value.into_owned()))
                    .filter(|(name, _)| name != "xmlns")
                    .collect(),
                ..Self::default()
            };
            let mut reader = Reader::from_str(xml);
            let mut open = vec![Self::default()];
            loop {
                match reader.read_event().unwrap() {
                    Event::Start(start) => open.push(begin(&start)),
                    Event::Empty(start) => open.last_mut().unwrap().children.push(begin(&start)),
                    Event::End(_) => {
                        let node = open.pop().unwrap();
                        open.last_mut().unwrap().children.push(node);
                    }
                    Event::Text(text) => open.last_mut().unwrap().text.push_str(text.xml10_content().trim()),
                    Event::Eof => return open.pop().unwrap().children.pop().unwrap(),
                    Event::Decl(_) | Event::Comment(_) => {}
                    other => panic!("no document here has {other:?}"),
                }
            }
        }

        fn print(&self) -> String {
            let attributes: Vec<_> =
                self.attributes.iter().map(|(name, value)| format!(" {name}=\"{value}\"")).collect();
            let attributes = attributes.concat();
            let children: String = self.children.iter().map(Self::print).collect();
            let Self { name, text, .. } = self;
            format!("<{name}{attributes}>{text}{children}</{name}>")
        }

        fn count(&self) -> usize {
            1 + self.children.iter().map(Self::count).sum::<usize>()
        }

        fn at(&mut self, index: &mut usize, change: &dyn Fn(&mut Self)) {
            if *index == 0 {
                change(self);
            }
            *index = index.wrapping_sub(1);
            self.children.iter_mut().for_each(|child| child.at(index, change));
        }

        /// What it says, piece by piece: each text and attribute, with the element it is of and where that stands.
        /// `And` says nothing.
        fn pieces(&self, place: &str, said: &mut Vec<String>) {
            let place = if self.name == "And" { place.to_owned() } else { format!("{place}/{}", self.name) };
            said.extend(self.attributes.iter().map(|(name, value)| format!("{place} {name}={value}")));
            if self.children.is_empty() && !self.text.is_empty() {
                // COS itself writes classes in either case.
                let is_class = self.name == "StorageClass";
                let text = if is_class { self.text.to_uppercase() } else { self.text.clone() };
                said.push(format!("{place}={text}"));
            }
            self.children.iter().for_each(|child| child.pieces(&place, said));
        }

        fn says(&self) -> Vec<String> {
            let mut said = Vec::new();
            self.pieces("", &mut said);
            said.sort();
            said
        }
    }

    type Change = fn(&mut Node);

    /// Every way to make one element of a document another than it was.
    const CHANGES: &[(&str, Change)] = &[
        ("something at its beginning", |node| node.children.insert(0, Node::parse("<Odd>x</Odd>"))),
        ("something at its end", |node| node.children.push(Node::parse("<Odd><Deep>x</Deep></Odd>"))),
        ("its first child twice", |node| node.children.extend(node.children.first().cloned())),
        ("its last child twice", |node| node.children.extend(node.children.last().cloned())),
        ("its last child twice, once strange", |node| {
            let Some(mut last) = node.children.last().cloned() else { return };
            last.text = "odd".to_owned();
            last.children.clear();
            node.children.push(last);
        }),
        ("without its first child", |node| node.children = node.children.split_off(1.min(node.children.len()))),
        ("without anything in it", |node| node.children.clear()),
        ("its children the other way round", |node| node.children.reverse()),
        ("another text", |node| node.text = if node.children.is_empty() { "odd".to_owned() } else { String::new() }),
        ("no text", |node| node.text.clear()),
        ("another name", |node| node.name = "Odd".to_owned()),
        ("an attribute", |node| node.attributes.push(("at".to_owned(), "1".to_owned()))),
    ];

    /// What COS asks for in any case, and what is written where it was not found: that it is off, or the only text
    /// there is.
    const DUE: [&str; 4] = ["Status", "IsEnabled", "ObjectLockEnabled", "Mode"];

    /// Whatever one finds in a document is in what is written back, or it is not written at all.
    fn keeps<S: Setting>(golden: &str) {
        let golden = Node::parse(golden);
        let (mut kept, mut refused) = (0, 0);
        for index in 0..golden.count() {
            for (what, change) in CHANGES {
                let mut changed = golden.clone();
                changed.at(&mut index.clone(), &|node| {
                    change(node);
                    // Text beside elements is no document of COS.
                    if !node.children.is_empty() {
                        node.text.clear();
                    }
                });
                if index == 0 && changed.name != golden.name {
                    continue;
                }
                let xml = changed.print();
                let found: Option<S> = read(Response::new(Bytes::from(xml.clone()))).expect(&xml);
                let Some(found) = found else { continue };
                match found.write().and_then(|element| request::<S>().element(S::FIELD, &element)) {
                    Ok(request) => {
                        let written = request.body_ref().as_bytes().expect("a document");
                        let written = std::str::from_utf8(&written).unwrap();
                        let mut new = Node::parse(written).says();
                        for piece in changed.says() {
                            let at = new.iter().position(|other| *other == piece);
                            new.remove(at.unwrap_or_else(|| panic!("{what}: {piece} is lost: {xml}\n{written}")));
                        }
                        let is_due = |piece: &String| DUE.iter().any(|name| piece.contains(&format!("/{name}=")));
                        assert!(new.iter().all(is_due), "{what}: {new:?} is new: {xml}\n{written}");
                        kept += 1;
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Input, "{what}: {xml}: {error}");
                        refused += 1;
                    }
                }
            }
        }
        assert!(kept > refused, "{}: {kept} kept, {refused} refused", S::ROOT);
    }

    macro_rules! golden {
        ($name:literal) => {
            include_str!(concat!("../../tests/golden/xml/", $name, ".xml"))
        };
    }

    #[test]
    fn what_is_strange_anywhere_in_a_document_is_kept() {
        keeps::<crate::AccelerateConfiguration>(golden!("accelerate"));
        keeps::<crate::CorsConfiguration>(golden!("cors"));
        keeps::<crate::DomainConfiguration>(golden!("domain"));
        keeps::<crate::BucketEncryption>(golden!("bucket_encryption"));
        keeps::<crate::InventoryConfiguration>(golden!("inventory"));
        keeps::<crate::LifecycleConfiguration>(golden!("lifecycle"));
        keeps::<crate::BucketLogging>(golden!("logging"));
        keeps::<crate::ObjectLockConfiguration>(golden!("object_lock"));
        keeps::<crate::OriginConfiguration>(golden!("origin_mirror"));
        keeps::<crate::OriginConfiguration>(golden!("origin_redirect"));
        keeps::<crate::RefererConfiguration>(golden!("referer"));
        keeps::<crate::ReplicationConfiguration>(golden!("replication"));
        keeps::<crate::WebsiteConfiguration>(golden!("website"));
        let tiering = golden!("intelligent_tiering_list").replace('\n', "");
        let (_, tiering) = tiering.split_once("<IntelligentTieringConfiguration>").unwrap();
        let (tiering, _) = tiering.split_once("</IntelligentTieringConfiguration>").unwrap();
        let tiering = format!("<IntelligentTieringConfiguration>{tiering}</IntelligentTieringConfiguration>");
        keeps::<crate::IntelligentTieringConfiguration>(&tiering);
    }
}
