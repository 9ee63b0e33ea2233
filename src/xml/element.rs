use std::fmt;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// An element as it stands in a document, for those that must be written back with what is not known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// Without its prefix.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    /// Of an element without children: everything in it, as it is.
    text: String,
    pub(crate) children: Vec<Element>,
}

/// What was read of an element and is not known, for it to be written back with what is. It may be secret: `Debug`
/// shows the names.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Unknown {
    attributes: Vec<(String, String)>,
    elements: Vec<Element>,
}

impl Unknown {
    pub(crate) fn push(&mut self, element: Element) {
        self.elements.push(element);
    }

    /// The names of the elements.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.elements.iter().map(|element| element.name.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names().any(|other| other == name)
    }
}

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

impl Element {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// One more child that has text.
    pub(crate) fn leaf(self, name: &str, text: impl Into<String>) -> Self {
        self.child(Self { text: text.into(), ..Self::new(name) })
    }

    /// The same, if there is something to say.
    pub(crate) fn leaf_opt(self, name: &str, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.leaf(name, text),
            None => self,
        }
    }

    pub(crate) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// The text, if that is all there is.
    pub(crate) fn text(&self) -> Option<&str> {
        (self.children.is_empty() && self.attributes.is_empty()).then_some(self.text.as_str())
    }

    /// The text as a number.
    pub(crate) fn number<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.trim().parse().ok()
    }

    /// The text as `true` or `false`.
    pub(crate) fn flag(&self) -> Option<bool> {
        match self.text()?.trim() {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        }
    }

    /// The text as `Enabled` or `Disabled`.
    pub(crate) fn enabled(&self) -> Option<bool> {
        match self.text()? {
            "Enabled" => Some(true),
            "Disabled" => Some(false),
            _ => None,
        }
    }

    /// Whether there is nothing to it but its children.
    pub(crate) fn is_bare(&self) -> bool {
        self.attributes.is_empty() && self.has_no_text()
    }

    pub(crate) fn has_no_text(&self) -> bool {
        self.text.trim().is_empty()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.children.iter().any(|child| child.name == name)
    }

    /// Those of these names that more than one child has.
    pub(crate) fn repeated(&self, names: &[&'static str]) -> Vec<&'static str> {
        let mut names = names.to_vec();
        names.retain(|name| self.children.iter().filter(|child| child.name == *name).nth(1).is_some());
        names
    }

    /// Takes the attributes out, which are never known.
    pub(crate) fn take_unknown(&mut self) -> Unknown {
        Unknown { attributes: std::mem::take(&mut self.attributes), elements: Vec::new() }
    }

    /// All that is in it, when none of it is known.
    pub(crate) fn into_unknown(self) -> Unknown {
        Unknown { attributes: self.attributes, elements: self.children }
    }

    /// Adds what was read and not known, unless that has one of the names that may be there but once, a second time.
    pub(crate) fn with_unknown(mut self, unknown: &Unknown, once: &[&str]) -> Option<Self> {
        if once.iter().any(|name| unknown.has(name) && self.has(name)) {
            return None;
        }
        self.attributes.extend_from_slice(&unknown.attributes);
        self.children.extend_from_slice(&unknown.elements);
        Some(self)
    }

    /// The texts of these children, in this order, if there are no others and each is there once at most.
    pub(crate) fn texts<const N: usize>(&self, names: [&str; N]) -> Option<[Option<&str>; N]> {
        if !self.is_bare() {
            return None;
        }
        let mut texts = [None; N];
        for child in &self.children {
            let place = names.iter().position(|name| *name == child.name)?;
            if texts[place].replace(child.text()?).is_some() {
                return None;
            }
        }
        Some(texts)
    }

    /// Whether all text in it is such.
    pub(crate) fn all_text(&self, is_such: &impl Fn(&str) -> bool) -> bool {
        let attributes = self.attributes.iter().all(|(_, value)| is_such(value));
        attributes && is_such(&self.text) && self.children.iter().all(|child| child.all_text(is_such))
    }

    /// The root of a document that is well-formed. A name is kept without its prefix, the root without its `xmlns`,
    /// which says nothing in COS. Text beside elements has no place here, and is refused.
    pub(super) fn parse(xml: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(xml);
        let mut open: Vec<Self> = vec![Self::default()];
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            let text = match event {
                Event::Start(start) => {
                    open.push(Self::begin(&start)?);
                    continue;
                }
                Event::Empty(start) => {
                    let whole = Self::begin(&start)?;
                    open.last_mut().ok_or("it has no root")?.children.push(whole);
                    continue;
                }
                Event::End(_) => {
                    let mut whole = open.pop().ok_or("it has no root")?;
                    if !whole.children.is_empty() {
                        whole.clear_blanks()?;
                    }
                    open.last_mut().ok_or("it has no root")?.children.push(whole);
                    continue;
                }
                Event::Text(text) => text.xml10_content().into_owned(),
                Event::CData(text) => text.xml10_content().into_owned(),
                Event::GeneralRef(name) => match (name.resolve_char_ref(), resolve_predefined_entity(name.as_ref())) {
                    (Ok(Some(c)), _) => c.to_string(),
                    (_, Some(text)) => text.to_owned(),
                    _ => return Err("it has an entity that nothing explains".to_owned()),
                },
                Event::Eof => break,
                _ => continue,
            };
            open.last_mut().ok_or("it has no root")?.text.push_str(&text);
        }
        let mut outside = open.pop().ok_or("it has no root")?;
        outside.clear_blanks()?;
        let mut root = outside.children.pop().ok_or("it has no root")?;
        root.attributes.retain(|(name, _)| name != "xmlns");
        Ok(root)
    }

    /// Forgets the blanks between the children.
    fn clear_blanks(&mut self) -> Result<(), String> {
        if !self.text.trim().is_empty() {
            return Err("it has text beside elements".to_owned());
        }
        self.text.clear();
        Ok(())
    }

    fn begin(start: &BytesStart<'_>) -> Result<Self, String> {
        let name = start.local_name();
        // The reader takes names that are none, and the writer some of them for signs of its own.
        if !name.as_ref().starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err("it has an element without a name".to_owned());
        }
        let mut element = Self::new(name.as_ref());
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| error.to_string())?;
            element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }
}

/// Without its name, which stands outside.
impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(text) = self.text() {
            return serializer.serialize_str(text);
        }
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.attributes {
            map.serialize_entry(&format!("@{name}"), value)?;
        }
        if self.children.is_empty() {
            map.serialize_entry("$text", &self.text)?;
        }
        for child in &self.children {
            map.serialize_entry(&child.name, child)?;
        }
        map.end()
    }
}

/// What [`Element::enabled`] reads.
pub(crate) fn status(enabled: bool) -> &'static str {
    if enabled { "Enabled" } else { "Disabled" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_back() {
        let xml = "<Root><ID> a &amp; &lt;b&gt;\"</ID><New kind=\"x &amp; y\" other=\"\"><Deep><A/><A>2</A></Deep></New>\
                   <Old at=\"1\">text</Old><Prefix/></Root>";
        let printed =
            xml.replace("<New", "\n\t<New").replace("<Deep>", "\n\t\t<Deep>").replace("\"</ID>", "&#34;</ID>");
        let written = |xml: &str| quick_xml::se::to_string_with_root("Root", &Element::parse(xml).unwrap()).unwrap();
        for text in [xml, &printed, &printed.replace("<Root", "<!-- x --><Root xmlns='y'")] {
            assert_eq!(written(text), xml);
        }
        let prefixed = "<x:Root xmlns:x='y' new='1'><x:New x:a='&#10;b'><![CDATA[<&]]> </x:New></x:Root>";
        assert_eq!(written(prefixed), "<Root xmlns:x=\"y\" new=\"1\"><New x:a=\"&#10;b\">&lt;&amp; </New></Root>");
    }

    #[test]
    fn what_has_no_place_is_refused() {
        for xml in [
            "<Root>&nbsp;</Root>",
            "<Root>a<A/></Root>",
            "<Root><A><B/><![CDATA[b]]></A></Root>",
            "a<Root/>",
            "<Root/>a",
            "<Root><$text>a</$text></Root>",
            "<Root><@a>a</@a></Root>",
            "<Root><x:>a</x:></Root>",
            "<Root><A a='1' a='2'/></Root>",
        ] {
            assert!(Element::parse(xml).is_err(), "{xml}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_printed() {
        let mut root = Element::parse("<R token='hush'><SecretKey>hush</SecretKey></R>").unwrap();
        let mut unknown = root.take_unknown();
        unknown.push(root.children.remove(0));
        assert_eq!(format!("{unknown:?}"), "[\"SecretKey\"]");
    }

    #[test]
    fn texts_are_of_children_that_are_all_known() {
        let root = |xml| Element::parse(xml).unwrap();
        let texts = |xml| root(xml).texts(["A", "B"]).map(|texts| texts.map(|text| text.map(str::to_owned)));
        assert_eq!(texts("<R><B>b</B></R>"), Some([None, Some("b".to_owned())]));
        for strange in ["<R><C/></R>", "<R><A/><A/></R>", "<R><A><B/></A></R>", "<R><A x=\"\"/></R>"] {
            assert_eq!(texts(strange), None, "{strange}");
        }
        assert_eq!(root("<R> 7 </R>").number::<u32>(), Some(7));
    }
}
